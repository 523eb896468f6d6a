"""Messages that are too long for PEX, or nothing for it."""

from __future__ import annotations

from collections.abc import Callable

from peerage.conformance.case import Act, Group, When
from peerage.conformance.visitor import Visitor
from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL

__all__ = ["GROUP", "PART", "message"]

PART = 1000

GROUP = Group("Messages", "messages")


def message(data: bytes, channel: int = PEX_CHANNEL) -> Act:
    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.message(data, channel, part=PART)

    return act


GARBAGE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "of an unknown kind": lambda: b"\x7a\x00",
    "with field number 0": lambda: b"\x02\x00",
    "cut off": lambda: b"\x12\x05\x0a",
    "of text": lambda: b"garbage",
    "of zeros": lambda: bytes(100),
    "of ones": lambda: b"\xff" * 100,
    "with a request that is a number": lambda: b"\x08\x01",
    "with addresses that are a number": lambda: b"\x10\x01",
    "with a request that holds a cut field": lambda: b"\x0a\x01\x0a",
    "with an address that is a number": lambda: b"\x12\x02\x08\x01",
    "with an ID that is a number": lambda: b"\x12\x04\x0a\x02\x08\x01",
    "with a port that is text": lambda: b"\x12\x05\x0a\x03\x1a\x01P",
    "with 20,000 groups without end": lambda: b"\x7b" * 20_000,
}

TRIED_ALWAYS = {
    "empty",
    "of an unknown kind",
    "cut off",
    "of text",
    "of zeros",
    "with an ID that is a number",
}

GROUP.about(
    "4", "a message longer than its channel takes ends the connection: 64,000 bytes for PEX", asks_pex=True
)
GROUP.ends("a byte longer than PEX takes", message(bytes(MAX_PEX_BYTES + 1)))
GROUP.about(
    "8", "a message that is undecodable, empty or of no known kind ends the connection", asks_pex=True
)
for name, make in GARBAGE.items():
    GROUP.ends(f"for PEX, {name}", message(make()), when=None if name in TRIED_ALWAYS else When.WIDELY)
