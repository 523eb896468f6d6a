"""Streams of packets. An input: settings of the reader, size of the pieces, and then the decrypted stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from peerage.wire.errors import MalformedMessageError, RemoteError
from peerage.wire.packet import PING, PONG, Event, MessageRun, PacketMsg, encode_packet
from peerage.wire.packet_reader import CALL_COST, ODD_COST, PacketReader
from tests.fuzz.target import FORMS, Target, cut, form, told
from tests.wire.packet_streams import apart, read_slowly, without_repeats
from tests.wire.vectors import load, octets, pattern

CAPACITIES = {0x00: 22_020_096, 0x01: 300, 0x20: 3000, 0x7F: 4000, 0x80: 4000, 0xFF: 1025}
UNSERVED = (0x40, 0xC0)  # announced by the remote alone
JOINS, BYTEWISE = 1, 2
MOST_HELD = 1034 + 11  # bytes of an incomplete packet
HEAD = 2


def read(pieces: list[bytes], *, joins: bool) -> tuple[list[Event], RemoteError | None, tuple[Any, ...]]:
    """Events, the error, and the accounts that the reader keeps."""
    reader = PacketReader(CAPACITIES, remote_channels=UNSERVED, joins_messages=joins)
    events: list[Event] = []
    accounts: list[int] = []
    for piece in pieces:
        unread = piece
        while True:
            try:
                events += reader.feed(unread)
            except RemoteError as error:
                assert error is reader.error
            # one run of equal packets is read at once, whatever it costs
            assert reader.cost <= CALL_COST + ODD_COST + 32 * (len(piece) + MOST_HELD)
            accounts += [reader.cost, reader.pings, reader.pongs, reader.empty]
            if reader.error is not None or not reader.has_unread:
                break
            unread = b""
        if reader.error is not None:
            break
        _is_bounded(reader)
    if reader.error is not None:
        told(reader.error)
        _stays_failed(reader)
    return events, reader.error, (accounts, reader.unserved)


def _is_bounded(reader: PacketReader) -> None:
    """Of what was read, it keeps an incomplete packet, and incomplete messages that their channels may have."""
    assert len(reader._held) <= MOST_HELD
    for channel in reader._incoming.values():
        assert channel.length == sum(map(len, channel.parts))
        assert channel.length <= channel.capacity
        assert len(channel.parts) <= channel.join_at


def _stays_failed(reader: PacketReader) -> None:
    try:
        reader.feed(PING)
    except RemoteError as error:
        assert error is reader.error
    else:
        raise AssertionError("a failed reader goes on")


def check(data: bytes) -> None:
    """Both forms, any cut, joined or not: what reading one packet after the other gives. Messages come as they were sent."""
    if len(data) < HEAD:
        return
    joins, size, stream = bool(data[0] & JOINS), data[1] or 1, data[HEAD:]
    expected, expected_error = read_slowly(stream, CAPACITIES, UNSERVED)
    pieces = [[stream], cut(stream, 1 if data[0] & BYTEWISE else size)]
    outcomes = []
    for chosen in FORMS:
        with form(chosen):
            outcomes.append([read(each, joins=joins) for each in pieces])
    assert [_plain(each) for each in outcomes[0]] == [_plain(each) for each in outcomes[1]]
    for events, error, _ in outcomes[0]:
        assert without_repeats(apart(events)) == without_repeats(expected)
        assert (None if error is None else type(error)) == expected_error
    errors = [error for _, error, _ in outcomes[0]]
    if not isinstance(
        errors[0], MalformedMessageError
    ):  # which says where, counted from the beginning of its piece
        assert repr(errors[0]) == repr(errors[1])
    for event in outcomes[0][0][0]:
        if isinstance(event, MessageRun):
            assert joins
            assert event.messages == len(event.each()) > 1
            assert event.longest == max(len(each.data) for each in event.each())


def _plain(outcome: tuple[list[Event], RemoteError | None, tuple[Any, ...]]) -> tuple[Any, ...]:
    events, error, accounts = outcome
    return events, repr(error), accounts


def corpus() -> Iterator[bytes]:
    """Packets of CometBFT, and those with which it was tried."""
    vectors = load("packets")
    wires = [octets(row["wire"]) for row in vectors["packets"]]
    for number, wire in enumerate(wires):
        yield bytes((number % 4, 5)) + wire
    for row in vectors["malformed"]:
        if "wire" in row:
            yield bytes((JOINS, 9)) + octets(row["wire"])[:4000]
    whole = [
        encode_packet(PacketMsg(channel, True, pattern(channel, 70))) for channel in (*CAPACITIES, *UNSERVED)
    ]
    parts = [
        encode_packet(PacketMsg(channel, False, pattern(channel, 20))) for channel in (*CAPACITIES, *UNSERVED)
    ]
    for flags in range(4):
        yield bytes((flags, 33)) + b"".join(whole)
        yield bytes((flags, 33)) + b"".join(each * 3 for each in whole)
        yield bytes((flags, 33)) + b"".join(parts + whole)
        yield bytes((flags, 33)) + b"".join(each + PING + PONG for each in parts)
        yield bytes((flags, 33)) + (PING + PONG) * 9 + encode_packet(PacketMsg(0x20, False, b"")) * 3


TARGET = Target(corpus, check, inputs=1200)
