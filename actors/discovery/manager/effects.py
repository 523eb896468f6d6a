"""What a `Discoverer` asks its driver to do: values that the driver carries out one after the other.

Some of them are questions (`AskBook`, `SelectAnswer`, `CountPeers`, `WeighPeers`, `AdmitSeedRequest`): the driver hands
their answers to `Discoverer.answered`, and the ends of `Dial`, `DialSeed` and `Feel` to `Discoverer.dial_ended`. A driver
that gets no answer hands in none: the discoverer waits for no answer forever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from msgspec import Struct

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.book.calls import Method
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.manager.events import ConnectedPeer, PeerCounts, SeedRequest, Service, Told
from peerage.actors.discovery.manager.exchange import StopPeer
from peerage.actors.discovery.value import value
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

P = ParamSpec("P")
T = TypeVar("T")


class Dial(Struct, frozen=True):
    """Connect to this address; the node there is to be a peer."""

    address: NetAddress


class DialSeed(Struct, frozen=True):
    """Connect to a configured seed. Args: seed, as the operator wrote it; a name in it is looked up each time."""

    seed: str


class Feel(Struct, frozen=True):
    """Dial this address, shake hands and hang up, only to learn whether it answers. The node does not become a peer."""

    address: NetAddress


class SendRequest(Struct, frozen=True):
    """Ask a peer for addresses. If the request cannot be sent, call `Discoverer.request_not_sent`."""

    peer: ConnectedPeer


class SendAnswer(Struct, frozen=True):
    """Send addresses to a peer. Args: then_disconnect, whether to end the connection after sending them."""

    peer: ConnectedPeer
    told: Told
    then_disconnect: bool = False


class Disconnect(Struct, frozen=True):
    """Send what is queued for this peer, then end the connection. Neither side did anything wrong."""

    peer: ConnectedPeer


class Rotate(Struct, frozen=True):
    """End the connection of this peer, for another address to have its turn. Neither side did anything wrong."""

    peer: ConnectedPeer


class Stop(Struct, frozen=True):
    """Stop this peer for error. Args: offence, to be counted against it."""

    peer: ConnectedPeer
    reason: str
    offence: Offence | None = None


class Ban(Struct, frozen=True):
    """Ban this ID for a time: no connection of it is accepted."""

    id: NodeID
    seconds: float
    reason: str


class GiveUp(Struct, frozen=True):
    """Do not dial the address of this ID for a time. The node may still connect to us."""

    id: NodeID
    seconds: float
    reason: str


@value
class AskBook:
    """Call this method of the address book or of a part of it, and hand in its answer if `then` is given."""

    method: Method
    args: tuple[Any, ...] = ()
    then: Callable[[Any], None] | None = field(default=None, compare=False, repr=False)


@value
class SelectAnswer:
    """Ask the book for addresses to tell, and hand them in.

    Args: bias, percent of new ones; None: as many as come up by chance.
    """

    bias: int | None
    then: Callable[[Told], None] = field(compare=False, repr=False)


@value
class CountPeers:
    """Count the peers and hand in the `PeerCounts`, or None when they cannot be counted now."""

    then: Callable[[PeerCounts | None], None] = field(compare=False, repr=False)


@value
class WeighPeers:
    """Find out what these peers are good for, and hand in that of each that tells; nothing about the others."""

    peers: tuple[ConnectedPeer, ...]
    then: Callable[[Mapping[ConnectedPeer, Service]], None] = field(compare=False, repr=False)


@value
class AdmitSeedRequest:
    """Hand in None if this node is not banned. If it is, hang up on it and hand in nothing."""

    request: SeedRequest
    then: Callable[[None], None] = field(compare=False, repr=False)


class Standing(Struct, frozen=True):
    """Peer hosts may give an answer to others too: one node of each group of IP addresses, that has not asked before.

    Args: fresh_until, monotonic seconds, when a host is to ask for the next one; until, when this one is void; but, groups
        that are left out.
    """

    fresh_until: float
    until: float
    but: frozenset[str] = frozenset()


class AnswerSeedRequest(Struct, frozen=True):
    """Send addresses to a node that sent a seed request, and hang up. Args: standing, None: nobody else may have them."""

    request: SeedRequest
    told: Told
    standing: Standing | None = None


class RefuseSeedRequest(Struct, frozen=True):
    """Hang up on a node that sent a seed request. Args: offence, to be counted against it."""

    request: SeedRequest
    reason: str
    offence: Offence | None = None


class Judged(Struct, frozen=True):
    """For the operator: how a request for addresses was judged."""

    outcome: str


class Heard(Struct, frozen=True):
    """For the operator: what the book did with addresses that a peer told (None: that inbound peers told of themselves)."""

    peer: ConnectedPeer | None
    added: Added


class NoSeedReached(Struct, frozen=True):
    """For the operator: no seed could be reached."""


Question: TypeAlias = AskBook | SelectAnswer | CountPeers | WeighPeers | AdmitSeedRequest
DialEffect: TypeAlias = Dial | DialSeed | Feel
Effect: TypeAlias = (
    Question
    | DialEffect
    | SendRequest
    | SendAnswer
    | Disconnect
    | Rotate
    | Stop
    | Ban
    | GiveUp
    | AnswerSeedRequest
    | RefuseSeedRequest
    | Judged
    | Heard
    | NoSeedReached
)


class Effects:
    """Collects the effects of one input, in order. All parts of a discoverer share one."""

    __slots__ = ("_gathered", "emit")

    def __init__(self) -> None:
        self._gathered: list[Effect] = []
        self.emit: Callable[[Effect], None] = self._gathered.append

    def ask_book(
        self,
        then: Callable[[T], None] | None,
        method: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Call a method of the book, or of a part of it.

        Args: then, called with the answer; kwargs, must be empty: arguments are given by position.
        """
        assert not kwargs
        self.emit(AskBook(method, args, then))

    def stop(self, peer: ConnectedPeer, offence: StopPeer) -> None:
        """Stop a peer for an offence, and ban it unless it is persistent or unconditional."""
        self.emit(Stop(peer, offence.reason, offence.offence))
        if offence.ban_s > 0 and not peer.is_persistent and not peer.is_unconditional:
            self.emit(Ban(peer.id, offence.ban_s, offence.reason))

    def take(self) -> list[Effect]:
        """Return what was collected, and forget it."""
        if not self._gathered:
            return []
        taken = self._gathered[:]
        self._gathered.clear()  # not a new list: `emit` is bound to this one
        return taken
