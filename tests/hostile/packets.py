"""Packets that are none, or not whole, or of channels that there are not."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from peerage.wire.delimited import delimit
from peerage.wire.packet import PING, PacketMsg, encode_packet
from peerage.wire.varint import encode_uvarint
from tests.hostile.case import Act, Group
from tests.hostile.limits import HIGH, LOW
from tests.hostile.visitor import Visitor

__all__ = ["GROUP"]

FULL = 1034  # bytes of a whole packet with 1024 data bytes on channel 1
UNSERVED = 0x7E
DEPTH = 500

GROUP = Group("Packets")


def say(data: bytes) -> Act:
    """As plaintext behind the handshake."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.say(data)

    return act


def echoed(data: bytes, back: bytes) -> Act:
    """The same, and this comes back on HIGH."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.say(data)
        found = visitor.expect(HIGH)
        assert found == back, f"{found!r} came back, not {back!r}"

    return act


def part(
    channel: bytes = b"\x08\x50", eof: bytes = b"\x10\x01", data: bytes = b"\x1a\x02hi", *, more: bytes = b""
) -> bytes:
    """A packet from its fields."""
    return delimit(b"\x1a" + delimit(channel + eof + data + more))


def channel(number: int) -> bytes:
    return b"\x08" + encode_uvarint(number % (1 << 64))


def sized(size: int) -> bytes:
    """A packet with eof of so many bytes, its length not counted, on HIGH."""
    filled = size - 10
    packet = encode_packet(PacketMsg(HIGH, True, bytes(filled)))
    assert len(packet) == size + 2, len(packet)
    return packet


def announcing(visitor: Visitor) -> None:
    """A packet of a channel that we have said to have, and they do not."""
    visitor.join(channels=bytes((0, HIGH, LOW, UNSERVED)))
    visitor.packet(b"hi", UNSERVED)


def with_info(visitor: Visitor) -> None:
    """In one frame with NodeInfo: the peer breaks a rule before it is one."""
    visitor.identify()
    visitor.say(delimit(visitor.info().encode()) + b"\x00")
    visitor.receive_info()


def and_leave(visitor: Visitor) -> None:
    visitor.join()
    visitor.say(part()[:-1])
    visitor.sock.close()


def in_crumbs(visitor: Visitor) -> None:
    """A sealed frame for each byte."""
    visitor.join()
    for byte in part():
        visitor.say(bytes((byte,)))
    assert visitor.expect(HIGH) == b"hi"


def interleaved(visitor: Visitor) -> None:
    """Two channels' parts in turn."""
    visitor.join()
    for _ in range(3):
        for each in (HIGH, LOW):
            visitor.packet(b"ab", each, eof=False)
    for each in (HIGH, LOW):
        visitor.packet(b"", each)
        assert visitor.expect(each) == b"ababab"


def many_parts(visitor: Visitor) -> None:
    """A message of 300 parts of a byte."""
    visitor.join()
    for _ in range(300):
        visitor.packet(b"x", eof=False)
    visitor.packet(b"")
    assert visitor.expect(HIGH) == b"x" * 300


def again(visitor: Visitor) -> None:
    """NodeInfo once more."""
    visitor.join()
    visitor.say(delimit(visitor.info().encode()))


