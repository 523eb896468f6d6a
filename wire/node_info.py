"""NodeInfo: how a node describes itself, the first message that both sides send over a fresh secret connection.

Source: reference 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from peerage.wire.delimited import DelimitedReader, delimit
from peerage.wire.errors import (
    AddressError,
    BlockVersionMismatchError,
    IncompatibleNodeError,
    InvalidNodeInfoError,
    NetworkMismatchError,
    NoCommonChannelError,
    NodeInfoAddressError,
    NodeInfoChannelsError,
    NodeInfoTextError,
    NodeInfoTxIndexError,
)
from peerage.wire.keys import is_node_id
from peerage.wire.net_address import NetAddress, Resolve, id_at
from peerage.wire.protobuf import BYTES, VARINT, expect, fields
from peerage.wire.quick_pickle import quick_pickle
from peerage.wire.varint import encode_uvarint

__all__ = [
    "BLOCK_PROTOCOL",
    "MAX_CHANNELS",
    "MAX_NODE_INFO_BYTES",
    "P2P_PROTOCOL",
    "IncompatibleNodeError",
    "InvalidNodeInfoError",
    "NodeInfo",
    "NodeInfoReader",
    "ProtocolVersion",
]

P2P_PROTOCOL = 8  # v0.34 to v0.38; 9 in v1. Nobody compares it
BLOCK_PROTOCOL = 11
MAX_NODE_INFO_BYTES = 10_240  # reference 3
MAX_CHANNELS = 16  # reference 3

_REMEMBERED = (
    64  # bytes of a value that is read once and then remembered: few bytes in all, whatever remotes send
)
_SOME_ID = "00" * 20

_TX_INDEX = frozenset({"", "on", "off"})
_PROTOCOL_VERSION, _CHANNELS, _OTHER = 1, 6, 8
_TEXT_FIELDS = {2: "id", 3: "listen_addr", 4: "network", 5: "version", 7: "moniker"}
_VERSION_FIELDS = {1: "p2p", 2: "block", 3: "app"}
_FIELDS = frozenset({*_TEXT_FIELDS, _PROTOCOL_VERSION, _CHANNELS, _OTHER})
_NUMBERS = {number << 3 | BYTES: number for number in _FIELDS}  # by tag
_OTHER_FIELDS = {1: "tx_index", 2: "rpc_address"}


@quick_pickle
@dataclass(frozen=True, slots=True)
class ProtocolVersion:
    """Versions of the protocols, each an unsigned 64-bit number. Peers must agree on `block`."""

    p2p: int = P2P_PROTOCOL
    block: int = BLOCK_PROTOCOL
    app: int = 0


_NO_VERSION = ProtocolVersion(0, 0, 0)  # the meaning of a message that lacks the field


@quick_pickle
@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node's description of itself.

    It holds whatever values a remote sent, so that an error can say what is wrong with them; `validate` judges them.
    Texts may hold bytes that are not UTF-8, as surrogates (Python's `surrogateescape`).

    Args:
        id: the node's ID; it must be that of the connection's key.
        listen_addr: where the node accepts connections: host:port, with any scheme in front.
        network: chain ID, any bytes.
        version: version of the software.
        channels: channel IDs, one byte each.
        tx_index: "on", "off" or "".
        rpc_address: where the node's RPC listens, or "".
    """

    protocol_version: ProtocolVersion = field(default_factory=ProtocolVersion)
    id: str = ""
    listen_addr: str = ""
    network: str = ""
    version: str = ""
    channels: bytes = b""
    moniker: str = ""
    tx_index: str = ""
    rpc_address: str = ""

    def encode(self) -> bytes:
        """The message, without its length. Fields 1 and 8 are always present, as CometBFT writes them."""
        version = self.protocol_version
        versions = b"".join(
            bytes((number << 3 | VARINT,)) + encode_uvarint(value)
            for number, value in ((1, version.p2p), (2, version.block), (3, version.app))
            if value
        )
        other = _text(1, self.tx_index) + _text(2, self.rpc_address)
        return b"".join(
            (
                _bytes(_PROTOCOL_VERSION, versions),
                _text(2, self.id),
                _text(3, self.listen_addr),
                _text(4, self.network),
                _text(5, self.version),
                _bytes(_CHANNELS, self.channels) if self.channels else b"",
                _text(7, self.moniker),
                _bytes(_OTHER, other),
            )
        )

    def encode_delimited(self) -> bytes:
        """The message with its length in front, as it travels."""
        global _last_encoded  # noqa: PLW0603 - a node sends the same one to everyone, and comparing two takes a while
        info, encoded = _last_encoded
        if info is not self:
            encoded = delimit(self.encode())
            _last_encoded = self, encoded
        return encoded

    @classmethod
    def decode(cls, message: bytes) -> NodeInfo:
        """Read a message as CometBFT does: of a field given twice the last one counts, and submessages are merged.

        Raises: MalformedMessageError.
        """
        plain = _plain_fields(message)
        if plain is None:
            return cls._decode_odd(message)
        get, utf8, strict = plain.get, "utf-8", "surrogateescape"
        tx_index, rpc_address = _decode_other(get(_OTHER, b""))
        return cls(
            _decode_version(get(_PROTOCOL_VERSION, b""), _NO_VERSION),
            get(2, b"").decode(utf8, strict),
            get(3, b"").decode(utf8, strict),
            get(4, b"").decode(utf8, strict),
            get(5, b"").decode(utf8, strict),
            get(_CHANNELS, b""),
            get(7, b"").decode(utf8, strict),
            tx_index,
            rpc_address,
        )

    @classmethod
    def _decode_odd(cls, message: bytes) -> NodeInfo:
        """As `decode`, for any message: field by field."""
        texts: dict[str, str] = {}
        versions = _NO_VERSION
        channels = b""
        for number, wire_type, value in fields(message):
            if number not in _FIELDS:
                continue
            expect("NodeInfo", number, wire_type, BYTES)
            assert isinstance(value, bytes)
            if number in _TEXT_FIELDS:
                texts[_TEXT_FIELDS[number]] = value.decode("utf-8", "surrogateescape")
            elif number == _CHANNELS:
                channels = value
            elif number == _PROTOCOL_VERSION:
                versions = _decode_version(value, versions)
            else:
                texts |= _decode_any_other(value)
        return cls(protocol_version=versions, channels=channels, **texts)

    def net_address(self, resolve: Resolve | None = None) -> NetAddress:
        """Where the node says it can be reached.

        Args: resolve, asked when the host is a name. None accepts any well-formed name and gives 0.0.0.0 for it: we must
            not wait for a name server that the remote has chosen.
        Raises: AddressError.
        """
        return NetAddress.parse(id_at(self.id, self.listen_addr), resolve or _any_name)

    def validate(self, resolve: Resolve | None = None) -> None:
        """Raise if a value is not allowed. Source: reference 3, Invalid when.

        Args: resolve, as in `net_address`. (CometBFT looks names up here.)
        Raises: NodeInfoAddressError, NodeInfoTextError, NodeInfoChannelsError, NodeInfoTxIndexError: the first that
            applies, checked in the order address, version, channels, moniker, tx_index, rpc_address.
        """
        if resolve is not None or not (is_node_id(self.id) and _is_place(self.listen_addr)):
            try:
                self.net_address(resolve)
            except AddressError as error:
                raise NodeInfoAddressError(id_at(self.id, self.listen_addr), str(error)) from error
        if self.version and not _is_ascii_text(self.version):
            raise NodeInfoTextError("version", self.version)
        if len(self.channels) > MAX_CHANNELS or len(set(self.channels)) < len(self.channels):
            raise NodeInfoChannelsError(self.channels)
        if not _is_ascii_text(self.moniker):
            raise NodeInfoTextError("moniker", self.moniker)
        if self.tx_index not in _TX_INDEX:
            raise NodeInfoTxIndexError(self.tx_index)
        if self.rpc_address and not _is_ascii_text(self.rpc_address):
            raise NodeInfoTextError("rpc_address", self.rpc_address)

    def check_compatible(self, theirs: NodeInfo) -> None:
        """Raise if we (self) and a peer have nothing to say to each other.

        Raises: BlockVersionMismatchError, NetworkMismatchError, NoCommonChannelError.
        Source: reference 3, Incompatible when.
        """
        block = self.protocol_version.block
        if theirs.protocol_version.block != block:
            raise BlockVersionMismatchError(theirs.protocol_version.block, block)
        if theirs.network != self.network:
            raise NetworkMismatchError(theirs.network, self.network)
        if self.channels and set(self.channels).isdisjoint(theirs.channels):
            raise NoCommonChannelError(theirs.channels, self.channels)


