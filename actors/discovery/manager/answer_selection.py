"""Selecting the addresses of an answer: for each request, or under load for all requests that come close together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from peerage.actors.discovery.manager.agenda import Agenda
from peerage.actors.discovery.manager.effects import Effects, SelectAnswer
from peerage.actors.discovery.manager.events import Told
from peerage.actors.discovery.manager.load import Load
from peerage.actors.discovery.manager.settings import Pace


@dataclass(slots=True)
class _Shared:
    """An answer that several requests share: when the book was asked and answered, and which requests wait for the next."""

    load: Load
    told: Told = b""
    asked_at: float = float("-inf")
    selected_at: float = float("-inf")
    askers: list[Callable[[Told], None]] = field(default_factory=list)


class AnswerSelection:
    """Asks the book for answers, and shares one between several requests under load."""

    def __init__(self, effects: Effects, agenda: Agenda, pace: Pace) -> None:
        self._effects = effects
        self._agenda = agenda
        self._shared_s = pace.shared_answer
        self._load_per_second = pace.load_per_second
        self._shared: dict[int | None, _Shared] = {}

    def select(self, bias: int | None, then: Callable[[Told], None]) -> None:
        """Ask for an answer with this bias, or under load use the one that was selected a moment ago."""
        shared = self._shared.get(bias)
        if shared is None:
            shared = self._shared[bias] = _Shared(Load(self._load_per_second))
        now = self._agenda.now.at
        if not shared.load.is_high(now):
            self._effects.emit(SelectAnswer(bias, then))
        elif now - shared.selected_at < self._shared_s:
            then(shared.told)
        else:
            shared.askers.append(then)
            if now - shared.asked_at >= self._shared_s:
                shared.asked_at = now
                self._effects.emit(SelectAnswer(bias, lambda told: self._selected(shared, told)))

    def count(self, bias: int | None) -> None:
        """A peer host has given somebody an answer with this bias, which was shared a moment ago."""
        shared = self._shared.get(bias)
        if shared is not None:
            shared.load.is_high(self._agenda.now.at)

    def shared_until(self, bias: int | None, told: Told) -> float:
        """Until when this answer is shared, in monotonic seconds; -infinity when it is not."""
        shared = self._shared.get(bias)
        return (
            shared.selected_at + self._shared_s if shared is not None and shared.told is told else -math.inf
        )

    def _selected(self, shared: _Shared, told: Told) -> None:
        shared.selected_at, shared.told = self._agenda.now.at, told
        askers, shared.askers = shared.askers, []
        for then in askers:
            then(told)
