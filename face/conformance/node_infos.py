"""The third step: what a peer says of itself, field by field."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from peerage.conformance.case import TIMEOUT, Act, Group, When
from peerage.conformance.visitor import Visitor
from peerage.wire.delimited import delimit
from peerage.wire.keys import node_id_of
from peerage.wire.node_info import MAX_CHANNELS, MAX_NODE_INFO_BYTES
from peerage.wire.varint import encode_uvarint

__all__ = ["GROUP"]

SLOW_S = 0.2
MOST_U64 = (1 << 64) - 1
DEPTH = 4000

GROUP = Group("NodeInfo", "node-info")


def values(**changes: Any) -> Act:
    """Right but for these."""
    return lambda visitor: visitor.join(**changes)


def of_network(make: Callable[[str], str]) -> Act:
    """Args: make, the network that we claim, of theirs."""
    return lambda visitor: visitor.join(network=make(visitor.claims.network))


def after_network(make: Callable[[str], str], *, is_first: bool) -> Act:
    """Two networks, of which one is theirs. Args: is_first, whether that is the first one."""

    def act(visitor: Visitor) -> None:
        visitor.identify()
        right, other = visitor.info().encode(), field(4, make(visitor.claims.network).encode())
        visitor.introduce(right + other if is_first else other + right)

    return act


def of_versions(**changes: Callable[[int], int]) -> Act:
    """Args: changes, of fields of the protocol version, each of what it is."""

    def act(visitor: Visitor) -> None:
        right = visitor.claims.protocol_version
        versions = {name: change(getattr(right, name)) for name, change in changes.items()}
        visitor.join(protocol_version=replace(right, **versions))

    return act


def of_channels(make: Callable[[bytes], bytes]) -> Act:
    """Args: make, the channels that we announce, of theirs."""
    return lambda visitor: visitor.join(channels=make(visitor.claims.channels))


def filled_up(channels: bytes, count: int) -> bytes:
    """So many channels, theirs among them, and otherwise those of nobody."""
    others = bytes(channel for channel in range(0xA0, 0x100) if channel not in channels)
    return (channels + others)[:count]


def of_nobody(channels: bytes) -> bytes:
    """Two channels that are not among these."""
    return filled_up(channels, len(channels) + 2)[len(channels) :]


def capitals(network: str) -> str:
    """The same in other letters."""
    return network.swapcase() if network.swapcase() != network else f"{network}X"


def other(network: str) -> str:
    """Another network than that."""
    return "other" if network != "other" else "another"


def message(make: Callable[[bytes], bytes]) -> Act:
    """Args: make, the message, of the right one."""

    def act(visitor: Visitor) -> None:
        visitor.identify()
        visitor.introduce(make(visitor.info().encode()))

    return act


def plaintext(make: Callable[[bytes], bytes]) -> Act:
    """Args: make, all that is said after the proof, of the right message."""

    def act(visitor: Visitor) -> None:
        visitor.identify()
        visitor.say(make(visitor.info().encode()))
        visitor.receive_info()

    return act


def field(number: int, value: bytes) -> bytes:
    """Of wire type 2."""
    return bytes((number << 3 | 2,)) + delimit(value)


def filled(size: int) -> Callable[[bytes], bytes]:
    """The right message, made as long as that by an unknown field."""

    def make(right: bytes) -> bytes:
        rest = size - len(right) - 1
        width = len(encode_uvarint(rest - 2))
        return right + b"\x7a" + encode_uvarint(rest - width) + bytes(rest - width)

    return make


def followed_by(more: bytes) -> Callable[[bytes], bytes]:
    return lambda right: right + more


def their_id(visitor: Visitor) -> None:
    """We say to be them."""
    visitor.identify()
    assert visitor.their_proof is not None
    visitor.introduce(id=node_id_of(visitor.their_proof.public_key))


def upper_case_id(visitor: Visitor) -> None:
    visitor.join(id=visitor.key.node_id.upper())


def part_of_id(size: int) -> Act:
    return lambda visitor: visitor.join(id=(visitor.key.node_id * 2)[:size])


def none(visitor: Visitor) -> None:
    visitor.identify()


def slow(visitor: Visitor) -> None:
    """A byte at a time."""
    visitor.identify()
    for byte in delimit(visitor.info().encode()):
        visitor.say(bytes((byte,)))
        time.sleep(SLOW_S)


def half_and_half_close(visitor: Visitor) -> None:
    visitor.identify()
    visitor.say(delimit(visitor.info().encode())[:20])
    visitor.half_close()


def and_leave(visitor: Visitor) -> None:
    visitor.identify()
    visitor.say(delimit(visitor.info().encode()))
    visitor.sock.close()


ADDRESSES: Mapping[str, str] = {
    "none": "",
    "without a port": "127.0.0.1",
    "with an empty port": "127.0.0.1:",
    "with an empty host": ":26656",
    "with port 65536": "127.0.0.1:65536",
    "with port -1": "127.0.0.1:-1",
    "with a port of 400 digits": "127.0.0.1:" + "9" * 400,
    "with a port in hexadecimal": "127.0.0.1:0x50",
    "with a named port": "127.0.0.1:http",
    "with a port with a sign": "127.0.0.1:+80",
    "with an ID in front": f"{'0' * 40}@127.0.0.1:26656",
    "with two schemes": "tcp://tcp://127.0.0.1:26656",
    "that is only a scheme": "tcp://",
    "with a bracket left open": "[::1:26656",
    "IPv6 without brackets": "::1:26656",
    "with three numbers": "1.2.3:26656",
    "with a number too large": "256.1.1.1:26656",
    "with a blank in front": " 127.0.0.1:26656",
    "with a line break": "127.0.0.1:26656\n",
    "with a zero byte": "127.0.0.1\0:26656",
    "of 9,000 characters": "a" * 9000 + ":26656",
    "that is not UTF-8": "\udcff\udcfe:26656",
}
TEXTS: Mapping[str, str] = {
    "blanks": "   ",
    "a tab": "a\tb",
    "a line break": "a\nb",
    "a terminal's escape sequence": "\x1b[2J\x1b]0;x\x07",
    "a zero byte": "a\0b",
    "DEL": "a\x7fb",
    "letters that are not ASCII": "nœud",
    "text from right to left": "\u202eedon",
    "bytes that are not UTF-8": "\udcff\udcfe",
}
WIRE_TYPES: Mapping[str, bytes] = {
    "protocol_version": b"\x08\x01",
    "id": b"\x10\x01",
    "listen_addr": b"\x18\x01",
    "network": b"\x20\x01",
    "version": b"\x28\x01",
    "channels": b"\x30\x50",
    "moniker": b"\x38\x01",
    "other": b"\x40\x01",
    "protocol_version.block": field(1, b"\x12\x01\x0b"),
    "other.tx_index": field(8, b"\x08\x01"),
}
BLOCKS: Mapping[str, Callable[[int], int]] = {
    "0": lambda right: 0 if right else 1,
    "10": lambda right: right - 1 if right else 2,
    "12": lambda right: right + 1,
    str(MOST_U64): lambda _right: MOST_U64,
}
TRIED_ALWAYS = {
    "none",
    "without a port",
    "with an empty host",
    "with port 65536",
    "with port -1",
    "with a named port",
    "with an ID in front",
    "with a bracket left open",
    "with three numbers",
    "with a line break",
    "that is not UTF-8",
}
NO_LOOKUP = (
    "CometBFT asks a name server about a name that the remote chose; we take it as it is, and ask nobody"
)

GROUP.about(*TIMEOUT.pair)
GROUP.ends("none, for ever", none)
GROUP.ends("a byte in each frame, slowly", slow, when=When.WIDELY)
GROUP.about("5", "a connection that its remote has closed is given up")
GROUP.ends("half of it and a half close", half_and_half_close)
GROUP.leaves("all of it and a close", and_leave)
GROUP.about("3", "NodeInfo has at most 10,240 bytes, and more than none")
GROUP.ends("of no bytes", message(lambda _right: b""))
GROUP.ends("of 10,241 bytes", message(filled(MAX_NODE_INFO_BYTES + 1)))
GROUP.goes_on("of 10,240 bytes", message(filled(MAX_NODE_INFO_BYTES)))
GROUP.ends("10,241 bytes announced", plaintext(lambda _right: encode_uvarint(MAX_NODE_INFO_BYTES + 1)))
GROUP.about(*TIMEOUT.pair, when=When.WIDELY)
GROUP.ends(
    "10,240 bytes announced, then silence", plaintext(lambda _right: encode_uvarint(MAX_NODE_INFO_BYTES))
)
GROUP.about("3", "NodeInfo has at most 10,240 bytes, and more than none")
GROUP.ends("2^63 bytes announced", plaintext(lambda right: encode_uvarint(1 << 63) + right))
GROUP.ends("a length beyond 64 bits", plaintext(lambda right: b"\xff" * 9 + b"\x7f" + right))
GROUP.about("decoding", "a length may have more bytes than it needs, up to ten of 64 bits")
GROUP.goes_on(
    "a length in three bytes",
    plaintext(lambda right: bytes((len(right) & 0x7F | 0x80, len(right) >> 7 | 0x80, 0)) + right),
)
GROUP.about("3", "a NodeInfo that cannot be decoded is refused")
GROUP.ends("random bytes", message(lambda right: bytes(255 - byte for byte in right)))
GROUP.ends("cut off by a byte", message(lambda right: right[:-1]))
GROUP.about("decoding", "unknown fields are skipped, and of a field given twice the last counts")
GROUP.goes_on("with an unknown field", message(lambda right: field(15, b"abc") + right))
GROUP.about("3", "a NodeInfo that cannot be decoded is refused")
GROUP.ends("with field number 0", message(lambda right: right + b"\x02\x00"))
GROUP.about("decoding", "groups are skipped, however deep they are", when=When.WIDELY)
GROUP.ends(f"with {DEPTH} groups that do not end", message(lambda right: right + b"\x7b" * DEPTH))
GROUP.goes_on(
    f"with {DEPTH} groups in each other", message(lambda right: right + b"\x7b" * DEPTH + b"\x7c" * DEPTH)
)
GROUP.about("decoding", "a known field with another wire type is an error")
for name, wrong in WIRE_TYPES.items():
    GROUP.ends(
        f"{name} with another wire type",
        message(followed_by(wrong)),
        when=None if name in {"id", "network", "channels"} else When.WIDELY,
    )

GROUP.about("3", "the ID is that of the key which was proved, in lower case")
GROUP.ends("the other side's ID", their_id)
GROUP.ends("another ID than the key's", values(id="ab" * 20))
GROUP.ends("no ID", values(id=""))
GROUP.ends("the ID in capitals", upper_case_id)
for size in (39, 41, 80):
    GROUP.ends(f"an ID of {size} digits", part_of_id(size), when=When.WIDELY if size == 80 else None)
GROUP.ends("an ID that is no number", values(id="z" * 40))
GROUP.ends("an ID of 9,000 digits", values(id="0" * 9000), when=When.WIDELY)
GROUP.ends("the right ID, then another", message(lambda right: right + field(2, b"ab" * 20)))

GROUP.about("3", "ID@listen_addr is an address: a host and a port from 0 to 65535")
for name, address in ADDRESSES.items():
    GROUP.ends(
        f"an address {name}",
        values(listen_addr=address),
        when=None if name in TRIED_ALWAYS else When.WIDELY,
    )
GROUP.goes_on("an unspecified address", values(listen_addr="tcp://0.0.0.0:26656"))
GROUP.goes_on("port 0", values(listen_addr="tcp://127.0.0.1:0"))
GROUP.goes_on("an address with another scheme", values(listen_addr="udp://127.0.0.1:26656"))
GROUP.goes_on(
    "a name that nobody has", values(listen_addr="nobody.invalid:26656"), reason=NO_LOOKUP, when=When.NEVER
)

GROUP.about("3", "a peer of another network is refused")
GROUP.ends("another network", of_network(other))
GROUP.ends("no network", of_network(lambda _right: ""))
GROUP.ends("the network with a zero byte", of_network(lambda right: right + "\0"))
GROUP.ends("the network in capitals", of_network(capitals))
GROUP.ends("a network of 9,000 letters", of_network(lambda _right: "t" * 9000), when=When.WIDELY)
GROUP.about("decoding", "of a field given twice the last counts")
GROUP.ends("the right network, then another", after_network(other, is_first=True))
GROUP.goes_on("another network, then the right one", after_network(other, is_first=False))

GROUP.about("3", "moniker, version and RPC address are ASCII text, not only blanks")
for name, text in TEXTS.items():
    GROUP.ends(f"a moniker of {name}", values(moniker=text))
    when = None if name in {"blanks", "a line break"} else When.WIDELY
    GROUP.ends(f"a version of {name}", values(version=text), when=when)
    GROUP.ends(f"an RPC address of {name}", values(rpc_address=text), when=when)
GROUP.ends("no moniker", values(moniker=""))
GROUP.goes_on("a moniker of 9,000 letters", values(moniker="m" * 9000), when=When.WIDELY)
GROUP.goes_on("no version", values(version=""))
GROUP.about("3", 'tx_index is "", "on" or "off"')
GROUP.ends("tx_index maybe", values(tx_index="maybe"))
GROUP.ends("tx_index ON", values(tx_index="ON"))
GROUP.goes_on("no tx_index", values(tx_index=""))

GROUP.about("3", "a peer with whom no channel is shared is refused")
GROUP.ends("no channels", of_channels(lambda _theirs: b""))
GROUP.ends("channels of nobody", of_channels(of_nobody))
GROUP.about("3", "there are at most 16 channels, and none twice")
GROUP.ends("17 channels", of_channels(lambda theirs: filled_up(theirs, MAX_CHANNELS + 1)))
GROUP.goes_on("16 channels", of_channels(lambda theirs: filled_up(theirs, MAX_CHANNELS)))
GROUP.ends("a channel twice", of_channels(lambda theirs: filled_up(theirs, 3)[:2] + theirs[:1]))
GROUP.ends("9,000 channels", of_channels(lambda theirs: theirs[:1] * 9000), when=When.WIDELY)

GROUP.about("3", "a peer of another block version is refused; p2p and app versions are not compared")
for block, make in BLOCKS.items():
    GROUP.ends(f"block version {block}", of_versions(block=make))
GROUP.goes_on("p2p version 2^64 - 1", of_versions(p2p=lambda _right: MOST_U64))
GROUP.goes_on("app version 2^64 - 1", of_versions(app=lambda _right: MOST_U64))
GROUP.ends("no versions", message(lambda right: right[right.index(b"\x12\x28") :]))
GROUP.about("decoding", "of a field given twice the last counts")
GROUP.goes_on(
    "another block version, then the right one", message(lambda right: field(1, b"\x10\x0c") + right)
)
