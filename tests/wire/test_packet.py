"""One packet: the hand-written codec against vectors, CometBFT's outcomes and the generated classes."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.channel import ChannelDescriptor
from peerage.wire.delimited import delimit
from peerage.wire.errors import (
    RemoteError,
)
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.packet import (
    MessageReceived,
    MessageRun,
    Packet,
    PacketMsg,
    Ping,
    Pong,
    decode_packet,
    encode_packet,
    eof_payload_limit,
    max_packet_size,
    message_header,
    packets_of,
    whole_message_middle,
)
from peerage.wire.proto import conn_pb2
from peerage.wire.varint import encode_uvarint
from tests.wire.vectors import load, octets

pytestmark = pytest.mark.usefixtures("form")

VECTORS = load("packets")


def packet_of(row: dict[str, Any]) -> Packet:
    """The packet that a row of the vectors describes."""
    if row["kind"] == "msg":
        return PacketMsg(row["channel"], row["eof"], octets(row["data"]))
    return Ping() if row["kind"] == "ping" else Pong()


def generated(packet: Packet) -> conn_pb2.Packet:
    """The same packet as the generated classes have it."""
    match packet:
        case PacketMsg(channel_id, eof, data):
            return conn_pb2.Packet(packet_msg=conn_pb2.PacketMsg(channel_id=channel_id, eof=eof, data=data))
        case Ping():
            return conn_pb2.Packet(packet_ping=conn_pb2.PacketPing())
        case Pong():
            return conn_pb2.Packet(packet_pong=conn_pb2.PacketPong())


@pytest.mark.parametrize("row", VECTORS["packets"], ids=lambda row: row["name"])
def test_packets_are_written_and_read_as_by_cometbft(row: dict[str, Any]) -> None:
    """Byte for byte, both ways."""
    packet, wire = packet_of(row), octets(row["wire"])
    assert encode_packet(packet) == wire
    assert delimit(generated(packet).SerializeToString()) == wire
    prefix = len(encode_uvarint(len(wire) - 1)) if len(wire) < 129 else 2 + (len(wire) > 16386)
    assert decode_packet(wire[prefix:]) == packet


@given(
    st.sampled_from([0, 1, 0x7F]),
    st.sampled_from([0, 1, 99, 100, 101, 200, 1023, 1024, 1025, 5000]),
    st.sampled_from([1, 100, 1024]),
)
def test_the_packets_of_one_message_are_those_of_a_connection(channel: int, size: int, payload: int) -> None:
    """That carries nothing else."""
    message = bytes(size)
    connection = MultiplexConnection(
        [ChannelDescriptor(id=channel)], now=0.0, max_packet_msg_payload_size=payload, send_rate=0
    )
    assert connection.try_send(channel, message)
    written = b"".join(iter(lambda: connection.data_to_send(0.0, 1 << 20), b""))
    assert packets_of(channel, message, payload) == written


@given(st.builds(PacketMsg, st.integers(0, 255), st.booleans(), st.binary(max_size=2000)))
def test_written_packets_are_those_of_the_generated_classes(packet: PacketMsg) -> None:
    """And the generated classes can read them."""
    wire = encode_packet(packet)
    assert wire == delimit(generated(packet).SerializeToString())
    assert wire == message_header(packet.channel_id, packet.eof, len(packet.data)) + packet.data


# Fields with any values in the wire type that is theirs, unknown ones among them: what generated code and
# CometBFT agree on. (They differ where a oneof is given twice or a known field has another wire type: vectors.)
any_varint = st.integers(0, 2**64 - 1)
message_fields = st.lists(
    st.one_of(
        any_varint.map(lambda value: b"\x08" + encode_uvarint(value)),
        any_varint.map(lambda value: b"\x10" + encode_uvarint(value)),
        st.binary(max_size=20).map(lambda value: b"\x1a" + delimit(value)),
        any_varint.map(lambda value: b"\x20" + encode_uvarint(value)),
        st.binary(max_size=20).map(lambda value: b"\x2a" + delimit(value)),
        st.binary(min_size=4, max_size=4).map(lambda value: b"\x35" + value),
        st.binary(min_size=8, max_size=8).map(lambda value: b"\x39" + value),
        st.just(b"\x43\x08\x01\x44"),
    ),
    max_size=6,
).map(b"".join)


@given(message_fields, st.sampled_from([b"", b"\x22\x01a", b"\x28\x05", b"\x33\x34"]))
def test_read_fields_are_those_of_the_generated_classes(inside: bytes, unknown: bytes) -> None:
    """In any order, repeated, with unknown fields between them, and with integers of any width."""
    body = unknown + b"\x1a" + delimit(inside) + unknown
    theirs = conn_pb2.Packet.FromString(body).packet_msg
    assert decode_packet(body) == PacketMsg(theirs.channel_id, theirs.eof, theirs.data)


@given(st.binary(max_size=60))
def test_bytes_that_generated_classes_refuse_are_refused(body: bytes) -> None:
    """What is not protobuf for them is not for us: decoding gives a packet or a RemoteError and nothing else."""
    try:
        decode_packet(body)
    except RemoteError:
        return
    try:
        conn_pb2.Packet.FromString(body)
    except DecodeError:
        assert body  # CometBFT is laxer about groups with field number 0 and varints over 64 bits


def test_sizes() -> None:
    """Reference 4: 1034 for a payload of 1024; one byte less with eof where the channel's ID takes two bytes."""
    assert max_packet_size(1024) == 1034
    assert (eof_payload_limit(0x7F, 1024), eof_payload_limit(0x80, 1024)) == (1024, 1023)


def test_joined_messages_know_what_they_are() -> None:
    run = MessageRun.of(0x20, [b"one", b"", b"three"])
    assert (run.channel_id, run.data, run.messages, run.longest) == (0x20, b"onethree", 3, 5)
    assert run.each() == [
        MessageReceived(0x20, b"one"),
        MessageReceived(0x20, b""),
        MessageReceived(0x20, b"three"),
    ]
    assert (MessageRun.of(0x20, []).messages, MessageRun.of(0x20, []).longest) == (0, 0)


@pytest.mark.parametrize("channel", [0, 0x20, 0x80, 0xFF])
def test_the_headers_of_whole_messages_have_their_middle_in_common(channel: int) -> None:
    for size in (1, 200, 1024):
        assert whole_message_middle(channel) in message_header(channel, eof=True, size=size)
