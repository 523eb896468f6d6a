"""Which events tell of private peers."""

from __future__ import annotations

import pytest

from peerage.actors.events.happenings import (
    Banned,
    BanReason,
    Dialled,
    Folded,
    Restarted,
    RestartReason,
    Unbanned,
)
from peerage.actors.events.private_names import PrivateNames
from peerage.actors.events.rendering import render
from tests.actors.events.parts import ANNA, BERT, came, event, refused


@pytest.mark.parametrize(
    "what",
    [
        came(),
        came(peer=ANNA.upper()),
        Dialled(ANNA, "192.0.2.7:1"),
        refused(f"192.0.2.7 is connected already, by {ANNA}", peer="c" * 40),
        refused(peer=ANNA),
        Banned(BanReason.BY_ORDER, "", ANNA, "then", 1),
    ],
    ids=lambda what: type(what).__name__,
)
def test_wherever_its_id_stands(what: object) -> None:
    assert PrivateNames([ANNA]).are_in(render(event(what)))
    assert not PrivateNames([BERT]).are_in(render(event(what)))
    assert not PrivateNames().are_in(render(event(what)))


def test_what_comes_from_where_it_was_seen_may_be_of_it() -> None:
    names, stranger = PrivateNames([ANNA]), render(event(refused(address="192.0.2.1:999", peer=BERT)))
    assert not names.are_in(stranger)
    assert names.note(render(event(came(1))))
    assert not names.note(render(event(came(1))))
    assert names.are_in(stranger)
    assert names.are_in(render(event(refused("192.0.2.1 is connected already", peer=BERT))))
    assert not names.are_in(render(event(refused(address="192.0.2.3:1", peer=BERT))))


def test_the_configured_address_of_one_counts_even_if_it_becomes_private_later() -> None:
    names = PrivateNames([], [f"{ANNA}@192.0.2.9:26656", f"{BERT}@192.0.2.8:26656"])
    assert names.add([ANNA])
    assert not names.add([ANNA])
    assert names.are_in(render(event(refused(address="192.0.2.9:5", peer=BERT))))
    assert not names.are_in(render(event(refused(address="192.0.2.8:5", peer=BERT))))


@pytest.mark.parametrize(
    "what",
    [
        refused(address="192.0.2.77:5"),
        refused("too many connections", address="[2001:db8::7]:5"),
        Banned(BanReason.OFFENCE, "", "192.0.2.77", "then", 1),
        Banned(BanReason.OFFENCE, "", "2001:db8::/64", "then", 1),
        Unbanned("192.0.2.77"),
    ],
    ids=lambda what: type(what).__name__,
)
def test_an_address_of_nobody_known_may_be_a_private_peers(what: object) -> None:
    """It comes from a new one, and is turned away before it has proved its ID. Where nobody is private, all is told."""
    assert PrivateNames([ANNA]).are_in(render(event(what)))
    assert not PrivateNames().are_in(render(event(what)))


def test_events_of_the_node_itself_are_told() -> None:
    """They have no address."""
    for what in (Restarted(RestartReason.KILLED, "", "switch"), Folded("refused", "filtered", 5)):
        assert not PrivateNames([ANNA]).are_in(render(event(what)))


def test_a_loopback_address_tells_of_nobody() -> None:
    names = PrivateNames([ANNA], [f"{ANNA}@127.0.0.1:26656", f"{ANNA}@[::1]:26656"])
    assert not names.are_in(render(event(refused(address="127.0.0.1:5"))))
