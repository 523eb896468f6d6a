"""What is asked of a peer host about all of its peers at once, by those who watch the node, and what it answers.

A thousand peers are asked for every second. So rows travel as plain tuples, in the order of the fields here, and whoever
gets them makes a `PeerRow` of those that he shows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct

__all__ = ["GetPeerFigures", "PeerFigures", "PeerRow", "RefusalRow"]


class PeerRow(NamedTuple):
    """One peer, as it stands now.

    Attributes:
        connection, id, moniker, version: as of PeerInfo and its NodeInfo; moniker and version are the remote's words.
        address: `ip:port` of the connection's other end.
        since: Unix seconds, when the connection began to run.
        round_trip: seconds between the last answered ping and its pong; None before the first.
        send_rate, recv_rate: bytes a second, CometBFT's moving average.
        sent, received: bytes so far.
        idle: seconds since the last byte came or went.
        queued: messages that wait to be sent, on all channels.
        unconsumed: bytes that arrived and that reactors have not consumed.
        queues: (channel, messages that wait, capacity) of the channels where any does.
    """

    connection: str
    id: str
    moniker: str
    version: str
    address: str
    is_outbound: bool
    is_persistent: bool
    is_unconditional: bool
    since: float
    round_trip: float | None
    send_rate: float
    recv_rate: float
    sent: int
    received: int
    idle: float
    queued: int
    unconsumed: int
    queues: tuple[tuple[int, int, int], ...]


class RefusalRow(NamedTuple):
    """The last time that somebody was refused, or a dial failed.

    Attributes: at, Unix seconds; address, `ip:port`; id, that was dialled or has proved itself, "" if neither; reason and
        detail, as of Refusal.
    """

    at: float
    address: str
    id: str
    is_outbound: bool
    reason: str
    detail: str


class GetPeerFigures(Struct, frozen=True):
    """anyone → transport, an ask. Answer: PeerFigures."""


class PeerFigures(Struct, frozen=True):
    """The peers of one host.

    Args: rows, of PeerRow's fields; refusals, of RefusalRow's, the latest last.
    """

    rows: tuple[tuple[Any, ...], ...]
    refusals: tuple[tuple[Any, ...], ...]
