"""Which actor is meant: its name, its host and its system, without any means to reach it."""

from __future__ import annotations

import sys

from peerage.actors.runtime.errors import ForeignRefError
from peerage.actors.runtime.mail import here, systems


class ActorPath:
    """Names one actor: equal by system, host and name.

    A path that was made by name while no system ran belongs to the first system that it is used in.

    Attributes:
        name: of the actor.
        host: of the host that it lives in.
        serial: of that host's life when the path was made, 0 if unknown.
        class_path: where its class is found; for people, and for whoever asks for the class.
        system: the token of its system; empty until the first use of a path that was made before any system ran.
        way: system, host and name in one string, by which routes are found and paths are compared.
    """

    def __init__(
        self, name: str, host: str = "", serial: int = 0, class_path: str = "", system: str | None = None
    ) -> None:
        process = here.process
        if system and process is not None and process.border is not None and system == process.border.home:
            name, host, serial, class_path, system = process.border.entering(
                name, host or name, serial, class_path
            )
        self.name, self.host, self.serial = name, host or name, serial
        self.class_path = class_path
        self._be_of(here.system() if system is None else system)

    @property
    def fields(self) -> tuple[str, str, int, str, str]:
        """What a path is written with, in the order in which it is made of them.

        On a cluster they are those that it has at home, and one that is made of these is valid there: `cluster/border.py`.
        """
        process = here.process
        if process is not None and process.border is not None:
            return process.border.leaving(self)
        return self.name, self.host, self.serial, self.class_path, self.system

    def _be_of(self, system: str) -> None:
        self.system = system
        # No name contains a NUL, so no two actors share a way. Interned: the tables are looked into for each message, and
        # comparing a string with itself is quick.
        self.way = sys.intern(f"{system}\0{self.host}\0{self.name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ActorPath):
            return False
        # One of them was made before any system ran. To be compared is to be used: now it joins the system that runs.
        if self.way != other.way and not (self.system and other.system) and (running := here.system()):
            for path in (self, other):
                if not path.system:
                    path._be_of(running)
        return self.way == other.way

    def __hash__(self) -> int:
        return hash((self.host, self.name))  # the system may be added later

    def belong_to(self, system: str) -> None:
        """Make sure that the actor belongs to this system. A path that was made by name joins it with its first use.

        Raises: ForeignRefError.
        """
        if self.system != system:
            if self.system:
                raise self.foreign()
            self._be_of(system)

    def foreign(self) -> ForeignRefError:
        """The error that says why an actor of another system cannot be reached from here."""
        there = systems.whereabouts(self.system)
        return ForeignRefError(str(self), there.text, there.has_ended)

    @property
    def key(self) -> str:
        """Host and name, for people."""
        return f"{self.host}/{self.name}"

    @property
    def identity(self) -> bytes:
        """The path as bytes, for the headers of messages. Messages never leave their system, so its token is left out."""
        return f"{self.name}\0{self.host}\0{self.serial}\0{self.class_path}".encode()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self}>"

    def __str__(self) -> str:
        kind = self.class_path.rpartition(":")[2].rpartition(".")[2] or "Actor"
        return f"{kind} ({self.name})" if self.host == self.name else f"{kind} ({self.name} in {self.host})"
