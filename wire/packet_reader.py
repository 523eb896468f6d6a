"""The packet reader: turns the decrypted bytes of a connection into events, wherever the stream happens to be cut.

Every byte that a peer sends passes through here, so the code is organised around one observation: peers send long runs
of packets with identical headers. The reader remembers the last header and what it means. As long as the next packet
begins with the same bytes, nothing is parsed at all: one comparison, one slice (`_read`). A header that differs is read
in place if it has the form that real senders produce (`read_header`). Everything else, valid or not, goes to
`decode_packet`, which is slower and agrees with CometBFT's decoder on every odd input.

The three paths must give the same answer for the same bytes; the fast ones only ever accept input that the slow one
would accept with the same meaning.

A peer chooses which path its packets take, and 64 KiB of packets without data hold twenty thousand that take the slowest.
So the reader keeps account of its work, in bytes of ordinary packets that would take as long: one call does `CALL_COST` of
it, and says if there is more to do (decision 0039).
Source: reference 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from peerage.wire import accelerator
from peerage.wire.errors import (
    MessageCapacityError,
    MessageTooLongError,
    RemoteError,
    UnknownChannelError,
    VarintTruncatedError,
)
from peerage.wire.incoming_message import IncomingMessage
from peerage.wire.loops import CRUMB_SIZE, SPECK_SIZE
from peerage.wire.packet import (
    DEFAULT_MAX_PAYLOAD,
    ONE_BYTE_CHANNELS,
    PING,
    Event,
    MessageReceived,
    MessageRun,
    Packet,
    PacketMsg,
    Ping,
    PingReceived,
    Pong,
    PongReceived,
    decode_packet,
    max_packet_size,
    whole_message_middle,
)
from peerage.wire.varint import decode_uvarint

__all__ = ["PacketReader"]

# What packets cost, in bytes of ordinary ones that take as long (tests/bench/packet_rate.py). A message of 200 bytes costs
# no more than it is long, wherever it stands. Packets that nobody sends in great numbers cost three times as much, so that
# a flood of them takes no more than its share.
PART_COST = 32  # a part of a message
HEADER_COST = 168  # besides: its header differs from the one before it
MESSAGE_COST = 200  # a message in one packet, or the last part of one: it goes on to a reactor
CRUMB_COST = 400  # besides: its header differs, and it has a few bytes of data
ODD_COST = 600  # a packet to be decoded, or a part of a few bytes: whoever has more to send fills its packets
CONTROL_COST = 32  # a ping or pong of a run
CALL_COST = 64 * 1024  # a call of `feed` ends with the packet that reaches this: about a millisecond

LARGE_MESSAGE = (
    1024 * 1024
)  # bytes; a call of `feed` also ends with one that took several packets: whoever gets it lets go of it first

# More than a read of full packets holds; with a few bytes in each it is a millisecond, in plain Python.
PARTS_AT_ONCE = 1024

# A whole run of pings and pongs, so that a flood of them costs a single match. (++ is possessive: no backtracking.)
_CONTROLS = re.compile(rb"(?:\x02[\x0a\x12]\x00)++")
_PING_RECEIVED: Final = PingReceived()
_PONG_RECEIVED: Final = PongReceived()

_Bytes: TypeAlias = bytes | bytearray | memoryview


@lru_cache(maxsize=64)
def _served(channel_ids: frozenset[int]) -> bytes:
    """For each channel whether it is among these, 0 or 1: as `read_parts` wants it. A node's connections share them."""
    return bytes(channel_id in channel_ids for channel_id in range(256))


