"""Messages for actors of a host that has none yet."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime.host.early_messages import FOR_ACTORS, EarlyMessages
from peerage.actors.runtime.mail.envelope import Kind


@pytest.fixture
def handled() -> list[tuple[Kind, Any]]:
    return []


@pytest.fixture
def handlers(handled: list[tuple[Kind, Any]]) -> list[Any]:
    def handler(kind: Kind) -> Any:
        return lambda *message: handled.append((kind, message))

    kinds = {int(kind): kind for kind in Kind}
    return [handler(kinds[n]) if n in kinds else None for n in range(max(Kind) + 1)]


def test_they_wait_in_their_order(handlers: list[Any], handled: list[tuple[Kind, Any]]) -> None:
    """Whatever their kinds."""
    early = EarlyMessages(handlers)
    for number, kind in enumerate(FOR_ACTORS):
        handlers[kind](number, b"actor")
    assert handled == []
    early.hand_over()
    assert handled == [(kind, (number, b"actor")) for number, kind in enumerate(FOR_ACTORS)]


def test_what_is_not_for_an_actor_is_handled_at_once(
    handlers: list[Any], handled: list[tuple[Kind, Any]]
) -> None:
    """The start message, say, and answers that its reading waits for."""
    EarlyMessages(handlers)
    for kind in (Kind.START, Kind.REPLY, Kind.HOST_STOP):
        handlers[kind](1)
    assert handled == [(Kind.START, (1,)), (Kind.REPLY, (1,)), (Kind.HOST_STOP, (1,))]


def test_afterwards_they_go_to_their_handlers_without_a_detour(
    handlers: list[Any], handled: list[tuple[Kind, Any]]
) -> None:
    """Which costs nothing on the hot path."""
    before = list(handlers)
    early = EarlyMessages(handlers)
    early.hand_over()
    assert handlers == before
    early.hand_over()
    assert handlers == before
    assert handled == []
