"""The scheduler: whose packet is next, and how messages are cut."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import DuplicateChannelError
from peerage.wire.packet import MessageReceived, MessageRun, PacketMsg, decode_packet, encode_packet
from peerage.wire.packet_reader import PacketReader
from peerage.wire.scheduler import FramedMessage, Scheduler
from peerage.wire.varint import decode_uvarint
from tests.wire.vectors import load, octets, pattern

CUTS = load("packets")["cuts"]
PLENTY = 10**9


def scheduler(*channels: ChannelDescriptor, max_payload: int = 1024) -> Scheduler:
    return Scheduler(channels, now=0.0, max_payload=max_payload)


def written(scheduler: Scheduler, room: int = PLENTY, now: float = 0.0) -> bytes:
    """All that the scheduler writes at once, of the length it says."""
    parts: list[bytes | bytearray | memoryview] = []
    size = scheduler.write(parts, room, now)
    data = b"".join(parts)
    assert len(data) == size
    return data


def packets(data: bytes) -> list[PacketMsg]:
    """The packets in a stream of whole ones."""
    found = []
    at = 0
    while at < len(data):
        length, start = decode_uvarint(data, at)
        at = start + length
        packet = decode_packet(data[start:at])
        assert isinstance(packet, PacketMsg)
        found.append(packet)
    return found


@pytest.mark.parametrize("row", CUTS, ids=lambda row: f"{row['channel']} {len(octets(row['message']))}")
def test_messages_are_cut_as_by_cometbft(row: dict[str, Any]) -> None:
    """Byte for byte, except where CometBFT refuses its own last packet: there ours carries one byte less."""
    channel, size = row["channel"], row["max_packet_msg_payload_size"]
    sender = scheduler(ChannelDescriptor(channel), max_payload=size)
    sender.put(channel, octets(row["message"]))
    wire = written(sender)
    if "refused_by_a_receiver_of_the_same_size" in row:
        expected = [*row["packets"][:-1], [1, False], [size - 1, True]]
        assert [[len(packet.data), packet.eof] for packet in packets(wire)] == expected
        assert b"".join(packet.data for packet in packets(wire)) == octets(row["message"])
    else:
        assert hashlib.sha256(wire).hexdigest() == row["wire_sha256"]


class Model:
    """The rule as the reference has it: one packet at a time, each time the least recently_sent / priority."""

    def __init__(self, descriptors: list[ChannelDescriptor]) -> None:
        self.queues: dict[int, list[bytes]] = {descriptor.id: [] for descriptor in descriptors}
        self.priority = {descriptor.id: descriptor.priority for descriptor in descriptors}
        self.sent = dict.fromkeys(self.queues, 0)

    def next(self, max_payload: int) -> bytes:
        ready = [channel for channel, queue in self.queues.items() if queue]
        channel = min(ready, key=lambda channel: self.sent[channel] / self.priority[channel])
        message = self.queues[channel].pop(0)
        limit = max_payload if channel < 0x80 else max_payload - 1
        if len(message) <= limit:
            packet = encode_packet(PacketMsg(channel, True, message))
        else:
            cut = 1 if len(message) == max_payload else max_payload
            packet = encode_packet(PacketMsg(channel, False, message[:cut]))
            self.queues[channel].insert(0, message[cut:])
        self.sent[channel] += len(packet)
        return packet


ROOM_FOR_ALL = 4 * (8 + 3 * 6)  # the most messages that the test below puts into one queue
descriptor_lists = st.lists(
    st.builds(
        ChannelDescriptor,
        st.sampled_from([0, 1, 0x20, 0x7F, 0x80, 0xFF]),
        st.integers(1, 12),
        st.just(ROOM_FOR_ALL),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda descriptor: descriptor.id,
)


@given(st.data(), descriptor_lists)
def test_each_packet_is_the_one_that_the_rule_says(
    data: st.DataObject, descriptors: list[ChannelDescriptor]
) -> None:
    """Runs written in one go, joined messages, and those cut beforehand equal what a choice before each packet gives."""
    ours, model = scheduler(*descriptors, max_payload=64), Model(descriptors)
    chosen = st.sampled_from([descriptor.id for descriptor in descriptors])
    for _ in range(data.draw(st.integers(1, 4))):
        added = st.lists(st.tuples(chosen, st.integers(0, 700), st.booleans()), max_size=8)
        for channel, size, is_framed in data.draw(added):
            message = pattern(channel, size)
            framed = FramedMessage(channel, message, 64)
            assert ours.put_many(channel, (framed if is_framed else message,)) == 1
            model.queues[channel].append(message)
        for channel, sizes in data.draw(
            st.lists(st.tuples(chosen, st.lists(st.integers(0, 70), max_size=6)), max_size=3)
        ):
            joined = [pattern(number, size) for number, size in enumerate(sizes)]
            assert ours.put_run(MessageRun.of(channel, joined)) == len(joined)
            model.queues[channel] += joined
        room = data.draw(st.integers(1, 2000))
        stream = written(ours, room)
        assert len(stream) <= max(room, 64 + 20)
        expected = b""
        while len(expected) < len(stream):
            expected += model.next(64)
        assert stream == expected
        assert {channel: ours.channels[channel].recently_sent for channel in model.sent} == model.sent
    while ours.has_data:
        assert written(ours, 1) == model.next(64)
    assert not any(model.queues.values())


def test_a_small_urgent_message_overtakes_bulk_at_the_next_packet() -> None:
    """However much bulk is queued (cometbft #2128)."""
    sender = scheduler(ChannelDescriptor(0x20, 1), ChannelDescriptor(0x30, 10))
    sender.put(0x20, bytes(10 * 2**20))
    written(sender, 100_000)
    sender.put(0x30, b"urgent")
    assert packets(written(sender, 2000))[0] == PacketMsg(0x30, True, b"urgent")


def test_full_channels_share_by_priority() -> None:
    """10 to 1, to within one packet."""
    sender = scheduler(ChannelDescriptor(0x20, 1), ChannelDescriptor(0x30, 10))
    for channel in (0x20, 0x30):
        sender.put(channel, bytes(2**20))
    sent = [packet.channel_id for packet in packets(written(sender, 500_000))]
    assert sent.count(0x30) == pytest.approx(10 * sent.count(0x20), abs=10)


def test_what_was_sent_fades() -> None:
    """Times 0.8, cut to an integer, every 2 s; also when nobody has looked for a year."""
    sender = scheduler(ChannelDescriptor(0x00))
    sender.put(0x00, b"\x0a\x00")
    written(sender)
    faded = []
    for now in (1.99, 2.0, 3.9, 4.0, 10.0, 12.0):
        sender.decay(now)
        faded.append(sender.channels[0].recently_sent)
    assert faded == [9, 7, 7, 5, 2, 1]
    sender.put(0x00, bytes(1000))
    written(sender, now=12.0)
    sender.decay(3e7)
    assert sender.channels[0].recently_sent == 0


def test_empty_messages_are_sent_in_their_turn() -> None:
    """And they occupy a place in the queue until then (CometBFT loses the message and the place)."""
    sender = scheduler(ChannelDescriptor(0x20, 1, 2), ChannelDescriptor(0x30, 10))
    assert [sender.put(0x20, b"") for _ in range(3)] == [True, True, False]
    sender.put(0x30, bytes(5000))
    reader = PacketReader({0x20: 1, 0x30: 5000})
    assert reader.feed(written(sender)) == [
        MessageReceived(0x20, b""),
        MessageReceived(0x20, b""),  # after the first packet of the other channel
        MessageReceived(0x30, bytes(5000)),
    ]
    assert not sender.has_data


def test_joined_messages_take_a_place_each() -> None:
    """Those that find none are left to the caller. A place is free again when its message has begun."""
    sender = scheduler(ChannelDescriptor(0x20, 1, 3))
    sender.put(0x20, b"first")
    assert sender.put_run(MessageRun.of(0x20, [b"one", b"two", b"three"])) == 2
    assert sender.put_run(MessageRun.of(0x20, [b"four"])) == 0
    assert sender.put_run(MessageRun.of(0x21, [b"four"])) == 0
    written(sender, 30)
    assert (sender.channels[0x20].queued, sender.take_started()) == (1, {0x20: 2})
    assert packets(written(sender)) == [PacketMsg(0x20, True, b"two")]
    assert not sender.has_data


def test_joined_messages_that_need_several_packets_are_cut_one_by_one() -> None:
    sender = scheduler(ChannelDescriptor(0x20, 1, 5), max_payload=4)
    assert sender.put_run(MessageRun.of(0x20, [b"12345", b"6"])) == 2
    assert [packet.data for packet in packets(written(sender))] == [b"1234", b"5", b"6"]


def test_a_queue_has_as_many_places_as_described() -> None:
    """The message being sent has left the queue, which `take_started` reports once."""
    sender = scheduler(ChannelDescriptor(0x20, 1, 2))
    assert [sender.put(0x20, bytes(2000)) for _ in range(3)] == [True, True, False]
    assert sender.take_started() == {}
    written(sender, 1)
    assert sender.channels[0x20].queued == 1
    assert sender.take_started() == {0x20: 1}
    assert sender.take_started() == {}
    assert [sender.put(0x20, b"") for _ in range(2)] == [True, False]
    written(sender)
    assert sender.take_started() == {0x20: 2}


def test_what_may_change_is_copied_when_queued() -> None:
    """The caller may change a bytearray at once; a read-only view is not copied."""
    sender = scheduler(ChannelDescriptor(0x20, 1, 3))
    buffer = bytearray(b"before")
    sender.put(0x20, buffer)
    sender.put(0x20, memoryview(buffer)[:3])
    sender.put(0x20, memoryview(b"xviewx")[1:5])
    buffer[:] = b"after!"
    assert [packet.data for packet in packets(written(sender))] == [b"before", b"bef", b"view"]


def test_room_is_kept_but_for_a_packet_that_is_larger() -> None:
    """A limit below the size of one packet lets one through."""
    sender = scheduler(ChannelDescriptor(0x20, 1, 100))
    sender.put(0x20, bytes(5000))
    assert len(written(sender, 10)) == 1034
    assert len(written(sender, 2 * 1034 + 1033)) == 2 * 1034
    assert len(written(sender, 0)) == 0


def test_two_descriptors_for_one_channel_are_refused() -> None:
    """So whoever registers the reactors learns of it."""
    with pytest.raises(DuplicateChannelError):
        scheduler(ChannelDescriptor(1), ChannelDescriptor(1))


def test_nothing_is_queued_on_an_unknown_channel() -> None:
    """As in CometBFT, it looks like a full queue."""
    assert not scheduler(ChannelDescriptor(1)).put(2, b"")


def test_what_is_discarded_is_not_written() -> None:
    """Neither what is queued nor the rest of a message that is partly sent."""
    channels = scheduler(ChannelDescriptor(0x20, 1, 3), ChannelDescriptor(0x30, 1, 3))
    channels.put(0x20, bytes(5000))
    channels.put(0x20, b"second")
    channels.put(0x30, b"other")
    assert written(channels, room=3000)
    channels.discard()
    assert not channels.has_data
    assert written(channels) == b""
    assert all(channel.unsent == 0 for channel in channels.channels.values())


@given(
    st.lists(st.integers(0, 5000), max_size=12),
    st.lists(st.integers(0, 200), max_size=12),
    st.lists(st.integers(1, 4000), max_size=30),
)
def test_the_size_is_that_of_what_is_not_wholly_sent(
    single: list[int], run: list[int], rooms: list[int]
) -> None:
    """Whatever of it is written at a time; each message counts in full until its last packet is."""
    channels = scheduler(ChannelDescriptor(0x20, 1, 10), ChannelDescriptor(0x30, 1, 10))
    waiting: dict[int, list[int]] = {0x20: [], 0x30: []}
    for size in single:
        message = bytes(size)
        for channel_id, sent in ((0x20, message), (0x30, FramedMessage(0x30, message))):
            if channels.put_many(channel_id, [sent]):
                waiting[channel_id].append(size)
    accepted = channels.put_run(MessageRun.of(0x20, [bytes(size) for size in run])) if run else 0
    waiting[0x20] += run[:accepted]
    rest = {0x20: 0, 0x30: 0}
    for room in (*rooms, PLENTY):
        assert channels.size == sum(map(sum, waiting.values()))
        for packet in packets(written(channels, room)):
            rest[packet.channel_id] += len(packet.data)
            if packet.eof:
                assert waiting[packet.channel_id].pop(0) == rest[packet.channel_id]
                rest[packet.channel_id] = 0
    assert channels.size == 0
    assert not channels.has_data
