"""What dead processes have left in the shared memory of their system, and when it can go.

A message that a process had handed over before it died is delivered, so its blocks must stay. What was still on its way
inside it will not come: once the mailbox that it was for has been found empty, some time after the death, its leases end.
Every process sees to the mailboxes of its own. The root, which outlives all others, gives the memory back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, HostTable, serial_of
from peerage.actors.runtime.mail.shared_file import (
    LEASES,
    SENT,
    SIZE,
    SPACE,
    START,
    STATE,
    TABLE,
    TAKEN,
    WHO_SHIFT,
    WORDS,
    punch,
    up_to_page,
)

SETTLED_S = 5.0  # after a death, what the dead had handed over has long been read by ZeroMQ's thread
WORD = 8


class Inbox(Protocol):
    def has_arrivals(self) -> bool: ...


class Reader(Protocol):
    has_skipped: bool


class Port(Protocol):
    """The mailbox of a thread."""

    @property
    def address(self) -> int: ...

    @property
    def closed(self) -> bool: ...

    @property
    def is_read_by_loop(self) -> bool: ...

    @property
    def lock(self) -> threading.RLock: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def reader(self) -> Reader: ...

    @property
    def face(self) -> Any: ...

    def call_later(self, delay: float, fn: Callable[[], object]) -> None: ...


class Leftovers:
    """Args: fd, of the shared file; serial, of this process's own host; clock, in seconds."""

    def __init__(self, fd: int, serial: int, table: HostTable, clock: Callable[[], float]) -> None:
        self._fd, self._serial, self._table, self._clock = fd, serial, table, clock
        self._is_root = serial == ROOT_SERIAL
        self._epoch = table.epoch
        # Those that live or are being made, and those that have died since the last look.
        self._known: set[int] = set()
        self._highest: int | None = None  # serial of them all
        self._dead: dict[int, float] = {}  # by serial: when its leases were first looked at
        self._empty: set[tuple[int, int]] = (
            set()
        )  # the dead, and mailboxes that were found empty long enough after

    def look(self, ports: Callable[[], Iterable[Port]]) -> bool:
        """Settle what can be. Args: ports, gives all mailboxes of this process. Returns: whether somebody has died."""
        news = self._epoch != self._table.epoch
        self._epoch = self._table.epoch
        self._get_to_know()
        if news:
            for serial in list(filter(self._table.is_dead, self._known)):
                self._known.remove(serial)
                if self._leases(serial):
                    self._dead[serial] = self._clock()
        if self._dead:
            by_address = {port.address: port for port in ports()}
            hosts = {serial_of(address) for address in by_address} | {self._serial}
            for serial, since in list(self._dead.items()):
                if self._settle(serial, hosts, by_address, self._clock() - since >= SETTLED_S):
                    del self._dead[serial]
                    self._empty = {each for each in self._empty if each[0] != serial}
        return news

    def _get_to_know(self) -> None:
        """Take note of who has come, from the first look on: also of one that has come and gone since the last look."""
        highest = self._table.highest
        if self._highest is not None:
            self._known.update(range(self._highest + 1, highest + 1))
        self._known.update(self._table.live)
        self._highest = highest

    def _settle(self, dead: int, hosts: set[int], ports: dict[int, Port], is_time: bool) -> bool:
        """Returns: whether nothing is left to do for one that has died."""
        held: list[tuple[int, int]] = []
        mine = False
        for slot, lease in enumerate(self._leases(dead), 1):
            who, kind = lease[STATE] >> WHO_SHIFT, lease[STATE] & (SENT | TAKEN)
            if kind == SENT and serial_of(who) in hosts:
                port = ports.get(who)
                if port is None or (dead, who) in self._empty:
                    self._end(dead, slot)
                    continue
                mine = True
                if is_time:
                    self._look_into(port, dead)
            elif kind and self._is_root and self._table.is_dead(serial_of(who) if kind == SENT else who):
                self._end(dead, slot)
                continue
            if kind:
                held.append((lease[START], lease[START] + up_to_page(lease[SIZE])))
        if not self._is_root:
            return not mine
        self._give_back(dead, held)
        return not held

    def _leases(self, serial: int) -> list[list[int]]:
        """Those that a process has given, by slot, from the first on."""
        used = int.from_bytes(os.pread(self._fd, WORD, serial * SPACE), "little")
        count = max(0, min(used, LEASES) - 1)
        data = os.pread(self._fd, count * WORDS * WORD, serial * SPACE + WORDS * WORD) if count else b""
        words = memoryview(data).cast("Q").tolist()
        return [words[at : at + WORDS] for at in range(0, len(words), WORDS)]

    def _end(self, serial: int, slot: int) -> None:
        os.pwrite(self._fd, bytes(WORD), serial * SPACE + slot * WORDS * WORD)

    def _give_back(self, dead: int, held: list[tuple[int, int]]) -> None:
        """Give the memory back, but for what is held, and the table as long as anything is."""
        data = dead * SPACE + TABLE
        at = data if held else dead * SPACE
        for start, stop in sorted(held):
            if at < data + start:
                punch(self._fd, at, data + start)
            at = data + stop
        punch(self._fd, at, (dead + 1) * SPACE)

    def _look_into(self, port: Port, dead: int) -> None:
        def look() -> None:
            if _is_empty(port):
                self._empty.add((dead, port.address))

        if port.is_read_by_loop:
            port.call_later(0.0, look)  # in its own thread: asking takes the signal that the loop sleeps on
        else:
            look()


def _is_empty(port: Port) -> bool:
    """Whether nothing lies in a mailbox. One whose thread is waiting at it, or busy with it, is looked at another time."""
    if not port.lock.acquire(blocking=False):
        return False
    try:
        if port.closed or not port.inbox.has_arrivals():
            return True
        port.reader.has_skipped = True  # we may have taken the only signal of what is there
        if port.face.loops:
            port.face.look_again()
        return False
    finally:
        port.lock.release()
