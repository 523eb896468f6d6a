"""Dead letters: tells that were not delivered. A lost ask is none, since its asker gets an exception."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from peerage.actors.runtime.log import logger

# Called with the target, as `host/name`, and how many messages to it were lost.
DeadLetterHook = Callable[[str, int], None]


MOST_TARGETS = 1000  # that are counted apart
MOST_LATEST = 1000
OTHERS = "others"


class DeadLetterNote(NamedTuple):
    """One loss. Attributes: at, Unix seconds; target, as `host/name`; messages, how many."""

    at: float
    target: str
    messages: int


# How many there were for each target, and the latest losses, oldest first.
DeadLetterRecord = tuple[dict[str, int], tuple[DeadLetterNote, ...]]


def merged(records: Iterable[DeadLetterRecord]) -> DeadLetterRecord:
    """The record of several processes: sums, and the latest 1000 losses of all."""
    counts: Counter[str] = Counter()
    latest: list[DeadLetterNote] = []
    for targets, notes in records:
        counts.update(targets)
        latest += notes
    return dict(counts), tuple(sorted(latest)[-MOST_LATEST:])


class DeadLetters:
    """The dead letters of one process, except those that its open ports still count themselves. Used by all threads.

    A port counts its own without a lock, and hands its count over when it closes.

    Attribute: hook, called for each loss whose target is known, by the thread that notices the loss; None for nobody.
    """

    def __init__(self) -> None:
        self.hook: DeadLetterHook | None = None
        self._count = 0
        self._lock = threading.RLock()  # a signal's handler may interrupt its own thread here
        self._targets: Counter[str] = Counter()
        self._latest: deque[DeadLetterNote] = deque(maxlen=MOST_LATEST)

    @property
    def count(self) -> int:
        return self._count

    def record(self) -> DeadLetterRecord:
        """How many there were for each target, and the latest 1000 losses; beyond 1000 targets they are `others`."""
        with self._lock:
            return dict(self._targets), tuple(self._latest)

    def _note(self, target: str, messages: int) -> None:
        with self._lock:
            known = target if target in self._targets or len(self._targets) < MOST_TARGETS else OTHERS
            self._targets[known] += messages
            self._latest.append(DeadLetterNote(time.time(), target, messages))

    def add(self, messages: int) -> None:
        """Count what a port had counted before it closed, or what the runtime itself could keep no longer."""
        with self._lock:
            self._count += messages

    def add_late(self, target: str, messages: int) -> None:
        """Count messages that were sent after the thread's port, or the whole system, had closed."""
        self.add(messages)
        self._note(target, messages)
        if self.hook is not None:
            self.hook(target, messages)

    def tell(self, target: str, messages: int) -> None:
        """Tell the hook of a loss that a port has counted, and the log, if debug lines are written at all."""
        self._note(target, messages)
        if self.hook is not None:
            self.hook(target, messages)
        logger().debug("dead letter", target=target, messages=messages)

    def disown(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.RLock()
