"""Asks of more than one: who is asked next, and whose answer it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError, ActorRef, Future
from peerage.supervisors import retrying
from peerage.supervisors.retrying import RetriedAsk, first_answer

GONE = ActorDeadError("it has ended")
LONG_S = 60.0


class Asked(ActorRef[Any]):
    """Notes how it is asked, in the order of all; the test answers."""

    def __init__(self, name: str, asked: list[Any]) -> None:
        super().__init__(name)
        self._asked = asked

    def ask(self, message: Any, **options: Any) -> Any:
        future: Future[Any] = Future()
        self._asked.append((self.name, message, options.get("patience") is not None, future))
        return future


class Attempt:
    """A question to a pool of two, the first of which was asked."""

    def __init__(self, *, seconds: float = LONG_S, tries: int = 2) -> None:
        self.asked: list[Any] = []
        self.refs: list[ActorRef[Any]] = [Asked("a", self.asked), Asked("b", self.asked)]
        self.answer: Future[Any] = Future()
        self.first: Future[Any] = Future()
        until = time.monotonic() + seconds
        RetriedAsk(self.answer, self.candidates, "question", until, tries).begin(self.first)

    def candidates(self) -> Sequence[ActorRef[Any]]:
        if not self.refs:
            raise ActorDeadError("no pool")
        return self.refs


@pytest.fixture(autouse=True)
def hosts(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names whose hosts are alive."""
    alive = {"a", "b"}
    monkeypatch.setattr(retrying, "has_host", lambda ref: ref.name in alive)
    monkeypatch.setattr(retrying, "ask_next", lambda ref, message, left: ref.ask(message, patience=left))
    return alive


def test_an_answer_is_the_answer() -> None:
    """Nobody else is asked; an exception of the worker's is one, too."""
    for outcome in ((1, None), (None, ValueError("boom"))):
        attempt = Attempt()
        attempt.first.resolve(*outcome)
        assert (attempt.answer.done, attempt.answer.error) == (True, outcome[1])
        assert attempt.asked == []


def test_a_death_has_the_next_one_asked() -> None:
    """As often as there are workers."""
    attempt = Attempt()
    attempt.refs.pop(0)
    attempt.first.resolve(None, GONE)
    ((name, message, patient, second),) = attempt.asked
    assert (name, message, patient) == ("b", "question", False)
    second.resolve("answer")
    assert attempt.answer.get(timeout=0) == "answer"


def test_when_none_is_up_the_first_that_comes_back_is_waited_for(hosts: set[str]) -> None:
    """With the time that is left."""
    attempt = Attempt()
    hosts.clear()
    attempt.first.resolve(None, GONE)
    assert [(name, patient) for name, _, patient, _ in attempt.asked] == [("a", True)]


@pytest.mark.parametrize("limits", [{"seconds": -1.0}, {"tries": 0}])
def test_it_is_not_tried_for_ever(limits: dict[str, Any]) -> None:
    """Neither for longer than was asked for, nor by a message that kills whoever gets it."""
    attempt = Attempt(**limits)
    attempt.first.resolve(None, GONE)
    assert attempt.answer.error is GONE
    assert attempt.asked == []


def test_a_pool_that_has_ended_ends_the_question() -> None:
    """With the pool's error, which says more than the worker's."""
    attempt = Attempt()
    attempt.refs.clear()
    attempt.first.resolve(None, GONE)
    assert str(attempt.answer.error) == "no pool"


def test_whoever_gives_up_has_nobody_asked() -> None:
    """The asker's timeout cancels the future."""
    attempt = Attempt()
    attempt.answer.cancel()
    attempt.first.resolve(None, GONE)
    assert attempt.asked == []


def test_the_first_answer_counts() -> None:
    """An exception is none, and the others are not waited for."""
    asked: list[Future[Any]] = [Future() for _ in range(3)]
    answer = first_answer(asked)
    asked[0].resolve(None, ValueError("boom"))
    assert not answer.done
    asked[2].resolve("quick")
    assert answer.get(timeout=0) == "quick"
    assert asked[1].done


def test_when_all_fail_the_last_error_is_told() -> None:
    """There is no better answer."""
    asked: list[Future[Any]] = [Future() for _ in range(2)]
    answer = first_answer(asked)
    asked[1].resolve(None, ValueError("first"))
    asked[0].resolve(None, ValueError("second"))
    assert str(answer.error) == "second"
