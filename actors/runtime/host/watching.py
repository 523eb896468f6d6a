"""Watches: those that one actor holds on others, and those that others hold on it.

What an actor watches and follows is called back as this actor, in a later turn of its loop. Between the news and the call
the actor may change its mind, or end; so each call looks first whether it is still wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.ref import ActorRef

Watcher = tuple[int, int]  # the address of its mailbox, and the number that it knows the watch by


class Port(Protocol):
    """The mailbox that hears of ends. What it calls must be quick: it may be reading on behalf of a handler that waits."""

    def watch(self, ref: ActorRef[Any], fn: Callable[[ActorRef[Any], DownReason], object], /) -> int:
        """Have `fn(ref, reason)` called once. Returns: a number for `unwatch`, never 0."""

    def unwatch(self, number: int, /) -> None: ...

    def follow(
        self,
        ref: ActorRef[Any],
        on_up: Callable[[], object],
        on_down: Callable[[DownReason], object],
        /,
    ) -> int: ...

    def unfollow(self, number: int, /) -> None: ...


class Following:
    """An actor followed through its lives by another one, until this is cancelled or the follower ends.

    Attribute: number, by which the port knows it.
    """

    __slots__ = ("_cancel", "_is_over", "_on_down", "_on_up", "number")

    def __init__(
        self,
        on_up: Callable[[], object],
        on_down: Callable[[DownReason], object],
        cancel: Callable[[Following], object],
    ) -> None:
        self._on_up, self._on_down, self._cancel = on_up, on_down, cancel
        self._is_over = False
        self.number = 0

    def cancel(self) -> None:
        """Follow no more: neither function is called again."""
        if not self._is_over:
            self._is_over = True
            self._cancel(self)

    def up(self) -> object:
        """The actor is up. Called in the loop's turn, which may come after `cancel`. Returns: what the function returns."""
        return None if self._is_over else self._on_up()

    def down(self, reason: DownReason) -> object:
        """It has ended. Called in the loop's turn, like `up`. Returns: as there."""
        return None if self._is_over else self._on_down(reason)


class Watching:
    """What one actor watches and follows.

    Args: call_soon, has a function called as the actor, in the loop's next turn; on_down, is to be called so.
    """

    __slots__ = ("_call_soon", "_following", "_link", "_on_down", "_port", "_watches")

    def __init__(
        self,
        port: Port,
        call_soon: Callable[..., object],
        on_down: Callable[[ActorRef[Any], DownReason], object],
    ) -> None:
        self._port, self._call_soon, self._on_down = port, call_soon, on_down
        # The number of each watch. Refs are equal when they lead to the same name in the same host, whichever life of it
        # they were made in: so a name is watched once at a time.
        self._watches: dict[ActorRef[Any], int] = {}
        self._following: set[Following] = set()
        self._link = 0  # the number of the watch on the owner, 0 without one

    def watch(self, ref: ActorRef[Any]) -> None:
        """Watch another actor, unless it is watched already: a second watch would have `on_down` called twice."""
        if ref not in self._watches:
            self._watches[ref] = self._port.watch(
                ref, lambda ended, reason: self._call_soon(self._down, ended, reason)
            )

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Watch it no longer; if its end is known and has not been told yet, it is not told."""
        number = self._watches.pop(ref, None)
        if number is not None:
            self._port.unwatch(number)

    def _down(self, ref: ActorRef[Any], reason: DownReason) -> object:
        # Not there any more: `unwatch` was called after the news had come, and before this turn.
        return None if self._watches.pop(ref, None) is None else self._on_down(ref, reason)

    def link(self, owner: ActorRef[Any], on_end: Callable[[ActorRef[Any]], object]) -> None:
        """Have `on_end(owner)` called when the owner ends. The actor's own watches do not count here: it may watch its owner
        as well, and stop to, without touching the link.
        """
        self._link = self._port.watch(owner, lambda ended, _reason: self._call_soon(on_end, ended))

    def follow(
        self, ref: ActorRef[Any], on_up: Callable[[], object], on_down: Callable[[DownReason], object]
    ) -> Following:
        """Have one of these called whenever an actor of this name is up, and whenever it ends. Each call follows anew.

        Raises: as `Lives.follow`.
        """
        following = Following(on_up, on_down, self._unfollow)
        soon = self._call_soon
        following.number = self._port.follow(
            ref, lambda: soon(following.up), lambda reason: soon(following.down, reason)
        )
        self._following.add(following)
        return following

    def _unfollow(self, following: Following) -> None:
        # Called by `Following.cancel`, once.
        self._following.discard(following)
        self._port.unfollow(following.number)

    def drop(self) -> None:
        """Watch and follow nobody any more: the actor has ended, and so has its link."""
        for number in self._watches.values():
            self._port.unwatch(number)
        self._watches.clear()
        for following in list(self._following):
            following.cancel()
        if self._link:
            self._port.unwatch(self._link)


class Sender(Protocol):
    """Sends the news of an end: a port. Where there is no descriptor for a way, it keeps the news and tries again."""

    def send(self, address: int, kind: int, corr: int, /, *, body: bytes) -> None: ...


class Watchers:
    """Who is told of one actor's end: some before its last hook is called, the others when all is over.

    The early ones are processes that hold the actor in Pykka's registry. In Pykka an actor leaves the registry before its
    `on_stop`, which may take its time, so they cannot wait for the end.
    """

    __slots__ = ("_early", "_late", "_leaves_for", "_port")

    def __init__(self, port: Sender) -> None:
        self._port = port
        self._late: set[Watcher] = set()
        self._early: set[Watcher] = set()
        self._leaves_for: DownReason | None = None  # known once the last hook is called

    def add(self, watcher: Watcher) -> None:
        """Tell it when the actor has ended, and its asks have been refused."""
        self._late.add(watcher)

    def add_early(self, watcher: Watcher) -> None:
        """Tell it before the actor's last hook is called; at once if that is being called already."""
        if self._leaves_for is None:
            self._early.add(watcher)
        else:
            self._tell({watcher}, self._leaves_for)

    def discard(self, watcher: Watcher) -> None:
        """It watches no longer. Of no effect for one that was told, or never watched."""
        self._late.discard(watcher)
        self._early.discard(watcher)

    def leaves(self, reason: DownReason) -> None:
        """The actor's last hook is about to be called; what that raises may yet change the reason, for the late ones."""
        self._leaves_for = reason
        watchers, self._early = self._early, set()
        self._tell(watchers, reason)

    def ended(self, reason: DownReason) -> None:
        """All is over. Early ones are left where no last hook was called, because the host closes."""
        self._tell(self._late | self._early, reason)

    def _tell(self, watchers: set[Watcher], reason: DownReason) -> None:
        if not watchers:  # most actors that come and go have none
            return
        body = codec.dumps(reason)
        for source, number in watchers:
            self._port.send(source, Kind.DOWN, number, body=body)
