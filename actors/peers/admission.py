"""Asking leave for a connection: of the switch before the handshake and after it, of a seed's PEX reactor for an answer.

Each of them may be restarting at that moment. The connection waits for the successor then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.peers.stream import Loop
from peerage.actors.runtime import ActorDeadError, ActorRef, Future

__all__ = ["Question"]

ASK_AGAIN_S = 0.02  # a restart of the switch takes about 30 ms (tests/bench/recovery.py)


class Question:
    """One question, asked at once, and again whenever the actor turns out not to be there.

    Args:
        loop: for the pause between two tries.
        ref: who is asked.
        message: the question.
        on_answer: called with the answer, once, unless `close` comes first. An error that the actor answers with is raised
            in the loop.
    """

    def __init__(
        self, loop: Loop, ref: ActorRef[Any], message: object, on_answer: Callable[[Any], object]
    ) -> None:
        self._loop = loop
        self._ref = ref
        self._message = message
        self._on_answer = on_answer
        self._is_over = False
        self._ask()

    def close(self) -> None:
        """Nobody wants to know any more."""
        self._is_over = True

    def _ask(self) -> None:
        if not self._is_over:
            self._ref.ask(self._message, block=False).then(self._answered)

    def _answered(self, answer: Future[Any]) -> None:
        if self._is_over:
            return
        try:
            value = answer.get(timeout=0)
        except ActorDeadError:
            self._loop.call_later(ASK_AGAIN_S, self._ask)
            return
        self._is_over = True
        self._on_answer(value)
