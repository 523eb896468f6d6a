"""Messages from and to the network, as they travel between a node's actors: frames with a small header.

The bytes never stand in a Python object of their own, and the header is pickled once per batch. This module is the one
place that builds and reads the headers:

    received      peer → reactor           (RECEIVE, connection, place per frame)
    sent          reactor → peer           (SEND, place per frame, {channel: sent so far}), each paid with a credit
    waiting       anyone → peer, an ask    (SEND_WAIT, place per frame, {channel: sent so far}, deadline, monotonic)
    broadcast     anyone → transport       (BROADCAST, channel per frame, {channel: broadcast so far})

The place of a frame is its channel; of small messages of one channel that followed each other, which share a frame, it is
the channel and their sizes (a `MessageRun`). So what one of them costs on its way is a few bytes and no step of Python.

All frames of `waiting` but the last are as with `sent`; the last one waits for room. The answer is whether it was accepted,
and how many messages may have been sent on its channel by now. Reactors count what they broadcast, and keep to the totals of
the Credits that come back; anyone else says {}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple, TypeAlias

from peerage.actors.runtime import Frames
from peerage.wire.packet import MessageReceived, MessageRun

__all__ = [
    "BROADCAST",
    "BROADCAST_WINDOW",
    "RECEIVE",
    "SEND",
    "SEND_WAIT",
    "WINDOW_MESSAGES",
    "Outgoing",
    "Parcel",
    "Place",
    "broadcast",
    "each_message",
    "kind_of",
    "of_broadcast",
    "outgoing",
    "parcels",
    "received",
    "sent",
    "source_and_places",
    "waiting",
]

RECEIVE: Final = "receive"
SEND: Final = "send"
SEND_WAIT: Final = "send wait"
BROADCAST: Final = "broadcast"
BROADCAST_WINDOW: Final = 1024  # messages of a channel that a reactor may be ahead of a host's quickest peer
WINDOW_MESSAGES = 20_000  # unconsumed by one reactor from one peer: a flood of empty messages is bounded too
_KINDS = frozenset({RECEIVE, SEND, SEND_WAIT, BROADCAST})
MANY = 4  # messages; fewer are not worth joining
SMALL = 1024  # bytes; longer messages have a frame of their own: a packet holds no more, and joining would copy much

Totals = Mapping[int, int]
Place: TypeAlias = int | tuple[int, bytes]
Parcel: TypeAlias = MessageReceived | MessageRun


class Outgoing(NamedTuple):
    """The header of messages on their way to one peer.

    Args:
        places: one for each frame.
        so_far: by channel, how many messages the reactor has sent in all.
        deadline: monotonic seconds, the same in all processes of a machine, until which the last frame may wait for room;
            None when it has a credit, too.
    """

    places: Sequence[Place]
    so_far: Totals
    deadline: float | None = None


def received(connection: str, places: Sequence[Place], frames: Sequence[Any]) -> Frames:
    """Messages that arrived on a connection, in order."""
    return Frames((RECEIVE, connection, places), frames)


def sent(channel_ids: Sequence[int], messages: Sequence[Any], so_far: Totals) -> Frames:
    """Messages of a reactor to one peer."""
    places, frames = _joined(channel_ids, messages)
    return Frames((SEND, places, so_far), frames)


def waiting(channel_ids: Sequence[int], messages: Sequence[Any], so_far: Totals, deadline: float) -> Frames:
    """As `sent`, but the last message has no credit and waits for room until the deadline."""
    places, frames = _joined(channel_ids[:-1], messages[:-1])
    return Frames((SEND_WAIT, (*places, channel_ids[-1]), so_far, deadline), [*frames, messages[-1]])


def _joined(channel_ids: Sequence[int], messages: Sequence[Any]) -> tuple[Sequence[Place], Sequence[Any]]:
    """Join small messages that follow each other on a channel. Returns: the places, and the frame of each."""
    if len(messages) < MANY:
        return channel_ids, messages
    first = channel_ids[0]
    if channel_ids.count(first) == len(channel_ids) and max(map(len, messages)) <= SMALL:
        run = MessageRun.of(first, messages)
        return (run[:2],), (run.data,)
    places: list[Place] = []
    frames: list[Any] = []
    start = 0
    is_small = map(SMALL.__ge__, map(len, messages))
    for (channel_id, are_small), group in groupby(zip(channel_ids, is_small, strict=True)):
        end = start + sum(1 for _ in group)
        if are_small and end - start >= MANY:
            run = MessageRun.of(channel_id, messages[start:end])
            places.append(run[:2])
            frames.append(run.data)
        else:
            places += channel_ids[start:end]
            frames += messages[start:end]
        start = end
    return tuple(places), frames


def broadcast(channel_ids: Sequence[int], messages: Sequence[Any], so_far: Totals) -> Frames:
    """Messages to every peer of a host."""
    return Frames((BROADCAST, channel_ids, so_far), messages)


def kind_of(message: Frames) -> str | None:
    """Which of the four it is; None for frames that others thought up."""
    header = message.header
    kind = header[0] if type(header) is tuple and header else None
    return kind if type(kind) is str and kind in _KINDS else None


def source_and_places(message: Frames) -> tuple[str, Sequence[Place]]:
    """Of messages that arrived: the connection, and the place of each frame."""
    _kind, connection, places = message.header
    return connection, places


def outgoing(message: Frames) -> Outgoing:
    """Of messages that are sent or wait: what their header says."""
    return Outgoing(*message.header[1:])


def of_broadcast(message: Frames) -> tuple[Sequence[int], Totals]:
    """Of messages that are broadcast: the channel of each frame, and how many were broadcast so far."""
    _kind, channel_ids, so_far = message.header
    return channel_ids, so_far


def parcels(places: Iterable[Place], frames: Iterable[Any]) -> Iterator[Parcel]:
    """Put frames and their places together: single messages, and joined ones."""
    for place, frame in zip(places, frames, strict=True):
        if isinstance(place, int):
            yield MessageReceived(place, frame)
        else:
            yield MessageRun(*place, frame)


def each_message(places: Iterable[Place], frames: Iterable[Any]) -> Iterator[MessageReceived]:
    """The messages of frames one by one."""
    for parcel in parcels(places, frames):
        if isinstance(parcel, MessageRun):
            yield from parcel.each()
        else:
            yield parcel
