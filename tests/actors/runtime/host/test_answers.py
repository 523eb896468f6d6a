"""The asks of one actor: each is answered once, however its answer comes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.runtime.errors import Timeout
from peerage.actors.runtime.host.answers import CANCELLED, UNREAD_S, Answers
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.memory import LARGE
from tests.actors.runtime.host.fakes import Post

ASK = (7 << 20, 3)


class Unpicklable:
    def __reduce__(self) -> Any:
        raise TypeError("not to be sent")


class Soon:
    """The loop's next turn."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def __call__(self, fn: Callable[..., object], *args: Any) -> None:
        self.calls.append((fn, args))

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for fn, args in calls:
            fn(*args)


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def soon() -> Soon:
    return Soon()


@pytest.fixture
def answers(post: Post, soon: Soon) -> Answers:
    answers = Answers(post, soon, {})  # type: ignore[arg-type]  # it sends
    answers.open.add(ASK)
    return answers


def test_only_the_first_answer_counts(answers: Answers, post: Post) -> None:
    """Nothing is sent for the second."""
    answers.give(*ASK, "yes")
    answers.give(*ASK, "no")
    answers.fail(*ASK, ValueError("too late"))
    assert post.sent == [(ASK[0], Kind.REPLY, ASK[1], "yes")]
    assert answers.open == set()


def test_an_answer_to_a_tell_goes_nowhere(answers: Answers, post: Post) -> None:
    """Nobody asked."""
    answers.give(ASK[0], 0, "yes")
    assert post.sent == []


def test_a_large_answer_goes_too(answers: Answers, post: Post) -> None:
    """Beside the header."""
    answers.give(*ASK, b"x" * LARGE)
    assert post.sent == [(ASK[0], Kind.REPLY, ASK[1], b"x" * LARGE)]


def test_an_answer_that_cannot_be_pickled_is_an_exception_to_its_asker(answers: Answers, post: Post) -> None:
    """Its asker would wait for ever otherwise."""
    answers.give(*ASK, Unpicklable())
    [(_address, kind, _number, error)] = post.sent
    assert (kind, str(error)) == (Kind.FAIL, "not to be sent")


def test_a_future_answers_once_it_is_resolved(answers: Answers, post: Post, soon: Soon) -> None:
    """In the actor's own time, with the value that it had when it was resolved."""
    future: Future[list[str]] = Future()
    answers.give(*ASK, future)
    soon.turn()
    assert post.sent == []
    value = ["as it was"]
    future.set(value)
    value.append("later")
    soon.turn()
    assert post.sent == [(ASK[0], Kind.REPLY, ASK[1], ["as it was"])]


def test_a_future_that_fails_fails_the_ask(answers: Answers, post: Post, soon: Soon) -> None:
    """With its exception."""
    future: Future[None] = Future()
    answers.give(*ASK, future)
    future.set_exception(ValueError("boom"))
    soon.turn()
    [(_address, kind, _number, error)] = post.sent
    assert (kind, repr(error)) == (Kind.FAIL, "ValueError('boom')")


def test_a_future_of_a_future_is_followed(answers: Answers, post: Post, soon: Soon) -> None:
    """The asker gets a value."""
    outer: Future[Any] = Future()
    inner: Future[Any] = Future()
    answers.give(*ASK, outer)
    outer.set(inner)
    soon.turn()
    inner.set("at last")
    soon.turn()
    assert post.sent == [(ASK[0], Kind.REPLY, ASK[1], "at last")]


def test_a_value_of_a_future_that_cannot_be_pickled_fails_the_ask(
    answers: Answers, post: Post, soon: Soon
) -> None:
    """As one that is given at once."""
    future: Future[Any] = Future()
    answers.give(*ASK, future)
    future.set(Unpicklable())
    soon.turn()
    assert post.sent[0][1] == Kind.FAIL


def test_at_the_end_all_that_are_left_are_refused(answers: Answers, post: Post) -> None:
    """With the name of the actor that will not answer."""
    answers.refuse_all(b"actor")
    assert [(sent[0], sent[1], sent[2]) for sent in post.sent] == [(ASK[0], Kind.DEAD, ASK[1])]
    assert answers.open == set()


def test_an_ask_that_was_cancelled_is_refused_before_it_is_begun(answers: Answers, post: Post) -> None:
    """Nobody waits; the answer frees its place in the window."""
    answers.cancel(ASK)
    assert not answers.is_wanted(ASK)
    assert answers.refuse_unwanted(*ASK, b"actor", math.inf)
    assert [sent[:3] for sent in post.sent] == [(ASK[0], Kind.DEAD, ASK[1])]
    assert (answers.open, answers.limits, answers.not_begun) == (set(), {}, 1)


def test_an_ask_whose_time_is_over_is_refused_with_a_timeout(answers: Answers, post: Post) -> None:
    """It is what its asker is about to find by itself."""
    answers.limits[ASK] = time.monotonic() - 1.0
    assert answers.refuse_unwanted(*ASK, b"actor", math.inf)
    [(_address, kind, _number, error)] = post.sent
    assert (kind, type(error)) == (Kind.FAIL, Timeout)


def test_an_ask_that_is_wanted_is_begun(answers: Answers, post: Post) -> None:
    """Whether it has a limit or not; an answer forgets the limit."""
    assert not answers.refuse_unwanted(*ASK, b"actor", math.inf)
    answers.limits[ASK] = time.monotonic() + 60.0
    assert not answers.refuse_unwanted(*ASK, b"actor", math.inf)
    answers.give(*ASK, "yes")
    assert (answers.limits, answers.not_begun) == ({}, 0)
    answers.cancel(ASK)  # it crosses the answer
    assert answers.limits == {}


def test_the_asks_of_those_that_have_gone_are_not_wanted(answers: Answers) -> None:
    """Those of others are."""
    other = (8 << 20, 1)
    answers.open.add(other)
    answers.lose(lambda address: address == ASK[0])
    assert answers.limits == {ASK: CANCELLED}
    assert answers.is_wanted(other)


def test_behind_a_slow_handler_the_mailbox_is_read_before_an_ask_is_begun(
    answers: Answers, post: Post
) -> None:
    """Its cancellation may have come meanwhile; behind quick ones that would cost more than it saves."""
    assert not answers.refuse_unwanted(*ASK, b"actor", time.monotonic() + 60.0)
    assert post.read == 0
    assert not answers.refuse_unwanted(*ASK, b"actor", time.monotonic() - 2 * UNREAD_S)
    assert post.read == 1
