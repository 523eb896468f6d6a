"""Answers that must wait, because what they promise is not on disk yet."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

__all__ = ["HeldAnswers"]

MOST = (
    1024  # a tenth of one caller's window: a caller is refused before its window is full, and so never stalls
)
LONGEST_S = 25.0  # callers wait 30 s: they hear the reason before they give up
BEFORE_S = 1.5  # so long before its own time is over a caller hears it: the book looks once a second


class Answerable(Protocol):
    """Where an answer goes: `Reply`."""

    def set(self, value: Any = None) -> None:
        """Answer."""

    def set_exception(self, error: BaseException) -> None:
        """Say that there is no answer."""


class HeldAnswers:
    """Holds answers in the order of the questions. Number and time are bounded; of too many the oldest is refused first."""

    def __init__(self, most: int = MOST, longest: float = LONGEST_S) -> None:
        self._most, self._longest = most, longest
        self._held: deque[tuple[float, Answerable, Any]] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, reply: Answerable, answer: Any, now: float, left: float | None = None) -> None:
        """Keep an answer until `release`. Args: left, for how many seconds the caller still waits, if that is known."""
        longest = self._longest if left is None else min(self._longest, left - BEFORE_S)
        self._held.append((now + longest, reply, answer))

    def release(self) -> None:
        """Give all answers: what they promise is on disk now."""
        held, self._held = self._held, deque()
        for _, reply, answer in held:
            reply.set(answer)

    def refuse_overdue(self, now: float, error: Exception) -> int:
        """Refuse the answers that have waited too long, and those beyond the bound. Returns: how many were refused."""
        held, self._held = self._held, deque()
        too_many = len(held) - self._most
        for number, each in enumerate(held):
            if number < too_many or each[0] <= now:
                each[1].set_exception(error)
            else:
                self._held.append(each)
        return len(held) - len(self._held)
