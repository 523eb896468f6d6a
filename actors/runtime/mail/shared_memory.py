"""Large frames between the processes of one system, which go through memory that these share instead of a socket.

The message itself travels as any other; in place of a large frame it holds a lease, see `shared_file.py`. Here are the
process's own part in the file (`arena.py`), what it has received (`taken_blocks.py`), and what dies with others
(`leftovers.py`). A process without the file, as in a forked child, sends everything by the socket.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from peerage.actors.runtime.limits import memory_limit
from peerage.actors.runtime.mail.arena import COUNT, LEASE, Arena, Lease
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, HostTable
from peerage.actors.runtime.mail.leftovers import Leftovers, Port
from peerage.actors.runtime.mail.memory import Borrowed, Raw, kept, seal
from peerage.actors.runtime.mail.shared_file import (
    END,
    LARGEST_DATA,
    SPACE,
    may_map,
    punch,
    up_to_page,
)
from peerage.actors.runtime.mail.taken_blocks import LeaseError, TakenBlocks

SHARE = 8  # one in so many bytes of memory may be lent by a process at a time

Frames = tuple[Raw, list[Raw], Sequence[int]]  # a body, frames for the socket, and the slots of leases


class SharedMemory:
    """Args: fd, of the system's file, -1 for none; serial, of the process's own host.

    Attribute: limit, of bytes that this process may lend at a time; one that is set later takes effect if nothing has been
    lent yet.
    """

    def __init__(
        self, fd: int, serial: int, table: HostTable, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.fd = fd
        self.limit = min(LARGEST_DATA, memory_limit() // SHARE // up_to_page(1) * up_to_page(1))
        self._serial, self._table, self._clock = serial, table, clock
        self._lock = threading.RLock()
        self._arena: Arena | None = None
        self._is_without = fd < 0  # an arena
        self.taken = TakenBlocks(fd, serial)
        self._leftovers = Leftovers(fd, serial, table, clock)

    # Sending

    def place(self, address: int, body: Raw, extras: Sequence[Raw]) -> tuple[Frames, bool]:
        """Put the large ones of a message's frames where their receiver finds them.

        Returns: what to send instead; whether any of it lies here. Frames that do not are nobody else's in any case.
        """
        arena = self._arena or self._make_arena()
        if arena is not None and (placed := arena.place(address, body, extras)) is not None:
            return placed, True
        frames = list(map(kept, extras)) if type(extras) is Borrowed else list(extras)
        return (body, frames, ()), False

    def _make_arena(self) -> Arena | None:
        if self._is_without:
            return None
        with self._lock:
            if self._arena is None and not self._is_without:
                self._is_without = True
                if self.limit and may_map():
                    with contextlib.suppress(OSError):
                        self._arena = Arena(
                            self.fd, self._serial, self.limit, self._table.is_dead, self._clock
                        )
                        self._is_without = False
            return self._arena

    def cancel(self, slots: Sequence[int]) -> None:
        """A message was not sent after all."""
        if slots and self._arena is not None:
            self._arena.cancel(slots)

    def forget(self, address: int) -> None:
        """Nobody reads there any more."""
        if self._arena is not None:
            self._arena.forget(address)

    @property
    def bytes_lent(self) -> int:
        """Bytes that this process has sent here, and that are not given back."""
        return 0 if self._arena is None else self._arena.bytes_lent()

    # Receiving

    def take(self, address: int, body: Raw, frames: Sequence[Raw], sealed: bool) -> tuple[Raw, list[Raw]]:
        """Undo `place` for a message that has come to one of this process's mailboxes.

        Args: frames, that came by the socket; sealed, whether nobody is to write to the others.
        Returns: the body and all frames. Raises: LeaseError.
        """
        view = memoryview(body)
        count = COUNT.unpack_from(view)[0] if len(view) >= COUNT.size else 1
        end = COUNT.size + count * LEASE.size
        if end > len(view):
            raise LeaseError(f"{count} leases in {len(view)} bytes")
        all_frames = list(frames)
        for fields in LEASE.iter_unpack(view[COUNT.size : end]):
            lease = Lease(*fields)
            block = self.taken.take(address, lease)
            all_frames.insert(lease.place, seal(block) if sealed else block)
        return body[end:], all_frames

    # Now and again, and at the end

    def look(self, ports: Callable[[], Iterable[Port]]) -> None:
        """Settle what others have left behind, and give back what is not needed. Args: ports, gives all of this process."""
        if self.fd < 0:
            return
        if self._leftovers.look(ports):
            self.taken.forget(self._table.is_dead)
        if self._arena is not None:
            self._arena.look()

    def hold_still(self) -> None:
        """Before a fork."""
        self.taken.hold_still()

    def go_on(self) -> None:
        """After it, in the parent."""
        self.taken.go_on()

    def disown(self) -> object:
        """In the child. Returns: what must be kept."""
        self.taken.disown()
        arena, self._arena, self._is_without = self._arena, None, True
        self._lock = threading.RLock()
        self._close_file()
        return arena

    def close(self) -> None:
        """At the end of the system. What was received and is in use stays so."""
        self._arena, self._is_without = None, True
        if self.fd >= 0:
            self.taken.close()
            if self._serial == ROOT_SERIAL:
                punch(self.fd, ROOT_SERIAL * SPACE, END)
            self._close_file()

    def _close_file(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
