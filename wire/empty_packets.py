"""How many packets with little or no data a peer may send: pings, pongs that nobody asked for, parts of messages that are
empty, or shorter than their headers.

They cost a sender a few bytes and us as much as any packet, and nobody needs many: CometBFT sends a ping a minute, and
fills its packets. A peer that sends more than its budget is not read for a while. If it goes on, time after time, its
connection ends.
Sources: docs/decisions/0039-floods-of-packets.md, 0099-parts-shorter-than-their-headers.md.
"""

from __future__ import annotations

from peerage.wire.errors import EmptyPacketFloodError

__all__ = ["EmptyPacketBudget"]

PER_S = 100.0
BURST = 1000  # what a sender may have written while nobody read it: six hours of pings and unasked pongs
PAUSE_S = 1.0
PAUSES = 5  # the next one ends the connection


class EmptyPacketBudget:
    """The budget of one connection.

    Attributes:
        paused_until: when to read again; None while reading may go on.
        pauses: how often reading was paused, since the peer last kept within its budget for long enough to fill it.
    """

    __slots__ = ("_level", "_now", "_packets", "_since", "paused_until", "pauses")

    def __init__(self, now: float) -> None:
        self._level = float(BURST)
        self._now = now
        self._packets = 0  # since the first of the pauses
        self._since = now
        self.paused_until: float | None = None
        self.pauses = 0

    def spend(self, packets: int, now: float) -> None:
        """Record such packets that arrived.

        Raises: EmptyPacketFloodError, reading was paused often enough.
        """
        self._level = min(float(BURST), self._level + (now - self._now) * PER_S)
        self._now = now
        if self._level >= BURST:
            self._packets, self._since, self.pauses = 0, now, 0
        self._level -= packets
        self._packets += packets
        if self._level >= 0 or self.paused_until is not None:
            return
        if self.pauses >= PAUSES:
            raise EmptyPacketFloodError(self._packets, now - self._since, PER_S)
        # The rest of the debt is forgiven: a peer that stops now is heard again when the pause is over.
        self._level = 0.0
        self.pauses += 1
        self.paused_until = now + PAUSE_S

    def may_read(self, now: float) -> bool:
        """Whether no pause is on."""
        if self.paused_until is not None and now >= self.paused_until:
            self.paused_until = None
        return self.paused_until is None
