"""The hot loops: the compiled form does what the one in plain Python does, and neither can be misused."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire import accelerator, loops
from peerage.wire.loops import FRAME_PLAIN, FRAME_SEALED
from peerage.wire.packet import (
    MessageReceived,
    PacketMsg,
    encode_packet,
    max_packet_size,
    whole_message_middle,
)
from tests.wire.vectors import pattern

KEY = bytes(range(32))
COUNTERS = st.sampled_from([0, 1, 255, 256, 2**32 - 1, 2**63, 2**64 - 10])


def in_use() -> list[Any]:
    """The reference, and what this installation uses: twice the same without the extension."""
    return [loops, accelerator]


@settings(max_examples=30)
@given(COUNTERS, st.binary(max_size=5000))
def test_both_forms_seal_to_the_same_bytes(counter: int, data: bytes) -> None:
    """So a peer cannot tell which form we use."""
    reference, ours = (form.FrameCipher(KEY, opens=False).seal(counter, data) for form in in_use())
    assert reference == ours


@settings(max_examples=40)
@given(
    COUNTERS,
    st.lists(st.tuples(st.integers(0, 1030), st.booleans()), max_size=6),
    st.integers(0, FRAME_SEALED - 1),
    st.binary(max_size=50),
)
def test_both_forms_open_the_same_of_good_and_bad_frames(
    counter: int, frames: list[tuple[int, bool]], begun: int, before: bytes
) -> None:
    """The same data, number of good frames and wrong length, wherever the bad frame is, and wherever the first is cut."""
    evil = ChaCha20Poly1305(KEY)
    stream = b""
    for index, (length, is_forged) in enumerate(frames):
        plain = (length.to_bytes(4, "little") + pattern(index, 1024)).ljust(FRAME_PLAIN, b"\0")
        sealed = evil.encrypt(bytes(4) + (counter + index).to_bytes(8, "little"), plain, None)
        stream += sealed[:-1] + bytes([sealed[-1] ^ is_forged])
    reference, ours = (form.FrameCipher(KEY, opens=True).open(counter, stream) for form in in_use())
    assert reference == ours
    assert reference[1] <= len(frames)
    data, good, length = reference
    for form in in_use():
        cipher = form.FrameCipher(KEY, opens=True)
        in_two = cipher.open(counter, stream[begun:], bytearray(stream[:begun]), before)
        assert in_two == (before + data, good, length)


@settings(max_examples=40)
@given(st.data(), st.binary(min_size=1, max_size=4), st.integers(0, 40), st.integers(0, 5))
def test_both_forms_find_the_same_run_of_packets(
    data: st.DataObject, header: bytes, size: int, count: int
) -> None:
    """It ends at another header or at an incomplete packet."""
    pos = data.draw(st.integers(0, 3))
    stream = bytes(pos) + b"".join(header + pattern(n, size) for n in range(count))
    stream += data.draw(st.binary(max_size=8) | st.just((header + bytes(size))[:-1]))
    ends, events = [], []
    for form in in_use():
        found: list[MessageReceived] = []
        ends.append(form.split_run(stream, pos, header, size, MessageReceived, 0x20, found))
        events.append(found)
    assert ends[0] == ends[1]
    assert events[0] == events[1]
    assert len(events[0]) >= count
    assert all(type(event) is MessageReceived and event.channel_id == 0x20 for event in events[1])


@settings(max_examples=30)
@given(st.binary(max_size=6), st.binary(max_size=300), st.integers(1, 40))
def test_both_forms_cut_a_message_into_the_same_packets(header: bytes, message: bytes, payload: int) -> None:
    """From any offset, as many full packets as there are."""
    start = len(message) // 3
    count = (len(message) - start) // payload
    reference, ours = (form.cut(header, memoryview(message), start, payload, count) for form in in_use())
    assert reference == ours
    assert len(reference) == count * (len(header) + payload)


CHANNELS = st.sampled_from([0, 0x20, 0x80, 0xFF])
SIZES = st.lists(st.integers(0, 200) | st.sampled_from([1000, 1024, 1025]), max_size=6)


@settings(max_examples=150)
@given(
    st.data(), CHANNELS, st.booleans(), st.sampled_from([0, 1, 2, 100, 116, 117, 127, 128, 300, 1024, 1025])
)
def test_both_forms_read_the_same_header(data: st.DataObject, channel: int, eof: bool, size: int) -> None:
    """Of any packet, also of one that is cut, or has one of its bytes changed."""
    pos = data.draw(st.integers(0, 3))
    packet = bytearray(pos) + encode_packet(PacketMsg(channel, eof, pattern(1, size)))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(pos, min(len(packet) - 1, pos + 16)))
        packet[at] ^= data.draw(st.sampled_from([1, 2, 8, 0x1A, 0x80, 0xFF]))
    del packet[len(packet) - data.draw(st.sampled_from([0, 0, 0, 1, size, size + 3])) :]
    packet += data.draw(st.sampled_from([b"", b"\x01", b"\x03\x1a\x01\x08"]))
    limit = data.draw(st.sampled_from([max_packet_size(1024), max_packet_size(100)]))
    reference, ours = (form.read_header(bytes(packet), pos, limit) for form in in_use())
    assert reference == ours


@given(CHANNELS, st.booleans(), st.integers(0, 300))
def test_a_header_says_what_the_packet_is(channel: int, eof: bool, size: int) -> None:
    """And where its data are, unless it says nothing."""
    packet = encode_packet(PacketMsg(channel, eof, pattern(1, size)))
    expected = (channel, eof, 1 + len(packet) - size, 1 + len(packet)) if eof or size else None
    for form in in_use():
        assert form.read_header(b"." + packet + b".", 1, max_packet_size(1024)) == expected
        assert form.read_header(packet[:-1], 0, max_packet_size(1024)) is None


PARTS = st.lists(
    st.tuples(CHANNELS, st.booleans(), st.sampled_from([0, 1, 7, 8, 63, 64, 200, 1024])), max_size=12
)


@settings(max_examples=100)
@given(PARTS, st.integers(0, 12), st.sets(CHANNELS), st.integers(0, 20))
def test_both_forms_read_the_same_parts(
    parts: list[tuple[int, bool, int]], most: int, served: set[int], cut: int
) -> None:
    """Of any channels, up to one that ends its message, says nothing, is for nobody, or is not complete."""
    stream = b"." + b"".join(
        encode_packet(PacketMsg(channel, eof and number > 6, pattern(number, size)))
        for number, (channel, eof, size) in enumerate(parts)
    )
    stream = stream[: max(1, len(stream) - cut)]
    wanted = bytes(channel in served for channel in range(256))
    reference, ours = (form.read_parts(stream, 1, max_packet_size(1024), wanted, most) for form in in_use())
    assert reference == ours
    found, end = ours
    assert sum(packets for _channel, _joined, packets, _crumbs, _specks in found) <= most
    assert end <= len(stream)


def test_parts_of_several_channels_are_joined_by_channel() -> None:
    """In order, with how many they are, and how many of these are crumbs and specks."""
    parts = [(0x20, b"a" * 64), (0x21, b"b"), (0x20, b"c" * 63), (0x21, b"d" * 100), (0x20, b"e" * 8)]
    stream = b"".join(encode_packet(PacketMsg(channel, False, data)) for channel, data in parts)
    last = encode_packet(PacketMsg(0x21, True, b"f"))
    for form in in_use():
        found, end = form.read_parts(stream + last, 0, max_packet_size(1024), bytes([1]) * 256, 100)
        assert end == len(stream)
        assert found == [
            (0x20, b"a" * 64 + b"c" * 63 + b"e" * 8, 3, 2, 0),
            (0x21, b"b" + b"d" * 100, 2, 1, 1),
        ]


@settings(max_examples=60)
@given(st.data(), CHANNELS, SIZES)
def test_both_forms_read_the_same_messages(data: st.DataObject, channel: int, sizes: list[int]) -> None:
    """They end at a packet of another form, at an incomplete one, and at a message that is empty or too long."""
    pos = data.draw(st.integers(0, 3))
    messages = [pattern(number, size) for number, size in enumerate(sizes)]
    stream = bytearray(pos) + b"".join(encode_packet(PacketMsg(channel, True, each)) for each in messages)
    if stream[pos:] and data.draw(st.booleans()):
        stream[data.draw(st.integers(pos, len(stream) - 1))] ^= data.draw(st.sampled_from([1, 0x80, 0xFF]))
    del stream[len(stream) - data.draw(st.integers(0, min(5, len(stream) - pos))) :]
    middle = whole_message_middle(channel)
    reference, ours = (
        form.read_messages(bytes(stream), pos, middle, max_packet_size(1024), 1000) for form in in_use()
    )
    assert reference == ours


def test_whole_messages_are_read_and_what_follows_is_not() -> None:
    stream = b"".join(encode_packet(PacketMsg(0x20, True, message)) for message in (b"one", b"two"))
    other = encode_packet(PacketMsg(0x21, True, b"three"))
    for form in in_use():
        joined, sizes, end = form.read_messages(stream + other, 0, whole_message_middle(0x20), 1034, 1000)
        assert (joined, end) == (b"onetwo", len(stream))
        assert form.split_messages(joined, sizes, MessageReceived, (0x20,)) == [
            (0x20, b"one"),
            (0x20, b"two"),
        ]


@settings(max_examples=60)
@given(st.data(), CHANNELS, SIZES, st.integers(0, 3000), st.integers(0, 3000), st.booleans())
def test_both_forms_cut_joined_messages_into_the_same_packets(
    data: st.DataObject, channel: int, sizes: list[int], least: int, room: int, forced: bool
) -> None:
    """Those that an encoder of single packets writes, as far as the limits let them."""
    messages = [pattern(number, size) for number, size in enumerate(sizes)]
    first = data.draw(st.integers(0, len(sizes)))
    arguments = (
        memoryview(b"".join(messages)),
        sum(sizes[:first]),
        array("I", sizes).tobytes(),
        first,
        data.draw(st.integers(first, len(sizes))),
        whole_message_middle(channel),
        least,
        room,
        forced,
    )
    reference, ours = (form.cut_messages(*arguments) for form in in_use())
    assert reference == ours
    packets, end, at = reference
    assert at == sum(sizes[:end])
    assert packets == b"".join(encode_packet(PacketMsg(channel, True, each)) for each in messages[first:end])


@pytest.mark.parametrize("room", [-(2**63), -1, 0, 2**63 - 1])
@pytest.mark.parametrize("forced", [False, True])
def test_both_forms_cut_as_much_as_there_is_room_for_whatever_that_is(room: int, forced: bool) -> None:
    """Also where the difference to what was written would not fit a machine's number."""
    arguments = (b"onetwo", 0, array("I", [3, 3]).tobytes(), 0, 2, b"m", 2**63 - 1, room, forced)
    reference, ours = (form.cut_messages(*arguments) for form in in_use())
    assert reference == ours
    assert reference[1] == (2 if room > 0 else int(forced))


