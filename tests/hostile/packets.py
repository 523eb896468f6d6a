"""Packets, those of the conformance cases and those that need an echo."""

from __future__ import annotations

from peerage.conformance import packets
from peerage.conformance.case import Group
from peerage.conformance.packets import number, part, say, unserved
from peerage.conformance.visitor import Visitor
from tests.hostile.limits import HIGH, LOW

__all__ = ["GROUP"]

GROUP = Group("Packets")


def announcing(visitor: Visitor) -> None:
    """A packet of a channel that we have said to have, and they do not."""
    channel = unserved(visitor)
    visitor.join(channels=bytes((*visitor.claims.channels, channel)))
    visitor.packet(b"hi", channel)


def interleaved(visitor: Visitor) -> None:
    """Two channels' parts in turn."""
    visitor.join()
    for _ in range(3):
        for each in (HIGH, LOW):
            visitor.packet(b"ab", each, eof=False)
    for each in (HIGH, LOW):
        visitor.packet(b"", each)
        assert visitor.expect(each) == b"ababab"


def empty(visitor: Visitor) -> None:
    visitor.join()
    visitor.say(part(visitor, data=b""))
    visitor.hear_back(b"")


ANNOUNCED = (
    "a channel that the peer has announced and no reactor here has is dropped and counted (decision 0010)"
)

GROUP.take(
    packets.GROUP,
    *(
        case.name
        for case in packets.GROUP.cases
        if case.name.startswith("a packet ") and "NodeInfo" not in case.name
    ),
)
GROUP.take(packets.GROUP, "a message and a ping in one packet", "a ping with an unknown field")
GROUP.goes_on("a packet on a channel that only we have", announcing, reason=ANNOUNCED)
GROUP.take(packets.GROUP, "a frame for each byte")
GROUP.goes_on("parts of two channels in turn", interleaved)
GROUP.take(packets.GROUP, "a message in 300 parts of a byte")
GROUP.goes_on("an empty message", empty)
GROUP.take(packets.GROUP, "ten parts without data")
GROUP.goes_on("a part without eof", say(lambda visitor: part(visitor, eof=b"", channel=number(LOW))))
GROUP.take(packets.GROUP)
