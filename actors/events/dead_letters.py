"""The dead letters of one process as events: one a second for each actor that they were for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from peerage.actors.events.happenings import DeadLetter

__all__ = ["DeadLetterWatch"]

WINDOW_S: Final = 1.0
MOST_TARGETS: Final = 16  # in a second; what is for others is counted as one
OTHERS: Final = "others"


class Runtime(Protocol):
    """Of an actor, as far as it is needed here."""

    @property
    def host_name(self) -> str: ...

    @property
    def process_ids(self) -> Sequence[int]: ...

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> object: ...

    def call_threadsafe(self, fn: Callable[..., object], *args: Any) -> None: ...

    def on_dead_letter(self, hook: Callable[[str, int], None]) -> None: ...


class DeadLetterWatch:
    """Hears of each loss, in whichever thread notices it, and tells of them soon. Nothing is done while there is none.

    The embedding process is left alone: its program may want to hear of its dead letters itself.

    Args: tell, called in the loop.
    """

    def __init__(self, runtime: Runtime, tell: Callable[[DeadLetter], object]) -> None:
        self._runtime, self._tell = runtime, tell
        self._counts: Counter[str] = Counter()
        self._is_due = False
        if os.getpid() not in runtime.process_ids[:1]:
            runtime.on_dead_letter(self._lost)

    def _lost(self, target: str, messages: int) -> None:
        """Whoever calls may be in the middle of sending."""
        if target not in self._counts and len(self._counts) >= MOST_TARGETS:
            target = OTHERS
        self._counts[target] += messages
        if not self._is_due:
            self._is_due = True
            self._runtime.call_threadsafe(self._runtime.call_later, WINDOW_S, self._report)

    def _report(self) -> None:
        self._is_due = False
        counts, self._counts = self._counts, Counter()
        for target, count in counts.items():
            self._tell(DeadLetter(self._runtime.host_name, target, count))
