"""actors/discovery/book/offences.py: what is an offence, what is none, and what each weighs."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.actors.discovery.book.offences import DAY_S, WEIGHTS, Offence, offence_of
from peerage.wire.errors import (
    ConnectionClosedError,
    EmptyPacketFloodError,
    ForeignProtocolError,
    FrameTagError,
    MessageCapacityError,
    NetworkMismatchError,
    NoCommonChannelError,
    NodeInfoTextError,
    PacketKindError,
    PexAddressError,
    PexKindError,
    PongTimeoutError,
    RemoteError,
    SignatureError,
    UnexpectedNodeIDError,
    UnknownChannelError,
    VarintTruncatedError,
)
from tests.actors.discovery.nodes import node_id

PAGE = Path(__file__).parents[4] / "docs" / "topics" / "misbehaviour.md"


@pytest.mark.parametrize(
    ("error", "offence"),
    [
        (SignatureError(node_id(1)), Offence.HANDSHAKE_GARBAGE),
        (NodeInfoTextError("moniker", "\n"), Offence.INVALID_NODE_INFO),
        (FrameTagError(3), Offence.FORGED_FRAME),
        (UnknownChannelError(0x77), Offence.PROTOCOL_ERROR),
        (PacketKindError(), Offence.PROTOCOL_ERROR),
        (VarintTruncatedError(1), Offence.PROTOCOL_ERROR),
        (MessageCapacityError(0x20, 2, 1), Offence.MESSAGE_TOO_LARGE),
        (EmptyPacketFloodError(1001, 1.0, 100), Offence.PACKET_FLOOD),
        (PexKindError(), Offence.UNDECODABLE_MESSAGE),
        (PexAddressError("localhost", 1), Offence.INVALID_ADDRESSES),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_broken_rule_is_an_offence(error: RemoteError, offence: Offence) -> None:
    assert offence_of(error) is offence


@pytest.mark.parametrize(
    "error",
    [
        NetworkMismatchError("theirs", "ours"),
        NoCommonChannelError(b"\x01", b"\x02"),
        ForeignProtocolError("HTTP"),
        PongTimeoutError(45.0),
        ConnectionClosedError("awaiting a key", 0),
        UnexpectedNodeIDError(node_id(1), node_id(2)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_well_meaning_nodes_do_is_none(error: RemoteError) -> None:
    """To be of another network or protocol, to be lost, to be somebody else than whoever told the address says."""
    assert offence_of(error) is None


def test_each_offence_has_a_weight_and_a_number_of_its_own() -> None:
    """The numbers are on disk: none may change its meaning."""
    assert set(WEIGHTS) == set(Offence)
    assert [offence.number for offence in Offence] == list(range(1, len(Offence) + 1))


def test_a_host_which_others_may_share_is_charged_less_than_an_id() -> None:
    weights = [weight for weight in WEIGHTS.values() if weight.points]
    assert all(weight.host_points * 4 <= weight.points + 30 for weight in weights)
    assert all(weight.host_points < weight.points for weight in weights)
    assert all(weight.longest_ban <= DAY_S for weight in WEIGHTS.values())


def test_the_page_has_the_table() -> None:
    """As operators read it: offence, points of the ID and of the host, longest ban."""
    rows = [
        f"| {offence} | {weight.points or '-'} | {weight.host_points} | {_duration(weight.longest_ban)} |"
        for offence, weight in WEIGHTS.items()
    ]
    page = PAGE.read_text()
    assert [row for row in rows if row not in page] == []


def _duration(seconds: float) -> str:
    return {600.0: "10 minutes", 3600.0: "1 hour", DAY_S: "1 day"}[seconds]
