"""The kinds of events of a node, each with its keys: the one list of both, which docs/reference/events.md shows.

Text that a remote has chosen is escaped and cut before it comes in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias

from msgspec import Struct

from peerage.actors.loss import LossReason
from peerage.actors.refusal import RefusalReason

__all__ = [
    "KINDS",
    "BanReason",
    "Banned",
    "Connected",
    "DeadLetter",
    "Dialled",
    "Direction",
    "Folded",
    "GaveUp",
    "Happening",
    "Lost",
    "NodeEvent",
    "Refused",
    "RestartReason",
    "Restarted",
    "Unbanned",
]


class Direction(StrEnum):
    """Who dialled."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"

    @classmethod
    def of(cls, *, is_outbound: bool) -> Direction:
        """The direction of a connection."""
        return cls.OUTBOUND if is_outbound else cls.INBOUND


class BanReason(StrEnum):
    """Who wanted a ban."""

    OFFENCE = "offence"  # it has done wrong, and what stands beside it
    BY_ORDER = "by order"  # the operator, a reactor or the embedding program


class RestartReason(StrEnum):
    """What had become of a part that was restarted."""

    KILLED = "killed"  # its process was, or has exited
    FAILED = "failed"  # an exception
    HUNG = "hung"  # it did not answer its supervisor
    MEMORY = "memory"  # it took more than it may
    ENDED = "ended"  # it stopped without being told to
    WITH_ANOTHER = "with another"  # nothing: another part had ended


class Dialled(Struct, frozen=True):
    """A dial began. Args: trial, whether it is over with the handshake: the address is only tried."""

    kind: ClassVar[str] = "dialled"

    peer: str
    address: str
    trial: bool = False


class Connected(Struct, frozen=True):
    """A connection was let in and is a peer.

    Args: connection, names it, and no other one ever. since, Unix seconds.
    """

    kind: ClassVar[str] = "connected"

    peer: str
    address: str
    direction: Direction
    moniker: str
    version: str
    persistent: bool
    connection: str
    since: float


class Refused(Struct, frozen=True):
    """A connection did not become a peer, or a dial failed.

    Args: peer, who was dialled, or has proved its ID and done wrong; "" if neither.
    """

    kind: ClassVar[str] = "refused"

    reason: RefusalReason
    detail: str
    peer: str
    address: str
    direction: Direction


class Lost(Struct, frozen=True):
    """A peer is gone. Args: seconds, how long it was one."""

    kind: ClassVar[str] = "lost"

    reason: LossReason
    detail: str
    peer: str
    address: str
    direction: Direction
    moniker: str
    version: str
    connection: str
    seconds: float


class GaveUp(Struct, frozen=True):
    """A persistent peer is not redialled any more. Args: tries, how often it was."""

    kind: ClassVar[str] = "gave-up"

    peer: str
    tries: int


class Banned(Struct, frozen=True):
    """Somebody was banned. Args: subject, an ID, IP address or network; until, RFC 3339; times, how often so far."""

    kind: ClassVar[str] = "banned"

    reason: BanReason
    detail: str
    subject: str
    until: str
    times: int


class Unbanned(Struct, frozen=True):
    """A ban was lifted by order. One that ends by itself is not told: its end was."""

    kind: ClassVar[str] = "unbanned"

    subject: str


class Restarted(Struct, frozen=True):
    """A part of the node had ended and is up again."""

    kind: ClassVar[str] = "restarted"

    reason: RestartReason
    detail: str
    part: str


class DeadLetter(Struct, frozen=True):
    """Messages could not be delivered. Args: part, that noticed it; target, `host/name` of the actor; count, how many."""

    kind: ClassVar[str] = "dead-letter"

    part: str
    target: str
    count: int


class Folded(Struct, frozen=True):
    """More of a kind than are told one by one happened within a second. Args: folded, the kind; reason, of its reasons, or
    ""; count, how many.
    """

    kind: ClassVar[str] = "folded"

    folded: str
    reason: str
    count: int


Happening: TypeAlias = (
    Dialled | Connected | Refused | Lost | GaveUp | Banned | Unbanned | Restarted | DeadLetter | Folded
)

KINDS: Final[Mapping[str, type[Happening]]] = MappingProxyType(
    {
        each.kind: each
        for each in (
            Dialled,
            Connected,
            Refused,
            Lost,
            GaveUp,
            Banned,
            Unbanned,
            Restarted,
            DeadLetter,
            Folded,
        )
    }
)


class NodeEvent(Struct, frozen=True):
    """One event as listeners get it.

    Args:
        id: grows from event to event, as text too, for as long as the hub lives; another hub's begin differently.
        time: Unix seconds.
        node: moniker of the node.
        what: happened.
    """

    id: str
    time: float
    node: str
    what: Happening
