"""Messages of peer exchange, channel 0x00."""

from __future__ import annotations

from collections.abc import Iterator

from peerage.wire.errors import MalformedMessageError, PexAddressError, PexKindError
from peerage.wire.pex import PexAddrs, PexRequest, decode_pex
from tests.fuzz.target import Target, told
from tests.wire.vectors import load, octets


def check(data: bytes) -> None:
    """A message or an error of the remote; written again it reads the same, as it is and as net addresses."""
    try:
        message = decode_pex(data)
    except (MalformedMessageError, PexKindError) as error:
        told(error)
        return
    assert decode_pex(message.encode()) == message
    if isinstance(message, PexRequest):
        assert len(message.encode()) == 2
        return
    assert len(message.addresses) <= len(data) // 2  # each takes a tag and a length
    try:
        addresses = message.net_addresses()
    except PexAddressError as error:
        told(error)
        return
    assert len(addresses) == len(message.addresses)
    again = PexAddrs.of(addresses)
    assert again.net_addresses() == addresses
    assert decode_pex(again.encode()) == again


def corpus() -> Iterator[bytes]:
    """Those that CometBFT was asked about."""
    for row in load("pex")["messages"]:
        yield octets(row["message"])[:4096]


TARGET = Target(corpus, check)
