"""Asks that go to more than one worker: one after the other until one answers, or all at once for the first answer."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from peerage.actors.runtime import ActorDeadError, ActorRef, Future
from peerage.actors.runtime.outlook import ask_next, has_host


def is_gone(error: BaseException | None) -> bool:
    """Whether an ask failed because its actor was not there, or ended before it answered.

    A subclass says something else, and an ActorDeadError that the actor has raised itself is its answer: that one has the
    remote traceback as its cause.
    """
    return type(error) is ActorDeadError and error.__cause__ is None


class RetriedAsk:
    """One question, asked of another worker when the one that was asked has ended.

    At least once, as with `patience`: the first worker may have handled it and died before its answer left. Each further try
    goes outside the window, because whoever hears of a death cannot wait for room; it takes the place of the one before, so
    there are never more of them than asks.

    Args:
        answer: what the asker waits for.
        candidates: those to ask now, the best first. Raises: ActorDeadError, when the pool is gone.
        message: packed.
        until: monotonic seconds until which it is tried.
        tries: how often at most; after that it is the worker's fault, not that of its death.
    """

    def __init__(
        self,
        answer: Future[Any],
        candidates: Callable[[], Iterable[ActorRef]],
        message: Any,
        until: float,
        tries: int,
    ) -> None:
        self._answer, self._candidates, self._message = answer, candidates, message
        self._until, self._tries = until, tries

    def begin(self, asked: Future[Any]) -> None:
        """The question has been sent."""
        self._answer.follow(asked, lambda: self._finish(asked))

    def _finish(self, asked: Future[Any]) -> None:
        error = asked.error
        left = self._until - time.monotonic()
        if self._answer.done:
            return
        if error is None:
            self._answer.resolve(asked.get(timeout=0))
        elif not is_gone(error) or left <= 0 or self._tries <= 0:
            self._answer.resolve(None, error)
        else:
            self._tries -= 1
            self._answer.rest()
            try:
                ref = next(iter(self._candidates()))
                if has_host(ref):
                    self.begin(ref.ask(self._message, block=False, exempt=True))
                else:  # None is up: the next one that is. Not `patience`, which would ask each of its successors.
                    self.begin(ask_next(ref, self._message, left))
            except Exception as fault:  # the pool has gone, or this thread's mailbox has
                self._answer.resolve(None, fault)


def first_answer(asked: Sequence[Future[Any]]) -> Future[Any]:
    """A future of the first answer that is no exception; when all fail, of what the last one failed with."""
    answer: Future[Any] = Future()
    pending = list(asked)

    def finish(one: Future[Any]) -> None:
        pending.remove(one)
        if answer.done:
            return
        if one.error is None:
            answer.resolve(one.get(timeout=0))
            for other in list(pending):  # their answers are dropped when they come
                other.cancel()
        elif not pending:
            answer.resolve(None, one.error)

    # Whoever waits for the answer reads the mailbox that all of these come to.
    for one in asked[1:]:
        one.when_done(partial(finish, one))
    answer.follow(asked[0], partial(finish, asked[0]))
    return answer
