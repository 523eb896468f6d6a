"""actors/bootstrap_peers.py: the configured addresses go into the book, names once they resolve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from peerage.actors.bootstrap_peers import FIRST_PAUSE_S, BootstrapPeers
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.messages.book import CountAddresses
from peerage.actors.runtime import System
from peerage.wire.net_address import NetAddress
from tests.actors.book_stage import Stage as BookStage
from tests.actors.switch.parts import ANNA, BERT, Names
from tests.fake_clock import FakeClock

OWN = "e" * 40


class Stage:
    """Bootstrap peers, names that the test answers, and what was handed over."""

    def __init__(self, *texts: str) -> None:
        self.clock, self.names, self.taken = FakeClock(), Names(), list[str]()
        self.peers = BootstrapPeers(
            texts,
            OWN,
            self.names,
            call_threadsafe=self.names.call_threadsafe,
            call_later=self.clock.call_later,
            take=self._take,
        )

    def _take(self, addresses: Sequence[NetAddress]) -> None:
        self.taken += map(str, addresses)


def test_an_ip_address_waits_for_no_name() -> None:
    """Each once, and not ourselves: all nodes of a network may share the list."""
    plain = f"{ANNA}@10.0.0.1:1"
    stage = Stage(f"{BERT}@bert.example:2", plain, f"{OWN}@10.0.0.3:1", plain)
    stage.peers.start()
    assert (stage.taken, stage.names.asked) == ([plain], ["bert.example"])
    stage.names.answer("bert.example", "10.0.0.2")
    stage.names.run_loop()
    assert stage.taken == [plain, f"{BERT}@10.0.0.2:2"]


def test_a_name_that_does_not_resolve_is_looked_up_again() -> None:
    """After half a minute, then one, and so on; that is said once."""
    text = f"{BERT}@bert.example:2"
    stage = Stage(text)
    with capture_logs() as lines:
        stage.peers.start()
        for pause in (FIRST_PAUSE_S, 2 * FIRST_PAUSE_S):
            stage.names.answer("bert.example")
            stage.names.run_loop()
            stage.clock.pass_by(pause - 1.0)
            before = len(stage.names.asked)
            stage.clock.pass_by(1.1)
            assert len(stage.names.asked) == before + 1
    assert [(line["event"], line["address"]) for line in lines] == [("bootstrap peer not found yet", text)]
    stage.names.answer("bert.example", "10.0.0.2")
    stage.names.run_loop()
    assert stage.taken == [f"{BERT}@10.0.0.2:2"]


def test_a_host_that_is_nothing_is_left_out_with_a_line() -> None:
    with capture_logs() as lines:
        Stage(f"{BERT}@no..name:1").peers.start()
    assert [line["event"] for line in lines] == ["bootstrap peer left out"]


def test_nobody_is_called_after_the_end() -> None:
    stage = Stage(f"{BERT}@bert.example:2")
    stage.peers.start()
    stage.peers.close()
    stage.names.run_loop()
    assert stage.taken == []


@pytest.mark.parametrize("pex", [True, False])
def test_the_book_begins_with_them(tmp_path: Path, *, pex: bool) -> None:
    """They are offered for dials like any other, and are there on disk; a second start changes nothing."""
    texts = f"{ANNA}@5.6.7.8:1,{BERT}@10.0.0.1:1"
    settings: dict[str, Any] = {
        "p2p": {"pex": pex, "addr_book_strict": True},
        "peerage": {"bootstrap_peers": texts},
    }
    try:
        for _ in range(2):
            with BookStage(tmp_path, **settings) as stage:
                size = stage.names.addrbook.ask(CountAddresses(), timeout=10.0)
                offer = stage.book.call(DialChooser.offer, 10, 50)
                assert size == (1 if pex else 0)
                assert [str(address) for address in offer.candidates] == (
                    [f"{ANNA}@5.6.7.8:1"] if pex else []
                )
                assert stage.book.call(AddrBook.has, ANNA) is pex
    finally:
        System.current().shutdown()
