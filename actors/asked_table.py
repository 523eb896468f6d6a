"""Which node IDs have asked this seed for addresses lately, in memory that its peer hosts and its PEX reactor share.

A peer host may answer the first request of an ID without the reactor (`peers/standing_answers.py`). Whether it is the first
is what this says. It may take a new ID for a known one, which costs a question to the reactor. An ID that asked within
REMEMBERED_S is never new, whoever noted it, also after a restart of any of them.

    slot of an ID, by its CRC-32 → in which minute an ID of this slot asked last, 1 to 255; 0: none did

A note is one byte, and nobody takes a lock: hosts that look for one ID in the same microseconds may all call it new.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from zlib import crc32

from peerage.actors.discovery.manager.request_rate import FORGOTTEN_AFTER_S

__all__ = ["REMEMBERED_S", "AskedTable"]

REMEMBERED_S = FORGOTTEN_AFTER_S
# Where a thousand new IDs ask each second, one in ten finds its slot taken; only the pages in use take memory.
SLOTS = 1 << 20
STAMPS = 255


class AskedTable:
    """One process's view.

    Args: fd, descriptor of the shared memory (see `create`), it is not closed; now, monotonic seconds, the same for all.
    """

    def __init__(self, fd: int, now: Callable[[], float] = time.monotonic) -> None:
        self._memory = mmap.mmap(fd, SLOTS)
        self._now = now

    @staticmethod
    def create() -> int:
        """Make the shared memory. Returns: its descriptor, the caller's to close."""
        fd = os.memfd_create("peerage-asked")
        os.ftruncate(fd, SLOTS)
        return fd

    def note(self, node_id: str) -> bool:
        """An ID asks now. Returns: whether it is new: it has not asked within REMEMBERED_S, nor has one with its slot."""
        memory, slot = self._memory, slot_of(node_id)
        stamp, before = int(self._now() / REMEMBERED_S) % STAMPS + 1, memory[slot]
        memory[slot] = stamp
        # What was noted in this minute or the one before may be younger than REMEMBERED_S. After 255 minutes an old stamp
        # looks young again for two, which costs a question.
        return not before or (stamp - before) % STAMPS > 1


def slot_of(node_id: str) -> int:
    """The slot of an ID. One from a damaged book may be any text."""
    return crc32(node_id.encode("ascii", "replace")) % SLOTS
