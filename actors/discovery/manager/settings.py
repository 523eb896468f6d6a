"""What the operator chose for peer exchange, and how long everything in it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.manager.group_rate import BURST
from peerage.actors.discovery.manager.peer_manager import ENSURE_PERIOD_S
from peerage.actors.discovery.manager.seed_crawl import CRAWL_PERIOD_S
from peerage.wire.net_address import NetAddress


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take and how often they happen, in seconds unless the name says otherwise.

    Nodes run with the defaults. Tests and the simulation of CometBFT's rules use others.

    ensure_period: between two rounds; a third of it is the shortest time between two answers to one ID.
    patience: after so long without an answer of the book it is asked anew.
    hang_up: a dialled peer that ends the connection sooner after the handshake did not want us, which counts as a
        failed dial. 0: nothing is read into it.
    seed_pause: the shortest pause between two visits to one of our seeds. 0: seeds are visited at any time.
    arrivals: under load, the inbound peers of so long a time are told to the book together.
    shared_answer: under load, whoever asks within so long a time gets the same answer. Selecting and encoding one for
        each takes as long as all the rest of a seed's work for them. Without load everybody gets an answer of his own,
        which names those who came before.
    load_per_second: how many make a load.
    group_burst: how many requests of one group of IP addresses are in order at once.
    alone: so long a seed that knows nobody waits for others before it answers.
    crawl_period: between two rounds of a seed's visits. visit_spread: the visits of a round begin within this time.
    answer_limit: a seed hangs up on whomever it visits, as soon as it was answered or after so long. Infinity: it
        hangs up on nobody, as CometBFT's seeds do not.
    visit_back_after: whoever came to a seed is visited so long after the end of that connection.
    visits_back_at_once, visits_back_per_second: the most such visits. Whoever comes with many IDs must not keep a seed
        busy with them.
    """

    ensure_period: float = ENSURE_PERIOD_S
    patience: float = 30.0
    hang_up: float = 1.0
    seed_pause: float = ENSURE_PERIOD_S
    arrivals: float = 0.02
    shared_answer: float = 0.1
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
"""What CometBFT does not do takes no time: for comparisons."""


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """One node's configuration, as far as it concerns peer exchange.

    Args:
        persistent_ids: peers that are dialled again whatever happens. unconditional_ids: peers for whom no limit holds.
            Neither are ever banned.
        persistent_max_dial_period: seconds, the longest pause between dials of a persistent peer; 0: as of any other.
        allow_duplicate_ip: whether two peers may have one IP address.
        own_address: what we say of ourselves, if it is an address.
        crawl_group_limit: how many addresses of one group of IP addresses a seed visits in a round; 0: no limit.
    """

    seed_mode: bool = False
    max_outbound: int = 10
    max_inbound: int = 40
    persistent_ids: frozenset[str] = field(default_factory=frozenset)
    unconditional_ids: frozenset[str] = field(default_factory=frozenset)
    persistent_max_dial_period: float = 0.0
    allow_duplicate_ip: bool = False
    own_address: NetAddress | None = None
    crawl_group_limit: int = 0
    improvements: Improvements = field(default_factory=Improvements)
    pace: Pace = field(default_factory=Pace)
