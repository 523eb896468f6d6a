"""Messages from and to the network, as they travel between a node's actors: frames with a small header.

The bytes never stand in a Python object of their own, and the header is pickled once per batch. This module is the one
place that builds and reads the headers:

    received      peer → reactor           (RECEIVE, connection, channel per frame)
    sent          reactor → peer           (SEND, channel per frame, {channel: sent so far}), each paid with a credit
    waiting       anyone → peer, an ask    (SEND_WAIT, channel per frame, {channel: sent so far}, deadline in Unix seconds)
    broadcast     anyone → transport       (BROADCAST, channel per frame, {channel: broadcast so far})

All frames of `waiting` but the last are as with `sent`; the last one waits for room. The answer is whether it was accepted,
and how many messages may have been sent on its channel by now. Reactors count what they broadcast, and keep to the totals of
the Credits that come back; anyone else says {}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from peerage.actors.runtime import Frames

__all__ = [
    "BROADCAST",
    "BROADCAST_WINDOW",
    "RECEIVE",
    "SEND",
    "SEND_WAIT",
    "Outgoing",
    "broadcast",
    "kind_of",
    "outgoing",
    "received",
    "sent",
    "source_and_channels",
    "waiting",
]

RECEIVE: Final = "receive"
SEND: Final = "send"
SEND_WAIT: Final = "send wait"
BROADCAST: Final = "broadcast"
BROADCAST_WINDOW: Final = 1024  # messages of a channel that a reactor may be ahead of a host's quickest peer
_KINDS = frozenset({RECEIVE, SEND, SEND_WAIT, BROADCAST})

Totals = Mapping[int, int]


class Outgoing(NamedTuple):
    """The header of messages on their way to the network.

    Args:
        channel_ids: one for each frame.
        so_far: by channel, how many messages the reactor has sent, or broadcast, in all.
        deadline: Unix seconds until which the last frame may wait for room; None when it has a credit, too.
    """

    channel_ids: Sequence[int]
    so_far: Totals
    deadline: float | None = None


def received(connection: str, channel_ids: Sequence[int], messages: Sequence[Any]) -> Frames:
    """Messages that arrived on a connection, in order."""
    return Frames((RECEIVE, connection, channel_ids), messages)


def sent(channel_ids: Sequence[int], messages: Sequence[Any], so_far: Totals) -> Frames:
    """Messages of a reactor to one peer."""
    return Frames((SEND, channel_ids, so_far), messages)


def waiting(channel_ids: Sequence[int], messages: Sequence[Any], so_far: Totals, deadline: float) -> Frames:
    """As `sent`, but the last message has no credit and waits for room until the deadline."""
    return Frames((SEND_WAIT, channel_ids, so_far, deadline), messages)


def broadcast(channel_ids: Sequence[int], messages: Sequence[Any], so_far: Totals) -> Frames:
    """Messages to every peer of a host."""
    return Frames((BROADCAST, channel_ids, so_far), messages)


def kind_of(message: Frames) -> str | None:
    """Which of the four it is; None for frames that others thought up."""
    header = message.header
    kind = header[0] if type(header) is tuple and header else None
    return kind if type(kind) is str and kind in _KINDS else None


def source_and_channels(message: Frames) -> tuple[str, Sequence[int]]:
    """Of messages that arrived: the connection, and the channel of each frame."""
    _kind, connection, channel_ids = message.header
    return connection, channel_ids


def outgoing(message: Frames) -> Outgoing:
    """Of messages that are sent, wait or are broadcast: what their header says."""
    return Outgoing(*message.header[1:])
