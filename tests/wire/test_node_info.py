"""NodeInfo: its bytes, what makes it invalid, and who fits whom."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.delimited import delimit
from peerage.wire.errors import (
    AddressLookupError,
    BlockVersionMismatchError,
    IncompatibleNodeError,
    InvalidNodeInfoError,
    MalformedMessageError,
    MessageTooLongError,
    NetworkMismatchError,
    NoCommonChannelError,
    NodeInfoAddressError,
    NodeInfoChannelsError,
    NodeInfoTextError,
    NodeInfoTxIndexError,
    RemoteError,
)
from peerage.wire.node_info import NodeInfo, NodeInfoReader, ProtocolVersion
from peerage.wire.proto import types_pb2
from peerage.wire.varint import decode_uvarint
from tests.strategies import chunks
from tests.wire.vectors import load, octets

T = TypeVar("T")
VECTORS = load("node_info")
# How CometBFT's reason for an invalid one begins → our error.
REASONS: dict[str, type[InvalidNodeInfoError]] = {
    "invalid address": NodeInfoAddressError,
    "error looking up host": NodeInfoAddressError,
    "address (": NodeInfoAddressError,
    "info.Version": NodeInfoTextError,
    "info.Channels": NodeInfoChannelsError,
    "info.Moniker": NodeInfoTextError,
    "info.Other.TxIndex": NodeInfoTxIndexError,
    "info.Other.RPCAddress": NodeInfoTextError,
}
INCOMPATIBLE: dict[str, type[IncompatibleNodeError]] = {
    "peer is on a different Block": BlockVersionMismatchError,
    "peer is on a different network": NetworkMismatchError,
    "peer has no common channels": NoCommonChannelError,
}

texts = st.binary(max_size=30).map(lambda value: value.decode("utf-8", "surrogateescape"))
versions = st.builds(ProtocolVersion, *[st.integers(0, 2**64 - 1)] * 3)
infos = st.builds(
    NodeInfo,
    protocol_version=versions,
    id=texts,
    listen_addr=texts,
    network=texts,
    version=texts,
    channels=st.binary(max_size=20),
    moniker=texts,
    tx_index=texts,
    rpc_address=texts,
)


def info_of(row: dict[str, Any]) -> NodeInfo:
    """The NodeInfo that a row of the vectors describes; what is left out is fine."""
    fields = dict(row)
    fields["protocol_version"] = ProtocolVersion(*fields["protocol_version"])
    fields["channels"] = octets(fields["channels"])
    return NodeInfo(**fields)


def expected_error(table: dict[str, type[T]], reason: str) -> type[T]:
    return next(error for beginning, error in table.items() if reason.startswith(beginning))


def resolve(host: str) -> Sequence[str]:
    """The only name in the vectors that resolves."""
    return ["127.0.0.1"] if host == "localhost" else []


@pytest.mark.parametrize("row", VECTORS["infos"], ids=lambda row: row["name"])
def test_it_is_written_read_and_judged_as_by_cometbft(row: dict[str, Any]) -> None:
    """Byte for byte both ways, and the first fault found is the one that CometBFT names."""
    info, wire = info_of(row["info"]), octets(row["wire"])
    assert info.encode_delimited() == wire
    reader = NodeInfoReader()
    assert reader.feed(wire + b"behind") == info
    assert reader.leftover == b"behind"
    for resolver in (resolve, None):
        if row["invalid"] is None:
            info.validate(resolver)
        else:
            with pytest.raises(expected_error(REASONS, row["invalid"])) as caught:
                info.validate(resolver)
            field = getattr(caught.value, "field", "")
            assert field.replace("_", "").lower() in row["invalid"].lower()
            assert str(caught.value)


@pytest.mark.parametrize("row", VECTORS["wires"], ids=lambda row: row["name"])
def test_odd_bytes_have_the_outcome_they_have_with_cometbft(row: dict[str, Any]) -> None:
    """Read at once and byte by byte; a message that never becomes complete is left to whoever ends the connection."""
    wire = octets(row["wire"])
    for pieces in ([wire], [wire[at : at + 1] for at in range(len(wire))]):
        reader, read = NodeInfoReader(), None
        try:
            for piece in pieces:
                assert read is None
                read = reader.feed(piece)
        except RemoteError:
            assert row["error"] is not None
            continue
        assert read == (None if row["error"] else info_of(row["info"]))


def test_too_long_a_message_is_refused_before_it_is_here() -> None:
    """At 10,241 bytes, from the length alone."""
    with pytest.raises(MessageTooLongError):
        NodeInfoReader().feed(bytes.fromhex("8150"))


@pytest.mark.parametrize("row", VECTORS["pairs"], ids=lambda row: row["name"])
def test_who_fits_whom_is_as_with_cometbft(row: dict[str, Any]) -> None:
    """In both directions, and the first reason found is the one that CometBFT names."""
    for ours, theirs, verdict in (
        ("ours", "theirs", "ours_with_theirs"),
        ("theirs", "ours", "theirs_with_ours"),
    ):
        if row[verdict] is None:
            info_of(row[ours]).check_compatible(info_of(row[theirs]))
        else:
            with pytest.raises(expected_error(INCOMPATIBLE, row[verdict])) as caught:
                info_of(row[ours]).check_compatible(info_of(row[theirs]))
            assert str(caught.value)


@given(infos)
def test_reading_is_the_inverse_of_writing(info: NodeInfo) -> None:
    """Texts of any bytes survive it, and being sent to another process."""
    assert NodeInfo.decode(info.encode()) == info
    assert pickle.loads(pickle.dumps(info)) == info


@given(infos)
def test_the_generated_classes_write_the_same(info: NodeInfo) -> None:
    """Except for texts that are not UTF-8, which they refuse."""
    version = info.protocol_version
    try:
        theirs = types_pb2.DefaultNodeInfo(
            protocol_version=types_pb2.ProtocolVersion(p2p=version.p2p, block=version.block, app=version.app),
            default_node_id=info.id,
            listen_addr=info.listen_addr,
            network=info.network,
            version=info.version,
            channels=info.channels,
            moniker=info.moniker,
            other=types_pb2.DefaultNodeInfoOther(tx_index=info.tx_index, rpc_address=info.rpc_address),
        )
    except ValueError:
        with pytest.raises(DecodeError):
            types_pb2.DefaultNodeInfo.FromString(info.encode())
        return
    assert theirs.SerializeToString() == info.encode()


FIELD = st.tuples(st.integers(1, 9), st.binary(max_size=140) | st.just(b"\x0a\x02on"))


@given(fields=st.lists(FIELD, max_size=10), cut=st.integers(0, 3))
def test_what_everybody_writes_is_read_as_any_other_message(
    fields: list[tuple[int, bytes]], cut: int
) -> None:
    """A quick way and a slow one, which agree on fields in any order, given twice, long, unknown or cut off."""
    message = b"".join(bytes((number << 3 | 2,)) + delimit(value) for number, value in fields)
    message = message[: len(message) - cut]
    found: list[NodeInfo | type[Exception]] = []
    for decode in (NodeInfo.decode, NodeInfo._decode_odd):
        try:
            found.append(decode(message))
        except MalformedMessageError as error:
            found.append(type(error))
    assert found[0] == found[1]


@given(st.binary(max_size=80))
def test_arbitrary_bytes_give_an_info_or_a_remote_error(wire: bytes) -> None:
    """And `validate` can judge every such info."""
    try:
        info = NodeInfo.decode(wire)
        info.validate()
    except RemoteError:
        return
    assert info.moniker


@given(st.data(), infos)
def test_any_cut_gives_the_same(data: st.DataObject, info: NodeInfo) -> None:
    """And the bytes after it are not lost."""
    wire = info.encode_delimited()
    reader, found = NodeInfoReader(), None
    rest = b""
    for piece in data.draw(chunks(wire + b"packets")):
        if found is None:
            found = reader.feed(piece)
        else:
            rest += piece
    assert found == info
    assert reader.leftover + rest == b"packets"


def test_a_name_is_not_looked_up_unless_asked_for() -> None:
    """A remote must not choose whom we wait for: a well-formed name is accepted unchecked, any other is refused."""
    info = NodeInfo(id="ab" * 20, listen_addr="tcp://node.example.com:26656", moniker="m")
    info.validate()
    assert str(info.net_address().host) == "0.0.0.0"
    assert str(info.net_address(lambda _: ["8.8.8.8"]).host) == "8.8.8.8"
    with pytest.raises(AddressLookupError):
        info.net_address(resolve)
    with pytest.raises(NodeInfoAddressError) as caught:
        NodeInfo(id="ab" * 20, listen_addr="1.2.3:26656", moniker="m").validate()
    assert isinstance(caught.value.__cause__, AddressLookupError)


def test_the_length_in_front_is_the_shortest() -> None:
    """As CometBFT writes it."""
    wire = NodeInfo(moniker="m" * 200).encode_delimited()
    length, start = decode_uvarint(wire)
    assert wire == delimit(wire[start:])
    assert length == len(wire) - start
