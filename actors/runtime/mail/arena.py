"""What a process sends in shared memory: its own region, from which it lends a block to each receiver of a large frame.

A frame is copied into a block while it is sent; the message then holds a lease in its place. The block is free again when
its receiver is done with it, or cannot be any more: its process has died, or the mailbox has closed before it took it.
Where there is no block, because the region is full or the machine has no memory to spare, the frame goes by the socket.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from peerage.actors.runtime.mail.host_table import serial_of
from peerage.actors.runtime.mail.memory import LARGE, Borrowed, Raw, kept
from peerage.actors.runtime.mail.shared_file import (
    LEASES,
    NUMBER,
    SENT,
    SIZE,
    START,
    STATE,
    TABLE,
    TAKEN,
    WHO_SHIFT,
    WORDS,
    Region,
    punch,
    up_to_page,
)
from peerage.actors.runtime.mail.spans import Spans
from peerage.actors.runtime.mail.ways import PATIENCE_S

COUNT = struct.Struct("<I")
LEASE = struct.Struct("<IIQQQQ")
FEW = 16  # leases that are looked at before each new one, so that the same memory is used again while it is warm
IDLE_S = 10.0  # memory that was not needed for so long is given back
RETRY_S = 10.0  # after the machine had no memory


class Lease(NamedTuple):
    """One frame that lies in shared memory.

    Attributes: place, among the message's frames; slot, in the table of the region of the process `owner`; number, by which
    a lease is told from later ones of its slot; start, size, of the data.
    """

    place: int
    slot: int
    owner: int
    number: int
    start: int
    size: int


class Arena:
    """Args: fd, of the shared file; serial, of this process's own host; limit, of bytes that are lent at a time; is_dead,
    whether a host, or the process whose own it is, has died; clock, in seconds.
    """

    def __init__(
        self, fd: int, serial: int, limit: int, is_dead: Callable[[int], bool], clock: Callable[[], float]
    ) -> None:
        self._fd, self._serial, self._is_dead, self._clock = fd, serial, is_dead, clock
        self._region = Region(fd, serial)
        os.posix_fallocate(fd, self._region.offset - TABLE, TABLE)
        self._words = self._region.words
        self._data = self._region.view(0, limit)
        self._lock, self._is_busy = threading.RLock(), False
        self._gone: list[int] = []  # addresses where nobody reads any more, since the last look
        self._free, self._cold = Spans(0, limit), Spans(0, limit)  # cold ones take no memory
        self._lent: dict[int, tuple[int, int]] = {}  # by slot: where the block begins and ends
        self._slots = list(range(LEASES - 1, 0, -1))
        self._number = 0
        self._peak, self._look_at = 0, clock() + IDLE_S
        self._retry_at = 0.0

    def place(
        self, address: int, body: Raw, extras: Sequence[Raw]
    ) -> tuple[bytes, list[Raw], list[int]] | None:
        """Copy the large ones of a message's frames into blocks for whoever reads at this address.

        Returns: the body, behind the leases; the frames that go by the socket; the slots of the leases. None, when all go by
            the socket.
        """
        leases: list[Lease] = []
        rest: list[Raw] = []
        for index, frame in enumerate(extras):
            lease = self._lend(address, index, frame) if len(frame) >= LARGE else None
            if lease is None:
                rest.append(frame)
            else:
                leases.append(lease)
        if not leases:
            return None
        packed = b"".join([COUNT.pack(len(leases)), *(LEASE.pack(*lease) for lease in leases), body])
        if type(extras) is Borrowed:
            rest = [kept(frame) for frame in rest]
        return packed, rest, [lease.slot for lease in leases]

    def _lend(self, address: int, index: int, frame: Raw) -> Lease | None:
        size = len(frame)
        if not self._begin():
            return None  # by the socket: that cannot wait for itself
        try:
            found = self._take(up_to_page(size))
            if found is None:
                return None
            slot, start = found
            stop = start + up_to_page(size)
            is_cold = self._cold.remove(start, stop)
            if is_cold and not self._fill(start, frame):
                punch(self._fd, self._region.offset + start, self._region.offset + stop)
                self._cold.add(start, stop)
                self._free.add(start, stop)
                self._slots.append(slot)
                self._retry_at = self._clock() + RETRY_S
                return None
            if not is_cold:
                self._data[start : start + size] = frame
            self._number += 1
            words, at = self._words, slot * WORDS
            words[at + NUMBER], words[at + START], words[at + SIZE] = self._number, start, size
            words[at + STATE] = address << WHO_SHIFT | SENT
            self._lent[slot] = start, stop
            return Lease(index, slot, self._serial, self._number, start, size)
        finally:
            self._end()

    def _begin(self) -> bool:
        """Returns: False, when there is no waiting for whoever is in the middle of something here.

        That is this very thread, if a signal's handler calls in the middle of it, or another whose handler may wait for us.
        """
        if not self._lock.acquire(timeout=PATIENCE_S):
            return False
        if self._is_busy:
            self._lock.release()
            return False
        self._is_busy = True
        return True

    def _end(self) -> None:
        self._is_busy = False
        self._lock.release()

    def _take(self, size: int) -> tuple[int, int] | None:
        """Returns: a slot and where a block of this size begins, None when there is none."""
        self._collect_few()
        start = self._free.lowest(size)
        if start is None or not self._slots:
            self._collect()
            start = self._free.lowest(size)
            if start is None or not self._slots:
                return None
        if self._clock() < self._retry_at and self._cold.has_any(start, start + size):
            return None
        self._free.remove(start, start + size)
        self._peak = max(self._peak, start + size)
        slot = self._slots.pop()
        self._words[0] = max(self._words[0], slot + 1)
        return slot, start

    def _fill(self, start: int, frame: Raw) -> bool:
        """Write to memory that is not there yet. By a system call: to touch it is a SIGBUS when the machine has no more.

        Returns: whether there was enough.
        """
        at, done = self._region.offset + start, 0
        with memoryview(frame) as view:
            try:
                while done < len(view):
                    done += os.pwrite(self._fd, view[done:], at + done)
            except OSError:
                return False
        return True

    def _collect_few(self) -> None:
        """Have back what is free again among a few leases; others the next time, however many there are."""
        words = self._words
        for slot in list(islice(self._lent, FEW)):
            span = self._lent.pop(slot)
            if words[slot * WORDS]:
                self._lent[slot] = span  # last in line
            else:
                self._free.add(*span)
                self._slots.append(slot)

    def _collect(self) -> None:
        """Have back what is free again, and what is held by nobody who lives."""
        words, gone = self._words, set[int]()
        while self._gone:
            gone.add(self._gone.pop())
        for slot, span in list(self._lent.items()):
            state = words[slot * WORDS]
            if state:
                who = state >> WHO_SHIFT
                is_taken = bool(state & TAKEN)
                if not ((not is_taken and who in gone) or self._is_dead(who if is_taken else serial_of(who))):
                    continue
                words[slot * WORDS] = 0
            del self._lent[slot]
            self._free.add(*span)
            self._slots.append(slot)

    def cancel(self, slots: Sequence[int]) -> None:
        """A message has not been sent."""
        for slot in slots:
            self._words[slot * WORDS] = 0

    def forget(self, address: int) -> None:
        """Nobody reads there any more: what is on its way there will not be taken."""
        self._gone.append(address)
        if self._begin():
            try:
                self._collect()
            finally:
                self._end()

    def look(self) -> None:
        """Now and again: give memory back that was not needed for a while."""
        if not self._begin():
            return
        try:
            self._collect()
            if self._clock() < self._look_at:
                return
            for start, stop in self._free:
                if stop > self._peak:
                    self._cool(max(start, self._peak), stop)
            self._peak, self._look_at = 0, self._clock() + IDLE_S
        finally:
            self._end()

    def _cool(self, start: int, stop: int) -> None:
        cold = Spans(start, stop)
        for each in self._cold:
            cold.remove(*each)
        for each in cold:
            punch(self._fd, self._region.offset + each[0], self._region.offset + each[1])
        self._cold.add(start, stop)

    def bytes_lent(self) -> int:
        """Bytes that receivers have not given back."""
        if self._begin():
            try:
                self._collect()
            finally:
                self._end()
        return sum(stop - start for start, stop in list(self._lent.values()))