def _plain_fields(message: bytes) -> dict[int, bytes] | None:
    """The values by their numbers, if the message is as everybody writes it: short fields that we know, each once at most.

    That takes a third of what it takes to read them one by one.
    """
    values: dict[int, bytes] = {}
    pos, end = 0, len(message)
    while pos < end:
        number = _NUMBERS.get(message[pos], 0)
        if not number or number in values or pos + 1 >= end:
            return None
        length = message[pos + 1]
        inside = pos + 2
        pos = inside + length
        if length >= 0x80 or pos > end:
            return None
        values[number] = message[inside:pos]
    return values


class NodeInfoReader:
    """Collects the one NodeInfo that a connection begins with, wherever the plaintext is cut."""

    def __init__(self) -> None:
        self._reader = DelimitedReader("NodeInfo", MAX_NODE_INFO_BYTES)
        self.leftover = b""
        """What came after the NodeInfo, once that is complete: the beginning of the packets."""

    def feed(self, data: bytes | bytearray | memoryview) -> NodeInfo | None:
        """Take more plaintext. Returns: None while the message is incomplete.

        Raises: MessageTooLongError (as soon as the length is known, before the rest is here), MalformedMessageError.
        """
        read = self._reader.feed(data)
        if read is None:
            return None
        message, self.leftover = read
        return NodeInfo.decode(message)


