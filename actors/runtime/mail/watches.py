"""Watches: being told once when an actor ends, whatever ends it.

The actor's host tells it (DOWN), or if the host dies, the news of that. Both may come; the first one ends the watch.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple, Protocol

from pykka import Timeout

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.deadlines import ends_at
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.memory import Raw

BEFORE_HOOKS = b"1"  # body of a WATCH that is to be answered before the last hook of its actor is called

# Called with what was handed to `watch`, the path or the ref of an actor, and with why it ended.
OnDown = Callable[[Any, DownReason], object]


class Watched(NamedTuple):
    """One watch. `serial` is that of the actor's host, 0 when the actor was not there to be watched."""

    actor: ActorPath
    serial: int
    on_down: OnDown


class Watches:
    """The watches that one port has open. Each ends once, by its actor, by the death of a host, or by being dropped."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._open: dict[int, Watched] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, actor: ActorPath, serial: int, on_down: OnDown) -> int:
        """Returns: the number of the watch, under which its host will tell of the end."""
        number = next(self._numbers)
        self._open[number] = Watched(actor, serial, on_down)
        return number

    def drop(self, number: int) -> Watched | None:
        """Forget a watch. Returns: what it was, None when it has ended already."""
        return self._open.pop(number, None)

    def end(self, number: int, reason: DownReason) -> None:
        """The actor has ended: call whoever watches, unless it was called before or has dropped the watch."""
        if (watched := self._open.pop(number, None)) is not None:
            watched.on_down(watched.actor, reason)

    def on_down(
        self, _flags: int, _source: int, number: int, _target: bytes, _sender: bytes, body: Raw, *_: Any
    ) -> None:
        """A message says that the actor has ended. The arguments are those of every handler of messages."""
        self.end(number, codec.decode(0, body, ()))

    def end_on(self, is_gone: Callable[[int], bool], reason_of: Callable[[int, str], DownReason]) -> None:
        """End the watches of all actors whose hosts are gone.

        Args:
            is_gone: whether the host with this serial has died, and its last messages have been read.
            reason_of: why the actor of this name ended with its host.
        """
        gone = [number for number, watched in self._open.items() if is_gone(watched.serial)]
        for number in gone:
            # The callback of one watch may have dropped another.
            if (watched := self._open.get(number)) is not None:
                self.end(number, reason_of(watched.serial, watched.actor.name))


class Ends(Protocol):
    """Hears of the ends of actors."""

    def watch(self, ref: Any, on_down: OnDown) -> int: ...

    def unwatch(self, number: int) -> None: ...


class WatchingPort(Protocol):
    """What a `Watch` uses of its thread's port."""

    @property
    def lives(self) -> Ends: ...

    def route(self, ref: Any) -> Any: ...

    def wait(self, done: Callable[[], bool], timeout: float | None, *, nested: bool = False) -> bool: ...


class Watch:
    """A watch held by a thread that runs no actors. It belongs to that thread, whose mailbox tells of the end.

    Args: port, the thread's; None when the actor cannot be reached from here, and `reason` says why.
    Attribute: ref, the actor, as it was given.
    """

    def __init__(self, port: WatchingPort | None, ref: Any, reason: DownReason | None = None) -> None:
        self._port, self.ref, self._reason = port, ref, reason
        self._is_near, self._number = False, 0
        if port is not None:
            self._number = port.lives.watch(ref, self._down)  # which may call it at once
            route = port.route(ref) if self._reason is None else None
            self._is_near = route is not None and route.local

    def _down(self, _ref: ActorPath, reason: DownReason) -> None:
        self._reason = reason

    def wait(self, timeout: float | None = None) -> DownReason:
        """Wait until the actor has ended; to be called by the thread that made the watch.

        Raises: Timeout, when it lives on after `timeout` seconds.
        """
        ends_at(timeout)  # refuses what is no number of seconds
        if self._port is None:
            assert self._reason is not None
            return self._reason
        # Where an actor uses this in a handler, one of its own host can only end while the loop turns.
        if not self._port.wait(lambda: self._reason is not None, timeout, nested=self._is_near):
            raise Timeout(f"{self.ref} still lives after {timeout} s")
        assert self._reason is not None
        return self._reason

    def cancel(self) -> None:
        """Forget it; `wait` must not be called any more."""
        if self._port is not None:
            self._port.lives.unwatch(self._number)
