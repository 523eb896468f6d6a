"""Peer exchange (PEX): the messages of channel 0x00, by which nodes tell each other addresses.

    message: one of: request 0a 00, addresses 12, length | address*
    address: 0a, length | id 0a .. | ip 12 .. | port 18 ..

Source: reference 8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from peerage.wire.delimited import delimit
from peerage.wire.errors import AddressError, PexAddressError, PexKindError
from peerage.wire.net_address import NetAddress
from peerage.wire.protobuf import BYTES, VARINT, expect, fields
from peerage.wire.varint import encode_uvarint

__all__ = ["MAX_PEX_BYTES", "PEX_CHANNEL", "PexAddress", "PexAddrs", "PexMessage", "PexRequest", "decode_pex"]

PEX_CHANNEL = 0x00
MAX_PEX_BYTES = 64_000  # reference 8

_REQUEST, _ADDRS = 1, 2
_PORT_MASK = 2**32 - 1


class PexAddress(NamedTuple):
    """An address exactly as a peer wrote it: any ID, any text for an IP, any 32-bit port."""

    id: str
    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class PexRequest:
    """Asks for addresses."""

    def encode(self) -> bytes:
        """The bytes of the message, as a channel carries it."""
        return b"\x0a\x00"


@dataclass(frozen=True, slots=True)
class PexAddrs:
    """The answer to a request. `addresses` are as the peer wrote them: `net_addresses` checks them."""

    addresses: tuple[PexAddress, ...] = ()

    def __init__(self, addresses: Iterable[tuple[str, str, int]] = ()) -> None:
        """Args: addresses, each a tuple of ID, IP and port."""
        object.__setattr__(self, "addresses", tuple(PexAddress(*address) for address in addresses))

    @classmethod
    def of(cls, addresses: Iterable[NetAddress]) -> PexAddrs:
        """The message that holds these addresses."""
        return cls((address.id, str(address.host), address.port) for address in addresses)

    def encode(self) -> bytes:
        """The bytes of the message, as a channel carries it. Texts that are not UTF-8 leave as they arrived."""
        return b"\x12" + delimit(b"".join(b"\x0a" + delimit(_encode_address(a)) for a in self.addresses))

    def net_addresses(self) -> list[NetAddress]:
        """All addresses, in order. Their IDs and IPs may still be ones that no node can have: the book checks that.

        Raises: PexAddressError when any address has no literal IP or a port beyond 65535. Then take none of them, and
            ban the sender.
        """
        return [_net_address(address) for address in self.addresses]


PexMessage: TypeAlias = PexRequest | PexAddrs


def decode_pex(message: bytes | bytearray | memoryview) -> PexMessage:
    """Read a message of channel 0x00 as CometBFT does: if it holds several kinds, the last one counts.

    Raises: MalformedMessageError; PexKindError (empty, or of no known kind).
    """
    found: PexMessage | None = None
    for number, wire_type, value in fields(bytes(message)):
        if number in {_REQUEST, _ADDRS}:
            expect("Message", number, wire_type, BYTES)
            assert isinstance(value, bytes)
            found = _decode_request(value) if number == _REQUEST else _decode_addrs(value)
    if found is None:
        raise PexKindError
    return found


def _decode_request(message: bytes) -> PexRequest:
    for _ in fields(message):
        pass  # the content has no meaning, but it must be valid protobuf
    return PexRequest()


def _decode_addrs(message: bytes) -> PexAddrs:
    addresses = []
    for number, wire_type, value in fields(message):
        if number == 1:
            expect("PexAddrs", number, wire_type, BYTES)
            assert isinstance(value, bytes)
            addresses.append(_decode_address(value))
    return PexAddrs(addresses)


def _decode_address(message: bytes) -> PexAddress:
    node_id, ip, port = "", "", 0
    for number, wire_type, value in fields(message):
        if number == 3:
            expect("NetAddress", number, wire_type, VARINT)
            assert isinstance(value, int)
            port = value & _PORT_MASK
        elif 1 <= number <= 2:
            expect("NetAddress", number, wire_type, BYTES)
            assert isinstance(value, bytes)
            text = value.decode("utf-8", "surrogateescape")
            node_id, ip = (text, ip) if number == 1 else (node_id, text)
    return PexAddress(node_id, ip, port)


def _encode_address(address: PexAddress) -> bytes:
    out = b""
    for tag, text in ((b"\x0a", address.id), (b"\x12", address.ip)):
        if text:
            out += tag + delimit(text.encode("utf-8", "surrogateescape"))
    return out + b"\x18" + encode_uvarint(address.port) if address.port else out


def _net_address(address: PexAddress) -> NetAddress:
    """An address as a peer wrote it, checked. Raises: PexAddressError."""
    try:
        if "%" in address.ip:  # an IPv6 zone has a meaning on one host only
            raise PexAddressError(address.ip, address.port)
        return NetAddress(address.id, address.ip, address.port)
    except AddressError as error:
        raise PexAddressError(address.ip, address.port) from error
