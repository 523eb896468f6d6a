"""Dead letters: tells that were not delivered. A lost ask is none, since its asker gets an exception."""

from __future__ import annotations

import threading
from collections.abc import Callable

from peerage.actors.runtime.log import logger

# Called with the target, as `host/name`, and how many messages to it were lost.
DeadLetterHook = Callable[[str, int], None]


class DeadLetters:
    """The dead letters of one process, except those that its open ports still count themselves. Used by all threads.

    A port counts its own without a lock, and hands its count over when it closes.

    Attribute: hook, called for each loss whose target is known, by the thread that notices the loss; None for nobody.
    """

    def __init__(self) -> None:
        self.hook: DeadLetterHook | None = None
        self._count = 0
        self._lock = threading.RLock()  # a signal's handler may interrupt its own thread here

    @property
    def count(self) -> int:
        return self._count

    def add(self, messages: int) -> None:
        """Count what a port had counted before it closed, or what the runtime itself could keep no longer."""
        with self._lock:
            self._count += messages

    def add_late(self, target: str, messages: int) -> None:
        """Count messages that were sent after the thread's port, or the whole system, had closed."""
        self.add(messages)
        if self.hook is not None:
            self.hook(target, messages)

    def tell(self, target: str, messages: int) -> None:
        """Tell the hook of a loss that a port has counted, and the log, if debug lines are written at all."""
        if self.hook is not None:
            self.hook(target, messages)
        logger().debug("dead letter", target=target, messages=messages)

    def disown(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.RLock()
