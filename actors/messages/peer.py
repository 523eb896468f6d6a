"""What a peer actor is told and asked, besides the messages to send."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from peerage.actors.loss import LossReason

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


class Consumed(Struct, frozen=True):
    """reactor → peer: so many bytes and messages of what you handed me are dealt with."""

    reactor: str
    size: int
    messages: int


class ProbePeer(Struct, frozen=True):
    """switch → peer, an ask: answered True with the remote's next bytes. It is pinged, so that it has something to say."""


class StopPeer(Struct, frozen=True):
    """anyone → peer: stop, for error or gracefully (reason "" and not is_error). Args: loss, the word for the reason."""

    reason: str
    is_error: bool
    loss: LossReason = LossReason.BY_REACTOR


class FlushStop(Struct, frozen=True):
    """anyone → peer, an ask: send all that was accepted, then close. Answer: None, when closed."""

    timeout: float


class GetStatusOfPeer(Struct, frozen=True):
    """anyone → peer, an ask. Answer: PeerStatus | None while it is no peer yet."""


class GetPeerValue(Struct, frozen=True):
    """anyone → peer, an ask: the value kept under this key for this connection, or None."""

    key: str


class SetPeerValue(Struct, frozen=True):
    """anyone → peer."""

    key: str
    value: Any


class IntroducePeer(Struct, frozen=True):
    """transport → peer: this reactor is new, tell it of you."""

    reactor: str
