"""Requests and answers about addresses with each peer: what is allowed, and what is an offence.

Bookkeeping only: an outcome says what to do, and the discoverer has it done.

Source: reference 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import TypeAlias

from msgspec import Struct

from peerage.actors.discovery.book.bans import BAN_S
from peerage.actors.discovery.book.facts import Fact
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.manager.group_rate import GroupRate
from peerage.actors.discovery.manager.request_rate import RequestRate
from peerage.actors.discovery.manager.turns import Turn, Turns
from peerage.actors.discovery.value import value
from peerage.wire.errors import RemoteError
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs

ENSURE_PERIOD_S = 30.0  # reference 8
REQUESTS_PER_PERIOD = 3  # reference 8
SAFE_INTERVALS = (
    1.5  # between two requests of ours to a peer: CometBFT bans for a day who asks after less than one
)
SEED_BIAS = 30  # percent of new addresses in a seed's answer, reference 8


@value
class Answer:
    """Send addresses: the book's selection with this bias (None: the unbiased one).

    then_stop: after sending it, stop the peer gracefully. after: how many seconds to wait before sending it; it is sent only
    if `PeerExchange.has_come` then returns true for its turn.
    """

    bias: int | None = None
    then_stop: bool = False
    after: float = 0.0
    turn: Turn | None = field(default=None, compare=False)


class Learned(Struct, frozen=True):
    """Add these to the book with the peer's self-reported address as source. The book judges each."""

    addresses: tuple[NetAddress, ...]


class Ignore(Struct, frozen=True):
    """Do nothing."""


class StopPeer(Struct, frozen=True):
    """Stop the peer for error, and ban its ID for `ban_s` seconds (0.0: no ban).

    offence: what is to be counted against it, if anything.
    """

    reason: str
    ban_s: float = 0.0
    offence: Offence | None = None


RequestOutcome: TypeAlias = Answer | Ignore | StopPeer
AddressesOutcome: TypeAlias = Learned | StopPeer


