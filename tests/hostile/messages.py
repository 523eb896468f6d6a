"""Messages that are too long for their channel, or nothing for the reactor they come to: with those for PEX."""

from __future__ import annotations

from peerage.conformance import messages
from peerage.conformance.case import Act, Group
from peerage.conformance.messages import PART
from peerage.conformance.visitor import Visitor
from tests.hostile.limits import HIGH, LOW, LOW_CAPACITY

__all__ = ["GROUP"]

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


GROUP.goes_on("as long as the channel takes", echoed(LOW_CAPACITY, LOW))
GROUP.ends("a byte longer than the channel takes", parts(LOW_CAPACITY + 1, LOW, eof=True))
GROUP.ends("a byte longer, and not at its end", parts(LOW_CAPACITY + 1, LOW, eof=False))
GROUP.ends("longer and longer, without end", without_end)
GROUP.take(messages.GROUP, "a byte longer than PEX takes")
GROUP.goes_on("200 of them that nobody reads the answers of for a while", unread)
GROUP.take(messages.GROUP)
