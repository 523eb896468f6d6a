"""Watches: those that one actor holds on others, and those that others hold on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.ref import ActorRef

Watcher = tuple[int, int]  # the address of its mailbox, and the number that it knows the watch by


class Port(Protocol):
    """The mailbox that hears of ends."""

    def watch(self, ref: ActorRef[Any], fn: Callable[[ActorRef[Any], DownReason], object], /) -> int: ...

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
    """An actor followed through its lives by another one, until this is cancelled or the follower ends."""

    __slots__ = ("_cancel", "_is_over", "_on_down", "_on_up", "number")

    def __init__(
        self,
        on_up: Callable[[], object],
        on_down: Callable[[DownReason], object],
        cancel: Callable[[Following], object],
    ) -> None:
        self._on_up, self._on_down, self._cancel = on_up, on_down, cancel
        self._is_over = False
        self.number = 0  # by which the port knows it

    def cancel(self) -> None:
        """Follow no more: neither function is called again."""
        if not self._is_over:
            self._is_over = True
            self._cancel(self)

    def up(self) -> None:
        """The actor is up."""
        if not self._is_over:
            self._on_up()

    def down(self, reason: DownReason) -> None:
        """It has ended."""
        if not self._is_over:
            self._on_down(reason)


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
        self._watches: dict[ActorRef[Any], int] = {}  # the number of each watch
        self._following: set[Following] = set()
        self._link = 0  # that of the watch on the owner

    def watch(self, ref: ActorRef[Any]) -> None:
        """Watch another actor, unless it is watched already."""
        if ref not in self._watches:
            self._watches[ref] = self._port.watch(
                ref, lambda ended, reason: self._call_soon(self._down, ended, reason)
            )

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Watch it no longer; what is known of its end, and not told yet, is not told."""
        number = self._watches.pop(ref, None)
        if number is not None:
            self._port.unwatch(number)

    def _down(self, ref: ActorRef[Any], reason: DownReason) -> None:
        if self._watches.pop(ref, None) is not None:
            self._on_down(ref, reason)

    def link(self, owner: ActorRef[Any], on_end: Callable[[ActorRef[Any]], object]) -> None:
        """Have `on_end(owner)` called when the owner ends."""
        self._link = self._port.watch(owner, lambda ended, _reason: self._call_soon(on_end, ended))

    def follow(
        self, ref: ActorRef[Any], on_up: Callable[[], object], on_down: Callable[[DownReason], object]
    ) -> Following:
        """Have one of these called whenever an actor of this name is up, and whenever it ends."""
        following = Following(on_up, on_down, self._unfollow)
        soon = self._call_soon
        following.number = self._port.follow(
            ref, lambda: soon(following.up), lambda reason: soon(following.down, reason)
        )
        self._following.add(following)
        return following

    def _unfollow(self, following: Following) -> None:
        self._following.discard(following)
        self._port.unfollow(following.number)

    def drop(self) -> None:
        """Watch and follow nobody any more."""
        for number in self._watches.values():
            self._port.unwatch(number)
        self._watches.clear()
        for following in list(self._following):
            following.cancel()
        if self._link:
            self._port.unwatch(self._link)


class Sender(Protocol):
    """Sends the news of an end: a port."""

    def send(self, address: int, kind: int, corr: int, /, *, body: bytes) -> None: ...


class Watchers:
    """Who is told of one actor's end: some before its last hook is called, the others when all is over."""

    __slots__ = ("_early", "_late", "_leaves_for", "_port")

    def __init__(self, port: Sender) -> None:
        self._port = port
        self._late: set[Watcher] = set()
        self._early: set[Watcher] = set()
        self._leaves_for: DownReason | None = None  # known once the last hook is called

    def add(self, watcher: Watcher) -> None:
        """Tell it when the actor has ended."""
        self._late.add(watcher)

    def add_early(self, watcher: Watcher) -> None:
        """Tell it before the actor's last hook is called; at once if that is being called already."""
        if self._leaves_for is None:
            self._early.add(watcher)
        else:
            self._tell({watcher}, self._leaves_for)

    def discard(self, watcher: Watcher) -> None:
        """It watches no longer."""
        self._late.discard(watcher)
        self._early.discard(watcher)

    def leaves(self, reason: DownReason) -> None:
        """The actor's last hook is about to be called."""
        self._leaves_for = reason
        watchers, self._early = self._early, set()
        self._tell(watchers, reason)

    def ended(self, reason: DownReason) -> None:
        """All is over."""
        self._tell(self._late | self._early, reason)

    def _tell(self, watchers: set[Watcher], reason: DownReason) -> None:
        body = codec.dumps(reason)
        for source, number in watchers:
            self._port.send(source, Kind.DOWN, number, body=body)
