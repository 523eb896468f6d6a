"""Pings that are not answered, and pongs that nobody asked for."""

from __future__ import annotations

from peerage.wire.packet import PING, PONG
from tests.hostile.case import Act, Group
from tests.hostile.visitor import Visitor

__all__ = ["GROUP"]

GROUP = Group("Pings and pongs")


def say(data: bytes, count: int, *, answered: bool = False) -> Act:
    def act(visitor: Visitor) -> None:
        visitor.join()
        visitor.say(data * count)
        while answered and not visitor.pongs:
            visitor.echo()

    return act


def never_answers(visitor: Visitor) -> None:
    """Reads what comes, and its pings are in vain."""
    visitor.answers_pings = False
    visitor.join()


GROUP.goes_on("a ping", say(PING, 1, answered=True))
GROUP.goes_on("500 pings at once", say(PING, 500, answered=True))
GROUP.goes_on("a pong that nobody asked for", say(PONG, 1))
GROUP.goes_on("500 pongs that nobody asked for", say(PONG, 500))
GROUP.goes_on("300 pings and pongs in turn", say(PING + PONG, 150, answered=True))
GROUP.ends("no pong, for ever", never_answers)
