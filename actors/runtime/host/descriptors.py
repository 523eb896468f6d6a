"""The file descriptors that the tasks of a loop wait for, beside the loop's own."""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

Callback = Callable[[], object]
READABLE = select.EPOLLIN | select.EPOLLPRI | select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP
WRITABLE = select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP


def close_all(fds: dict[str, int] | list[int]) -> None:
    """Close what was passed on for nothing, and forget it: the numbers may soon mean something else."""
    numbers = list(fds.values()) if isinstance(fds, dict) else list(fds)
    fds.clear()
    for fd in numbers:
        with contextlib.suppress(OSError):
            os.close(fd)


class Poller(Protocol):
    """What an epoll does."""

    def register(self, fd: int, eventmask: int, /) -> None: ...

    def modify(self, fd: int, eventmask: int, /) -> None: ...

    def unregister(self, fd: int, /) -> None: ...

    def poll(self, timeout: float, /) -> list[tuple[int, int]]: ...

    def close(self) -> None: ...


class Waiter(Protocol):
    """Whoever waits for descriptors."""

    fds: set[int]


T = TypeVar("T", bound=Waiter)


class _Entry(Generic[T]):
    __slots__ = ("muted", "reader", "task", "writer")

    def __init__(self, task: T | None) -> None:
        self.task = task
        self.reader: Callback | None = None
        self.writer: Callback | None = None
        self.muted = False

    def mask(self) -> int:
        return (select.EPOLLIN if self.reader else 0) | (select.EPOLLOUT if self.writer else 0)


class Descriptors(Generic[T]):
    """Level-triggered epoll. A busy task's descriptors are muted, not lost: they fire once it is free."""

    def __init__(self, poller: Poller | None = None) -> None:
        self._epoll: Poller = select.epoll() if poller is None else poller
        self._entries: dict[int, _Entry[T]] = {}
        self._own = 0  # how many of them are the loop's own

    def set_own(self, fd: int, reader: Callback) -> None:
        """Add a descriptor of the loop's own, which is looked at in every sleep anyhow."""
        self._own += 1
        self.set(fd, None, reader=reader)

    def set(
        self,
        fd: int,
        task: T | None,
        *,
        reader: Callback | None = None,
        writer: Callback | None = None,
    ) -> None:
        """Add a reader or a writer; without a task it is called between the tasks."""
        entry = self._entries.get(fd)
        if entry is None or entry.task is not task:
            entry = self._entries[fd] = _Entry(task)
            if task is not None:
                task.fds.add(fd)
        entry.reader = reader or entry.reader
        entry.writer = writer or entry.writer
        if not entry.muted:
            self._register(fd, entry.mask())

    def _register(self, fd: int, mask: int) -> None:
        try:
            self._epoll.modify(fd, mask)
        except FileNotFoundError:
            self._epoll.register(fd, mask)

    def clear(self, fd: int, *, reader: bool = False, writer: bool = False) -> None:
        """Remove a reader, a writer or both; nothing happens if there is none."""
        entry = self._entries.get(fd)
        if entry is None:
            return
        if reader:
            entry.reader = None
        if writer:
            entry.writer = None
        if entry.mask() and not entry.muted:
            self._register(fd, entry.mask())
        elif not entry.mask():
            del self._entries[fd]
            if entry.task is not None:
                entry.task.fds.discard(fd)
            self._unregister(fd)

    def _unregister(self, fd: int) -> None:
        with contextlib.suppress(OSError, ValueError):  # its owner closed it, which unregisters it too
            self._epoll.unregister(fd)

    def mute(self, fd: int) -> None:
        """Report nothing of a descriptor until `unmute`, because its task is busy."""
        # Not modify(fd, 0): errors and hang-ups would still be reported, and the loop would spin.
        self._entries[fd].muted = True
        self._unregister(fd)

    def unmute(self, fd: int) -> None:
        """Report what has happened on a descriptor meanwhile, and what will."""
        entry = self._entries.get(fd)
        if entry is not None and entry.muted:
            entry.muted = False
            try:
                self._register(fd, entry.mask())
            except OSError:
                del self._entries[fd]  # its owner closed it meanwhile

    @property
    def in_use(self) -> bool:
        """Whether anything but the loop's own descriptors is watched."""
        return len(self._entries) > self._own

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """The descriptors on which something has happened, and what; waits for so many seconds if there are none."""
        return self._epoll.poll(timeout)

    def callbacks(self, fd: int, events: int) -> tuple[T | None, Callback | None, Callback | None]:
        """Returns: the task, and the reader and writer that these events call for."""
        entry = self._entries.get(fd)
        if entry is None:
            return None, None, None
        return (
            entry.task,
            entry.reader if events & READABLE else None,
            entry.writer if events & WRITABLE else None,
        )

    def close(self) -> None:
        """Watch nothing any more."""
        self._epoll.close()
        self._entries.clear()
