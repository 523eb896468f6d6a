"""What a remote can do wrong, and what each offence weighs: the one list of both.

An offence is what no well-meaning node does, or not often. What honest nodes do is none: to redial at once, to be of another
network or protocol, to be slow to answer a ping, to hang up, to ask for addresses early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from peerage.wire.errors import (
    EmptyPacketFloodError,
    ForeignProtocolError,
    FrameError,
    HandshakeError,
    IncompatibleNodeError,
    InvalidNodeInfoError,
    MalformedMessageError,
    MessageCapacityError,
    MessageTooLongError,
    PacketError,
    PexAddressError,
    PexError,
    ProxyHeaderError,
    RemoteError,
    UnexpectedNodeIDError,
)

__all__ = ["WEIGHTS", "Offence", "Weight", "offence_of"]

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S


class Offence(Enum):
    """The offences. The names are for people and metrics, the numbers behind them are written to disk."""

    HANDSHAKE_GARBAGE = "handshake garbage", 1
    """Bytes that are no key exchange and no known protocol, or a forged signature. Nobody has proved an ID."""
    UNFINISHED_HANDSHAKE = "unfinished handshake", 2
    """It kept the connection open until the handshake's time was over, and with it a place of others."""
    WRONG_ID = "wrong ID", 3
    """Its NodeInfo has another ID than its key."""
    INVALID_NODE_INFO = "invalid NodeInfo", 4
    """Its NodeInfo breaks the rules: a name with control characters, a channel named twice."""
    FORGED_FRAME = "forged frame", 5
    """A sealed frame that cannot be opened."""
    PROTOCOL_ERROR = "protocol error", 6
    """A packet that cannot be read, or is for a channel that nobody has."""
    MESSAGE_TOO_LARGE = "message too large", 7
    """A message or packet that is longer than allowed."""
    UNDECODABLE_MESSAGE = "undecodable message", 8
    """A message that is none of its channel's protocol."""
    PACKET_FLOOD = "flood of packets", 9
    """Packets with little or no data, as fast as it could, and again after each pause."""
    UNASKED_ADDRESSES = "unasked addresses", 10
    """An answer to a request that nobody has sent."""
    INVALID_ADDRESSES = "invalid addresses", 11
    """An answer with something in it that is no address."""
    TOO_MANY_REQUESTS = "too many requests", 12
    """It asked for addresses again before it was answered, or over too many connections."""

    def __init__(self, text: str, number: int) -> None:
        self.text = text
        self.number = number

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Weight:
    """What an offence weighs. At 100 points comes a ban.

    Args:
        points: for the ID. If there are none, nobody has proved an ID.
        host_points: for the host, which other nodes may share.
        longest_ban: seconds. Mistakes that an operator mends keep a node out for minutes, not for a day.
    """

    points: float
    host_points: float
    longest_ban: float


WEIGHTS: Final[Mapping[Offence, Weight]] = MappingProxyType(
    {
        Offence.HANDSHAKE_GARBAGE: Weight(0, 10, HOUR_S),
        Offence.UNFINISHED_HANDSHAKE: Weight(0, 5, HOUR_S),
        Offence.WRONG_ID: Weight(50, 10, DAY_S),
        Offence.INVALID_NODE_INFO: Weight(10, 2, 10 * MINUTE_S),
        Offence.FORGED_FRAME: Weight(20, 5, HOUR_S),
        Offence.PROTOCOL_ERROR: Weight(20, 5, HOUR_S),
        Offence.MESSAGE_TOO_LARGE: Weight(20, 5, HOUR_S),
        Offence.UNDECODABLE_MESSAGE: Weight(20, 5, HOUR_S),
        Offence.PACKET_FLOOD: Weight(60, 20, DAY_S),
        Offence.UNASKED_ADDRESSES: Weight(100, 20, DAY_S),
        Offence.INVALID_ADDRESSES: Weight(100, 20, DAY_S),
        Offence.TOO_MANY_REQUESTS: Weight(20, 5, DAY_S),
    }
)

# The first class that an error is of decides. None: no offence.
_BY_ERROR: Final[tuple[tuple[type[RemoteError], Offence | None], ...]] = (
    (ForeignProtocolError, None),
    (ProxyHeaderError, None),  # a balancer of ours is set up wrongly
    (UnexpectedNodeIDError, None),  # whoever told us the address may be to blame
    (HandshakeError, Offence.HANDSHAKE_GARBAGE),
    (IncompatibleNodeError, None),
    (InvalidNodeInfoError, Offence.INVALID_NODE_INFO),
    (EmptyPacketFloodError, Offence.PACKET_FLOOD),
    (MessageCapacityError, Offence.MESSAGE_TOO_LARGE),
    (MessageTooLongError, Offence.MESSAGE_TOO_LARGE),
    (FrameError, Offence.FORGED_FRAME),
    (PacketError, Offence.PROTOCOL_ERROR),
    (MalformedMessageError, Offence.PROTOCOL_ERROR),
    (PexAddressError, Offence.INVALID_ADDRESSES),
    (PexError, Offence.UNDECODABLE_MESSAGE),
)


def offence_of(error: RemoteError) -> Offence | None:
    """Which offence it is to break this rule; None if it is none, as of a connection that was lost."""
    return next((offence for kind, offence in _BY_ERROR if isinstance(error, kind)), None)
