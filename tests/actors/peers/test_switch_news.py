"""actors/peers/switch_news.py: who came and went, told together and in order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peerage.actors.messages import ConnectionEnded, ConnectionFacts
from peerage.actors.names import NodeNames
from peerage.actors.peers.addressees import Addressees
from peerage.actors.peers.switch_news import DELAY_S, LONGER_DELAY_S, MANY, MOST, SwitchNews
from peerage.actors.refusal import Refusal, RefusalReason
from tests.actors.peers.fake_loop import FakeLoop
from tests.actors.peers.recorded_refs import Told, recorded


def ended(number: int, *, outbound: bool = False) -> ConnectionEnded:
    return ConnectionEnded(ConnectionFacts(f"c-{number}", "host", "192.0.2.1", 1, outbound))


class Stage:
    """The news of a host, and what the switch hears."""

    def __init__(self, told: Told) -> None:
        self.loop = FakeLoop()
        self.news = SwitchNews(Addressees(NodeNames("n/", (), 1)), self.loop.call_later)
        self._told = told

    @property
    def heard(self) -> list[str]:
        return [message.facts.connection for _name, message in self._told]  # type: ignore[attr-defined]  # all of them


@pytest.fixture
def stage() -> Iterator[Stage]:
    with recorded() as told:
        yield Stage(told)


def test_what_happens_in_quick_succession_is_told_together(stage: Stage) -> None:
    """In its order, and once."""
    for number in range(3):
        stage.news.tell(ended(number))
    assert stage.heard == []
    stage.loop.advance(DELAY_S)
    stage.loop.advance(60.0)
    assert stage.heard == ["c-0", "c-1", "c-2"]
    stage.news.tell(ended(3))
    stage.loop.advance(DELAY_S)
    assert stage.heard[3:] == ["c-3"]


def test_news_of_a_dial_goes_at_once_with_all_before_it(stage: Stage) -> None:
    stage.news.tell(ended(0))
    stage.news.tell(ended(1, outbound=True))
    assert stage.heard == ["c-0", "c-1"]


def test_a_flood_is_told_in_pieces(stage: Stage) -> None:
    for number in range(MOST):
        stage.news.tell(ended(number))
    assert len(stage.heard) == MOST


def test_where_many_come_and_go_news_wait_longer(stage: Stage) -> None:
    """And no longer than that; when few come they are told soon again."""
    for number in range(MANY):
        stage.news.tell(ended(number))
    stage.loop.advance(DELAY_S)
    assert len(stage.heard) == MANY
    stage.news.tell(ended(MANY))
    stage.loop.advance(DELAY_S)
    assert len(stage.heard) == MANY
    stage.loop.advance(LONGER_DELAY_S - DELAY_S)
    assert len(stage.heard) == MANY + 1
    stage.news.tell(ended(MANY + 1))
    stage.loop.advance(DELAY_S)
    assert len(stage.heard) == MANY + 2


def test_who_waits_until_everybody_has_been_told_is_called_then(stage: Stage) -> None:
    """Not before the switch has heard, which hears last."""
    heard: list[int] = []
    stage.news.on_told = lambda: heard.append(len(stage.heard))
    stage.news.tell(ended(0))
    assert heard == []
    stage.loop.advance(DELAY_S)
    assert heard == [1]


def test_at_the_end_nothing_is_kept_back(stage: Stage) -> None:
    stage.news.tell(ended(0))
    stage.news.flush()
    stage.news.flush()
    assert stage.heard == ["c-0"]


def test_refusals_are_noted_for_those_who_look(stage: Stage) -> None:
    """The end of a peer is none."""
    stage.news.tell(ended(0))
    facts = ConnectionFacts("c-1", "host", "192.0.2.1", 1, False)
    stage.news.tell(ConnectionEnded(facts, Refusal(RefusalReason.BANNED)))
    assert [row[4] for row in stage.news.refusals.rows()] == ["banned"]
