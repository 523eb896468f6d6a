"""The last events, bounded in number and bytes. Listeners ask on from where they are: nothing is kept for a slow one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from peerage.actors.events.messages import EventLine, EventLines

__all__ = ["MOST_BYTES", "MOST_EVENTS", "MOST_IN_ANSWER", "Ring"]

MOST_EVENTS: Final = 1000
MOST_BYTES: Final = 512 * 1024
MOST_IN_ANSWER: Final = 200
_OVERHEAD: Final = 300  # bytes that an event takes beside its JSON


class Ring:
    """The last events that one kind of listener may see, numbered from 1 without gaps.

    Args: epoch, tells this ring's IDs from those of any other.
    """

    def __init__(self, epoch: str, most_events: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        self._epoch = epoch
        self._most_events, self._most_bytes = most_events, most_bytes
        self._lines: deque[EventLine] = deque()
        self._bytes = 0
        self._newest = 0  # the number of the last one ever added
        self._dropped = 0  # and of the last one that made room

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[EventLine]:
        return iter(tuple(self._lines))

    @property
    def next_id(self) -> str:
        """The ID of the next event."""
        return self._id(self._newest + 1)

    def add(self, line: EventLine) -> None:
        """Add the newest one, whose ID is `next_id`; the oldest make room."""
        self._newest += 1
        self._lines.append(line)
        self._bytes += len(line.json) + _OVERHEAD
        while len(self._lines) > self._most_events or self._bytes > self._most_bytes:
            gone = self._lines.popleft()
            self._bytes -= len(gone.json) + _OVERHEAD
            self._dropped = self._number(gone.id) or 0

    def blank(self, is_hidden: Callable[[EventLine], bool]) -> None:
        """Forget whatever may not be seen any more. It does not count as missed."""
        self._lines = deque(line for line in self._lines if not is_hidden(line))
        self._bytes = sum(len(line.json) + _OVERHEAD for line in self._lines)

    def after(self, event_id: str | None, last: int | None = None) -> EventLines:
        """Events behind this one, at most 200 at a time. Args: as of `NextEvents`."""
        number = self._number(event_id)
        if number is None:
            found = list(self._lines)
            if last is not None:
                found = found[len(found) - last :] if last < len(found) else found
            return self._answer(found, 0, 0)
        found = []
        for line in reversed(self._lines):  # most listeners are near the newest
            if (self._number(line.id) or 0) <= number:
                break
            found.append(line)
        found.reverse()
        return self._answer(found, number, max(0, self._dropped - number))

    def _answer(self, found: Iterable[EventLine], number: int, missed: int) -> EventLines:
        lines = tuple(found)[:MOST_IN_ANSWER]
        cursor = lines[-1].id if lines else self._id(max(number, self._newest))
        return EventLines(lines, cursor, missed)

    def _id(self, number: int) -> str:
        return f"{self._epoch}-{number:012d}"

    def _number(self, event_id: str | None) -> int | None:
        """The number of an ID of this ring; None of any other."""
        epoch, _, digits = (event_id or "").rpartition("-")
        if epoch != self._epoch or not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
            return None
        return min(int(digits), self._newest)
