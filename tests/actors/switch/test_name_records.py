"""The addresses that names have, and the order in which they are tried."""

from __future__ import annotations

from peerage.actors.switch.name_records import MOST_RECORDS, NameRecords
from peerage.wire.dial_order import MOST_ADDRESSES
from peerage.wire.net_address import NetAddress
from tests.actors.switch.parts import ANNA, BERT, address


def test_the_one_that_answered_comes_first() -> None:
    """As long as the name has it, and for the node that answered there alone."""
    records = NameRecords()
    records.note(address(), ["10.0.0.2", "10.0.0.3", "2600::1"])
    records.answered(ANNA, "10.0.0.3")
    assert records.ordered(ANNA, ["10.0.0.2", "10.0.0.3", "2600::1"]) == ["10.0.0.3", "10.0.0.2", "2600::1"]
    assert records.ordered(BERT, ["10.0.0.2", "10.0.0.3"]) == ["10.0.0.2", "10.0.0.3"]
    assert records.ordered(ANNA, ["10.0.0.2", "10.0.0.4"]) == ["10.0.0.2", "10.0.0.4"]
    records.note(address(), ["10.0.0.2", "10.0.0.3"])
    assert records.ordered(ANNA, ["10.0.0.2", "10.0.0.3"])[0] == "10.0.0.3"


def test_an_answer_of_nobody_known_is_not_kept() -> None:
    records = NameRecords()
    records.answered(ANNA, "10.0.0.3")
    assert records.ordered(ANNA, ["10.0.0.2", "10.0.0.3"]) == ["10.0.0.2", "10.0.0.3"]


def test_the_others_of_an_address() -> None:
    """With its ID and port. Of an address that no name has given there are none."""
    records = NameRecords()
    records.note(address(), ["10.0.0.2", "nonsense", "2600::1"])
    assert records.others(address()) == [NetAddress(ANNA, "2600::1", 26656)]
    assert records.others(address(host="10.0.0.9")) == []
    assert records.others(address(BERT)) == []


def test_what_strangers_give_names_is_bounded() -> None:
    """Addresses of a name, and records in all: the oldest go."""
    records = NameRecords()
    assert len(records.ordered(ANNA, [f"10.0.0.{number}" for number in range(200)])) == MOST_ADDRESSES
    ids = [f"{number:040x}" for number in range(MOST_RECORDS + 1)]
    for peer_id in ids:
        records.note(NetAddress(peer_id, "10.0.0.2", 1), ["10.0.0.2", "10.0.0.3"])
    assert records.others(NetAddress(ids[0], "10.0.0.2", 1)) == []
    assert len(records.others(NetAddress(ids[1], "10.0.0.2", 1))) == 1
