"""actors/peers/admission.py: a question that outlives the restart of whoever is asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.peers.admission import Question
from peerage.actors.runtime import ActorDeadError
from tests.actors.peers.fake_loop import FakeLoop


class Answer:
    """As the runtime's future; an exception is raised."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def then(self, fn: Callable[[Any], object]) -> None:
        fn(self)

    def cancel(self) -> None:
        self.value = RuntimeError("cancelled")

    def get(self, timeout: float) -> Any:
        assert timeout == 0
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Switch:
    """Stands in for its ref. Args: answers, one for each time that it is asked."""

    def __init__(self, *answers: Any) -> None:
        self.asked: list[object] = []
        self._answers = list(answers)

    def ask(self, message: object, *, block: bool, patience: float) -> Answer:
        assert (block, patience) == (False, math.inf)
        self.asked.append(message)
        return Answer(self._answers.pop(0))


def ask(switch: Switch, loop: FakeLoop, answers: list[Any]) -> Question:
    return Question(loop, switch, "may I", answers.append)  # type: ignore[arg-type]  # stands in for a ref


def test_the_answer_is_handed_over_once() -> None:
    loop, switch, answers = FakeLoop(), Switch("yes"), list[Any]()
    ask(switch, loop, answers)
    loop.advance(60.0)
    assert (switch.asked, answers) == (["may I"], ["yes"])


def test_without_a_way_to_the_actor_it_is_asked_again_later() -> None:
    """Descriptors may be left then. (The runtime itself has patience with an actor that is being restarted.)"""
    loop, answers = FakeLoop(), list[Any]()
    switch = Switch(ActorDeadError("no way"), ActorDeadError("no way"), "yes")
    ask(switch, loop, answers)
    for _ in range(3):
        loop.advance(1.0)
    assert (len(switch.asked), answers) == (3, ["yes"])


def test_a_closed_question_is_not_asked_again() -> None:
    """Its connection has ended meanwhile."""
    loop, switch, answers = FakeLoop(), Switch(ActorDeadError("no way"), "yes"), list[Any]()
    ask(switch, loop, answers).close()
    loop.advance(1.0)
    assert (len(switch.asked), answers) == (1, [])


def test_an_error_of_the_one_who_is_asked_is_not_hidden() -> None:
    loop, answers = FakeLoop(), list[Any]()
    with pytest.raises(ValueError, match="its own"):
        ask(Switch(ValueError("its own")), loop, answers)
    assert answers == []
