"""Which parts of a stretch of memory are free: spans that do not touch each other, in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class Spans:
    """A set of numbers, kept as spans from `start` up to but without `stop`."""

    def __init__(self, start: int, stop: int) -> None:
        self._starts, self._stops = [start], [stop]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._stops, strict=True)))

    def add(self, start: int, stop: int) -> None:
        """Put a span in; it joins those that it meets."""
        first, last = bisect_left(self._stops, start), bisect_right(self._starts, stop)
        if first < last:
            start, stop = min(start, self._starts[first]), max(stop, self._stops[last - 1])
        self._starts[first:last], self._stops[first:last] = [start], [stop]

    def remove(self, start: int, stop: int) -> bool:
        """Take a span out, as far as it is in. Returns: whether any of it was."""
        first, last = bisect_right(self._stops, start), bisect_left(self._starts, stop)
        if first >= last:
            return False
        left = [(self._starts[first], start)] if self._starts[first] < start else []
        right = [(stop, self._stops[last - 1])] if stop < self._stops[last - 1] else []
        rest = left + right
        self._starts[first:last] = [span[0] for span in rest]
        self._stops[first:last] = [span[1] for span in rest]
        return True

    def has_any(self, start: int, stop: int) -> bool:
        """Whether any of a span is in."""
        return bisect_right(self._stops, start) < bisect_left(self._starts, stop)

    def lowest(self, size: int) -> int | None:
        """Where the first span of at least this size begins: who takes it leaves what is higher up alone."""
        for start, stop in zip(self._starts, self._stops, strict=True):
            if stop - start >= size:
                return start
        return None
