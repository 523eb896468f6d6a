"""The part of `self.runtime` that is about descriptors: an actor is called when one of its sockets is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.runtime.host.loop import Loop, Task


class DescriptorCalls:
    """What is called runs as the actor, in its host's thread. All are dropped when the actor ends."""

    __slots__ = ("_cell", "_loop")

    def __init__(self, cell: Task, loop: Loop[Any]) -> None:
        self._cell, self._loop = cell, loop

    def add_reader(self, fd: int, fn: Callable[[], object]) -> None:
        """Call `fn()` while the descriptor is readable, or has an error; replaces an earlier reader."""
        self._loop.descriptors.set(fd, self._cell, reader=fn)

    def add_writer(self, fd: int, fn: Callable[[], object]) -> None:
        """Call `fn()` while the descriptor is writable, or has an error; replaces an earlier writer."""
        self._loop.descriptors.set(fd, self._cell, writer=fn)

    def take_over(
        self, fd: int, reader: Callable[[], object] | None, writer: Callable[[], object] | None
    ) -> None:
        """Call these from now on, for a descriptor that another actor of this host has had called for until now."""
        self._loop.descriptors.take_over(fd, self._cell, reader=reader, writer=writer)

    def remove_reader(self, fd: int) -> None:
        self._loop.descriptors.clear(fd, reader=True)

    def remove_writer(self, fd: int) -> None:
        self._loop.descriptors.clear(fd, writer=True)
