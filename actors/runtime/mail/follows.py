"""Names followed through their lives: the follower is told whenever an actor of that name is up, and when it ends.

A follow leads to the host in which the name lives now. While there is no such host, we wait for news of hosts; once it is
there, we ask it to tell when the actor is up and when it has ended, also when the actor is started again in the same host.
Nothing is polled.

    follower                             host
    FOLLOW n, name    ------------->
                      <-------------     NEWS n            the actor is up: at once if it is
                      <-------------     NEWS n, reason    it has ended; its successor here is told as above
    UNFOLLOW n        ------------->

When the host dies, whoever was up in it has ended; when the next host of that name is up, it is asked in turn.

Of each life that the follower hears of, `on_up` comes first and `on_down` once after it. A life that begins and ends while
the host is being asked may be missed: what counts is who is there now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.errors import LimitReachedError
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import THREAD_BITS, HostTable, serial_of
from peerage.actors.runtime.mail.memory import Raw


class Send(Protocol):
    """Sends one of the messages above. Raises: LimitReachedError, in threads without a loop: they cannot try again later."""

    def __call__(self, address: int, kind: int, corr: int, *, target: bytes) -> None: ...


class Follow:
    """One name that is followed. Its callbacks are called by the thread that reads the port, so they must be quick.

    Args:
        hint: the serial of a ref: the host may be younger than the news of it.
        on_close: called when nothing can be told any more.
        is_wanted: whether somebody is still interested; asked at each look, so that one that was given up in another thread
            is removed.
    """

    __slots__ = ("hint", "host", "is_up", "is_wanted", "name", "on_close", "on_down", "on_up", "serial")

    def __init__(
        self,
        host: str,
        name: str,
        *,
        hint: int = 0,
        on_up: Callable[[], object],
        on_down: Callable[[DownReason], object],
        on_close: Callable[[], object] | None = None,
        is_wanted: Callable[[], bool] | None = None,
    ) -> None:
        self.host, self.name, self.hint = host, name.encode(), hint
        self.on_up, self.on_down, self.on_close, self.is_wanted = on_up, on_down, on_close, is_wanted
        self.serial = 0  # of the host that was asked, 0 while there is none
        self.is_up = False


class Follows:
    """What one port follows, guarded by its lock.

    Args: next_number, gives the numbers under which hosts know the follows.
    """

    def __init__(self, table: HostTable, send: Send, next_number: Callable[[], int]) -> None:
        self._table, self._send, self._next_number = table, send, next_number
        self._by_number: dict[int, Follow] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def add(self, follow: Follow) -> int:
        """Returns: a number for `remove`. Raises: LimitReachedError, when its host cannot be asked."""
        number = self._next_number()
        self._by_number[number] = follow  # first: the host may answer while it is still being asked
        try:
            self._seek(number, follow)
        except LimitReachedError:
            del self._by_number[number]
            raise
        return number

    def remove(self, number: int) -> None:
        """Tell nothing more. It does nothing for a follow that was removed before."""
        follow = self._by_number.pop(number, None)
        if follow is not None and follow.serial and not self._table.is_dead(follow.serial):
            self._tell(follow, Kind.UNFOLLOW, number)

    def look(self) -> None:
        """A host may have come up, or a follower may have lost interest: ask the hosts that were waited for."""
        for number, follow in list(self._by_number.items()):  # callbacks may add and remove
            if follow.is_wanted is not None and not follow.is_wanted():
                self.remove(number)
            elif not follow.serial or self._table.is_dead(follow.serial):
                self._move_on(number, follow)

    def sweep(self, is_gone: Callable[[int], bool]) -> None:
        """Hosts may have died. Args: is_gone, whether nothing more can come from the host with this serial."""
        for number, follow in list(self._by_number.items()):
            if follow.serial and is_gone(follow.serial):
                self._lose(follow)
                self._seek_quietly(number, follow)

    def on_wake(self, *_: Any) -> None:
        """Another thread has heard of hosts."""
        self.look()

    def on_message(
        self, _flags: int, source: int, number: int, _target: bytes, _sender: bytes, body: Raw, *_: Any
    ) -> None:
        """A message with news has come."""
        self.on_news(serial_of(source), number, codec.decode(0, body, ()))

    def on_news(self, serial: int, number: int, reason: DownReason | None) -> None:
        """A host says that the actor is up, or for what reason it has ended."""
        follow = self._by_number.get(number)
        # The news may be from an earlier host, whose end was known before they came.
        if follow is None or follow.serial != serial:
            return
        follow.is_up = reason is None
        if reason is None:
            follow.on_up()
        else:
            follow.on_down(reason)

    def close(self) -> None:
        """The port closes: nothing more can be told."""
        follows, self._by_number = list(self._by_number.values()), {}
        for follow in follows:
            if follow.on_close is not None:
                follow.on_close()

    def _move_on(self, number: int, follow: Follow) -> None:
        """Ask the next host of that name, if it is up; before that, tell the end of the life in the last one."""
        if self._table.resolve(follow.host, follow.hint) is not None:
            self._lose(follow)
            self._seek_quietly(number, follow)

    def _lose(self, follow: Follow) -> None:
        """The host is gone. It cannot tell the end of its actor, so that is told here, if it was up."""
        serial, follow.serial = follow.serial, 0
        if follow.is_up:
            follow.is_up = False
            follow.on_down(self._table.reason_of(serial, follow.name.decode()))

    def _seek_quietly(self, number: int, follow: Follow) -> None:
        """As `_seek`; where there is no room to ask the host, the next news of hosts has it tried again."""
        try:
            if self._by_number.get(number) is follow:  # its callback may have removed it
                self._seek(number, follow)
        except LimitReachedError:
            follow.serial = 0

    def _seek(self, number: int, follow: Follow) -> None:
        """Ask the host in which the name lives now, if there is one. Raises: LimitReachedError, then nothing was asked."""
        serial = self._table.resolve(follow.host, follow.hint)
        if serial is not None:
            follow.serial = serial
            self._tell(follow, Kind.FOLLOW, number)

    def _tell(self, follow: Follow, kind: Kind, number: int) -> None:
        self._send(follow.serial << THREAD_BITS, kind, number, target=follow.name)
