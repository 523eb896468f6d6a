"""The phases of a connection, from the dial to its end, and the events that lead from one to the next.

::

    DIALLING ─ connected ─▶ HANDSHAKE ─ identified ─▶ ADMISSION ─ admitted ─▶ RUNNING
                                │                         ▲                      │ close asked
                                │ identified at a seed    │ another message      ▼
                                └────────────▶ SEED_REQUEST ─── answered ───▶ DRAINING ─ all sent ─▶ CLOSING

Accepted connections begin in HANDSHAKE. CLOSED leads from every phase to ENDED. Any other event is a fault of ours: it
leads to FAILED, from where only CLOSED leads on.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

__all__ = ["CARRIES_PACKETS", "MOVES", "Event", "Phase", "Phases", "UnexpectedEventError"]


class Phase(Enum):
    """How far a connection is."""

    __hash__ = (
        object.__hash__
    )  # in C: that of an enum is a Python function, and a table is looked into at each move

    DIALLING = "dialling"
    HANDSHAKE = "handshake"
    SEED_REQUEST = "seed request"  # at a seed: the first message decides whether this becomes a peer
    ADMISSION = "admission"  # the switch has been asked
    RUNNING = "running"  # the reactors know the peer
    DRAINING = "draining"  # nothing new is accepted, what was accepted is still sent
    CLOSING = "closing"  # all is sent; the remote may still be reading
    FAILED = "failed"
    ENDED = "ended"


class Event(Enum):
    """What happens to a connection."""

    __hash__ = object.__hash__

    CONNECTED = "connected"
    IDENTIFIED = "identified"  # the handshake is done
    IDENTIFIED_AT_SEED = "identified at a seed"
    NO_REQUEST = (
        "no request"  # the remote said something else than a request for addresses, or nothing in time
    )
    ANSWERED = "answered"  # the request for addresses
    ADMITTED = "admitted"
    CLOSE_ASKED = "close asked"
    ALL_SENT = "all sent"
    CLOSED = "closed"


MOVES: Mapping[tuple[Phase, Event], Phase] = {
    (Phase.DIALLING, Event.CONNECTED): Phase.HANDSHAKE,
    (Phase.HANDSHAKE, Event.IDENTIFIED): Phase.ADMISSION,
    (Phase.HANDSHAKE, Event.IDENTIFIED_AT_SEED): Phase.SEED_REQUEST,
    (Phase.SEED_REQUEST, Event.NO_REQUEST): Phase.ADMISSION,
    (Phase.SEED_REQUEST, Event.ANSWERED): Phase.DRAINING,
    (Phase.ADMISSION, Event.ADMITTED): Phase.RUNNING,
    (Phase.RUNNING, Event.CLOSE_ASKED): Phase.DRAINING,
    (Phase.DRAINING, Event.ALL_SENT): Phase.CLOSING,
    **{(phase, Event.CLOSED): Phase.ENDED for phase in Phase if phase is not Phase.ENDED},
}

# In these phases packets are read and written, and the timers of the connection run.
CARRIES_PACKETS = frozenset({Phase.SEED_REQUEST, Phase.RUNNING, Phase.DRAINING})


class UnexpectedEventError(Exception):
    """An event that cannot happen in this phase: a fault of ours."""

    def __init__(self, phase: Phase, event: Event) -> None:
        super().__init__(phase, event)
        self.phase = phase
        self.event = event

    def __str__(self) -> str:
        return f"{self.event.value!r} in the phase {self.phase.value!r}"


class Phases:
    """The phase that one connection is in. Args: first, where it begins."""

    __slots__ = ("carries_packets", "last", "phase")

    def __init__(self, first: Phase) -> None:
        self.phase = first
        self.carries_packets = first in CARRIES_PACKETS
        """Looked at in every turn of the loop, hence kept instead of computed."""
        self.last = first
        """The phase before the end, or before the failure: it says who has to be told of the end."""

    def move(self, event: Event) -> None:
        """Go where this event leads. Raises: UnexpectedEventError, and the phase is FAILED then."""
        was, self.phase = self.phase, Phase.FAILED
        self.carries_packets = False
        if was is not Phase.FAILED:
            self.last = was
        try:
            self.phase = MOVES[was, event]
        except KeyError:
            raise UnexpectedEventError(was, event) from None
        self.carries_packets = self.phase in CARRIES_PACKETS
