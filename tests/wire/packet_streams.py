"""Streams of packets read carefully, one packet after the other: what `PacketReader` must give in any way it reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from peerage.wire.errors import (
    MessageCapacityError,
    MessageTooLongError,
    RemoteError,
    UnknownChannelError,
    VarintTruncatedError,
)
from peerage.wire.packet import (
    Event,
    MessageReceived,
    MessageRun,
    PacketMsg,
    Ping,
    PingReceived,
    PongReceived,
    decode_packet,
)
from peerage.wire.varint import decode_uvarint

__all__ = ["apart", "read_slowly", "without_repeats"]


def without_repeats(events: list[Event]) -> list[Event]:
    """Events as they are without regard to how many pings or pongs were read at once."""
    kept: list[Event] = []
    controls: set[Event] = set()
    for event in events:
        if isinstance(event, MessageReceived):
            kept += [*sorted(controls, key=repr), event]
            controls = set()
        else:
            controls.add(event)
    return [*kept, *sorted(controls, key=repr)]


def apart(events: list[Event]) -> list[Event]:
    """Events with each message by itself."""
    return [each for event in events for each in (event.each() if isinstance(event, MessageRun) else [event])]


def read_slowly(
    stream: bytes, capacities: Mapping[int, int], unserved: Collection[int]
) -> tuple[list[Event], type[RemoteError] | None]:
    """What the reader should give, one packet after the other through the decoder that knows all forms."""
    events: list[Event] = []
    parts: dict[int, bytes] = {}
    at = 0
    try:
        while at < len(stream):
            try:
                length, start = decode_uvarint(stream, at)
            except VarintTruncatedError:
                break
            if length > 1035:
                raise MessageTooLongError("packet", length, 1034)
            at = start + length
            if at > len(stream):
                break
            packet = decode_packet(stream[start:at])
            if length > 1034 and not _is_excusable(packet):
                raise MessageTooLongError("packet", length, 1034)
            if not isinstance(packet, PacketMsg):
                events.append(PingReceived() if isinstance(packet, Ping) else PongReceived())
                continue
            if packet.channel_id in unserved:
                continue
            if packet.channel_id not in capacities:
                raise UnknownChannelError(packet.channel_id)
            message = parts.pop(packet.channel_id, b"") + packet.data
            if len(message) > capacities[packet.channel_id]:
                raise MessageCapacityError(packet.channel_id, len(message), 0)
            if packet.eof:
                events.append(MessageReceived(packet.channel_id, message))
            else:
                parts[packet.channel_id] = message
    except RemoteError as error:
        return events, type(error)
    return events, None


def _is_excusable(packet: object) -> bool:
    """One byte too long only because its channel takes two bytes, as CometBFT sends them itself."""
    return (
        isinstance(packet, PacketMsg)
        and packet.eof
        and packet.channel_id >= 0x80
        and len(packet.data) <= 1024
    )
