"""Asks that are not wanted for ever, as a host hears of them."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime.host.answers import CANCELLED, Answers
from peerage.actors.runtime.host.limited_asks import LimitedAsks
from peerage.actors.runtime.host.system_messages import SystemMessage
from peerage.actors.runtime.mail.envelope import UNTIL, Kind
from tests.actors.runtime.host.fakes import Post

ASKER = (7 << 20, 3)


class Asked:
    """An actor as far as it owes answers."""

    def __init__(self) -> None:
        post: Any = Post()
        self.answers = Answers(post, lambda *_: None, {})

    @property
    def open_asks(self) -> set[tuple[int, int]]:
        return self.answers.open


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def queued() -> list[tuple[Any, ...]]:
    return []


@pytest.fixture
def limited(asked: Asked, queued: list[tuple[Any, ...]]) -> LimitedAsks:
    return LimitedAsks({b"actor": asked}, lambda *message: queued.append(message))


def test_the_deadline_stands_before_the_name(
    limited: LimitedAsks, asked: Asked, queued: list[tuple[Any, ...]]
) -> None:
    """What is queued is an ask like others."""
    limited.on_ask_until(0, *ASKER, UNTIL.pack(12.5) + b"actor", b"sender", b"body", (), 4)
    assert queued == [(int(Kind.ASK), 0, *ASKER, b"actor", b"sender", b"body", (), 4)]
    assert asked.answers.limits == {ASKER: 12.5}


def test_one_for_an_actor_that_is_not_there_leaves_nothing(
    limited: LimitedAsks, asked: Asked, queued: list[tuple[Any, ...]]
) -> None:
    """Whoever queues it refuses it."""
    limited.on_ask_until(0, *ASKER, UNTIL.pack(12.5) + b"nobody", b"", b"body", (), 4)
    assert [message[4] for message in queued] == [b"nobody"]
    assert asked.answers.limits == {}


def test_a_cancellation_is_for_an_ask_that_is_open(limited: LimitedAsks, asked: Asked) -> None:
    """One that crosses the answer, or the end of the actor, has no effect."""
    for target in (b"actor", b"nobody"):
        limited.on_cancel(SystemMessage(*ASKER, target, b""))
    assert asked.answers.limits == {}
    asked.answers.open.add(ASKER)
    limited.on_cancel(SystemMessage(*ASKER, b"actor", b""))
    assert asked.answers.limits == {ASKER: CANCELLED}


def test_the_end_of_an_asker_cancels_its_asks(limited: LimitedAsks, asked: Asked) -> None:
    """And no others."""
    other = (8 << 20, 3)
    asked.answers.open |= {ASKER, other}
    limited.lose(lambda address: address == ASKER[0])
    assert asked.answers.limits == {ASKER: CANCELLED}
