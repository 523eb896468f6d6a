"""Whether the container or service that the node runs in is close to its limit on memory: then the node sheds load.

At the limit the kernel kills one of the group's processes, most likely the one with the most peers. Before that no more
strangers are let in, and what connections may hold is cut down, in two steps.

    used of the limit        0 ………… 85 % ………… 90 % ………… 95 % ………… 100 %
    connections may hold     all     as before   a half     an eighth        of what they may hold otherwise

From 85 to 90 % strangers stay out if they were: or accepting would pause and begin again with each of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from peerage.actors.runtime.control_groups import Use, memory_use
from peerage.actors.runtime.limits import Purpose, Room

__all__ = ["LOOK_S", "MemoryPressure", "RoomForStrangers"]

ENOUGH, SHORT, VERY_SHORT = 0.85, 0.90, 0.95  # used, of the limit
WHOLE, HALF, LEAST = 1.0, 0.5, 0.125  # of what connections may hold
LOOK_S = 0.5  # between two looks; each takes a tenth of a millisecond
UNLIMITED_LOOK_S = 30.0  # the same where there is no limit: one may be set
MEBIBYTE = 1 << 20


class MemoryPressure:
    """Looks at what is used, but not too often. For one thread.

    Attribute: share, the part of what they may hold otherwise that connections may hold now.
    Args: use, gives bytes, None without a limit; clock, monotonic seconds.
    """

    def __init__(
        self, use: Callable[[], Use | None] = memory_use, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._use, self._clock = use, clock
        self._found: Use | None = None
        self._due = float("-inf")
        self.share = WHOLE

    @property
    def look_s(self) -> float:
        """Seconds from one look to the next."""
        return UNLIMITED_LOOK_S if self._found is None else LOOK_S

    def look(self) -> None:
        """Look whether memory is short, unless that was done a moment ago."""
        now = self._clock()
        if now < self._due:
            return
        self._found = found = self._use()
        self._due = now + self.look_s
        self.share = WHOLE if found is None else self._share_at(found.used / max(1, found.limit))

    def _share_at(self, used: float) -> float:
        if used >= VERY_SHORT:
            return LEAST
        if used >= SHORT:
            return HALF
        return min(self.share, HALF) if used >= ENOUGH and self.share < WHOLE else WHOLE

    @property
    def lack(self) -> str:
        """Why no stranger is let in, as a clause that names the limit; empty while memory is not short."""
        if self._found is None or self.share == WHOLE:
            return ""
        used, limit = self._found.used // MEBIBYTE, self._found.limit // MEBIBYTE
        return (
            f"this container or service uses {used} of at most {limit} MiB of memory (memory.max); "
            "raise it (MemoryMax=, --memory) or stop something"
        )


class RoomForStrangers:
    """Whether there is room for one more connection of a stranger: descriptors, and memory."""

    def __init__(self, memory: MemoryPressure, descriptors: Room | None = None) -> None:
        self._memory, self._descriptors = memory, descriptors or Room(Purpose.STRANGERS)

    def take(self) -> str:
        """Take a descriptor. Returns: what is lacking, as a clause; empty when nothing is."""
        self._memory.look()
        return self._memory.lack or self._descriptors.take()
