"""Addresses whose names are resolved beside the loop."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from peerage.actors.switch.resolver import Resolver
from peerage.wire.errors import AddressError
from peerage.wire.net_address import NetAddress
from tests.actors.switch.parts import ANNA, BERT, Names
from tests.fake_clock import FakeClock

CARL = "c" * 40
LITERAL = f"{CARL}@10.0.0.9:1"


class Stage:
    """A resolver, names that the test answers, and what came of the addresses."""

    def __init__(self) -> None:
        self.clock, self.names = FakeClock(), Names()
        self.resolver = Resolver(
            self.names,
            call_threadsafe=self.names.call_threadsafe,
            call_later=self.clock.call_later,
            timeout=5.0,
        )
        self.found: list[Any] = []

    def parse(self, text: str) -> None:
        self.resolver.parse(text, self.found.append)

    def parse_all(self, *texts: str) -> list[str]:
        """Returns: the texts of those that were there at once; the others go to `found`."""
        resolved = self.resolver.parse_all(texts, self.found.append)
        return [text for text, _ in resolved]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_name_is_resolved_beside_the_loop(stage: Stage) -> None:
    """The result comes when it is there, in the loop."""
    stage.parse(f"{ANNA}@anna.example:1")
    stage.names.answer("anna.example", "10.0.0.7")
    assert stage.found == []
    stage.names.run_loop()
    (address,) = stage.found
    assert (address.id, str(address.host), address.port) == (ANNA, "10.0.0.7", 1)
    stage.clock.pass_by(60.0)
    assert len(stage.found) == 1


def test_all_addresses_of_a_name_are_kept(stage: Stage) -> None:
    """The first one to try is the result; a dial that fails finds the others beside it."""
    stage.parse(f"{ANNA}@anna.example:1")
    stage.names.answer("anna.example", "10.0.0.7", "10.0.0.8", "2600::1")
    stage.names.run_loop()
    (found,) = stage.found
    assert str(found.host) == "10.0.0.7"
    assert [str(each.host) for each in stage.resolver.records.others(found)] == ["2600::1", "10.0.0.8"]


def test_an_ip_address_waits_for_no_name(stage: Stage) -> None:
    """Nobody is asked, however many names are being looked up."""
    stage.parse(f"{ANNA}@silent.example:1")
    stage.parse(LITERAL)
    assert stage.found == [NetAddress.parse(LITERAL)]
    assert stage.parse_all(f"{BERT}@silent.example:1", LITERAL) == [LITERAL]


@pytest.mark.parametrize("text", ["nonsense", f"{ANNA}@anna.example:x", f"{ANNA}@anna..example:1"])
def test_an_address_that_does_not_parse_is_an_error(stage: Stage, text: str) -> None:
    """Handed on at once, and not raised: no name is looked up for it."""
    stage.parse(text)
    assert isinstance(stage.found[0], AddressError)
    assert stage.names.asked == []


def test_a_name_has_its_time(stage: Stage) -> None:
    """Then it counts as one that does not resolve; what comes later is of no interest."""
    stage.parse(f"{ANNA}@silent.example:1")
    stage.clock.pass_by(4.9)
    assert stage.found == []
    stage.clock.pass_by(0.2)
    assert str(stage.found[0]) == "host 'silent.example' was not found: no answer of a name server within 5 s"
    assert stage.names.answers["silent.example"][0].cancelled()
    stage.names.run_loop()
    assert len(stage.found) == 1


def test_many_names_do_not_add_up(stage: Stage) -> None:
    """Each has its own time, and its own answer."""
    assert (
        stage.parse_all(*(f"{ANNA}@silent-{number}.example:1" for number in range(5)), f"{BERT}@b.example:2")
        == []
    )
    stage.names.answer("b.example", "10.0.0.8")
    stage.names.run_loop()
    assert [text for text, _ in stage.found] == [f"{BERT}@b.example:2"]
    with capture_logs() as lines:
        stage.clock.pass_by(5.1)
    assert [line["address"] for line in lines] == [f"{ANNA}@silent-{number}.example:1" for number in range(5)]


def test_of_many_a_name_that_does_not_resolve_is_skipped_with_a_line(stage: Stage) -> None:
    """One for each, with its cause; a host that is neither an IP address nor a name is such a one, too."""
    texts = (f"{ANNA}@anna.example:1", f"{BERT}@gone.example:1", f"{BERT}@no..name:1")
    with capture_logs() as lines:
        assert stage.parse_all(*texts) == []
        stage.names.answer("anna.example", "10.0.0.7")
        stage.names.answer("gone.example")
        stage.names.run_loop()
    assert [text for text, _ in stage.found] == [texts[0]]
    assert {(line["event"], line["log_level"], line["address"]) for line in lines} == {
        ("address skipped", "warning", text) for text in texts[1:]
    }
    assert any("the name has no address" in line["cause"] for line in lines)


def test_of_many_one_that_does_not_parse_fails_all(stage: Stage) -> None:
    """Nothing is looked up then."""
    for text in ("nonsense", f"{ANNA}@anna.example:99999"):
        with pytest.raises(AddressError):
            stage.parse_all(f"{BERT}@gone.example:1", LITERAL, text)
    assert (stage.names.asked, stage.found) == ([], [])


def test_nobody_is_called_after_the_end(stage: Stage) -> None:
    """Neither with an answer nor because the time is over: the actor is gone."""
    stage.parse(f"{ANNA}@anna.example:1")
    stage.resolver.close()
    stage.names.run_loop()
    assert stage.found == []


def test_an_answer_that_has_just_come_counts(stage: Stage) -> None:
    """Even if the time is over before the loop has looked at it."""
    stage.parse(f"{ANNA}@anna.example:1")
    stage.names.answer("anna.example", "10.0.0.7")
    stage.clock.pass_by(5.1)
    stage.names.run_loop()
    assert [str(address.host) for address in stage.found] == ["10.0.0.7"]
