"""NodeInfos. An input: size of the pieces, and then what the remote says first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from google.protobuf.message import DecodeError

from peerage.wire.errors import IncompatibleNodeError, InvalidNodeInfoError, RemoteError
from peerage.wire.node_info import MAX_NODE_INFO_BYTES, NodeInfo, NodeInfoReader, ProtocolVersion
from peerage.wire.proto import types_pb2
from tests.fuzz.target import Target, cut, told
from tests.wire.vectors import load, octets

OURS = NodeInfo(
    ProtocolVersion(8, 11, 0), "00" * 20, "tcp://1.2.3.4:26656", "test", "0.38", b"\x00\x20\x40", "m"
)
MOST_HELD = MAX_NODE_INFO_BYTES + 10  # and its length


def read(pieces: list[bytes]) -> tuple[NodeInfo | None, bytes, str]:
    """NodeInfo, what came behind it, and the error."""
    reader = NodeInfoReader()
    for number, piece in enumerate(pieces):
        try:
            info = reader.feed(piece)
        except RemoteError as error:
            told(error)
            return None, b"", repr(error)
        assert reader._reader.held <= MOST_HELD
        if info is not None:
            return info, reader.leftover + b"".join(pieces[number + 1 :]), ""
    return None, b"", ""


def check(data: bytes) -> None:
    """Any cut gives the same; written again it reads the same, also by generated protobuf code; errors are for a log."""
    if not data:
        return
    size, stream = data[0], data[1:]
    info, leftover, error = read([stream])
    assert read(cut(stream, size)) == (info, leftover, error)
    if info is None:
        return
    assert len(leftover) < len(stream)
    written = info.encode()
    assert NodeInfo.decode(written) == info
    assert (
        NodeInfoReader().feed(info.encode_delimited() + leftover) == info
        or len(written) > MAX_NODE_INFO_BYTES
    )
    try:
        info.validate()
    except InvalidNodeInfoError as invalid:
        told(invalid)
    else:
        address = info.net_address()
        assert str(address).startswith(info.id.lower())
    for ours, theirs in ((OURS, info), (info, OURS)):
        try:
            ours.check_compatible(theirs)
        except IncompatibleNodeError as incompatible:
            told(incompatible)
    info.check_compatible(info)
    with suppress(DecodeError):  # of a text that is not UTF-8
        _compare(info, types_pb2.DefaultNodeInfo.FromString(written))


def _compare(info: NodeInfo, generated: types_pb2.DefaultNodeInfo) -> None:
    version = generated.protocol_version
    assert info.protocol_version == ProtocolVersion(version.p2p, version.block, version.app)
    assert (info.id, info.listen_addr) == (generated.default_node_id, generated.listen_addr)
    assert (info.network, info.version, info.moniker) == (
        generated.network,
        generated.version,
        generated.moniker,
    )
    assert info.channels == generated.channels
    assert (info.tx_index, info.rpc_address) == (generated.other.tx_index, generated.other.rpc_address)


def corpus() -> Iterator[bytes]:
    """Those that CometBFT was asked about."""
    vectors = load("node_info")
    for row in (*vectors["infos"], *vectors["wires"]):
        yield b"\0" + octets(row["wire"])
    yield b"\3" + OURS.encode_delimited() + b"\x02\x0a\x00"


TARGET = Target(corpus, check)
