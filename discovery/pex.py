"""The conversation about addresses with each peer: what may be asked and answered, and what is an offence.

Bookkeeping only: the outcome says what to do, the PEX reactor does it.

Source: reference 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from peerage.discovery.bans import BAN_S
from peerage.discovery.facts import Fact
from peerage.discovery.group_rate import GroupRate
from peerage.discovery.request_rate import RequestRate
from peerage.wire.errors import RemoteError
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs

ENSURE_PERIOD_S = 30.0  # reference 8
REQUESTS_PER_PERIOD = 3  # reference 8
SEED_BIAS = 30  # percent of new addresses in a seed's answer, reference 8


@dataclass(frozen=True, slots=True)
class Answer:
    """Send addresses: the book's selection with this bias (None: the unbiased one).

    then_stop: flush and stop gracefully behind it. after: not before so many seconds.
    """

    bias: int | None = None
    then_stop: bool = False
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Learned:
    """Add these to the book with the peer's self-reported address as source. The book judges each."""

    addresses: tuple[NetAddress, ...]


@dataclass(frozen=True, slots=True)
class Ignore:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class StopPeer:
    """Stop the peer for error and ban its ID for so many seconds (0.0: do not)."""

    reason: str
    ban_s: float = 0.0


RequestOutcome: TypeAlias = Answer | Ignore | StopPeer
AddressesOutcome: TypeAlias = Learned | StopPeer


class PeerExchange:
    """All conversations of one node.

    What is outstanding belongs to a connection and ends with it; how often an ID asked does not.

    Args: clock, Unix seconds; seed_mode, whether inbound peers get one answer and are sent away;
        ensure_period, seconds, three requests of which are in order; groups, how often the addresses of one group
        may ask (None: as often as they like).
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        seed_mode: bool = False,
        ensure_period: float = ENSURE_PERIOD_S,
        groups: GroupRate | None = None,
    ) -> None:
        self._seed_mode = seed_mode
        self._groups = groups
        self._clock, self._interval = clock, ensure_period / REQUESTS_PER_PERIOD
        self._rate = RequestRate(clock, self._interval)
        self._outstanding: set[NodeID] = set()
        self._taken_over: dict[NodeID, float] = {}  # when; whose answer to our predecessor has not come yet
        self._leaving: set[NodeID] = set()  # answered in seed mode, not gone yet

    def peer_added(self, peer: NodeID, *, outbound: bool, book_needs_more: bool) -> bool:
        """A peer is connected.

        Returns: whether to send it a request now. An inbound one is not asked: it chose us, which is reason
            to trust it less.
        """
        return outbound and book_needs_more and self.ask(peer)

    def peer_taken_over(self, peer: NodeID) -> None:
        """A peer was connected before we began: whoever spoke for this node before us may have asked it just now.

        So one answer of its is in order, and another question would be too soon for a while: it might hang up.
        """
        self._taken_over[peer] = self._clock()

    def peer_removed(self, peer: NodeID) -> None:
        """A peer is gone. When it asked last is not forgotten."""
        self._outstanding.discard(peer)
        self._taken_over.pop(peer, None)
        self._leaving.discard(peer)

    def ask(self, peer: NodeID) -> bool:
        """Note that a request is being sent. Returns: False when one is or may be outstanding, so that none may be."""
        taken_over = self._taken_over.get(peer)
        if taken_over is not None and 0 <= self._clock() - taken_over < self._interval:
            return False
        if peer in self._outstanding:
            return False
        self._outstanding.add(peer)
        return True

    def not_asked(self, peer: NodeID) -> None:
        """The request noted last could not be sent: its answer is not awaited any more."""
        self._outstanding.discard(peer)

    def is_asked(self, peer: NodeID) -> bool:
        """Whether an answer of this peer is awaited."""
        return peer in self._outstanding

    def receive_request(self, peer: NodeID, *, outbound: bool, group: str | None = None) -> RequestOutcome:
        """The peer asks for addresses.

        Args: group, of its remote address; None when that is no routable one, and for outbound peers, whom we
            chose: those are judged by their ID alone.
        """
        if peer in self._leaving:
            return Ignore()
        if self._groups is not None and group is not None and not outbound and not self._groups.allow(group):
            return StopPeer("its group of IP addresses asked for addresses too often")  # it may be innocent
        if self._seed_mode and not outbound:
            # A CometBFT node that knows nobody else to dial comes back to its seed as soon as it was sent away, for
            # ever. It is no offender: it has to wait for its turn. Who does not wait is one.
            wait = self._rate.reserve(peer)
            if wait is not None:
                self._leaving.add(peer)
                return Answer(bias=SEED_BIAS, then_stop=True, after=wait)
        elif self._rate.allow(peer):
            return Answer()
        return StopPeer("asked for addresses too soon", self._rate.strike(peer))

    def drain(self) -> list[Fact]:
        """What a restart must not forget, as far as it changed since the last call: for `AddrBook.keep`."""
        return self._rate.drain() + ([] if self._groups is None else self._groups.drain())

    def restore(self, facts: Sequence[Fact]) -> None:
        """Go on from what `AddrBook.recall` knows."""
        self._rate.restore(facts)
        if self._groups is not None:
            self._groups.restore(facts)

    def receive_addresses(self, peer: NodeID, raw: Iterable[tuple[str, str, int]]) -> AddressesOutcome:
        """The peer tells addresses. Any that cannot be one spoils all, as does not having been asked.

        Args: raw, ID, IP and port of each, as the message holds them.
        """
        try:
            addresses = PexAddrs(raw).net_addresses()
        except RemoteError as error:
            self._outstanding.discard(peer)
            return StopPeer(f"sent an invalid address: {error}", BAN_S)
        return self.receive_net_addresses(peer, addresses)

    def receive_net_addresses(self, peer: NodeID, addresses: Iterable[NetAddress]) -> AddressesOutcome:
        """The same for addresses that were read before."""
        if peer in self._outstanding:
            self._outstanding.discard(peer)
        elif self._taken_over.pop(peer, None) is None:
            return StopPeer("sent addresses unasked", BAN_S)
        return Learned(tuple(addresses))
