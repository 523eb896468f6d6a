"""actors/runtime/heap.py: freed memory goes back to the system, and when."""

from __future__ import annotations

import pytest

from peerage.actors.runtime import heap
from peerage.actors.runtime.heap import IDLE_S, WORTH_TRIMMING, Heap

MUCH = 16 * WORTH_TRIMMING


class Process:
    """A heap with a clock and a C library of the test's."""

    def __init__(self) -> None:
        self.time, self.free, self.trims = 0.0, 0, 0
        self.heap = Heap(lambda: self.time, lambda: self.free, self._trim)

    def _trim(self) -> None:
        self.trims += 1

    def look(self, *free: int) -> None:
        """Looks a second apart, at which so much is free."""
        for self.free in free:
            self.time += 1.0
            self.heap.look()


def test_what_was_free_for_ten_seconds_is_given_back() -> None:
    process = Process()
    process.look(*[MUCH] * (int(IDLE_S) - 1))
    assert process.trims == 0
    process.look(MUCH)
    assert process.trims == 1


def test_what_is_used_now_and_again_is_kept() -> None:
    """Else every burst would have to get its pages from the system anew."""
    process = Process()
    process.look(*[MUCH, MUCH, 0, MUCH, MUCH] * 10)
    assert process.trims == 0


def test_little_is_kept() -> None:
    process = Process()
    process.look(*[WORTH_TRIMMING - 1] * 50)
    assert process.trims == 0


def test_each_ten_seconds_are_judged_alone() -> None:
    process = Process()
    process.look(0, *[MUCH] * (2 * int(IDLE_S) - 1))
    assert process.trims == 1


@pytest.mark.skipif(heap.freed_bytes() == 0, reason="this C library does not say what is free")
def test_trimming_gives_back_what_lies_below_a_block_in_use() -> None:
    blocks = [bytes(1000) for _ in range(50_000)]
    last = blocks[-1]
    del blocks
    before = heap.freed_bytes()
    heap.trim()
    assert heap.freed_bytes() <= before
    assert len(last) == 1000
