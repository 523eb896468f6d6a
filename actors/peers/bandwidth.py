"""The node's bandwidth, shared fairly by its connections (`peerage.total_send_rate`, `peerage.total_recv_rate`).

A peer host draws what its connections may send or receive from a bucket of the whole node (`bandwidth_table.py`). While
there is too little for all, its connections take turns: who was refused waits in line, and is called when it may go on.
What is counted are the bytes on the socket, frames and all.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol, Self

from peerage.actors.context import NodeContext
from peerage.actors.peers.bandwidth_table import RECEIVING, SENDING, BandwidthTable
from peerage.actors.peers.stream import Loop

__all__ = ["NO_LIMITS", "UNLIMITED", "Bandwidth", "Bandwidths", "Flow"]

TURN_BYTES = 64 * 1024  # that one connection may take before another has its turn
LEAST_BYTES = 8 * 1044  # frames: a packet alone takes two. What is lacking for them is paid for later
TURN_S = 0.01  # between two looks at the bucket, about
KEPT_LOOKS = 4  # for so many a turn is kept for whoever was called
_PLENTY = 2**62


class Flow(Protocol):
    """Bytes of one direction, as a connection asks for them. `who` is any object that stands for the connection."""

    def allowance(self, who: object) -> int:
        """Bytes that it may let flow now; 0: none, it has to wait."""

    def spend(self, who: object, count: int) -> None:
        """So many have flown, perhaps more than were allowed."""

    def wait(self, who: object, go_on: Callable[[], object]) -> None:
        """Get into line, unless it stands there. Args: go_on, is called when there is something for it."""

    def forget(self, who: object) -> None:
        """It has ended."""


class _Unlimited:
    """Where there is no limit."""

    def allowance(self, _who: object) -> int:
        return _PLENTY

    def spend(self, _who: object, _count: int) -> None:
        return

    def wait(self, _who: object, go_on: Callable[[], object]) -> None:
        go_on()

    def forget(self, _who: object) -> None:
        return


UNLIMITED: Final[Flow] = _Unlimited()


class Bandwidth:
    """A Flow of one peer host.

    Args: table, of the node; direction, RECEIVING or SENDING; loop, of this host.
    """

    def __init__(self, table: BandwidthTable, direction: int, loop: Loop) -> None:
        self._table, self._direction, self._loop = table, direction, loop
        # More than comes between two looks, so that nothing is left in the bucket while somebody waits.
        self._draws = max(float(TURN_BYTES), 2 * table.rate(direction) * TURN_S)
        self._drawn_at = 0.0
        self._purse = 0.0  # drawn and not spent; below 0 what was spent without being there
        self._line: OrderedDict[object, Callable[[], object]] = OrderedDict()
        self._called: dict[object, int] = {}  # those whose turn it is → the look at which they were called
        self._looks = self._counted = 0
        self._is_due = False

    def allowance(self, who: object) -> int:
        """See Flow."""
        if self._line and who not in self._called:
            return 0
        if self._purse <= 0:
            self._draw()
        return min(TURN_BYTES, max(LEAST_BYTES, int(self._purse))) if self._purse > 0 else 0

    def spend(self, who: object, count: int) -> None:
        """See Flow."""
        self._purse -= count
        self._called.pop(who, None)

    def wait(self, who: object, go_on: Callable[[], object]) -> None:
        """See Flow."""
        if who in self._line:
            return
        self._line[who] = go_on
        self._count(max(self._counted, len(self._line)))
        if self._called.pop(who, None) is not None:  # others were quicker: it is the next
            self._line.move_to_end(who, last=False)
        self._look_later()

    def forget(self, who: object) -> None:
        """See Flow."""
        self._called.pop(who, None)
        self._line.pop(who, None)

    def waiting(self) -> int:
        """How many connections stand in line."""
        return len(self._line)

    def _draw(self) -> None:
        """At most once in half a turn: what a host may draw is its part of what is there, each time that it looks."""
        now = self._loop.now()
        most = self._draws - self._purse
        if most > 0 and now >= self._drawn_at + TURN_S / 2:
            self._drawn_at = now
            self._purse += self._table.draw(self._direction, now, most)

    def _count(self, waiting: int) -> None:
        """Have the other hosts know how many connections of this one have to wait, those included whose turn it is."""
        if waiting != self._counted:
            self._counted = waiting
            self._table.set_waiting(self._direction, waiting)

    def _look_later(self) -> None:
        """At a time that differs a little, so that no host always comes just after another one has drawn."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_later(TURN_S * random.uniform(0.5, 1.5), self._look)  # noqa: S311  # not cryptography

    def _look(self) -> None:
        """Call those at the head of the line, as many as there is something for."""
        self._is_due = False
        self._looks += 1
        self._count(len(self._line))
        self._draw()
        for who in [who for who, look in self._called.items() if look + KEPT_LOOKS < self._looks]:
            del self._called[who]
        left, turns = self._purse, []
        while self._line and left > 0:
            who, go_on = self._line.popitem(last=False)
            self._called[who] = self._looks
            turns.append(go_on)
            left -= TURN_BYTES
        for go_on in turns:
            go_on()
        if self._counted:
            self._look_later()


class Bandwidths(NamedTuple):
    """Both directions, for the connections of one host."""

    receiving: Flow = UNLIMITED
    sending: Flow = UNLIMITED

    @classmethod
    def of(cls, table: BandwidthTable, loop: Loop) -> Self:
        """Those of a peer host. Args: table, of the node."""
        receiving, sending = (
            Bandwidth(table, direction, loop) if table.rate(direction) else UNLIMITED
            for direction in (RECEIVING, SENDING)
        )
        return cls(receiving, sending)

    @classmethod
    def of_one(cls, context: NodeContext, loop: Loop) -> Self:
        """For a peer in a process of its own: its part of the node's bandwidth, which it shares with nobody."""
        settings, peers = context.config.peerage, max(1, context.most_peers)
        rates = settings.total_recv_rate / peers, settings.total_send_rate / peers
        if not any(rates):
            return cls()
        return cls.of(BandwidthTable(BandwidthTable.create(1, *rates), 0, 1), loop)


NO_LIMITS: Final = Bandwidths()