class PeerExchange:
    """The requests and answers of one node.

    An outstanding request, in either direction, belongs to a connection and ends with it. The time at which an ID was last
    answered is remembered beyond that.

    Args: clock, Unix seconds; seed_mode, whether inbound peers get one answer and are then disconnected; ensure_period,
        seconds, in which three requests are allowed; groups, the rate limit for groups of IP addresses (None: no limit);
        most_waiting, how many early requests may wait at once (None: any number); on_record, called with each ID whose
        requests are counted.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        seed_mode: bool = False,
        ensure_period: float = ENSURE_PERIOD_S,
        groups: GroupRate | None = None,
        most_waiting: int | None = None,
        on_record: Callable[[str], object] | None = None,
    ) -> None:
        self._seed_mode = seed_mode
        self._groups = groups
        self._turns = Turns(most_waiting)
        self._waiting: dict[NodeID, Turn] = {}  # of peers; seed requests are not in it
        self._clock, self._interval = clock, ensure_period / REQUESTS_PER_PERIOD
        self._rate = RequestRate(clock, self._interval, on_record)
        self._outstanding: set[NodeID] = set()
        self._asked: dict[NodeID, float] = {}  # connected peers that were asked, and when last
        self._taken_over: dict[
            NodeID, float
        ] = {}  # peers of our predecessor, which may still owe it an answer; and when we took them over
        # peers that were answered in seed mode or stopped, and are still connected
        self._leaving: set[NodeID] = set()

    def peer_added(self, peer: NodeID, *, outbound: bool, book_needs_more: bool) -> bool:
        """A peer is connected.

        Returns: whether to send it a request now. An inbound peer is not asked: it chose us, not we it, so we trust
            it less.
        """
        return outbound and book_needs_more and self.ask(peer)

    def peer_taken_over(self, peer: NodeID) -> None:
        """A peer was connected before we began, so our predecessor may have asked it just now.

        We therefore accept one answer from it, and do not ask again for a while: it might hang up on a second request.
        """
        self._taken_over[peer] = self._clock()

    def peer_removed(self, peer: NodeID) -> None:
        """A peer is gone, and so is its turn if it was waiting. The time of its last answer is kept."""
        turn = self._waiting.pop(peer, None)
        if turn is not None:
            self._turns.end(turn)
        self._outstanding.discard(peer)
        self._asked.pop(peer, None)
        self._taken_over.pop(peer, None)
        self._leaving.discard(peer)

    def ask(self, peer: NodeID) -> bool:
        """Note that a request is being sent.

        Returns: False, do not send it: one is outstanding, or may be, or the last one was so short a while ago that the peer
            might take this one for too early. On the way to it a request may be delayed, and the next one not.
        """
        taken_over = self._taken_over.get(peer)
        if taken_over is not None and 0 <= self._clock() - taken_over < self._interval:
            return False
        asked = self._asked.get(peer)
        if peer in self._outstanding or (
            asked is not None and 0 <= self._clock() - asked < SAFE_INTERVALS * self._interval
        ):
            return False
        self._outstanding.add(peer)
        self._asked[peer] = self._clock()
        return True

    def not_asked(self, peer: NodeID) -> None:
        """The last request could not be sent: stop waiting for its answer."""
        self._outstanding.discard(peer)
        self._asked.pop(peer, None)

    def receive_request(self, peer: NodeID, *, outbound: bool, group: str | None = None) -> RequestOutcome:
        """The peer asks for addresses.

        Args: group, of its remote address; None when that is not routable. Outbound peers, which we chose, are judged by
            their ID alone.
        """
        if peer in self._leaving:
            return Ignore()
        turn = self._waiting.pop(peer, None)
        is_caller = self._seed_mode and not outbound
        outcome: Answer | StopPeer
        if turn is not None:
            self._turns.end(turn)
            ban_s = self._rate.strike(peer)
            outcome = StopPeer(
                "asked for addresses again before it was answered", ban_s, Offence.TOO_MANY_REQUESTS
            )
        else:
            outcome = self._judge(peer, None if outbound else group, is_caller=is_caller)
        if is_caller or isinstance(outcome, StopPeer):
            self._leaving.add(peer)  # ignore what it sends until the connection is closed
        if isinstance(outcome, Answer) and outcome.turn is not None:
            self._waiting[peer] = outcome.turn
        return outcome

    def receive_call(self, peer: NodeID, *, group: str | None = None) -> Answer | StopPeer:
        """A node sends a seed request, perhaps over a second connection.

        If it is waiting on an earlier one, that turn ends. Call `leave` if it does not wait for the new one.
        """
        return self._judge(peer, group, is_caller=True)

    def call_answered(self, peer: NodeID, *, group: str | None = None) -> None:
        """A peer host has answered the first request of a node by itself: count it."""
        if self._groups is not None and group is not None:
            self._groups.allow(group)
        self._rate.answered(peer)

    def scarce_groups(self) -> frozenset[str]:
        """The groups of IP addresses that will soon have asked too often: see `GroupRate.scarce`."""
        return frozenset() if self._groups is None else self._groups.scarce()

    def hold(self, peer: NodeID, *, group: str | None = None) -> Turn | None:
        """Let a node wait whose request was in time. Returns: its turn, None when there is no room."""
        return self._turns.take(peer, group, counts=False)

    def has_come(self, turn: Turn) -> bool:
        """The time of this turn has come. Returns: whether to answer; False if its connection is gone or it was replaced."""
        if not self._turns.end(turn):
            return False
        peer = NodeID(turn.node_id)
        if self._waiting.get(peer) is turn:
            del self._waiting[peer]
        if turn.counts:
            self._rate.answered(turn.node_id)
        return True

    def leave(self, turn: Turn) -> None:
        """The node that waited for this turn is gone."""
        self._turns.end(turn)

    def _judge(self, peer: NodeID, group: str | None, *, is_caller: bool) -> Answer | StopPeer:
        """Decide when to answer. An early request is answered later. Only what no well-meaning node does is an offence."""
        if self._groups is not None and group is not None and not self._groups.allow(group):
            # no ban: it may not have asked itself
            return StopPeer("its group of IP addresses asked for addresses too often")
        bias = SEED_BIAS if is_caller else None
        wait = self._rate.wait(peer)
        if wait == 0.0:
            return Answer(bias, then_stop=is_caller)
        ban_s = self._rate.flood(peer)
        if ban_s is not None:
            return StopPeer("asked for addresses over too many connections", ban_s, Offence.TOO_MANY_REQUESTS)
        turn = self._turns.take(peer, group)
        if turn is None:
            return StopPeer("too many wait for their turn")
        return Answer(bias, then_stop=is_caller, after=wait, turn=turn)

    def drain(self) -> list[Fact]:
        """What must survive a restart and has changed since the last call: for `FactList.keep`."""
        return self._rate.drain() + ([] if self._groups is None else self._groups.drain())

    def restore(self, facts: Sequence[Fact]) -> None:
        """Take over what `FactList.all` knows."""
        self._rate.restore(facts)
        if self._groups is not None:
            self._groups.restore(facts)

    def receive_addresses(self, peer: NodeID, raw: Iterable[tuple[str, str, int]]) -> AddressesOutcome:
        """The peer tells addresses. One invalid address makes the whole answer an offence, as does an answer to no request.

        Args: raw, ID, IP and port of each, as in the message.
        """
        try:
            addresses = PexAddrs(raw).net_addresses()
        except RemoteError as error:
            self._outstanding.discard(peer)
            return StopPeer(f"sent an invalid address: {error}", BAN_S, Offence.INVALID_ADDRESSES)
        return self.receive_net_addresses(peer, addresses)

    def receive_net_addresses(self, peer: NodeID, addresses: Iterable[NetAddress]) -> AddressesOutcome:
        """As `receive_addresses`, for addresses that were parsed before."""
        if peer in self._outstanding:
            self._outstanding.discard(peer)
        elif self._taken_over.pop(peer, None) is None:
            return StopPeer("sent addresses unasked", BAN_S, Offence.UNASKED_ADDRESSES)
        return Learned(tuple(addresses))
