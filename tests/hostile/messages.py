"""Messages that are too long for their channel, or nothing for the reactor they come to."""

from __future__ import annotations

from collections.abc import Callable

from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL
from tests.hostile.case import Act, Group
from tests.hostile.limits import HIGH, LOW, LOW_CAPACITY
from tests.hostile.visitor import Visitor

__all__ = ["GROUP"]

PART = 1000

GROUP = Group("Messages")


def parts(size: int, channel: int, *, eof: bool) -> Act:
    """A message of so many bytes; without eof it has no end."""

    def act(visitor: Visitor) -> None:
        visitor.join()
        for at in range(0, size, PART):
            last = at + PART >= size
            visitor.packet(bytes(min(PART, size - at)), channel, eof=eof and last)

    return act


def echoed(size: int, channel: int) -> Act:
    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.message(bytes(size), channel, part=PART)
        assert visitor.expect(channel) == bytes(size)

    return act


def message(data: bytes, channel: int = PEX_CHANNEL) -> Act:
    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.message(data, channel, part=PART)

    return act


def without_end(visitor: Visitor) -> None:
    """Until it is ended."""
    visitor.join()
    while True:
        visitor.packet(bytes(PART), LOW, eof=False)


def unread(visitor: Visitor) -> None:
    """Messages that are to be echoed, of which nothing is read; then all of them."""
    visitor.join()
    for _ in range(200):
        visitor.message(bytes(PART))
    for _ in range(200):
        assert visitor.expect(HIGH) == bytes(PART)


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

GROUP.goes_on("as long as the channel takes", echoed(LOW_CAPACITY, LOW))
GROUP.ends("a byte longer than the channel takes", parts(LOW_CAPACITY + 1, LOW, eof=True))
GROUP.ends("a byte longer, and not at its end", parts(LOW_CAPACITY + 1, LOW, eof=False))
GROUP.ends("longer and longer, without end", without_end)
GROUP.ends("a byte longer than PEX takes", message(bytes(MAX_PEX_BYTES + 1)))
GROUP.goes_on("200 of them that nobody reads the answers of for a while", unread)
for name, make in GARBAGE.items():
    GROUP.ends(f"for PEX, {name}", message(make()))
