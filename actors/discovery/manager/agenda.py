"""Things to do later, in order of time. The clock is set by the caller."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct


class Moment(Struct, frozen=True):
    """Now, by two clocks.

    at: monotonic seconds, for deadlines: setting the system's clock back delays nothing.
    unix: Unix seconds, for everything that outlives a restart.
    """

    at: float
    unix: float


@dataclass(slots=True, eq=False)
class Entry:
    """One thing to do; `action` is None once it has been cancelled."""

    action: Callable[[], object] | None


class Agenda:
    """The time of the current input, and the actions that are due later.

    Args: now, the time at which it begins.
    """

    __slots__ = ("_heap", "_order", "now")

    def __init__(self, now: Moment) -> None:
        self.now = now
        self._order = 0
        self._heap: list[tuple[float, int, Entry]] = []

    def __len__(self) -> int:
        return sum(entry.action is not None for _, _, entry in self._heap)

    def clock(self) -> float:
        """Unix seconds, for the parts whose memory outlives a restart."""
        return self.now.unix

    def after(self, seconds: float, action: Callable[[], object]) -> Entry:
        """Do this after a delay. Actions that are due at the same time are done in the order in which they were added."""
        entry = Entry(action)
        self._order += 1
        heapq.heappush(self._heap, (self.now.at + seconds, self._order, entry))
        return entry

    @staticmethod
    def cancel(entry: Entry) -> None:
        """Cancel an action. Does nothing if it was done already."""
        entry.action = None  # the entry stays in the heap until it is due: finding it there would cost more

    @property
    def deadline(self) -> float:
        """When the next action is due, in monotonic seconds; infinity when there is none."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def run_due(self) -> None:
        """Do everything that is due now, including what becomes due while doing it."""
        heap, at = self._heap, self.now.at
        while heap and heap[0][0] <= at:
            action = heapq.heappop(heap)[2].action
            if action is not None:
                action()
