"""Answers that must not be given yet, for what they say is not on disk."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

__all__ = ["HeldAnswers"]

MOST = 1024  # a tenth of one caller's window: who asks for more is told no, and never stands still before a full window
LONGEST_S = 25.0  # callers wait 30 s: they shall hear why


class Answerable(Protocol):
    """Where an answer goes: `Reply`."""

    def set(self, value: Any = None) -> None:
        """Answer."""

    def set_exception(self, error: BaseException) -> None:
        """Say that there is no answer."""


class HeldAnswers:
    """In the order of the questions. So many at most, each so long at most; the oldest is refused first."""

    def __init__(self, most: int = MOST, longest: float = LONGEST_S) -> None:
        self._most, self._longest = most, longest
        self._held: deque[tuple[float, Answerable, Any]] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, reply: Answerable, answer: Any, now: float) -> None:
        """Keep an answer until `release`."""
        self._held.append((now, reply, answer))

    def release(self) -> None:
        """Give all of them: what they say is on disk."""
        held, self._held = self._held, deque()
        for _, reply, answer in held:
            reply.set(answer)

    def refuse_overdue(self, now: float, error: Exception) -> int:
        """Answer with an error who has waited too long, and who is one too many. Returns: how many these are."""
        refused = 0
        while self._held and (len(self._held) > self._most or now - self._held[0][0] >= self._longest):
            self._held.popleft()[1].set_exception(error)
            refused += 1
        return refused
