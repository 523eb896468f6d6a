"""Outbound peers are asked when they come, and again while their answers bring something new."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.manager.asking import Asking
from peerage.actors.discovery.manager.effects import Effect, SendRequest
from peerage.actors.discovery.manager.exchange import PeerExchange
from tests.actors.discovery.manager.scene import Scene, answer_to, asked, connected

PERIOD_S = 30.0


class Stage(Scene):
    """Attribute: peer, an outbound one."""

    def __init__(self, again_after: float | None = PERIOD_S) -> None:
        super().__init__()
        self.exchange = PeerExchange(clock=self.agenda.clock)
        self.asking = Asking(
            self.effects, self.agenda, self.exchange, peers=self.peers, again_after=again_after
        )
        self.peer = self.connect(connected(1))

    def ask(self, *, needs_more: bool = True) -> list[Effect]:
        self.asking.if_needed(self.peer)
        return self.answer(needs_more)

    def learn(self, added: int, known: int = 0) -> None:
        """The peer answers."""
        self.exchange.receive_net_addresses(self.peer.id, ())
        self.asking.learned(self.peer, Added(added, 0, known, {}))


def test_a_peer_is_asked_if_the_book_needs_more() -> None:
    stage = Stage()
    assert stage.ask(needs_more=False) == []
    assert stage.ask() == [SendRequest(stage.peer)]
    assert stage.ask() == []  # the answer is not there yet


def test_an_answer_with_news_leads_to_another_request() -> None:
    """After a period, if the book still needs more."""
    stage = Stage()
    stage.ask()
    stage.learn(50, 50)
    assert stage.pass_by(PERIOD_S - 1.0) == []
    (question,) = found = stage.pass_by(1.0)
    assert asked(found) == [(DialChooser.needs_more, ())]
    assert answer_to(stage, question, True) == [SendRequest(stage.peer)]


@pytest.mark.parametrize(("added", "known"), [(0, 0), (0, 100), (5, 95)])
def test_who_tells_hardly_anything_new_is_let_be(added: int, known: int) -> None:
    stage = Stage()
    stage.ask()
    stage.learn(added, known)
    assert stage.pass_by(10 * PERIOD_S) == []


def test_who_has_gone_or_came_by_itself_is_not_asked_again() -> None:
    """An inbound peer chose us; one that came back is another connection."""
    stage = Stage()
    stage.ask()
    stage.learn(100)
    stage.connect(connected(1))
    stage.asking.learned(connected(2, is_outbound=False), Added(9, 0, 0, {}))
    assert stage.pass_by(10 * PERIOD_S) == []
    never = Stage(again_after=None)
    never.ask()
    never.learn(100)
    assert never.pass_by(10 * PERIOD_S) == []
