"""The settings of peer exchange: what the operator chose, and how long things take."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.discovery.manager.group_rate import BURST
from peerage.actors.discovery.manager.peer_manager import ENSURE_PERIOD_S
from peerage.actors.discovery.manager.seed_crawl import CRAWL_PERIOD_S
from peerage.wire.net_address import NetAddress


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take and how often they happen, in seconds unless the name says otherwise.

    Nodes run with the defaults. Tests and the simulation of CometBFT's rules use others.

    ensure_period: between two rounds; a third of it is the shortest time between two answers to one ID.
    patience: if the book has not answered after this time, it is asked again.
    hang_up: if a peer that we dialled ends the connection within this time, it did not want us, and the dial counts as
        failed. 0: it never does.
    seed_pause: the shortest pause between two visits to one of our seeds. 0: no pause.
    arrivals: under load, inbound peers are collected for this time and told to the book together: as long as nobody hears of
        them sooner, for then answers are shared for as long.
    shared_answer: under load, all requests within this time get the same answer. Selecting and encoding an answer for each
        would take as long as all the rest of a seed's work for them. Without load each request gets an answer of its own,
        which names the nodes that asked before.
    renewal: under load, how long peer hosts may give such an answer to others while the next one is on its way.
    load_per_second: above this rate, load is high.
    group_burst: how many requests of one group of IP addresses are allowed at once.
    alone: how long a seed that knows no other node waits for one before it answers.
    crawl_period: between two rounds of a seed's visits. visit_spread: the visits of a round begin within this time.
    answer_limit: a seed hangs up on a node that it visits once the node has answered, at the latest after this time.
        Infinity: it does not hang up, as CometBFT's seeds do not.
    visit_back_after: a node that connected to a seed is visited this long after it has gone.
    visits_back_at_once, visits_back_per_second: limits for such visits. A node that comes with many IDs must not keep a
        seed busy.
    """

    ensure_period: float = ENSURE_PERIOD_S
    patience: float = 30.0
    hang_up: float = 1.0
    seed_pause: float = ENSURE_PERIOD_S
    arrivals: float = 0.1
    shared_answer: float = 0.1
    renewal: float = 0.1
    load_per_second: int = 50
    group_burst: int = BURST
    alone: float = 5.0
    crawl_period: float = CRAWL_PERIOD_S
    visit_spread: float = 5.0
    answer_limit: float = 10.0
    visit_back_after: float = 1.0
    visits_back_at_once: int = 20
    visits_back_per_second: float = 8.0


COMETBFT_PACE = Pace(hang_up=0.0, seed_pause=0.0, answer_limit=math.inf, visits_back_at_once=0)
"""For comparisons: what CometBFT does not do is switched off."""


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """One node's configuration, as far as it concerns peer exchange.

    Args:
        persistent_ids: peers that are always dialled again. unconditional_ids: peers that no limit applies to. Neither are
            ever banned.
        persistent_max_dial_period: seconds, the longest pause between dials of a persistent peer; 0: no limit of its own.
        ip_limits: how many peers may have one IP address or prefix.
        own_address: the address that we report of ourselves, if it is valid.
        rotate_peers: seconds, on average, until an outbound peer goes for another address to have its turn; 0: none does.
        crawl_group_limit: how many addresses of one group of IP addresses a seed visits in a round; 0: no limit.
    """

    seed_mode: bool = False
    max_outbound: int = 10
    max_inbound: int = 40
    persistent_ids: frozenset[str] = field(default_factory=frozenset)
    unconditional_ids: frozenset[str] = field(default_factory=frozenset)
    persistent_max_dial_period: float = 0.0
    ip_limits: IPLimits = field(default_factory=IPLimits)
    own_address: NetAddress | None = None
    crawl_group_limit: int = 0
    rotate_peers: float = 0.0
    improvements: Improvements = field(default_factory=Improvements)
    pace: Pace = field(default_factory=Pace)
