"""Asking leave for a connection: of the switch before the handshake and after it, of a seed's PEX reactor for an answer.

Each of them may be restarting at that moment. The connection waits for the successor then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from peerage.actors.peers.stream import Loop
from peerage.actors.runtime import ActorDeadError, ActorRef, Future

__all__ = ["Question"]

ASK_AGAIN_S = 0.2  # when this machine has no descriptor left for a way to the actor


class Question:
    """One question, to whoever has that name now or next.

    Args:
        loop: keeps the time.
        ref: who is asked.
        message: the question; it may be asked twice, of an actor and of its successor.
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
        self._is_closed = False
        self._ask()

    def close(self) -> None:
        """Nobody wants to know any more."""
        self._is_closed = True
        self._future.cancel()

    def _ask(self) -> None:
        if not self._is_closed:
            self._future = self._ref.ask(self._message, block=False, patience=math.inf)
            self._future.then(self._answered)

    def _answered(self, answer: Future[Any]) -> None:
        if self._is_closed:
            return
        try:
            value = answer.get(timeout=0)
        except ActorDeadError:
            self._loop.call_later(ASK_AGAIN_S, self._ask)
        else:
            self._on_answer(value)