_last_encoded: tuple[NodeInfo | None, bytes] = (None, b"")


def _is_place(listen_addr: str) -> bool:
    """Whether a node with a valid ID may say that it listens there. False also for what is too long to be remembered."""
    return len(listen_addr) <= _REMEMBERED and _is_known_place(listen_addr)


@lru_cache(maxsize=1024)  # nodes come back, and those of one operator listen alike
def _is_known_place(listen_addr: str) -> bool:
    try:
        NetAddress.parse(id_at(_SOME_ID, listen_addr), _any_name)
    except AddressError:
        return False
    return True


def _any_name(_host: str) -> Sequence[str]:
    return ("0.0.0.0",)


def _is_ascii_text(text: str) -> bool:
    return text.isascii() and text.isprintable() and not text.isspace() and text != ""


def _bytes(number: int, value: bytes) -> bytes:
    return bytes((number << 3 | BYTES,)) + delimit(value)


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode("utf-8", "surrogateescape")) if value else b""


def _decode_text(value: int | bytes) -> str:
    assert isinstance(value, bytes)
    return value.decode("utf-8", "surrogateescape")


def _decode_version(message: bytes, before: ProtocolVersion) -> ProtocolVersion:
    """Cached, because hardly two nodes of a network differ in it."""
    if len(message) <= _REMEMBERED and before is _NO_VERSION:
        return _decode_first_version(message)
    return _decode_any_version(message, before)


@lru_cache(maxsize=64)
def _decode_first_version(message: bytes) -> ProtocolVersion:
    return _decode_any_version(message, _NO_VERSION)


def _decode_any_version(message: bytes, before: ProtocolVersion) -> ProtocolVersion:
    numbers: dict[str, int] = {}
    for number, wire_type, value in fields(message):
        if number in _VERSION_FIELDS:
            expect("ProtocolVersion", number, wire_type, VARINT)
            assert isinstance(value, int)
            numbers[_VERSION_FIELDS[number]] = value
    get = numbers.get
    return ProtocolVersion(get("p2p", before.p2p), get("block", before.block), get("app", before.app))


def _decode_other(message: bytes) -> tuple[str, str]:
    """The index and the address of its RPC. Cached, as those of the versions."""
    return _decode_known_other(message) if len(message) <= _REMEMBERED else _texts_of_other(message)


def _texts_of_other(message: bytes) -> tuple[str, str]:
    get = _decode_any_other(message).get
    return get("tx_index", ""), get("rpc_address", "")


_decode_known_other = lru_cache(maxsize=64)(_texts_of_other)


def _decode_any_other(message: bytes) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, wire_type, value in fields(message):
        if number in _OTHER_FIELDS:
            expect("NodeInfo.other", number, wire_type, BYTES)
            texts[_OTHER_FIELDS[number]] = _decode_text(value)
    return texts
