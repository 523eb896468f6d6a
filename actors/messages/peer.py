"""What a peer actor is told and asked, besides the messages to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "Consumed",
    "FlushStop",
    "GetPeerValue",
    "GetStatusOfPeer",
    "IntroducePeer",
    "ProbePeer",
    "SetPeerValue",
    "StopPeer",
]


@dataclass(frozen=True, slots=True)
class Consumed:
    """reactor → peer: so many bytes and messages of what you handed me are dealt with."""

    reactor: str
    size: int
    messages: int


@dataclass(frozen=True, slots=True)
class ProbePeer:
    """switch → peer, an ask: answered True as soon as the remote answers a ping."""


@dataclass(frozen=True, slots=True)
class StopPeer:
    """anyone → peer: stop, for error or gracefully (reason "" and not is_error)."""

    reason: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class FlushStop:
    """anyone → peer, an ask: send all that was accepted, then close. Answer: None, when closed."""

    timeout: float


@dataclass(frozen=True, slots=True)
class GetStatusOfPeer:
    """anyone → peer, an ask. Answer: PeerStatus | None while it is no peer yet."""


@dataclass(frozen=True, slots=True)
class GetPeerValue:
    """anyone → peer, an ask: the value kept under this key for this connection, or None."""

    key: str


@dataclass(frozen=True, slots=True)
class SetPeerValue:
    """anyone → peer."""

    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class IntroducePeer:
    """transport → peer: this reactor is new, tell it of you."""

    reactor: str