BAD: Mapping[str, bytes] = {
    "of no bytes": b"\x00",
    "of an unknown kind": delimit(b"\x22\x00"),
    "with field number 0": delimit(b"\x02\x00"),
    "that is a number": delimit(b"\x08\x01"),
    "with a ping that is a number": delimit(b"\x08\x00"),
    "with a pong that is a number": delimit(b"\x10\x00"),
    "with a message that is a number": delimit(b"\x18\x00"),
    "with a channel that is text": part(channel=b"\x0a\x01P"),
    "with a channel of four bytes": part(channel=b"\x0d\x50\x00\x00\x00"),
    "with an eof that is text": part(eof=b"\x12\x01\x01"),
    "with data that are a number": part(data=b"\x18\x05"),
    "with data of eight bytes": part(data=b"\x19" + bytes(8)),
    "with data beyond its end": delimit(b"\x1a\x06\x08\x50\x10\x01\x1a\x09"),
    "with a message beyond its end": delimit(b"\x1a\x50\x08\x50"),
    "with a channel in eleven bytes": part(channel=b"\x08" + b"\xd0" + b"\x80" * 9 + b"\x00"),
    "with an end of a group": delimit(b"\x1c"),
    "with a group without end": part(more=b"\x7b"),
    "with wire type 7": part(more=b"\x7f"),
    f"with {DEPTH} groups without end": part(more=b"\x7b" * DEPTH),
    "whose ping holds a cut field": delimit(b"\x0a\x01\x0a"),
    "whose pong holds a cut field": delimit(b"\x12\x01\x0a"),
    "on channel -1": part(channel=channel(-1)),
    "on channel 256": part(channel=channel(256)),
    "on channel 2^31": part(channel=channel(1 << 31)),
    "on channel 2^31 - 1": part(channel=channel((1 << 31) - 1)),
    "on a channel of nobody": part(channel=channel(UNSERVED)),
    "on a channel of nobody, without data": part(channel=channel(UNSERVED), data=b""),
    "on a channel of nobody, without end": part(channel=channel(UNSERVED), eof=b""),
    "of a byte more than may be": sized(FULL + 1),
    "of 64 KiB": encode_packet(PacketMsg(HIGH, True, bytes(1 << 16))),
    "of which 2^31 bytes are announced": encode_uvarint(1 << 31) + b"\x1a",
    "of which 2^63 bytes are announced": encode_uvarint(1 << 63) + b"\x1a",
    "with a length in eleven bytes": b"\x86" + b"\x80" * 9 + b"\x00" + part()[1:],
    "with a length beyond 64 bits": b"\xff" * 9 + b"\x7f" + part(),
    "of random bytes": delimit(random.Random(3).randbytes(200)),
    "that is an HTTP request": b"GET / HTTP/1.1\r\n\r\n",
}
SERVED: Mapping[str, Callable[[], tuple[bytes, bytes]]] = {
    "of the most bytes that may be": lambda: (sized(FULL), bytes(FULL - 10)),
    "with a length in two bytes": lambda: (bytes((part()[0] | 0x80, 0)) + part()[1:], b"hi"),
    "with an unknown field": lambda: (part(more=b"\x7a\x03abc"), b"hi"),
    "with eof 2": lambda: (part(eof=b"\x10\x02"), b"hi"),
    "with eof 2^64 - 1": lambda: (part(eof=b"\x10" + encode_uvarint((1 << 64) - 1)), b"hi"),
    "with the channel in five bytes": lambda: (part(channel=b"\x08\xd0\x80\x80\x80\x00"), b"hi"),
    "on channel 2^32 + 0x50, which is cut": lambda: (part(channel=channel((1 << 32) + HIGH)), b"hi"),
    "with the channel twice": lambda: (part(channel=channel(UNSERVED) + channel(HIGH)), b"hi"),
    "with data twice": lambda: (part(data=b"\x1a\x02no\x1a\x02hi"), b"hi"),
    "with its fields in another order": lambda: (part(channel=b"\x1a\x02hi", data=b"\x08\x50"), b"hi"),
    "with a ping and a message": lambda: (delimit(b"\x0a\x00" + part()[1:]), b"hi"),
    f"with {DEPTH // 2} groups in each other": lambda: (
        part(more=b"\x7b" * (DEPTH // 2) + b"\x7c" * (DEPTH // 2)),
        b"hi",
    ),
}
ANNOUNCED = (
    "a channel that the peer has announced and no reactor here has is dropped and counted (decision 0010)"
)

for name, data in BAD.items():
    GROUP.ends(f"a packet {name}", say(data))
for name, make in SERVED.items():
    GROUP.goes_on(f"a packet {name}", echoed(*make()))
GROUP.goes_on("a message and a ping in one packet", say(delimit(part()[1:] + b"\x0a\x00")))
GROUP.goes_on("a ping with an unknown field", say(delimit(b"\x0a\x05\x7a\x03abc")))
GROUP.goes_on("a packet on a channel that only we have", announcing, reason=ANNOUNCED)
GROUP.goes_on("a frame for each byte", in_crumbs)
GROUP.goes_on("parts of two channels in turn", interleaved)
GROUP.goes_on("a message in 300 parts of a byte", many_parts)
GROUP.goes_on("an empty message", echoed(part(data=b""), b""))
GROUP.goes_on("ten parts without data", say(part(data=b"", eof=b"") * 10))
GROUP.goes_on("a part without eof", say(part(eof=b"", channel=channel(LOW))))
GROUP.waits("half a packet, then silence", say(part()[:5]))
GROUP.leaves("half a packet and a close", and_leave)
GROUP.ends("NodeInfo again", again)
GROUP.ends("a packet of no bytes, in one frame with NodeInfo", with_info)
GROUP.goes_on("a hundred pings between two parts", say(part(eof=b"") + PING * 100 + part()))
