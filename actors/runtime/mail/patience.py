"""Asks that outlive the actor they were sent to: when it is gone, its successor is asked.

    asked ──> answered                                      the asker has its answer
      ↑  └──> gone ──> until one of that name is up ──┐
      └───────────────────────────────────────────────┘     until patience is at an end: ActorDeadError

The news that a successor is up comes from `follows.py`; nothing is polled. A question may reach two lives of the actor,
since the first may have handled it and ended before its answer was sent: at least once, not at most once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

import pykka

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.mail.codec import Encoded
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES


class Answer(Protocol):
    """The part of a future that is needed here."""

    port: Any

    @property
    def done(self) -> bool: ...

    @property
    def error(self) -> BaseException | None: ...

    def get(self, *, timeout: float | None) -> Any: ...

    def resolve(self, value: Any, error: BaseException | None = None) -> bool: ...

    def follow(self, source: Any, finish: Callable[[], object]) -> None:
        """Have `finish` called once `source` is resolved, and wait where that is waited for."""

    def rest(self) -> None:
        """There is no such source now."""


class Port(Protocol):
    """The part of a port that is needed to ask again."""

    @property
    def following(self) -> int:
        """How many names are followed."""

    def ask_again(self, ref: Any, message: Encoded, sender: bytes) -> Answer:
        """Send the question to the actor that is up now, outside the window."""

    def follow(
        self,
        ref: Any,
        on_up: Callable[[], object],
        on_down: Callable[[DownReason], object],
        *,
        on_close: Callable[[], object],
        is_wanted: Callable[[], bool],
    ) -> int:
        """Have `on_up` called when an actor of that name is up, `on_close` when nothing can be told any more."""

    def unfollow(self, number: int) -> None:
        """Call neither."""

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        """Call `fn` in any thread after `delay` seconds."""


class PatientAsk:
    """One question, and the future `answer` that its asker waits for.

    Args:
        port: the asker's, whose closing ends the question.
        message: packed once, so that each life is asked what was meant when the asker asked.
        sender: the identity of the actor that asks.
        until: monotonic seconds when patience is at an end; None, if it has none.
        lives: how many successors are asked at most.
    """

    def __init__(
        self,
        answer: Answer,
        port: Port,
        ref: Any,
        message: Encoded,
        sender: bytes,
        until: float | None,
        lives: float = inf,
    ) -> None:
        self.answer = answer
        self._port, self._ref, self._message, self._sender = port, ref, message, sender
        self._until = inf if until is None else until
        self._lives = lives
        self._number: int | None = None  # of the follow, while no actor is up
        self._error: BaseException | None = None  # of the last try
        self._has_deadline = False

    def begin(self, asked: Answer) -> None:
        """The question has been sent, and `asked` will be the answer of the actor that is there now."""
        self.answer.follow(asked, lambda: self._finish(asked))

    def _finish(self, asked: Answer) -> None:
        error = asked.error
        if is_gone(error) and self._lives:
            self.failed(error)
        elif error is not None:
            self.answer.resolve(None, error)
        else:
            self.answer.resolve(asked.get(timeout=0))

    def failed(self, error: BaseException | None) -> None:
        """Nobody was there to answer: wait for a successor.

        Args: error, of the last try. The asker gets it when patience is at an end, as it would have without patience.
        """
        if self.answer.done:
            return
        self._error = error
        left = self._until - time.monotonic()
        # Asks that wait for successors are in no window. This is what bounds them.
        if left <= 0 or self._port.following >= WINDOW_MESSAGES:
            self._give_up()
            return
        self.answer.rest()
        try:
            self._number = self._port.follow(
                self._ref,
                self._ask_again,
                _ignore,
                on_close=self._close,
                is_wanted=self._is_wanted,
            )
        except ActorDeadError as closed:
            self.answer.resolve(None, closed)
            return
        if (
            not self._has_deadline and left < inf
        ):  # one for all tries: patience does not begin anew with each successor
            self._has_deadline = True
            self._port.call_later(left, self._expire)

    def _is_wanted(self) -> bool:
        """Whether anybody may still want the answer. It may have been cancelled or have timed out in any thread."""
        return not self.answer.done

    def _ask_again(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            self._port.unfollow(number)
        if not self.answer.done:
            self._lives -= 1
            self.begin(self._port.ask_again(self._ref, self._message, self._sender))

    def _expire(self) -> None:
        if self._number is not None:  # otherwise a successor has been asked, and may take its time to answer
            self._give_up()

    def _give_up(self) -> None:
        self.answer.resolve(None, self._error)

    def _close(self) -> None:
        self.answer.resolve(None, ActorDeadError("the asking thread or the system has ended"))


def _ignore(_reason: DownReason) -> None:
    """The end of the actor is no news: the ask itself fails with it."""


def is_gone(error: BaseException | None) -> bool:
    """Whether an ask failed because its actor was not there, or ended before it answered.

    A subclass says something else (ForeignRefError, LimitReachedError), and an ActorDeadError that the actor has raised
    itself is its answer: that one has the remote traceback as its cause.
    """
    return type(error) is pykka.ActorDeadError and error.__cause__ is None
