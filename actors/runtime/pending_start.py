"""A start that is under way while the actor that asked for it goes on.

The host's loop drives it, so it needs no thread and no waiting: each answer on the way continues it.
It belongs to the host and not to the actor, so that a thread's reserved name is given back even when the actor has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from peerage.actors.runtime.errors import ActorDeadError, ActorStartError, LimitReachedError, StartLimitError

R = TypeVar("R")
F = TypeVar("F", bound="Answer")


class Answer(Protocol):
    """What a step waits for, as far as it matters here: a future."""

    def when_done(self, callback: Callable[[], object], /) -> None: ...


class Outcome(Answer, Protocol):
    """What is told of the start: a future that whoever cancels it resolves as well."""

    @property
    def done(self) -> bool: ...

    def resolve(self, value: Any, error: BaseException | None = None, /) -> bool: ...


class PendingStart(Generic[R]):
    """One start under way: its outcome is the ref of the actor, or what went wrong.

    Args: outcome, not resolved yet; if somebody else resolves it, the start is given up. call_soon, which has a function
        called in the loop of the host. give_up, called once when nobody waits any more. late, called with the ref of an
        actor that came up after that.
    """

    def __init__(
        self,
        outcome: Outcome,
        name: str,
        *,
        call_soon: Callable[[Callable[[], object]], object],
        give_up: Callable[[], object],
        late: Callable[[R], object],
    ) -> None:
        self._outcome, self._name = outcome, name
        self._call_soon, self._give_up, self._late = call_soon, give_up, late
        self._is_over = False  # it came up, or failed: there is nothing to give up
        outcome.when_done(self._settled)

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for the actor any more."""
        return self._outcome.done and not self._is_over

    def follow(self, answer: F, step: Callable[[F], object]) -> None:
        """Go on with `step(answer)` in the host's loop once the answer is there."""
        answer.when_done(lambda: self._call_soon(lambda: self._go_on(step, answer)))

    def came_up(self, ref: R) -> None:
        """The actor lives."""
        if self.is_given_up:
            self._late(ref)
        else:
            self._end(ref, None)

    def fail(self, error: BaseException) -> None:
        """It did not come up."""
        self._end(None, as_start_error(self._name, error))

    def expire(self, why: str) -> None:
        """It has taken too long."""
        self._outcome.resolve(None, ActorStartError(self._name, why))

    def _go_on(self, step: Callable[[F], object], answer: F) -> None:
        try:
            step(answer)
        except (
            Exception,
            SystemExit,
        ) as error:  # SystemExit: it ends the actor that was to start, not this host
            self.fail(error)

    def _end(self, ref: R | None, error: BaseException | None) -> None:
        if not self._outcome.done:
            self._is_over = True
            self._outcome.resolve(ref, error)

    def _settled(self) -> None:
        if not self._is_over:
            self._call_soon(self._give_up)


def as_start_error(name: str, error: BaseException) -> BaseException:
    """Return what the starter of an actor is told of an error: what the actor itself raised stays as it is."""
    if isinstance(error, ActorStartError) or not isinstance(error, ActorDeadError):
        return error
    told = ActorStartError(name, str(error))
    if isinstance(error, LimitReachedError):
        told = StartLimitError(name, error.limit)
    told.__cause__ = error
    return told
