"""How often something happens, counted by seconds: above a limit, work is shared."""

from __future__ import annotations


class Load:
    """Counts this second and the one before, so that a new second does not begin as if nobody had been there.

    Args: limit, how many in a second are many.
    """

    __slots__ = ("_before", "_count", "_limit", "_second")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._second = float("-inf")
        self._count = 0
        self._before = 0

    def is_high(self, now: float) -> bool:
        """Count one. Returns: whether there are more than the limit, in this second or the one before."""
        if now - self._second >= 1.0:
            self._before = self._count if now - self._second < 2.0 else 0
            self._second, self._count = now, 0
        self._count += 1
        return max(self._count, self._before) > self._limit
