"""The file descriptors that the tasks of a loop wait for, beside the loop's own.

This is a thin layer on epoll, which adds one thing: a task that is in the middle of something cannot take a callback, and a
level-triggered descriptor would wake the loop again and again meanwhile. So the descriptors of busy tasks are muted.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

Callback = Callable[[], object]
# An error or a hang-up is told to reader and writer alike, whether or not it was asked for: the next read or write says
# which it was, and whoever got no call would wait for a descriptor on which nothing more happens.
READABLE = select.EPOLLIN | select.EPOLLPRI | select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP
WRITABLE = select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP


def close_all(fds: dict[str, int] | list[int]) -> None:
    """Close descriptors that nobody has taken, and empty the collection.

    It is emptied first, so that a second call, from another path of clean-up, closes nothing: by then the numbers may belong
    to other files of this process.
    """
    numbers = list(fds.values()) if isinstance(fds, dict) else list(fds)
    fds.clear()
    for fd in numbers:
        with contextlib.suppress(OSError):
            os.close(fd)


class Poller(Protocol):
    """What an epoll does. Tests give another one, in which they say themselves what happens."""

    def register(self, fd: int, eventmask: int, /) -> None: ...

    def modify(self, fd: int, eventmask: int, /) -> None: ...

    def unregister(self, fd: int, /) -> None: ...

    def poll(self, timeout: float, /) -> list[tuple[int, int]]: ...

    def close(self) -> None: ...


class Waiter(Protocol):
    """A task that waits for descriptors. `fds` is kept up to date here, so that all can be cleared at the task's end."""

    fds: set[int]


T = TypeVar("T", bound=Waiter)


class _Entry(Generic[T]):
    """What is known of one descriptor. `task` is None where no task is called but the loop itself."""

    __slots__ = ("muted", "reader", "task", "writer")

    def __init__(self, task: T | None) -> None:
        self.task = task
        self.reader: Callback | None = None
        self.writer: Callback | None = None
        self.muted = False

    def mask(self) -> int:
        # Errors and hang-ups are reported whatever the mask says.
        return (select.EPOLLIN if self.reader else 0) | (select.EPOLLOUT if self.writer else 0)


class Descriptors(Generic[T]):
    """Level-triggered epoll. A busy task's descriptors are muted, not lost: they fire once it is free."""

    def __init__(self, poller: Poller | None = None) -> None:
        self._epoll: Poller = select.epoll() if poller is None else poller
        self._entries: dict[int, _Entry[T]] = {}
        self._own = 0  # how many of the entries are the loop's own, see `in_use`
        self.muted: set[int] = set()
        """Those whose task is busy: few at a time, while a task may have thousands."""

    def set_own(self, fd: int, reader: Callback) -> None:
        """Add a descriptor of the loop's own. It only ends the loop's sleep, and need not be polled while there is work."""
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
        """Add a reader or a writer; without a task it is called between the tasks. One that is not given stays as it was.

        Raises: OSError, when the descriptor is closed, or is of a kind that epoll does not take (a regular file).
        """
        entry = self._entries.get(fd)
        # An entry of another task is left over: its descriptor was closed without `clear`, and the number is used again.
        is_new = entry is None
        if entry is None or entry.task is not task:
            entry = self._entries[fd] = _Entry(task)
            if task is not None:
                task.fds.add(fd)
        entry.reader = reader or entry.reader
        entry.writer = writer or entry.writer
        if not entry.muted:
            self._register(fd, entry.mask(), is_new=is_new)

    def take_over(self, fd: int, task: T, *, reader: Callback | None, writer: Callback | None) -> None:
        """Give a descriptor to another task, with a reader, a writer or both in place of those that it has.

        The kernel need not hear of it while what is waited for stays the same.
        """
        entry = self._entries.get(fd)
        if entry is None:
            self.set(fd, task, reader=reader, writer=writer)
            return
        before = 0 if entry.muted else entry.mask()
        entry.muted = False
        self.muted.discard(fd)
        if entry.task is not None:
            entry.task.fds.discard(fd)
        task.fds.add(fd)
        entry.task, entry.reader, entry.writer = task, reader, writer
        if entry.mask() != before:
            self._register(fd, entry.mask(), is_new=not before)

    def _register(self, fd: int, mask: int, *, is_new: bool = False) -> None:
        # Whether epoll still has it cannot be told from the entry: closing a descriptor takes it out of the epoll, and a
        # new file may have got the number since.
        first, second = (
            (self._epoll.register, self._epoll.modify)
            if is_new
            else (self._epoll.modify, self._epoll.register)
        )
        try:
            first(fd, mask)
        except (
            FileExistsError,
            FileNotFoundError,
        ):  # an owner has closed a descriptor of that number, or passed it on
            second(fd, mask)

    def clear(self, fd: int, *, reader: bool = False, writer: bool = False) -> None:
        """Remove a reader, a writer or both; nothing happens if there is none. The descriptor itself is left open."""
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
        """Report nothing of a descriptor until `unmute`, because its task is busy.

        Called when something happens on it and not for every handler: most handlers end before anything does.
        """
        # Not modify(fd, 0): errors and hang-ups would still be reported, and the loop would spin.
        self._entries[fd].muted = True
        self.muted.add(fd)
        self._unregister(fd)

    def unmute(self, fd: int) -> None:
        """Report what has happened on a descriptor meanwhile, and what will."""
        self.muted.discard(fd)
        entry = self._entries.get(fd)
        if entry is not None and entry.muted:
            entry.muted = False
            try:
                self._register(fd, entry.mask())
            except OSError:
                # Its owner closed it meanwhile, in the handler that it was muted for, without `clear`. Nobody is harmed by
                # that, and the actor must not fail for it at the end of a handler that went well.
                del self._entries[fd]

    @property
    def in_use(self) -> bool:
        """Whether anything but the loop's own descriptors is watched.

        If not, a loop with something to do saves the system call: it looks at its mail and its calls in every turn.
        """
        return len(self._entries) > self._own

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """The descriptors on which something has happened, and what; waits up to `timeout` seconds if there are none."""
        return self._epoll.poll(timeout)

    def callbacks(self, fd: int, events: int) -> tuple[T | None, Callback | None, Callback | None]:
        """Returns: the task, and the reader and writer that these events call for."""
        entry = self._entries.get(fd)
        if entry is None:  # an earlier callback of the same poll has cleared it
            return None, None, None
        return (
            entry.task,
            entry.reader if events & READABLE else None,
            entry.writer if events & WRITABLE else None,
        )

    def close(self) -> None:
        """Watch nothing any more. The descriptors themselves are left open: they belong to whoever added them."""
        self._epoll.close()
        self._entries.clear()