class PacketReader:
    """Turns the plaintext of a connection into events, wherever it is cut.

    Promises: any input gives events or a RemoteError. The reader holds what of the latest chunk it has not come to, or else
    at most one packet, and per channel one incomplete message of at most the channel's capacity (plus one chunk); for an
    unserved channel it holds nothing. A call takes apart packets worth `CALL_COST` at most, besides one run of packets with
    equal headers or of whole messages, whose length is the chunk's; and it puts together at most one large message.

    An error is final, but nothing that arrived before it is lost: when a chunk holds good packets and then a bad one,
    `feed` returns the events of the good ones and sets `error`.
    """

    def __init__(
        self,
        capacities: Mapping[int, int],
        max_payload: int = DEFAULT_MAX_PAYLOAD,
        remote_channels: Iterable[int] = (),
        *,
        joins_messages: bool = False,
    ) -> None:
        """A reader at the beginning of a stream.

        Args:
            capacities: bytes of the longest message, by channel ID.
            max_payload: most data bytes in a packet.
            remote_channels: the channels that the remote announced. Packets on those that are not in `capacities` are
                counted and dropped instead of ending the connection: a remote announces what it has, which does not
                mean that it looks at what we have before it sends (v2.0.0-rc1 does not).
            joins_messages: give whole messages of one channel that follow each other as one `MessageRun`.
        """
        self._incoming = {
            channel_id: IncomingMessage(channel_id, 0, is_unserved=True) for channel_id in remote_channels
        } | {channel_id: IncomingMessage(channel_id, size) for channel_id, size in capacities.items()}
        self._served = _served(frozenset(capacities))
        self._max_payload = max_payload
        self._joins_messages = joins_messages
        self._limit = max_packet_size(max_payload)
        self._held = b""
        # The last header and its meaning; b"" means that there is none yet.
        self._header = b""
        self._header_channel = IncomingMessage(0, 0)
        self._header_eof = False
        self._header_size = 0
        self.error: RemoteError | None = None
        self.unfinished = 0
        """Bytes of messages that have begun to arrive, over all channels."""
        self._has_large = False  # the latest call has finished a large message
        self.has_unread = False
        """Whether `feed` is to be called again, with more or without: it has left packets for the next call."""
        # About the latest call.
        self.cost = 0
        self.pings = 0
        self.pongs = 0
        self.empty = 0  # packets that end nothing and carry less than a header takes: nobody sends such
        self.unserved: dict[int, int] = {}  # channel → packets dropped since the owner last took this dict

    def discard(self) -> None:
        """Let go of all that is held: the connection has ended."""
        self._held = b""
        self.has_unread = False
        self.unfinished = 0
        for channel in self._incoming.values():
            channel.clear()

    def take_begun(self) -> bytes:
        """The beginning of a packet that is not wholly here, for a caller that puts it in front of what it feeds next."""
        if self.has_unread:
            return b""
        begun, self._held = self._held, b""
        return begun

    def feed(self, data: _Bytes) -> list[Event]:
        """Take more of the stream, or go on with what was left of it.

        Returns: what happened, in order; if `has_unread` is set, not all of it yet.
        Raises: PacketError, MalformedMessageError, MessageTooLongError (a packet over the largest size): the
            connection is over, and every further call raises the same error.
        """
        if self.error is not None:
            raise self.error
        if type(data) is not bytes:
            data = bytes(data)
        self.cost = self.pings = self.pongs = self.empty = 0
        self._has_large = False
        events: list[Event] = []
        try:
            self._feed(data, events)
        except RemoteError as error:
            self.error = error
            self._held = b""
            self.has_unread = False
            if not events:
                raise
        return events

    def _feed(self, data: bytes, events: list[Event]) -> None:
        """Read what was held and the new chunk, and hold the incomplete packet at the end."""
        self.has_unread = False
        if self._held:
            # Nearly always a packet straddles the two. To copy the chunk takes less time than to read that packet alone.
            data = self._held + data
        pos = self._read(data, events)
        self._held = data[pos:]

    def _read(self, data: bytes, events: list[Event]) -> int:
        """Read all complete packets. Returns: where the first unread packet begins.

        The loops over runs of packets with equal headers are in `accelerator`; this loop turns once for each run.
        """
        pos, end = 0, len(data)
        header = self._header
        startswith = data.startswith
        while pos < end:
            if not header or not startswith(header, pos):
                if self.cost >= CALL_COST or self._has_large:
                    self.has_unread = True
                    return pos
                read = self._read_other(data, pos, events)
                if read == pos:
                    return pos
                header = self._header
                if read > 0:
                    pos = read
                    continue
            size = self._header_size
            start = pos + len(header)
            stop = start + size
            if stop > end:
                return pos
            channel = self._header_channel
            if channel.is_unserved:
                pos = self._drop_run(data, pos, channel.channel_id)
                continue
            # Each packet is a whole message, unless an earlier part is waiting for this one or it is too long.
            if channel.length or size > channel.capacity:
                self._take(channel, data[start:stop], True, events)
                self.cost += MESSAGE_COST
                pos = stop
            elif not (self._joins_messages and (pos := self._read_run(data, pos, channel, events)) >= stop):
                pos = accelerator.split_run(
                    data, pos, header, size, MessageReceived, channel.channel_id, events
                )
                stride = len(header) + size
                self.cost += (pos - stop + stride) // stride * MESSAGE_COST
        return pos

    def _read_parts(self, data: bytes, pos: int, events: list[Event]) -> int:
        """Read the parts of messages from `pos` on, of all our channels, up to a packet that ends one.

        Returns: where they end; `pos` if there is none.
        """
        found, end = accelerator.read_parts(data, pos, self._limit, self._served, PARTS_AT_ONCE)
        if not found:
            return pos
        incoming = self._incoming
        for channel_id, parts, _packets, _crumbs, _specks in found:
            channel = incoming[channel_id]
            if channel.length + len(parts) > channel.capacity:
                return self._read_parts_singly(data, pos, events)
        for channel_id, parts, packets, crumbs, specks in found:
            self.cost += packets * PART_COST + crumbs * (ODD_COST - PART_COST)
            self.empty += specks
            channel = incoming[channel_id]
            channel.parts.append(parts)
            channel.length += len(parts)
            self.unfinished += len(parts)
            if len(channel.parts) >= channel.join_at:
                channel.join_parts()
        self._header = b""
        self.cost += HEADER_COST
        return end

    def _read_parts_singly(self, data: bytes, pos: int, events: list[Event]) -> int:
        """As `_read_parts`, until a message becomes too long. Raises: MessageCapacityError, of the packet that does it."""
        while (form := accelerator.read_header(data, pos, self._limit)) is not None:
            channel_id, _eof, at, pos = form
            self._take(self._incoming[channel_id], data[at:pos], False, events)
        raise AssertionError("no message is too long")

    def _read_run(self, data: bytes, pos: int, channel: IncomingMessage, events: list[Event]) -> int:
        """Read the channel's whole messages from `pos` on, of whatever sizes, as one event.

        Returns: where they end; `pos` if the first is none that can be read so.
        """
        middle = whole_message_middle(channel.channel_id)
        joined, sizes, end = accelerator.read_messages(data, pos, middle, self._limit, channel.capacity)
        run = MessageRun(channel.channel_id, sizes, joined)
        messages = run.messages
        self.cost += messages * MESSAGE_COST
        if messages > 1:
            events.append(run)
        elif messages:
            events.append(MessageReceived(channel.channel_id, joined))
        return end

    def _read_other(self, data: bytes, pos: int, events: list[Event]) -> int:
        """Read a packet that does not begin with the last header.

        Returns: the position after it, and after parts of messages that follow it if it is one; `pos` if it is incomplete;
            -1 if it is a whole message, or for nobody, in the common form: its header has been learned, and the caller
            reads the packet by it.
        """
        # After parts there are mostly more of them, and at the end the beginning of one.
        if not self._header:
            if len(data) - pos <= self._limit and self._extent(data, pos) is None:
                return pos
            end = self._read_parts(data, pos, events)
            if end > pos:
                return end
        form = accelerator.read_header(data, pos, self._limit)
        if form is not None and (known := self._incoming.get(form[0])) is not None:
            _channel, eof, at, stop = form
            if not (eof or known.is_unserved):
                return self._read_parts(data, pos, events)
            self._header = data[pos:at]
            self._header_channel, self._header_eof, self._header_size = known, eof, stop - at
            is_crumb = stop - at < CRUMB_SIZE
            if eof:
                self.cost += CRUMB_COST if is_crumb else 0
            elif not is_crumb:
                self.cost += HEADER_COST
            return -1
        extent = self._extent(data, pos)
        if extent is None:
            return pos
        start, stop = extent
        length = stop - start
        if length == 2:
            run = _CONTROLS.match(data, pos)
            if run is not None:
                packets = (run.end() - pos) // len(PING)
                self.cost += HEADER_COST + packets * CONTROL_COST
                pings = run.group().count(PING)
                if pings:
                    self._pinged(pings, events)
                if packets > pings:
                    self._ponged(packets - pings, events)
                return run.end()
        self.cost += ODD_COST
        packet = decode_packet(data[start:stop])
        if length > self._limit and not self._is_excusable(packet):
            raise MessageTooLongError("packet", length, self._limit)
        match packet:
            case Ping():
                self._pinged(1, events)
            case Pong():
                self._ponged(1, events)
            case PacketMsg(channel_id, eof, data_):
                if len(data_) < SPECK_SIZE and not eof:
                    self.empty += 1
                channel = self._incoming.get(channel_id)
                if channel is None:
                    raise UnknownChannelError(channel_id)
                if channel.is_unserved:
                    self._drop(channel_id, 1)
                else:
                    self._take(channel, data_, eof, events)
        return stop

    def _extent(self, data: bytes, pos: int) -> tuple[int, int] | None:
        """Where the packet at `pos` begins, behind its length, and where it ends; None while it is not wholly here.

        Raises: MessageTooLongError.
        """
        try:
            length, start = data[pos], pos + 1
            if length >= 0x80:
                second = data[start]
                if second < 0x80:
                    length, start = length - 0x80 + (second << 7), start + 1
                else:
                    length, start = decode_uvarint(data, pos)
        except (IndexError, VarintTruncatedError):
            return None
        # One more byte than the limit may still be excused, but that takes the packet's content to decide.
        if length > self._limit + 1:
            raise MessageTooLongError("packet", length, self._limit)
        stop = start + length
        return (start, stop) if stop <= len(data) else None

    def _is_excusable(self, packet: Packet) -> bool:
        """Whether it is one byte too long only because its channel ID takes two bytes.

        CometBFT sends such packets, though it refuses them itself.
        """
        return (
            isinstance(packet, PacketMsg)
            and packet.eof
            and packet.channel_id >= ONE_BYTE_CHANNELS
            and len(packet.data) <= self._max_payload
        )

    def _take(self, channel: IncomingMessage, part: bytes, eof: bool, events: list[Event]) -> None:
        """Add a part to its channel's message; with eof, the message is complete and becomes an event."""
        channel.length += len(part)
        self.unfinished += len(part)
        if channel.length > channel.capacity:
            raise MessageCapacityError(channel.channel_id, channel.length, channel.capacity)
        if part:
            channel.parts.append(part)
        if eof:
            self._has_large = channel.length >= LARGE_MESSAGE
            self.unfinished -= channel.length
            events.append(MessageReceived(channel.channel_id, b"".join(channel.parts)))
            channel.clear()
        elif len(channel.parts) >= channel.join_at:
            channel.join_parts()

    def _drop_run(self, data: bytes, pos: int, channel_id: int) -> int:
        """Drop the run of packets from `pos` on that share the last header. Returns: where the run ends."""
        run: list[Event] = []
        end = accelerator.split_run(
            data, pos, self._header, self._header_size, MessageReceived, channel_id, run
        )
        self._drop(channel_id, len(run))
        if self._header_size < SPECK_SIZE and not self._header_eof:
            self.empty += len(run)
        part_cost = ODD_COST if self._header_size < CRUMB_SIZE else PART_COST
        self.cost += len(run) * (MESSAGE_COST if self._header_eof else part_cost)
        return end

    def _drop(self, channel_id: int, packets: int) -> None:
        self.unserved[channel_id] = self.unserved.get(channel_id, 0) + packets

    def _pinged(self, pings: int, events: list[Event]) -> None:
        self.pings += pings
        events.append(_PING_RECEIVED)

    def _ponged(self, pongs: int, events: list[Event]) -> None:
        self.pongs += pongs
        events.append(_PONG_RECEIVED)
