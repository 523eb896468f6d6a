"""The file descriptors that actors of one host wait for, beside the host's mailbox."""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peerage.actors.runtime.host.cell import ActorCell

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


class _Entry:
    __slots__ = ("cell", "muted", "reader", "writer")

    def __init__(self, cell: ActorCell | None) -> None:
        self.cell = cell
        self.reader: Callback | None = None
        self.writer: Callback | None = None
        self.muted = False

    def mask(self) -> int:
        return (select.EPOLLIN if self.reader else 0) | (select.EPOLLOUT if self.writer else 0)


class Descriptors:
    """Level-triggered epoll. A busy actor's descriptors are muted, not lost: they fire once it is free."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._entries: dict[int, _Entry] = {}

    def set(
        self,
        fd: int,
        cell: ActorCell | None,
        *,
        reader: Callback | None = None,
        writer: Callback | None = None,
    ) -> None:
        """Add a reader or a writer; `cell` None means the host itself."""
        entry = self._entries.get(fd)
        if entry is None or entry.cell is not cell:
            entry = self._entries[fd] = _Entry(cell)
            if cell is not None:
                cell.fds.add(fd)
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
            if entry.cell is not None:
                entry.cell.fds.discard(fd)
            self._unregister(fd)

    def _unregister(self, fd: int) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed already, which unregisters by itself
            self._epoll.unregister(fd)

    def mute(self, fd: int) -> None:
        # Not modify(fd, 0): errors and hang-ups would still be reported, and the loop would spin.
        self._entries[fd].muted = True
        self._unregister(fd)

    def unmute(self, fd: int) -> None:
        entry = self._entries.get(fd)
        if entry is not None and entry.muted:
            entry.muted = False
            try:
                self._register(fd, entry.mask())
            except OSError:
                del self._entries[fd]  # its owner closed it meanwhile

    @property
    def in_use(self) -> bool:
        """Whether anything but the host's own two descriptors is watched."""
        return len(self._entries) > 2

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        return self._epoll.poll(timeout)

    def callbacks(self, fd: int, events: int) -> tuple[ActorCell | None, Callback | None, Callback | None]:
        """Returns: the owner, and the reader and writer that these events call for."""
        entry = self._entries.get(fd)
        if entry is None:
            return None, None, None
        return (
            entry.cell,
            entry.reader if events & READABLE else None,
            entry.writer if events & WRITABLE else None,
        )

    def close(self) -> None:
        self._epoll.close()
        self._entries.clear()
