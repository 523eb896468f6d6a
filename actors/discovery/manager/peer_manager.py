"""The decisions of ensure-peers: which addresses to dial, which peer to ask, and when to fall back on seeds.

One round: `plan` says how many peers are wanted, the book makes an `Offer`, `decide` chooses. Nothing here sends, dials
or waits.

Source: reference 8, Ensure-peers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec import Struct

from peerage.actors.discovery.book.anchors import MAX_ANCHORS
from peerage.actors.discovery.book.bans import BAN_S
from peerage.actors.discovery.book.choosing import Offer
from peerage.actors.discovery.book.facts import Fact
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.manager.backoff import DialBackoff, Verdict
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

__all__ = ["BAN_S", "ENSURE_PERIOD_S", "Connected", "PeerManager", "Plan", "Round", "Verdict"]

ENSURE_PERIOD_S = 30.0  # reference 8
PICKS_PER_WANTED = 3  # reference 8
MIN_BIAS = 10  # percent, reference 8
BIAS_PER_OUTBOUND = 10  # percent, reference 8
MAX_OUTBOUND_FOR_BIAS = 8  # reference 8
MIN_BETWEEN_ROUNDS_S = 3.0  # as long as a dial may take
FEELER_PERIOD_S = 120.0  # as Bitcoin Core; half of it to one and a half
ANCHOR_AFTER_S = 300.0  # how long a peer must have been good to be one


class Connected(Struct, frozen=True):
    """An outbound peer: the address that was dialled, and for how many seconds it has been connected."""

    address: NetAddress
    connected_s: float


class Plan(Struct, frozen=True):
    """How many peers to dial, how often to pick from the book, and with which bias towards new ones."""

    wanted: int
    picks: int
    bias: int


class Round(Struct, frozen=True):
    """What one round is to do.

    dial: addresses to dial now, each ID once. give_up: addresses that failed too often, to be banned. ask: the peer to ask
    for addresses. seeds: whether to dial the seeds, in random order, until one connects.
    """

    dial: tuple[NetAddress, ...] = ()
    give_up: tuple[NetAddress, ...] = ()
    ask: NodeID | None = None
    seeds: bool = False


class PeerManager:
    """Decides; remembers nothing but failed dials.

    Args: clock, seconds; max_outbound, how many outbound peers are wanted; persistent_max_dial_period, the
        longest pause between dials of a persistent peer (0: no limit of its own); improvements, the same as the book's.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        max_outbound: int = 10,
        ensure_period: float = ENSURE_PERIOD_S,
        persistent_max_dial_period: float = 0.0,
        improvements: Improvements | None = None,
    ) -> None:
        self._clock = clock
        self._improvements = improvements or Improvements()
        self._last_round = 0.0
        self._early_round_due = False
        self._last_feeler, self._feeler_pause = clock(), _feeler_pause(rng)
        self._rng = rng
        self._max_outbound = max_outbound
        self._period = ensure_period
        self._backoff = DialBackoff(clock, rng, persistent_max=persistent_max_dial_period)

    def first_round_delay(self, *, outbound: int, inbound: int, dialling: int) -> float:
        """How long to wait before the first round. Without peers: no time. With peers: a random part of a period, so that
        nodes that start together do not dial together.
        """
        return self._rng.random() * self._period if outbound + inbound + dialling else 0.0

    def plan(self, *, outbound: int, dialling: int) -> Plan | None:
        """How many peers a round looks for. Returns: None when there are enough."""
        self._last_round = self._clock()
        self._early_round_due = False
        wanted = self._max_outbound - (outbound + dialling)
        if wanted <= 0:
            return None
        bias = MIN_BIAS + BIAS_PER_OUTBOUND * min(outbound, MAX_OUTBOUND_FOR_BIAS)
        return Plan(wanted, PICKS_PER_WANTED * wanted, bias)

    def decide(
        self,
        plan: Plan,
        offer: Offer,
        *,
        busy: Callable[[NetAddress], bool],
        persistent: Callable[[NetAddress], bool],
        peers: Sequence[NodeID],
        early: bool = False,
        groups: Collection[str] = (),
    ) -> Round:
        """Choose from the book's offer.

        An address whose pause is not over does not count as one to dial: when everything that the book offers has just
        failed, the seeds are dialled.

        Args: busy, whether a node is connected or being dialled; peers, the connected peers, which may be asked; early,
            whether this is an early round, which asks no peer; groups, of the addresses of outbound peers: once half of
            the wanted peers are there, no second address of a group is dialled.
        """
        chosen: dict[NodeID, NetAddress] = {}
        given_up: dict[NodeID, NetAddress] = {}
        taken = set(groups) if self._improvements.spread_groups else None
        for address in offer.candidates:
            if len(chosen) >= plan.wanted:
                break
            group = address.group(strict=True)
            if taken is not None and address.routable:
                peers_then = self._max_outbound - plan.wanted + len(chosen)
                if group in taken and 2 * peers_then >= self._max_outbound:
                    continue
            if address.id in chosen or address.id in given_up or busy(address):
                continue
            verdict = self._backoff.verdict(address.dial_string, persistent=persistent(address))
            if verdict is Verdict.DIAL:
                chosen[address.id] = address
                if taken is not None:
                    taken.add(group)
            elif verdict is Verdict.GIVE_UP:
                given_up[address.id] = address
                self._backoff.forget(address.dial_string)  # so that it is dialled again once its ban is over
        ask = self._rng.choice(peers) if offer.needs_more and peers and not early else None
        return Round(tuple(chosen.values()), tuple(given_up.values()), ask, offer.needs_more and not chosen)

    def early_round(self, *, outbound: int, dialling: int) -> float | None:
        """Whether to make an early round, now that a dial has ended or a peer is lost. It is made when no dial is under way,
        peers are wanted, and no other early round is due.

        Returns: in how many seconds; None for no early round. It comes at least three seconds after the last round of any
            kind (`plan`). Even a book full of dead addresses then causes only few more dials, since each address still
            waits for its own pause.
        """
        if not self._improvements.eager_rounds or self._early_round_due:
            return None
        if dialling or outbound >= self._max_outbound:
            return None
        self._early_round_due = True
        elapsed = self._clock() - self._last_round
        return MIN_BETWEEN_ROUNDS_S - elapsed if 0 <= elapsed < MIN_BETWEEN_ROUNDS_S else 0.0

    def has_enough(self, outbound: int) -> bool:
        """Whether so many outbound peers are as many as are wanted."""
        return outbound >= self._max_outbound

    def feeler_due(self, *, outbound: int, dialling: int) -> bool:
        """Whether to send a feeler now (`DialChooser.feeler`). If so, the time of the next one is set.

        Feelers go out about every two minutes, and only while no peer is wanted: otherwise ordinary dials teach the book as
        much.
        """
        now = self._clock()
        # a clock that is set back must not put the next one off
        if 0 <= now - self._last_feeler < self._feeler_pause or outbound + dialling < self._max_outbound:
            return False
        self._last_feeler, self._feeler_pause = now, _feeler_pause(self._rng)
        return self._improvements.feelers

    @staticmethod
    def anchors(outbound: Iterable[Connected]) -> list[NetAddress]:
        """The outbound peers to dial first after a restart (`Anchors.remember`): those connected longest.

        A peer that connected a moment ago has proved little and is left out.
        """
        good = [peer for peer in outbound if peer.connected_s >= ANCHOR_AFTER_S]
        good.sort(key=lambda peer: peer.connected_s, reverse=True)
        return [peer.address for peer in good[:MAX_ANCHORS]]

    def drain(self) -> list[Fact]:
        """The failed dials that were added or cleared since the last call: for `FactList.keep`."""
        return self._backoff.drain()

    def restore(self, facts: Iterable[Fact]) -> None:
        """Take over what `FactList.all` knows."""
        self._backoff.restore(facts)

    def may_dial(self, address: NetAddress, *, persistent: bool = False) -> Verdict:
        """Whether to dial an address now, for dials outside of rounds (seed mode, persistent peers)."""
        return self._backoff.verdict(address.dial_string, persistent=persistent)

    def dial_succeeded(self, address: NetAddress) -> None:
        """Note that a dial led to a peer: its failures are forgotten."""
        self._backoff.forget(address.dial_string)

    def dial_failed(self, address: NetAddress, *, authentication: bool = False) -> float:
        """Note that a dial failed.

        Args: authentication, whether a node with another ID answered.
        Returns: for how many seconds to ban the address; 0.0 for no ban, but a failed attempt in the book.
        """
        if authentication:
            self._backoff.forget(address.dial_string)
            return BAN_S
        self._backoff.failed(address.dial_string)
        return 0.0


def _feeler_pause(rng: random.Random) -> float:
    return FEELER_PERIOD_S * (0.5 + rng.random())
