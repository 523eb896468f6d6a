"""The messages that wait for one actor, still packed.

Nothing here bounds them: each sender's window does (see `mail/window.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from peerage.actors.runtime.mail.envelope import BATCH
from peerage.actors.runtime.mail.memory import Raw

# One message: kind, flags, source, correlation, sender, body, extra frames, size, and when it came. A plain tuple: making a
# named one costs as much as unpickling a small message. A batch is one item, whose correlation is the number of its
# messages; the body of what is left of a batch is a list of them.
Item = tuple[int, int, int, int, bytes, Any, Sequence[Raw], int, float]
KIND: Final = 0
FLAGS: Final = 1
SOURCE: Final = 2
CORR: Final = 3
SIZE: Final = 7
ARRIVED: Final = 8


def messages_in(item: Item) -> int:
    """How many messages an item is."""
    return item[CORR] if item[FLAGS] & BATCH else 1


class Mailbox:
    """A queue. Its reader and the port that fills it touch `items`, `size` and `depth` directly, which saves two calls
    of the dozen that a message costs.

    Attributes: depth, messages that wait; size, their bytes; handled, messages that were here before; batch, those of one
    frame that are being handled: each is handed over by itself, so the ones behind it can yet be dropped.
    """

    __slots__ = ("batch", "depth", "handled", "items", "size")

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.batch: list[Any] = []
        self.size = self.depth = self.handled = 0

    def put(self, item: Item) -> None:
        """Add a message, or a batch, at the end."""
        self.items.append(item)
        self.size += item[SIZE]
        self.depth += messages_in(item)

    def put_back(self, item: Item) -> None:
        """Put what is left of a batch at the front again. Its messages have counted in the depth all the time."""
        self.items.appendleft(item)
        self.size += item[SIZE]

    def oldest_age(self, now: float) -> float:
        """Seconds that the oldest message has waited, 0.0 for an empty mailbox."""
        return now - self.items[0][ARRIVED] if self.items else 0.0

    def clear(self) -> None:
        """Drop everything. In a forked child, where this is called in the middle of a handler, it ends its batch with it."""
        self.items.clear()
        self.batch.clear()
        self.size = self.depth = 0
