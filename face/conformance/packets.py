"""Packets that are none, or not whole, or of channels that there are not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from peerage.conformance.case import Act, Group, When
from peerage.conformance.visitor import Visitor
from peerage.wire.delimited import delimit
from peerage.wire.packet import DEFAULT_MAX_PAYLOAD, PING, PacketMsg, encode_packet
from peerage.wire.varint import encode_uvarint

__all__ = ["DEPTH", "GROUP", "channel", "part", "say", "taken", "unserved"]

FULL = 1034  # bytes of a whole packet with 1024 data bytes on channel 1
DEPTH = 500

GROUP = Group("Packets", "packets")
Make = Callable[[Visitor], bytes]


def say(make: Make) -> Act:
    """As plaintext behind the handshake. Args: make, what is said."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.say(make(visitor))

    return act


def taken(make: Make, size: int = 0) -> Act:
    """The same, and it is a sample, of so many bytes, that is answered."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.say(make(visitor))
        visitor.hear_back(visitor.sample(size) if size else visitor.sample())

    return act


def part(
    visitor: Visitor,
    *,
    channel: bytes | None = None,
    eof: bytes = b"\x10\x01",
    data: bytes | None = None,
    more: bytes = b"",
) -> bytes:
    """A packet from its fields, by default a sample."""
    return delimit(b"\x1a" + delimit(body(visitor, channel=channel, eof=eof, data=data) + more))


def body(
    visitor: Visitor, *, channel: bytes | None = None, eof: bytes = b"\x10\x01", data: bytes | None = None
) -> bytes:
    """The fields of a packet with a message."""
    channel = number(visitor.channel) if channel is None else channel
    return channel + eof + (sample(visitor) if data is None else data)


def parts(**fields: bytes) -> Make:
    """Args: fields, as of part."""
    return lambda visitor: part(visitor, **fields)


def channel(number_of: int) -> Make:
    """A sample on another channel."""
    return lambda visitor: part(visitor, channel=number(number_of))


def number(channel: int) -> bytes:
    """A channel's field."""
    return b"\x08" + encode_uvarint(channel % (1 << 64))


def sample(visitor: Visitor) -> bytes:
    """A sample as the field of data."""
    return b"\x1a" + delimit(visitor.sample())


def sized(size: int) -> Make:
    """A sample in a packet with eof of so many bytes, its length not counted."""

    def make(visitor: Visitor) -> bytes:
        packet = encode_packet(PacketMsg(visitor.channel, True, visitor.sample(data_in(visitor, size))))
        assert len(packet) == size + 2, len(packet)
        return packet

    return make


def data_in(visitor: Visitor, size: int) -> int:
    """How many data bytes a packet of that size has; on channel 0 there is no field for it."""
    return size - (10 if visitor.channel else 8)


def unserved(visitor: Visitor) -> int:
    """A channel that neither side has announced."""
    return max(set(range(1, 0x7F)) - set(visitor.claims.channels))


def on_unserved(**fields: bytes) -> Make:
    """A part there."""
    return lambda visitor: part(visitor, channel=number(unserved(visitor)), **fields)


def full(visitor: Visitor) -> None:
    """As much as a packet may hold."""
    visitor.join()
    message = visitor.sample(DEFAULT_MAX_PAYLOAD)
    visitor.packet(message)
    visitor.hear_back(message)


def with_info(visitor: Visitor) -> None:
    """In one frame with NodeInfo: the peer breaks a rule before it is one."""
    visitor.identify()
    visitor.say(delimit(visitor.info().encode()) + b"\x00")
    visitor.receive_info()


def and_leave(visitor: Visitor) -> None:
    visitor.join()
    visitor.say(part(visitor)[:-1])
    visitor.sock.close()


def in_crumbs(visitor: Visitor) -> None:
    """A sealed frame for each byte."""
    visitor.join()
    for byte in part(visitor):
        visitor.say(bytes((byte,)))
    visitor.hear_back(visitor.sample())


def many_parts(visitor: Visitor) -> None:
    """A message of 300 parts of a byte."""
    visitor.join()
    message = visitor.sample(300)
    for byte in message:
        visitor.packet(bytes((byte,)), eof=False)
    visitor.packet(b"")
    visitor.hear_back(message)


