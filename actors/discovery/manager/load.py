"""How often something happens per second: above a limit, work is shared."""

from __future__ import annotations


class Load:
    """Counts the events of this second and of the one before: otherwise the load would drop to zero at each new second.

    Args: limit, above how many events in a second the load is high.
    """

    __slots__ = ("_before", "_count", "_limit", "_second")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._second = float("-inf")
        self._count = 0
        self._before = 0

    def is_high(self, now: float) -> bool:
        """Count one event. Returns: whether there were more than the limit, in this second or the one before."""
        if now - self._second >= 1.0:
            self._before = self._count if now - self._second < 2.0 else 0
            self._second, self._count = now, 0
        self._count += 1
        return max(self._count, self._before) > self._limit
