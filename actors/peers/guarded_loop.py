"""A loop for what belongs to one connection but runs as another actor: a fault of it ends that connection alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from peerage.actors.peers.stream import Cancellable, Loop

__all__ = ["GuardedLoop"]


class GuardedLoop:
    """The loop of the actor, for one connection.

    Args:
        loop: the actor's.
        on_fault: called with an exception that something of this connection raised when the loop called it.
    """

    __slots__ = ("_loop", "_on_fault", "now")

    def __init__(self, loop: Loop, on_fault: Callable[[Exception], object]) -> None:
        self._loop = loop
        self._on_fault = on_fault
        self.now = loop.now

    def forget(self) -> None:
        """The connection is over, or another actor's: what is still called for it does nothing, and faults are nobody's."""
        self._on_fault = _nobody

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> Cancellable:
        return self._loop.call_later(delay, self.guard, fn, *args)

    def call_soon(self, fn: Callable[..., object], *args: Any) -> None:
        self._loop.call_soon(self.guard, fn, *args)

    def at_end_of_turn(self, fn: Callable[[], object]) -> None:
        self._loop.at_end_of_turn(partial(self.guard, fn))

    def add_reader(self, fd: int, fn: Callable[[], object]) -> None:
        self._loop.add_reader(fd, partial(self.guard, fn))

    def add_writer(self, fd: int, fn: Callable[[], object]) -> None:
        self._loop.add_writer(fd, partial(self.guard, fn))

    def remove_reader(self, fd: int) -> None:
        self._loop.remove_reader(fd)

    def remove_writer(self, fd: int) -> None:
        self._loop.remove_writer(fd)

    def take_over(
        self, fd: int, reader: Callable[[], object] | None, writer: Callable[[], object] | None
    ) -> None:
        read = None if reader is None else partial(self.guard, reader)
        self._loop.take_over(fd, read, None if writer is None else partial(self.guard, writer))

    def guard(self, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` as the loop does."""
        try:
            fn(*args)
        except Exception as error:
            self._on_fault(error)


def _nobody(_fault: Exception) -> None:
    """Minds a fault no more."""