def again(visitor: Visitor) -> None:
    """NodeInfo once more."""
    visitor.join()
    visitor.say(delimit(visitor.info().encode()))


def of(data: bytes) -> Make:
    """That, whoever it is said to."""
    return lambda _visitor: data


UNDECODABLE: Mapping[str, Make] = {
    "of no bytes": of(b"\x00"),
    "of an unknown kind": of(delimit(b"\x22\x00")),
    "with field number 0": of(delimit(b"\x02\x00")),
    "that is a number": of(delimit(b"\x08\x01")),
    "with a ping that is a number": of(delimit(b"\x08\x00")),
    "with a pong that is a number": of(delimit(b"\x10\x00")),
    "with a message that is a number": of(delimit(b"\x18\x00")),
    "with a channel that is text": parts(channel=b"\x0a\x01P"),
    "with a channel of four bytes": parts(channel=b"\x0d\x50\x00\x00\x00"),
    "with an eof that is text": parts(eof=b"\x12\x01\x01"),
    "with data that are a number": parts(data=b"\x18\x05"),
    "with data of eight bytes": parts(data=b"\x19" + bytes(8)),
    "with data beyond its end": of(delimit(b"\x1a\x06\x08\x50\x10\x01\x1a\x09")),
    "with a message beyond its end": of(delimit(b"\x1a\x50\x08\x50")),
    "with a channel in eleven bytes": parts(channel=b"\x08" + b"\xd0" + b"\x80" * 9 + b"\x00"),
    "with an end of a group": of(delimit(b"\x1c")),
    "with a group without end": parts(more=b"\x7b"),
    "with wire type 7": parts(more=b"\x7f"),
    f"with {DEPTH} groups without end": parts(more=b"\x7b" * DEPTH),
    "whose ping holds a cut field": of(delimit(b"\x0a\x01\x0a")),
    "whose pong holds a cut field": of(delimit(b"\x12\x01\x0a")),
}
NO_CHANNEL: Mapping[str, Make] = {
    "on channel -1": channel(-1),
    "on channel 256": channel(256),
    "on channel 2^31": channel(1 << 31),
    "on channel 2^31 - 1": channel((1 << 31) - 1),
    "on a channel of nobody": on_unserved(),
    "on a channel of nobody, without data": on_unserved(data=b""),
    "on a channel of nobody, without end": on_unserved(eof=b""),
}
TOO_LONG: Mapping[str, Make] = {
    "of a byte more than may be": sized(FULL + 1),
    "of 64 KiB": lambda visitor: encode_packet(PacketMsg(visitor.channel, True, bytes(1 << 16))),
    "of which 2^31 bytes are announced": of(encode_uvarint(1 << 31) + b"\x1a"),
    "of which 2^63 bytes are announced": of(encode_uvarint(1 << 63) + b"\x1a"),
    "with a length in eleven bytes": lambda visitor: b"\x86" + b"\x80" * 9 + b"\x00" + part(visitor)[1:],
    "with a length beyond 64 bits": lambda visitor: b"\xff" * 9 + b"\x7f" + part(visitor),
}
NO_PACKET: Mapping[str, Make] = {
    "of random bytes": of(delimit(hashlib.shake_256(b"3").digest(200))),
    "that is an HTTP request": of(
        b"GET / HTTP/1.1\r\nHost: node.example.org:26656\r\nAccept: */*\r\nUser-Agent: visitor\r\n\r\n"
    ),
}
SERVED: Mapping[str, Make] = {
    "with a length in two bytes": lambda visitor: bytes((part(visitor)[0] | 0x80, 0)) + part(visitor)[1:],
    "with an unknown field": parts(more=b"\x7a\x03abc"),
    "with eof 2": parts(eof=b"\x10\x02"),
    "with eof 2^64 - 1": parts(eof=b"\x10" + encode_uvarint((1 << 64) - 1)),
    "with the channel in five bytes": lambda visitor: part(
        visitor, channel=bytes((0x08, visitor.channel | 0x80)) + b"\x80\x80\x80\x00"
    ),
    "on channel 2^32 + 0x50, which is cut": lambda visitor: part(
        visitor, channel=number((1 << 32) + visitor.channel)
    ),
    "with the channel twice": lambda visitor: part(
        visitor, channel=number(unserved(visitor)) + number(visitor.channel)
    ),
    "with data twice": lambda visitor: part(visitor, data=b"\x1a\x02no" + sample(visitor)),
    "with its fields in another order": lambda visitor: part(
        visitor, channel=sample(visitor), data=number(visitor.channel)
    ),
    "with a ping and a message": lambda visitor: delimit(b"\x0a\x00" + part(visitor)[1:]),
    f"with {DEPTH // 2} groups in each other": parts(more=b"\x7b" * (DEPTH // 2) + b"\x7c" * (DEPTH // 2)),
}
WIDELY = {
    "with field number 0",
    "that is a number",
    "with a ping that is a number",
    "with a pong that is a number",
    "with a channel of four bytes",
    "with data of eight bytes",
    "with a message beyond its end",
    "with a group without end",
    "with an end of a group",
    f"with {DEPTH} groups without end",
    f"with {DEPTH // 2} groups in each other",
    "whose pong holds a cut field",
    "on channel 2^31 - 1",
    "on a channel of nobody, without end",
    "with eof 2^64 - 1",
}


def _ends(section: str, rule: str, makes: Mapping[str, Make]) -> None:
    GROUP.about(section, rule, asks_pex=True)
    for name, make in makes.items():
        GROUP.ends(f"a packet {name}", say(make), when=When.WIDELY if name in WIDELY else None)


_ends("4", "a packet of no known kind, or undecodable, ends the connection", UNDECODABLE)
_ends("4", "a channel that neither side announced, or outside 0..255, ends the connection", NO_CHANNEL)
_ends("4", "a packet larger than max_packet_msg_payload_size allows ends the connection", TOO_LONG)
_ends("4", "a packet of no known kind, or undecodable, ends the connection", NO_PACKET)
GROUP.about("4", "a packet has up to 1024 data bytes", asks_pex=True)
GROUP.goes_on("a packet of the most bytes that may be", full)
GROUP.about(
    "decoding",
    "odd forms of a packet are what they say: numbers are cut, the last field counts",
    asks_pex=True,
)
for name, make in SERVED.items():
    GROUP.goes_on(f"a packet {name}", taken(make), when=When.WIDELY if name in WIDELY else None)
GROUP.goes_on(
    "a message and a ping in one packet",
    say(lambda visitor: delimit(part(visitor)[1:] + b"\x0a\x00")),
    when=When.WIDELY,
)
GROUP.goes_on("a ping with an unknown field", say(of(delimit(b"\x0a\x05\x7a\x03abc"))))
GROUP.about("2 Frame", "frames are a byte stream, not message boundaries", asks_pex=True)
GROUP.goes_on("a frame for each byte", in_crumbs)
GROUP.about("4", "a message is cut into packets, the last of which has eof", asks_pex=True)
GROUP.goes_on("a message in 300 parts of a byte", many_parts)
GROUP.goes_on("ten parts without data", say(lambda visitor: part(visitor, data=b"", eof=b"") * 10))
GROUP.waits("half a packet, then silence", say(lambda visitor: part(visitor)[:5]))
GROUP.about("5", "a connection that its remote has closed is given up", asks_pex=True)
GROUP.leaves("half a packet and a close", and_leave)
GROUP.about("4", "a packet of no known kind, or undecodable, ends the connection", asks_pex=True)
GROUP.ends("NodeInfo again", again)
GROUP.ends("a packet of no bytes, in one frame with NodeInfo", with_info)
GROUP.about("4", "pings may come between the parts of a message", asks_pex=True)
GROUP.goes_on(
    "a hundred pings between two parts",
    say(
        lambda visitor: (
            part(visitor, data=b"\x1a\x01" + visitor.sample()[:1], eof=b"")
            + PING * 100
            + part(visitor, data=b"\x1a\x01" + visitor.sample()[1:])
        )
    ),
)
