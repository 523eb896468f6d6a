"""Peer exchange messages: what CometBFT makes of every one of the vectors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.errors import MalformedMessageError, PexAddressError, PexKindError, RemoteError
from peerage.wire.keys import normal_id
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddress, PexAddrs, PexRequest, decode_pex
from peerage.wire.proto import pex_pb2
from tests.wire.vectors import load, octets

MESSAGES = load("pex")["messages"]

texts = st.binary(max_size=30).map(lambda value: value.decode("utf-8", "surrogateescape"))
address_lists = st.lists(st.tuples(texts, texts, st.integers(0, 2**32 - 1)), max_size=5)


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row["name"])
def test_every_message_has_the_outcome_it_has_with_cometbft(row: dict[str, Any]) -> None:
    """Whether it is decoded, to which kind and addresses; or refused, and at which stage."""
    message, expected = octets(row["message"]), row["cometbft"]
    stage = expected.get("error_stage")
    if stage in {"decode", "unwrap"}:
        with pytest.raises(MalformedMessageError if stage == "decode" else PexKindError):
            decode_pex(message)
        return
    decoded = decode_pex(message)
    if expected["kind"] == "request":
        assert decoded == PexRequest()
        return
    assert isinstance(decoded, PexAddrs)
    if stage == "addresses":
        with pytest.raises(PexAddressError) as caught:
            decoded.net_addresses()
        assert str(caught.value)
        return
    addresses = decoded.net_addresses()
    assert [(address.id, str(address.host), address.port) for address in addresses] == [
        # the one purposeful difference: CometBFT keeps an ID's capitals, and nobody has such an ID
        (normal_id(address["id"]), address["ip"], address["port"])
        for address in expected["addrs"]
    ]
    assert [address.routable for address in addresses] == [row["routable"] for row in expected["addrs"]]
    assert [address.valid for address in addresses] == ["invalid" not in row for row in expected["addrs"]]


@pytest.mark.parametrize(
    "name", ["request", "addrs: empty list", "addrs: three", 'addrs: IP "1.2.3"', "addrs: port 2^32 - 1"]
)
def test_messages_are_written_as_by_cometbft(name: str) -> None:
    """Byte for byte."""
    message = octets(next(row for row in MESSAGES if row["name"] == name)["message"])
    assert decode_pex(message).encode() == message


@given(address_lists)
def test_reading_is_the_inverse_of_writing(addresses: list[tuple[str, str, int]]) -> None:
    """Whatever the texts contain, given as plain tuples or not."""
    message = PexAddrs(addresses)
    assert decode_pex(message.encode()) == message
    assert list(message.addresses) == [PexAddress(*address) for address in addresses]


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20), st.integers(0, 2**32 - 1)), max_size=5))
def test_the_generated_classes_write_the_same(addresses: list[tuple[str, str, int]]) -> None:
    """And read it."""
    theirs = pex_pb2.Message()
    theirs.pex_addrs.SetInParent()
    for node_id, ip, port in addresses:
        theirs.pex_addrs.addrs.add(id=node_id, ip=ip, port=port)
    assert theirs.SerializeToString() == PexAddrs(addresses).encode()
    assert pex_pb2.Message(pex_request=pex_pb2.PexRequest()).SerializeToString() == PexRequest().encode()


@given(st.binary(max_size=60))
def test_arbitrary_bytes_give_a_message_or_a_remote_error(message: bytes) -> None:
    """Also when its addresses are checked."""
    try:
        decoded = decode_pex(message)
        if isinstance(decoded, PexAddrs):
            decoded.net_addresses()
    except RemoteError:
        pass


def test_addresses_that_are_known_go_out() -> None:
    """250 of the longest fit into the channel's 64,000 bytes."""
    address = NetAddress("ab" * 20, "2600:1111:2222:3333:4444:5555:6666:7777", 65535)
    message = PexAddrs.of([address] * 250)
    assert message.net_addresses() == [address] * 250
    assert len(message.encode()) < 64_000
