"""actors/messages/book.py: what the address book says to those who let connections in."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.messages import BansChanged, Charge, ConnectionEnded, ConnectionFacts, Trust
from peerage.actors.refusal import Refusal, RefusalReason
from tests.actors.messages.samples import FACTS, PEER_ID, carried

DIALLED, ACCEPTED = FACTS, replace(FACTS, is_outbound=False, dialled_id=None)
FLOOD, GARBAGE, WRONG_ID = Offence.PACKET_FLOOD, Offence.HANDSHAKE_GARBAGE, Offence.WRONG_ID


def test_a_change_adds_to_what_is_known_unless_it_is_the_whole() -> None:
    message = BansChanged((Ban(PEER_ID, "it lied", since=1, until=2),), lifted=("192.0.2.1",))
    assert not message.whole
    assert carried(message) == message


def test_who_is_charged_and_trusted_travels() -> None:
    for message in (
        Charge(FLOOD, PEER_ID, "192.0.2.1"),
        Charge(GARBAGE, None, "192.0.2.1"),
        Trust((PEER_ID,)),
    ):
        assert carried(message) == message


@pytest.mark.parametrize("facts", [DIALLED, ACCEPTED], ids=["dialled", "accepted"])
def test_a_peer_is_charged_with_its_host_whoever_has_dialled(facts: ConnectionFacts) -> None:
    """It has proved who it is."""
    ended = ConnectionEnded(facts, reason="flood", is_error=True, offence=FLOOD, peer_id=PEER_ID)
    assert Charge.of(ended) == Charge(FLOOD, PEER_ID, "192.0.2.1")


@pytest.mark.parametrize("facts", [DIALLED, ACCEPTED], ids=["dialled", "accepted"])
def test_an_id_that_was_proved_in_the_handshake_is_charged(facts: ConnectionFacts) -> None:
    refusal = Refusal(RefusalReason.AUTH_FAILURE, offence=WRONG_ID, offender=PEER_ID)
    assert Charge.of(ConnectionEnded(facts, refusal)) == Charge(WRONG_ID, PEER_ID, "192.0.2.1")


def test_without_an_id_the_host_is_charged_if_the_connection_was_its_own() -> None:
    """An address that we dialled somebody else may have told us."""
    refusal = Refusal(RefusalReason.AUTH_FAILURE, offence=GARBAGE)
    assert Charge.of(ConnectionEnded(ACCEPTED, refusal)) == Charge(GARBAGE, None, "192.0.2.1")
    assert Charge.of(ConnectionEnded(DIALLED, refusal)) is None


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_refusal_alone_charges_nobody(reason: RefusalReason) -> None:
    """To be of another network, here already, one too many, banned or out of reach is no offence."""
    for facts in (DIALLED, ACCEPTED):
        assert Charge.of(ConnectionEnded(facts, Refusal(reason, "as the test says"), is_error=True)) is None
    assert Charge.of(ConnectionEnded(ACCEPTED, reason="it hung up", is_error=True, peer_id=PEER_ID)) is None
