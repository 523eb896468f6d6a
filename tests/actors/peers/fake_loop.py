"""A loop that stands still: the test says when a turn passes, and what time it is."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class FakeTimer:
    """A call that is due at `when`."""

    def __init__(self, when: float, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.when = when
        self.cancelled = False
        self._fn, self._args = fn, args

    def cancel(self) -> None:
        self.cancelled = True
        self._fn, self._args = _nothing, ()  # as a loop's own: it keeps nothing alive

    def ring(self) -> None:
        self.cancelled = True
        self._fn(*self._args)


def _nothing() -> None:
    """What a cancelled timer holds."""


class FakeLoop:
    """As an actor's `runtime`, for the parts of a connection."""

    def __init__(self) -> None:
        self.time = 0.0
        self.timers: list[FakeTimer] = []
        self.readers: dict[int, Callable[[], object]] = {}
        self.writers: dict[int, Callable[[], object]] = {}
        self._soon: list[Callable[[], object]] = []
        self._end_hooks: list[Callable[[], object]] = []

    def now(self) -> float:
        return self.time

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> FakeTimer:
        timer = FakeTimer(self.time + delay, fn, args)
        self.timers.append(timer)
        return timer

    def call_soon(self, fn: Callable[..., object], *args: Any) -> None:
        self._soon.append(lambda: fn(*args))

    def at_end_of_turn(self, fn: Callable[[], object]) -> None:
        self._end_hooks.append(fn)

    def add_reader(self, fd: int, fn: Callable[[], object]) -> None:
        self.readers[fd] = fn

    def add_writer(self, fd: int, fn: Callable[[], object]) -> None:
        self.writers[fd] = fn

    def remove_reader(self, fd: int) -> None:
        self.readers.pop(fd, None)

    def remove_writer(self, fd: int) -> None:
        self.writers.pop(fd, None)

    def take_over(
        self, fd: int, reader: Callable[[], object] | None, writer: Callable[[], object] | None
    ) -> None:
        for calls, fn in ((self.readers, reader), (self.writers, writer)):
            calls.pop(fd, None)
            if fn is not None:
                calls[fd] = fn

    def turn(self) -> bool:
        """One turn: what is due, what is readable and writable, then the end of the turn. Returns: whether anything was."""
        soon, self._soon = self._soon, []
        due = [timer for timer in self.timers if timer.when <= self.time or timer.cancelled]
        self.timers = [timer for timer in self.timers if timer not in due]
        readable, writable, _ = select.select(self.readers, self.writers, [], 0)
        ready = [(self.readers, fd) for fd in readable] + [(self.writers, fd) for fd in writable]
        for call in soon:
            call()
        for timer in due:
            if not timer.cancelled:
                timer.ring()
        for calls, fd in ready:
            if fd in calls:
                calls[fd]()
        hooked = bool(self._end_hooks)
        while self._end_hooks:
            self._end_hooks.pop(0)()
        return bool(soon or due or ready or hooked)

    def settle(self, turns: int = 1000) -> None:
        """Turns until nothing happens any more at this time."""
        for _ in range(turns):
            if not self.turn():
                return
        raise AssertionError(f"still busy after {turns} turns")

    def advance(self, seconds: float) -> None:
        """So much time passes at once."""
        self.time += seconds
        self.settle()


@contextmanager
def tcp_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of one TCP connection over loopback, non-blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        two, _address = listener.accept()
    with one, two:
        for sock in (one, two):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the kernel's clock is not the loop's
        yield one, two