@given(SIZES)
def test_both_forms_take_joined_messages_apart(sizes: list[int]) -> None:
    messages = [pattern(number, size) for number, size in enumerate(sizes)]
    for form in in_use():
        found = form.split_messages(b"".join(messages), array("I", sizes).tobytes(), MessageReceived, (0x20,))
        assert found == [MessageReceived(0x20, message) for message in messages]
        assert all(type(event) is MessageReceived for event in found)


def test_a_key_of_another_length_is_refused() -> None:
    """Both forms require 32 bytes."""
    for form in in_use():
        for length in (0, 31, 33):
            with pytest.raises(ValueError, match="32"):
                form.FrameCipher(bytes(length), opens=True)


@pytest.mark.skipif(accelerator.compiled is None, reason="the extension was not built")
def test_the_compiled_form_refuses_what_lies_outside_of_its_buffers() -> None:
    """Wrong numbers from our own code raise an error and never crash the process."""
    compiled: Any = accelerator.compiled
    for start, payload, count in (
        (0, 1, 11),
        (11, 1, 0),
        (-1, 1, 1),
        (0, 0, 1),
        (0, 1, -1),
        (0, 2**62, 2**62),
    ):
        with pytest.raises(ValueError, match="beyond the end"):
            compiled.cut(b"h", bytes(10), start, payload, count)
    for pos, header, size in ((-1, b"h", 1), (11, b"h", 1), (0, b"", 1), (0, b"h", -1), (0, b"h", 2**63 - 1)):
        with pytest.raises(ValueError, match="outside"):
            compiled.split_run(bytes(10), pos, header, size, MessageReceived, 0, [])
    one, two = array("I", [1]).tobytes(), array("I", [2]).tobytes()
    for at, sizes, first, last in (
        (-1, one, 0, 1),
        (2, one, 0, 1),
        (0, two, 0, 1),
        (0, one, 0, 2),
        (0, one, 1, 0),
    ):
        with pytest.raises(ValueError, match="outside"):
            compiled.cut_messages(b"x", at, sizes, first, last, b"m", 100, 100, False)
    for pos, limit in ((-1, 1), (11, 1), (0, -1)):
        with pytest.raises(ValueError, match="outside"):
            compiled.read_header(bytes(10), pos, limit)
        with pytest.raises(ValueError, match="outside"):
            compiled.read_parts(bytes(10), pos, limit, bytes(256), 1)
    with pytest.raises(ValueError, match="256"):
        compiled.read_parts(bytes(10), 0, 1, bytes(255), 1)
    for pos, limit, capacity in ((-1, 1, 1), (11, 1, 1), (0, -1, 1), (0, 1, -1)):
        with pytest.raises(ValueError, match="outside"):
            compiled.read_messages(bytes(10), pos, b"m", limit, capacity)
    with pytest.raises(ValueError, match="outside"):
        compiled.split_messages(b"x", two, tuple, ())
    with pytest.raises(TypeError, match="an event is a tuple"):
        compiled.split_messages(b"x", one, list, ())
    with pytest.raises(TypeError, match="an event is a tuple"):
        compiled.split_run(bytes(10), 0, b"h", 1, list, 0, [])
    with pytest.raises(TypeError, match="opens"):
        compiled.FrameCipher(KEY, opens=True).seal(0, b"x")
    with pytest.raises(TypeError, match="seals"):
        compiled.FrameCipher(KEY, opens=False).open(0, b"x")
    with pytest.raises(ValueError, match="the beginning of a frame has 1044 bytes"):
        compiled.FrameCipher(KEY, opens=True).open(0, b"x", bytes(FRAME_SEALED))
