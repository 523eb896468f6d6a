"""A message that arrives in parts is held in few objects."""

from __future__ import annotations

from peerage.wire.incoming_message import PARTS_PER_JOIN, IncomingMessage


def test_joined_parts_are_the_same_bytes_in_order() -> None:
    """A peer that sends a message byte by byte makes us hold one object for each 512 of them."""
    message = IncomingMessage(0x20, 10_000)
    sent = bytes(number % 256 for number in range(3 * PARTS_PER_JOIN))
    for byte in sent:
        message.parts.append(bytes((byte,)))
        if len(message.parts) >= message.join_at:
            message.join_parts()
    assert len(message.parts) == message.joined == 3
    assert b"".join(message.parts) == sent


def test_a_cleared_one_begins_anew() -> None:
    message = IncomingMessage(0x20, 10_000)
    message.parts, message.length = [b"a", b"b"], 2
    message.join_parts()
    message.clear()
    assert (message.parts, message.length, message.joined, message.join_at) == ([], 0, 0, PARTS_PER_JOIN)
