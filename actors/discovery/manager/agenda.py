"""What is to be done later, in order of time, on a clock that the caller moves."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Moment(NamedTuple):
    """Now, by two clocks.

    at: monotonic seconds. Deadlines are set by them, so that a clock that is set back delays nothing.
    unix: Unix seconds. Whatever outlives a restart is dated by them.
    """

    at: float
    unix: float


@dataclass(slots=True, eq=False)
class Entry:
    """One thing to do; `action` is None once it has been cancelled."""

    action: Callable[[], object] | None


class Agenda:
    """The time of the present input, and what waits for a later one.

    Args: now, the moment at which it begins.
    """

    __slots__ = ("_heap", "_order", "now")

    def __init__(self, now: Moment) -> None:
        self.now = now
        self._order = 0
        self._heap: list[tuple[float, int, Entry]] = []

    def __len__(self) -> int:
        return sum(entry.action is not None for _, _, entry in self._heap)

    def clock(self) -> float:
        """Unix seconds, for the parts that remember over restarts."""
        return self.now.unix

    def after(self, seconds: float, action: Callable[[], object]) -> Entry:
        """Do this in so many seconds. What is due at the same time is done in the order in which it was noted."""
        entry = Entry(action)
        self._order += 1
        heapq.heappush(self._heap, (self.now.at + seconds, self._order, entry))
        return entry

    @staticmethod
    def cancel(entry: Entry) -> None:
        """Do it no more. Cancelling what was done already changes nothing."""
        entry.action = None  # it stays in the heap until its time: finding it there would cost more

    @property
    def deadline(self) -> float:
        """When something is due next, in monotonic seconds; infinity when nothing is."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def run_due(self) -> None:
        """Do all that is due now, also what becomes due by doing it."""
        heap, at = self._heap, self.now.at
        while heap and heap[0][0] <= at:
            action = heapq.heappop(heap)[2].action
            if action is not None:
                action()
