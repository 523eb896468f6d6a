"""Coroutines of a ref: what comes before or after the call."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError, Future, Timeout
from peerage.actors.runtime.mail.awaiting import answer_within, ask_later, ask_on, fail, tell_later


class Ref:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def ask_async(self, message: Any, timeout: float | None = None, **options: Any) -> Any:  # noqa: ASYNC109 - as a ref
        self.heard.append((message, timeout, options))
        return "answer"

    async def tell_async(self, message: Any, **options: Any) -> None:
        self.heard.append((message, options))


class Patient:
    """Answers by a successor when the first one is gone."""

    def __init__(self, answer: Future[Any], error: BaseException | None = None) -> None:
        self.answer, self.error = answer, error
        self.failures: list[BaseException | None] = []

    def failed(self, error: BaseException | None) -> None:
        self.failures.append(error)
        self.answer.resolve(None if self.error else "successor's", self.error)


def first(error: BaseException | None) -> Coroutine[Any, Any, Any]:
    async def asked() -> str:
        if error is not None:
            raise error
        return "first one's"

    return asked()


def ask(error: BaseException | None, later: BaseException | None = None) -> tuple[Any, Patient]:
    answer: Future[Any] = Future()
    patient: Any = Patient(answer, later)
    return asyncio.run(ask_on(first(error), patient, answer, None, None)), patient


def test_calls_made_outside_a_loop_are_made_when_they_are_awaited() -> None:
    """With all that was said."""
    ref = Ref()

    async def main() -> None:
        assert await ask_later(ref, "question", 1.0, None, True, 2.0) == "answer"
        await tell_later(ref, "news", None, False)

    asyncio.run(main())
    assert ref.heard[0] == ("question", 1.0, {"when_full": None, "exempt": True, "patience": 2.0})
    assert ref.heard[1] == ("news", {"when_full": None, "exempt": False})


def test_an_error_known_at_the_call_is_raised_when_it_is_awaited() -> None:
    """As every other."""
    with pytest.raises(KeyError):
        asyncio.run(fail(KeyError("known")))


def test_awaiting_an_answer_has_a_timeout() -> None:
    """The error names the caller's own limit; a Timeout that is the answer is raised as it is."""
    done: Future[str] = Future()
    done.set("answer")
    assert asyncio.run(answer_within(done, 1.0, 1.0)) == "answer"
    with pytest.raises(Timeout, match=r"7\.5 seconds"):
        asyncio.run(answer_within(Future(), 0.0, 7.5))


def test_the_first_answer_counts() -> None:
    """No successor is asked."""
    answer, patient = ask(None)
    assert (answer, patient.failures) == ("first one's", [])


def test_when_the_actor_is_gone_its_successors_answer_is_awaited() -> None:
    """Or what became of that."""
    answer, patient = ask(ActorDeadError("a not found"))
    assert answer == "successor's"
    assert len(patient.failures) == 1
    with pytest.raises(ActorDeadError, match="in the end"):
        ask(ActorDeadError("a not found"), ActorDeadError("in the end"))


def test_an_error_of_the_actor_is_no_reason_to_ask_again() -> None:
    """It is an answer."""
    with pytest.raises(ValueError, match="no"):
        ask(ValueError("no"))
