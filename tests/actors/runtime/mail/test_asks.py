"""actors/runtime/mail/asks.py: every ask is answered, failed or given up once, and gives its place in the window back."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError
from peerage.actors.runtime.mail.asks import Asks
from peerage.actors.runtime.mail.codec import encode, encode_failure
from peerage.actors.runtime.mail.definitions import news
from peerage.actors.runtime.mail.routes import Route
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, KEY, MINE, Waiter, path


@pytest.fixture
def asks() -> Asks:
    return Asks(lambda _source: None)


@pytest.fixture
def route() -> Route:
    return Route(KEY, MINE, path(), HOST)


def in_window(asks: Asks, route: Route, size: int = 10) -> Waiter:
    """One who waits for an answer, and whose question holds a place."""
    waiter = Waiter()
    route.window.messages += 1
    route.window.asks += 1
    route.window.size += size
    asks.expect(waiter, route.serial, route, size)
    return waiter


def reply(asks: Asks, waiter: Waiter, value: Any) -> None:
    body, extras, flags = encode(value)
    asks.on_reply(flags, ADDRESS, waiter.asked.number, b"", b"", body, extras, len(body))


def held(route: Route) -> tuple[int, int, int]:
    return route.window.messages, route.window.asks, route.window.size


def test_an_answer_resolves_and_frees_the_window(asks: Asks, route: Route) -> None:
    """Once: what comes again finds nobody."""
    waiter = in_window(asks, route)
    assert held(route) == (1, 1, 10)
    for _ in range(2):
        reply(asks, waiter, {"a": 1})
    assert waiter.outcomes == [{"a": 1}]
    assert held(route) == (0, 0, 0)
    assert not asks


def test_an_answered_ask_lets_go_of_who_asked(asks: Asks, route: Route) -> None:
    """Who has it in turn, and a large answer with it, until the garbage is collected."""
    waiter = in_window(asks, route)
    reply(asks, waiter, b"answer")
    assert waiter.asked.waiter is None


def test_answers_find_their_askers_in_any_order(asks: Asks, route: Route) -> None:
    waiters = [in_window(asks, route) for _ in range(3)]
    for number in (2, 0, 1):
        reply(asks, waiters[number], number)
    assert [waiter.outcomes for waiter in waiters] == [[0], [1], [2]]


def test_an_exception_of_the_actor_is_the_answer(asks: Asks, route: Route) -> None:
    waiter = in_window(asks, route)
    asks.on_fail(0, ADDRESS, waiter.asked.number, b"", b"", encode_failure(ValueError("boom")))
    assert [repr(outcome) for outcome in waiter.outcomes] == ["ValueError('boom')"]
    assert held(route) == (0, 0, 0)


def test_an_answer_that_cannot_be_read_fails_the_ask(asks: Asks, route: Route) -> None:
    waiter = in_window(asks, route)
    asks.on_reply(0, ADDRESS, waiter.asked.number, b"", b"", b"no pickle", (), 9)
    assert isinstance(waiter.outcomes[0], Exception)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", r"Worker \(actor in host\) not found"),
        (b"stopped before it answered", "stopped before it answered"),
    ],
)
def test_an_actor_that_is_not_there_fails_the_ask(asks: Asks, route: Route, body: bytes, text: str) -> None:
    """With what its host says of it."""
    waiter = in_window(asks, route)
    asks.on_dead(0, ADDRESS, waiter.asked.number, b"actor", b"", body)
    with pytest.raises(ActorDeadError, match=text):
        raise waiter.outcomes[0]


def test_a_question_to_a_host_names_what_it_was_about(asks: Asks) -> None:
    """It has no route."""
    waiter = Waiter()
    number = asks.expect(waiter, HOST)
    asks.on_dead(0, ADDRESS, number, b"it", b"", b"is not kept any more")
    with pytest.raises(ActorDeadError, match="it is not kept any more"):
        raise waiter.outcomes[0]


def test_an_ask_that_is_given_up_keeps_its_place_until_the_answer_comes(asks: Asks, route: Route) -> None:
    """The actor has the question still; what else is sent to it must wait as before."""
    waiter = in_window(asks, route)
    asks.abandon(waiter.asked)
    assert held(route) == (1, 1, 10)
    reply(asks, waiter, "late")
    assert waiter.outcomes == []
    assert held(route) == (0, 0, 0)


def test_an_ask_without_a_place_leaves_nothing_when_it_is_given_up(asks: Asks) -> None:
    """Thousands of such asks may have timed out."""
    waiter = Waiter()
    asks.expect(waiter, HOST)
    asks.abandon(waiter.asked)
    assert not asks
    assert not asks.hosts_without_window()
    asks.abandon(waiter.asked)


def test_giving_up_after_the_answer_does_nothing(asks: Asks, route: Route) -> None:
    waiter = in_window(asks, route)
    reply(asks, waiter, 1)
    asks.abandon(waiter.asked)
    assert held(route) == (0, 0, 0)


def test_hosts_that_owe_answers_are_known(asks: Asks, route: Route) -> None:
    """Outside the windows by themselves; the asks of a host are found among all."""
    first, second, other = Waiter(), Waiter(), Waiter()
    numbers = [asks.expect(first, HOST), asks.expect(second, HOST)]
    asks.expect(other, HOST + 1)
    assert set(asks.hosts_without_window()) == {HOST, HOST + 1}
    assert list(asks.of_hosts({HOST})) == numbers
    asks.settle(numbers[0])
    assert HOST in asks.hosts_without_window()
    asks.settle(numbers[1])
    assert set(asks.hosts_without_window()) == {HOST + 1}


def test_a_lost_ask_leaves_the_window_alone(asks: Asks, route: Route) -> None:
    """That is of a host that has died, and counts what was under way to it."""
    waiter = in_window(asks, route)
    assert asks.lose(waiter.asked.number) is waiter.asked
    assert asks.lose(waiter.asked.number) is None
    assert held(route) == (1, 1, 10)


def test_a_stop_is_numbered_between_the_asks(asks: Asks, route: Route) -> None:
    """What is asked after it was asked of an actor that was known to have stopped."""
    before = in_window(asks, route)
    asks.has_stopped(before.asked)
    after = in_window(asks, route)
    assert before.asked.number < route.stopped_at < after.asked.number


def test_definitions_in_an_answer_are_learned(route: Route) -> None:
    """Its sender may leave them out from now on."""
    learned: list[int] = []
    asks = Asks(learned.append)
    waiter = in_window(asks, route)
    news.add(b"identity")
    try:
        reply(asks, waiter, 1)
    finally:
        news.clear()
    assert learned == [ADDRESS]


def test_closing_returns_everybody_who_waits(asks: Asks, route: Route) -> None:
    """But for those who have given up."""
    waiter, gone = in_window(asks, route), in_window(asks, route)
    asks.abandon(gone.asked)
    assert asks.close() == [waiter]
    assert not asks
