"""Refs at an outpost: each is valid where it is used, whichever system it came from.

A process of an outpost has a system of its own, in which an actor at home is a stand-in. In what leaves the process, a ref
is written as it is at home; in what comes in, it is read as it is here:

    at home                          at the outpost
    the actor that was sent there    itself: both have one name and one host name
    any other actor                  a stand-in in the host `AT_HOME`, made when it is first used
    (nothing: not valid there)       an actor that was started at the outpost

So whoever reads a message at home gets refs of its own system, and need know nothing of outposts.

The name of a stand-in says whom it stands for, so that nothing is kept here: an actor may hear of a peer more with each
connection for years, and keep a ref for as long as it likes.
"""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.runtime.mail.actor_path import ActorPath

AT_HOME = "(home)"  # the host of all stand-ins at an outpost
Fields = tuple[str, str, int, str, str]  # of a ref: name, host, serial, class path, system


class Border:
    """What the process of an outpost knows of names on both sides. From any thread.

    Args: home, the token of the system there; own, that of this one; actor, name and host of the actor that was sent here;
    serial, of the host of the stand-ins; is_here, whether a host of this name is of this system.
    """

    def __init__(
        self, home: str, own: str, actor: tuple[str, str], serial: int, is_here: Callable[[str], bool]
    ) -> None:
        self.home, self._own, self._actor, self._serial = home, own, actor, serial
        self._is_here = is_here

    def entering(self, name: str, host: str, serial: int, class_path: str) -> Fields:
        """The ref here of an actor at home. Args: its fields there."""
        if (name, host) == self._actor:
            return name, host, 0, class_path, self._own
        return self.stand_in(name, host), AT_HOME, self._serial, class_path, self._own

    def named(self, name: str, host: str) -> Fields:
        """The ref of an actor that somebody here knows by name only: it is at home, unless the host is one of here."""
        if self._is_here(host):
            return name, host, 0, "", self._own
        return self.entering(name, host, 0, "")

    def leaving(self, ref: ActorPath) -> Fields:
        """The fields that a ref is written with."""
        if ref.host == AT_HOME and (path := self.path_of(ref.name)) is not None:
            return *path, 0, ref.class_path, self.home
        if (ref.name, ref.host) == self._actor:
            return ref.name, ref.host, 0, ref.class_path, self.home
        return ref.name, ref.host, ref.serial, ref.class_path, ref.system

    @staticmethod
    def stand_in(name: str, host: str) -> str:
        """The name of the stand-in of an actor at home: host/name, or the name alone if its host has the same."""
        escaped = host.replace("%", "%25").replace("/", "%2F")
        return escaped if name == host else f"{escaped}/{name}"

    @staticmethod
    def path_of(stand_in: str) -> tuple[str, str] | None:
        """Name and host at home of the actor with this stand-in; None for the one actor of `AT_HOME` that is none."""
        if stand_in == AT_HOME:
            return None
        escaped, slash, name = stand_in.partition("/")
        host = escaped.replace("%2F", "/").replace("%25", "%")
        return (name if slash else host), host
