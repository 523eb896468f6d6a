"""What the switch tells others of its lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.messages import Admission, ConnectionFacts, PeerInfo, PrivatePeers, SwitchNotes, Trust
from peerage.actors.switch.list_news import ListNews
from peerage.wire.node_info import NodeInfo
from tests.actors.switch.parts import ANNA, BERT, Told, table

HOME = f"{ANNA}@9.9.9.9:26656"
NOTES = SwitchNotes(3, (HOME,), frozenset({BERT}), frozenset({ANNA}))


def info() -> PeerInfo:
    node_info = NodeInfo(id=ANNA, listen_addr="", network="test", moniker="m", channels=b"")
    facts = ConnectionFacts("c", "host", "9.9.9.9", 7, is_outbound=True)
    return PeerInfo.of(facts, ANNA, node_info, Told(), Admission(is_persistent=False, is_unconditional=False))


class Stage:
    """The book and the metrics of the test."""

    def __init__(self, *, has_metrics: bool = True) -> None:
        self.table, self.book, self.metrics = table(), Told("book"), Told("metrics")
        self.events = Told("rpc/events")
        self.news = ListNews(self.table, self.book, self.metrics if has_metrics else None, self.events)


def test_private_and_trusted_ids_are_told_to_whom_they_concern() -> None:
    """The metrics and the event hub are told all private IDs, those of the configuration too."""
    stage = Stage()
    stage.table.private |= {ANNA, BERT}
    stage.news.tell(NOTES)
    assert stage.book.told == [BookCall(AddrBook.add_private_ids, ([ANNA],)), Trust((BERT,), (HOME,))]
    assert stage.metrics.told == stage.events.told == [PrivatePeers(frozenset({ANNA, BERT}))]


@pytest.mark.parametrize("has_metrics", [False, True])
def test_what_the_configuration_says_they_know_by_themselves(*, has_metrics: bool) -> None:
    stage = Stage(has_metrics=has_metrics)
    stage.news.tell(SwitchNotes())
    stage.news.tell_trusted(replace(NOTES, persistent=(), unconditional=frozenset()))
    assert stage.book.told == stage.metrics.told == stage.events.told == []


@pytest.mark.parametrize("listed", ["persistent", "unconditional", ""])
def test_the_host_of_a_trusted_peer_is_told_when_it_is_connected(listed: str) -> None:
    """Of others nothing is told."""
    stage = Stage()
    if listed == "persistent":
        stage.table.persistent[ANNA] = HOME
    elif listed:
        stage.table.unconditional.add(ANNA)
    stage.news.tell_host(info())
    assert stage.book.told == ([Trust((), (f"{ANNA}@9.9.9.9:7",))] if listed else [])


def test_a_new_configuration_is_told_whole() -> None:
    """What is not in it any more too: the metrics get the whole list. The book forgets when it is started anew."""
    stage = Stage()
    stage.table.persistent[ANNA] = HOME
    stage.table.unconditional |= {BERT}
    stage.news.tell_configured()
    assert stage.book.told == [BookCall(AddrBook.add_private_ids, ([],)), Trust((BERT,), (HOME,))]
    assert stage.metrics.told == stage.events.told == [PrivatePeers(frozenset())]
