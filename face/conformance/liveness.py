"""Pings that are not answered, and pongs that nobody asked for."""

from __future__ import annotations

from peerage.conformance.case import Act, Group, When
from peerage.conformance.visitor import Visitor
from peerage.wire.packet import PING, PONG

__all__ = ["GROUP"]

GROUP = Group("Pings and pongs", "pings")


def say(data: bytes, count: int, *, answered: bool = False) -> Act:
    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.say(data * count)
        while answered and not visitor.pongs:
            visitor.confirm()

    return act


def never_answers(visitor: Visitor) -> None:
    """Reads what comes, and its pings are in vain."""
    visitor.answers_pings = False
    visitor.join()


GROUP.about("4", "a ping is answered at once")
GROUP.goes_on("a ping", say(PING, 1, answered=True))
GROUP.goes_on("500 pings at once", say(PING, 500, answered=True))
GROUP.about("4", "any number of unsolicited pongs is legal")
GROUP.goes_on("a pong that nobody asked for", say(PONG, 1))
GROUP.goes_on("500 pongs that nobody asked for", say(PONG, 500))
GROUP.about("4", "a ping is answered at once")
GROUP.goes_on("300 pings and pongs in turn", say(PING + PONG, 150, answered=True))
GROUP.about("4", "no pong within 45 s of a ping ends the connection", when=When.PATIENTLY)
GROUP.ends("no pong, for ever", never_answers)
