"""A start that is under way while the actor that asked for it goes on.

The host's loop drives it, so it needs no thread and no waiting: each answer on the way continues it.
It belongs to the host and not to the actor, so that a thread's reserved name is given back even if the actor has ended by
then.

    requested ──> came_up ──> outcome: the ref
        │    └──> fail ─────> outcome: the error
        ├──> expire, cancel > outcome: an error at once; its process is killed, and an actor that comes up late is stopped
        └──> give_up ───────> its process is killed; outcome: an error, once it is gone
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from peerage.actors.runtime.errors import ActorDeadError, ActorStartError, LimitReachedError, StartLimitError

R = TypeVar("R")
F = TypeVar("F", bound="Answer")


class Answer(Protocol):
    """What a step waits for: a future, of which this is all that is needed here."""

    def when_done(self, callback: Callable[[], object], /) -> None: ...


class Outcome(Answer, Protocol):
    """The result of the start: a future. Cancelling it resolves it as well."""

    @property
    def done(self) -> bool: ...

    def resolve(self, value: Any, error: BaseException | None = None, /) -> bool: ...


T = TypeVar("T", bound=Outcome)


class Waiting(Protocol):
    """Wait in the middle of a handler, while the loop turns. Returns: whether `done()` was true within `timeout` seconds."""

    def __call__(self, done: Callable[[], bool], timeout: float | None, /) -> bool: ...


class PendingStart(Generic[R, T]):
    """One start under way.

    Everything but `wait` is called in the thread of the host's loop.

    Attribute: outcome, a future of the actor's ref, or of what went wrong. Cancelling it gives the start up at once.

    Args:
        outcome: not resolved yet.
        call_soon: has a function called in the host's loop.
        wait: see Waiting.
        kill: kills the host that is being made for the actor, if there is one; called once, when nobody waits for the actor
            any more.
        late: called with the ref of an actor that came up after that.
    """

    def __init__(
        self,
        outcome: T,
        name: str,
        *,
        call_soon: Callable[[Callable[[], object]], object],
        wait: Waiting,
        kill: Callable[[], object],
        late: Callable[[R], object],
    ) -> None:
        self.outcome = outcome
        self._name, self._call_soon, self._kill, self._late = name, call_soon, kill, late
        self._wait = wait
        self._is_over = False  # it came up, or failed: there is nothing to give up
        self._is_given_up = False
        outcome.when_done(self._settled)

    # For whoever asked for the actor

    def give_up(self) -> None:
        """Kill the host that is being made for the actor. The outcome, an error, comes when the host is gone.

        That is the difference to cancelling the outcome: a supervisor that stops a child in the middle of its start must
        know when nothing of it is left.

        An actor that starts in a thread or in another actor's host cannot be killed. It is stopped when it comes up, and
        the outcome comes then.
        """
        if not self._is_given_up and not self.outcome.done:
            self._is_given_up = True
            self._kill()

    def wait(self, timeout: float | None) -> bool:
        """Wait for the outcome in the middle of a handler. Returns: whether it is there."""
        return self._wait(lambda: self.outcome.done, timeout)

    # For whoever carries the start out

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for the actor any more."""
        return self._is_given_up

    def follow(self, answer: F, step: Callable[[F], object]) -> None:
        """Go on with `step(answer)` in the host's loop once the answer is there.

        Never at once, though it may be there: whoever reads the mailbox resolves it, in the middle of some handler.
        """
        answer.when_done(lambda: self._call_soon(lambda: self._go_on(step, answer)))

    def came_up(self, ref: R) -> None:
        """The actor lives."""
        if self._is_given_up:
            self._late(ref)
            self._end(None, ActorStartError(self._name, "its start was given up"))
        else:
            self._end(ref, None)

    def fail(self, error: BaseException) -> None:
        """It did not come up."""
        self._end(None, as_start_error(self._name, error))

    def expire(self, why: str) -> None:
        """It has taken too long. Not by `_end`: as after a cancellation, `_settled` has the host killed."""
        self.outcome.resolve(None, ActorStartError(self._name, why))

    def _go_on(self, step: Callable[[F], object], answer: F) -> None:
        # SystemExit was raised in the new actor, by its constructor or `on_start`: it must not end this host.
        try:
            step(answer)
        except (
            Exception,
            SystemExit,
        ) as error:
            self.fail(error)

    def _end(self, ref: R | None, error: BaseException | None) -> None:
        if not self.outcome.done:
            self._is_over = True
            self.outcome.resolve(ref, error)

    def _settled(self) -> None:
        """The outcome is there: if it did not come from `_end`, it was cancelled, or has taken too long."""
        if not (self._is_over or self._is_given_up):
            self._is_given_up = True
            self._call_soon(self._kill)  # a future may be cancelled in any thread


def as_start_error(name: str, error: BaseException) -> BaseException:
    """Turn an error into what `start` raises: the actor's own exceptions stay, a death becomes an ActorStartError.

    To whoever starts an actor, "the host has ended" is a start that failed. Where a limit of the operating system was the
    cause, the error says so in its class too, for supervisors wait for room then.
    """
    if isinstance(error, ActorStartError) or not isinstance(error, ActorDeadError):
        return error
    told = ActorStartError(name, str(error))
    if isinstance(error, LimitReachedError):
        told = StartLimitError(name, error.limit)
    told.__cause__ = error
    return told
