"""The third step: what a peer says of itself, field by field."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from peerage.wire.delimited import delimit
from peerage.wire.keys import node_id_of
from peerage.wire.node_info import MAX_NODE_INFO_BYTES, ProtocolVersion
from peerage.wire.varint import encode_uvarint
from tests.hostile.case import Act, Group
from tests.hostile.limits import HIGH, LOW
from tests.hostile.visitor import Visitor

__all__ = ["GROUP"]

SLOW_S = 0.2
MOST_U64 = (1 << 64) - 1
DEPTH = 4000

GROUP = Group("NodeInfo")


def values(**changes: Any) -> Act:
    """Right but for these."""
    return lambda visitor: visitor.join(**changes)


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
NO_LOOKUP = (
    "CometBFT asks a name server about a name that the remote chose; we take it as it is, and ask nobody"
)

GROUP.ends("none, for ever", none)
GROUP.ends("a byte in each frame, slowly", slow)
GROUP.ends("half of it and a half close", half_and_half_close)
GROUP.leaves("all of it and a close", and_leave)
GROUP.ends("of no bytes", message(lambda _right: b""))
GROUP.ends("of 10,241 bytes", message(filled(MAX_NODE_INFO_BYTES + 1)))
GROUP.goes_on("of 10,240 bytes", message(filled(MAX_NODE_INFO_BYTES)))
GROUP.ends("10,241 bytes announced", plaintext(lambda _right: encode_uvarint(MAX_NODE_INFO_BYTES + 1)))
GROUP.ends(
    "10,240 bytes announced, then silence", plaintext(lambda _right: encode_uvarint(MAX_NODE_INFO_BYTES))
)
GROUP.ends("2^63 bytes announced", plaintext(lambda right: encode_uvarint(1 << 63) + right))
GROUP.ends("a length beyond 64 bits", plaintext(lambda right: b"\xff" * 9 + b"\x7f" + right))
GROUP.goes_on(
    "a length in three bytes",
    plaintext(lambda right: bytes((len(right) & 0x7F | 0x80, len(right) >> 7 | 0x80, 0)) + right),
)
GROUP.ends("random bytes", message(lambda right: bytes(255 - byte for byte in right)))
GROUP.ends("cut off by a byte", message(lambda right: right[:-1]))
GROUP.goes_on("with an unknown field", message(lambda right: field(15, b"abc") + right))
GROUP.ends("with field number 0", message(lambda right: right + b"\x02\x00"))
GROUP.ends(f"with {DEPTH} groups that do not end", message(lambda right: right + b"\x7b" * DEPTH))
GROUP.goes_on(
    f"with {DEPTH} groups in each other", message(lambda right: right + b"\x7b" * DEPTH + b"\x7c" * DEPTH)
)
for name, wrong in WIRE_TYPES.items():
    GROUP.ends(f"{name} with another wire type", message(followed_by(wrong)))

GROUP.ends("the other side's ID", their_id)
GROUP.ends("another ID than the key's", values(id="ab" * 20))
GROUP.ends("no ID", values(id=""))
GROUP.ends("the ID in capitals", upper_case_id)
for size in (39, 41, 80):
    GROUP.ends(f"an ID of {size} digits", part_of_id(size))
GROUP.ends("an ID that is no number", values(id="z" * 40))
GROUP.ends("an ID of 9,000 digits", values(id="0" * 9000))
GROUP.ends("the right ID, then another", message(lambda right: right + field(2, b"ab" * 20)))

for name, address in ADDRESSES.items():
    GROUP.ends(f"an address {name}", values(listen_addr=address))
GROUP.goes_on("an unspecified address", values(listen_addr="tcp://0.0.0.0:26656"))
GROUP.goes_on("port 0", values(listen_addr="tcp://127.0.0.1:0"))
GROUP.goes_on("an address with another scheme", values(listen_addr="udp://127.0.0.1:26656"))
GROUP.goes_on("a name that nobody has", values(listen_addr="nobody.invalid:26656"), reason=NO_LOOKUP)

GROUP.ends("another network", values(network="other"))
GROUP.ends("no network", values(network=""))
GROUP.ends("the network with a zero byte", values(network="test\0"))
GROUP.ends("the network in capitals", values(network="TEST"))
GROUP.ends("a network of 9,000 letters", values(network="t" * 9000))
GROUP.ends("the right network, then another", message(lambda right: right + field(4, b"other")))
GROUP.goes_on("another network, then the right one", message(lambda right: field(4, b"other") + right))

for name, text in TEXTS.items():
    GROUP.ends(f"a moniker of {name}", values(moniker=text))
    GROUP.ends(f"a version of {name}", values(version=text))
    GROUP.ends(f"an RPC address of {name}", values(rpc_address=text))
GROUP.ends("no moniker", values(moniker=""))
GROUP.goes_on("a moniker of 9,000 letters", values(moniker="m" * 9000))
GROUP.goes_on("no version", values(version=""))
GROUP.ends("tx_index maybe", values(tx_index="maybe"))
GROUP.ends("tx_index ON", values(tx_index="ON"))
GROUP.goes_on("no tx_index", values(tx_index=""))

GROUP.ends("no channels", values(channels=b""))
GROUP.ends("channels of nobody", values(channels=b"\x7e\x7f"))
GROUP.ends("17 channels", values(channels=bytes(range(0x50, 0x61))))
GROUP.goes_on("16 channels", values(channels=bytes(range(0x50, 0x60))))
GROUP.ends("a channel twice", values(channels=bytes((HIGH, LOW, HIGH))))
GROUP.ends("9,000 channels", values(channels=bytes((HIGH,)) * 9000))

for block in (0, 10, 12, MOST_U64):
    GROUP.ends(f"block version {block}", values(protocol_version=ProtocolVersion(block=block)))
GROUP.goes_on("p2p version 2^64 - 1", values(protocol_version=ProtocolVersion(p2p=MOST_U64)))
GROUP.goes_on("app version 2^64 - 1", values(protocol_version=ProtocolVersion(app=MOST_U64)))
GROUP.ends("no versions", message(lambda right: right[right.index(b"\x12\x28") :]))
GROUP.goes_on(
    "another block version, then the right one", message(lambda right: field(1, b"\x10\x0c") + right)
)
