"""What a switch has learned while the node runs, handed to the peer hosts: they keep it, and admit connections by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from peerage.actors.messages import KeepNotes, SwitchNotes
from peerage.actors.runtime import ActorRef, Future, Timer

__all__ = ["Keeping"]

KEEP_TIMEOUT_S = 1.0  # a peer host that hangs is not waited for


class Keeping:
    """The peer hosts, as they keep notes. Whoever is told that an ID was added may rely on it at each of them."""

    def __init__(self, transports: Sequence[ActorRef], call_later: Callable[..., Timer]) -> None:
        self._transports = transports
        self._call_later = call_later
        self._missing: set[Future[Any]] = set()
        self._waiting: list[tuple[Callable[[], object], Timer]] = []

    def spread(self, notes: SwitchNotes) -> None:
        """Have all of them keep these. One that is not there hears of them when it comes up."""
        answers = [each.ask(KeepNotes(notes), block=False, exempt=True) for each in self._transports]
        self._missing.update(answers)
        for answer in answers:
            answer.then(self._kept)

    def when_kept(self, then: Callable[[], object]) -> None:
        """Call `then` once all that was spread so far is kept."""
        if self._missing:
            self._waiting.append(
                (then, self._call_later(KEEP_TIMEOUT_S, partial(self._give_up, self._missing.copy())))
            )
        else:
            then()

    def _give_up(self, answers: set[Future[Any]]) -> None:
        self._missing -= answers
        self._check()

    def _kept(self, answer: Future[Any]) -> None:
        self._missing.discard(answer)
        self._check()

    def _check(self) -> None:
        if not self._missing:
            waiting, self._waiting = self._waiting, []
            for then, timer in waiting:
                timer.cancel()
                then()
