"""The conversation about addresses (reference 8)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.manager.exchange import (
    SEED_BIAS,
    AddressesOutcome,
    Answer,
    Ignore,
    Learned,
    PeerExchange,
    RequestOutcome,
    StopPeer,
)
from peerage.actors.discovery.manager.group_rate import GroupRate
from peerage.actors.discovery.manager.request_rate import MAX_EARLY
from peerage.actors.discovery.manager.turns import MOST_OF_GROUP, Turn
from peerage.wire.errors import RemoteError
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs, PexRequest, decode_pex
from tests.actors.discovery.nodes import Clock, address, book, filled, node_id
from tests.wire.vectors import load

CASES: list[dict[str, Any]] = load("pex")["reactor"]
PEER = node_id(1)
FAR = address(4000)
Told = tuple[str, str, int]


def raw(first: int, count: int) -> list[Told]:
    return [(known.id, str(known.host), known.port) for known in map(address, range(first, first + count))]


ANSWERS: dict[str, Sequence[Sequence[Told]]] = {
    "unasked addresses": [raw(500, 2)],
    "unasked empty list": [[]],
    "unasked addresses with a bad IP": [[(node_id(500), "x", 1)]],
    "seed mode: unasked addresses": [raw(500, 2)],
    "asked, answers with two": [raw(500, 2)],
    "asked, answers with an empty list": [[]],
    "asked, answers twice": [raw(500, 1), raw(500, 1)],
    "asked, answers with a bad IP after a good one": [[*raw(500, 1), (node_id(600), "localhost", 1)]],
    "asked, answers with port 65536": [[*raw(500, 1), (node_id(600), "9.9.9.9", 65536)]],
    "the same, not in the book: nothing to ban": [[*raw(500, 1), (node_id(600), "9.9.9.9", 65536)]],
    "asked, answers with invalid IDs and invalid IPs among good ones": [
        [("xyz", "9.9.9.9", 1), ("", "9.9.9.9", 1), (node_id(600), "0.0.0.0", 1), *raw(500, 1)]
    ],
    "asked, answers with 600 addresses (more than 250)": [raw(500, 600)],
}
"""What the peer tells in each situation of the vectors, which give only that it tells something."""


@dataclass
class FakeReactor:
    """A PEX reactor without a network: does what the outcomes say, to one peer."""

    known: AddrBook
    exchange: PeerExchange
    outbound: bool
    connected: bool = True
    sent: list[str] = field(default_factory=list)

    def connect(self) -> None:
        if not self.outbound:
            self.known.add(address(1), address(1))
        if self.exchange.peer_added(
            PEER, outbound=self.outbound, book_needs_more=self.known.dials.needs_more()
        ):
            self.sent.append("request")

    def receive(self, message: bytes) -> None:
        if not self.connected:
            return
        try:
            decoded = decode_pex(message)
        except RemoteError:
            self.connected = False
            return
        outcome: RequestOutcome | AddressesOutcome
        match decoded:
            case PexRequest():
                outcome = self.exchange.receive_request(PEER, outbound=self.outbound)
            case PexAddrs(addresses=told):
                outcome = self.exchange.receive_addresses(PEER, told)
        match outcome:
            case Answer(turn=Turn()):
                pass  # its time has not come
            case Answer(bias=bias, then_stop=then_stop):
                selection = (
                    self.known.answers.selection()
                    if bias is None
                    else self.known.answers.selection_with_bias(bias)
                )
                self.sent.append(f"addrs of {len(selection)}")
                self.connected = not then_stop
            case Learned(addresses=learned):
                self.known.add_all(learned, address(1))
            case StopPeer(reason=reason, ban_s=ban_s):
                self.connected = False
                self.known.bad_peers.mark_bad(PEER, ban_s, reason)


def messages(case: dict[str, Any]) -> list[bytes]:
    """What the peer of a situation sends; a message over 64,000 bytes never reaches the reactor."""
    told = iter(ANSWERS.get(case["name"], []))
    out = []
    for sent in case["sent"]:
        if sent == "request":
            out.append(PexRequest().encode())
        elif sent == "addrs":
            out.append(PexAddrs(next(told)).encode())
        elif "zero bytes" in sent:
            out.append(bytes(64_001))
        else:
            out.append(bytes.fromhex(sent))
    return out


EARLY = "three requests within the interval"  # CometBFT hangs up and bans; here the third is answered late


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if "sent" in case and case["name"] != EARLY],
    ids=lambda case: case["name"],
)
def test_situations_end_as_in_cometbft(case: dict[str, Any]) -> None:
    """Vector reactor: answers, who stays connected, who is banned, what the book learns."""
    outbound = case["name"].startswith(("outbound", "asked", "the same"))
    known = filled(new=0 if outbound else 39, old=0)
    known.remove(PEER)
    if outbound and "not in the book" not in case["name"]:
        known.add(address(1), address(1))
    exchange = PeerExchange(clock=Clock(), seed_mode=case["name"].startswith("seed mode"))
    reactor = FakeReactor(known, exchange, outbound)
    reactor.connect()
    size = len(known)
    for message in messages(case):
        reactor.receive(message)
    assert reactor.connected == case["still_connected"]
    assert known.bans.holds(PEER) == case["banned"]
    assert known.has(PEER) == case["in_book"]
    assert reactor.sent == case["received"]
    if "book_growth" in case:
        assert len(known) - size == case["book_growth"]


def test_an_early_request_is_answered_late_on_the_same_connection() -> None:
    """Versions that ask again as soon as they are answered get an answer every ten seconds, and stay."""
    clock = Clock()
    exchange = PeerExchange(clock=clock)
    assert [exchange.receive_request(PEER, outbound=False) for _ in range(2)] == [Answer(), Answer()]
    for _ in range(100):
        early = exchange.receive_request(PEER, outbound=False)
        assert isinstance(early, Answer)
        assert early.after == 10.0
        assert early.turn is not None
        clock.pass_by(early.after)
        assert exchange.has_come(early.turn)


def test_asking_again_while_waiting_costs_the_connection_and_is_banned_when_repeated() -> None:
    """No implementation does that: each waits for its answer."""
    exchange = PeerExchange(clock=Clock())
    asked_over_connections(exchange, 2)
    outcomes = []
    for _ in range(4):
        assert isinstance(exchange.receive_request(PEER, outbound=False), Answer)
        outcomes.append(exchange.receive_request(PEER, outbound=False))
        assert exchange.receive_request(PEER, outbound=False) == Ignore()  # it is being stopped
        exchange.peer_removed(PEER)
    reason = "asked for addresses again before it was answered"
    assert outcomes == [
        StopPeer(reason, ban_s, Offence.TOO_MANY_REQUESTS) for ban_s in (0.0, 60.0, 120.0, 240.0)
    ]


def asked_over_connections(exchange: PeerExchange, times: int) -> list[RequestOutcome]:
    """What comes of requests, each over a connection of its own."""
    outcomes = []
    for _ in range(times):
        exchange.peer_added(PEER, outbound=False, book_needs_more=True)
        outcomes.append(exchange.receive_request(PEER, outbound=False))
        exchange.peer_removed(PEER)
    return outcomes


def test_hanging_up_makes_no_request_free_again_and_is_no_offence() -> None:
    """CometBFT forgets them (reference 12). A node that was restarted waits on its new connection."""
    clock = Clock()
    exchange = PeerExchange(clock=clock)
    assert asked_over_connections(exchange, 3) == [Answer(), Answer(), Answer(after=10.0)]
    clock.pass_by(7.0)
    assert asked_over_connections(exchange, 2) == [Answer(after=3.0), Answer(after=3.0)]
    clock.pass_by(3.0)
    assert asked_over_connections(exchange, 1) == [Answer()]


def test_a_turn_ends_with_the_connection_that_waited() -> None:
    """Whoever closed it. The answer is not sent on another one."""
    clock = Clock()
    exchange = PeerExchange(clock=clock, seed_mode=True)
    asked_over_connections(exchange, 2)
    first = exchange.receive_request(PEER, outbound=False)
    assert isinstance(first, Answer)
    assert first.turn is not None
    exchange.peer_removed(PEER)
    clock.pass_by(6.0)
    second = exchange.receive_request(PEER, outbound=False)
    assert second == Answer(30, then_stop=True, after=4.0)
    clock.pass_by(4.0)
    assert not exchange.has_come(first.turn)
    assert isinstance(second, Answer)
    assert second.turn is not None
    assert exchange.has_come(second.turn)


def test_who_calls_a_seed_over_a_second_connection_waits_there_instead() -> None:
    """The first may be dead, for all that we know: a node that lost its power tells nobody."""
    exchange = PeerExchange(clock=Clock(), seed_mode=True)
    calls = [exchange.receive_call(PEER) for _ in range(4)]
    assert calls == [Answer(30, then_stop=True, after=after) for after in (0.0, 0.0, 10.0, 10.0)]
    first, second = (call.turn for call in calls[2:] if isinstance(call, Answer))
    assert first is not None
    assert second is not None
    exchange.leave(first)
    assert [exchange.has_come(turn) for turn in (first, second, second)] == [False, True, False]


def test_a_flood_over_many_connections_costs_them_and_is_banned_when_repeated() -> None:
    """An interval each."""
    clock = Clock()
    exchange = PeerExchange(clock=clock, seed_mode=True)
    bans = []
    for _ in range(3):
        refused = [
            outcome
            for outcome in asked_over_connections(exchange, MAX_EARLY + 10)
            if isinstance(outcome, StopPeer)
        ]
        assert {outcome.reason for outcome in refused} == {"asked for addresses over too many connections"}
        assert len(refused) >= 8
        bans.append(max(outcome.ban_s for outcome in refused))
        clock.pass_by(10.0)
    assert bans == [0.0, 60.0, 120.0]


def test_few_of_a_group_wait_at_once_and_the_others_are_sent_away_without_a_ban() -> None:
    """Each has a connection of its own, under whatever ID; outbound peers and those without a group do not count."""
    exchange = PeerExchange(clock=Clock())
    numbers = range(MOST_OF_GROUP + 1)
    for _ in range(2):
        for number in numbers:
            exchange.receive_request(node_id(number), outbound=False, group="1.2")
    outcomes = [exchange.receive_request(node_id(number), outbound=False, group="1.2") for number in numbers]
    assert outcomes == [Answer(after=10.0)] * MOST_OF_GROUP + [StopPeer("too many wait for their turn")]
    for number in (0, MOST_OF_GROUP):
        exchange.peer_removed(node_id(number))
    assert exchange.receive_request(node_id(MOST_OF_GROUP), outbound=False, group="1.2") == Answer(after=10.0)


def test_a_restart_makes_an_offender_of_nobody() -> None:
    """Who waited when we went down waits on its next connection, as long as is left."""
    clock = Clock()
    exchange = PeerExchange(clock=clock, seed_mode=True)
    for _ in range(3):
        exchange.receive_call(PEER)
    clock.pass_by(4.0)
    again = PeerExchange(clock=clock, seed_mode=True)
    again.restore(exchange.drain())
    assert again.receive_call(PEER) == Answer(30, then_stop=True, after=6.0)


def test_a_cometbft_node_that_has_nobody_to_dial_keeps_coming_back_and_is_never_banned() -> None:
    """With default settings it dials its seeds again as soon as what they told is of no use: an hour of virtual time."""
    clock = Clock()
    exchange = PeerExchange(clock=clock, seed_mode=True)
    began, answers = clock(), 0
    while clock() - began < 3600.0:
        outcome = exchange.receive_request(PEER, outbound=False)
        assert isinstance(outcome, Answer)
        clock.pass_by(outcome.after + 0.02)  # it waits for the answer; both connections take no time
        assert outcome.turn is None or exchange.has_come(outcome.turn)
        exchange.peer_removed(PEER)
        answers += 1
    assert answers <= 3600 / 10 + 2


def test_a_seed_answers_its_outbound_peers_without_sending_them_away() -> None:
    """Only who came to it has to go."""
    exchange = PeerExchange(clock=Clock(), seed_mode=True)
    assert exchange.receive_request(PEER, outbound=True) == Answer()
    assert exchange.receive_request(node_id(2), outbound=False) == Answer(bias=30, then_stop=True)
    assert exchange.receive_request(node_id(2), outbound=False) == Ignore()


def test_one_request_is_outstanding_at_most_and_ends_with_the_connection() -> None:
    """An answer over the next connection is unasked."""
    exchange = PeerExchange(clock=Clock())
    assert exchange.peer_added(PEER, outbound=True, book_needs_more=True)
    assert not exchange.ask(PEER)
    exchange.peer_removed(PEER)
    assert isinstance(exchange.receive_addresses(PEER, []), StopPeer)
    assert exchange.ask(PEER)
    exchange.not_asked(PEER)
    assert isinstance(exchange.receive_addresses(PEER, []), StopPeer)


def test_inbound_peers_and_full_books_ask_nobody_at_once() -> None:
    """Who chose us deserves less trust than whom we chose."""
    exchange = PeerExchange(clock=Clock())
    assert not exchange.peer_added(PEER, outbound=False, book_needs_more=True)
    assert not exchange.peer_added(PEER, outbound=True, book_needs_more=False)


def test_an_offence_is_banned_for_a_day() -> None:
    """Unasked or forged addresses are no accident."""
    exchange = PeerExchange(clock=Clock())
    unasked = exchange.receive_addresses(PEER, [])
    exchange.ask(PEER)
    forged = exchange.receive_addresses(PEER, [(node_id(1), "1.2.3.4", 1), (node_id(2), "x", 1)])
    assert isinstance(unasked, StopPeer)
    assert isinstance(forged, StopPeer)
    assert unasked.ban_s == forged.ban_s == 24 * 3600.0
    assert "'x'" in forged.reason


def test_learned_addresses_are_handed_on_as_they_are() -> None:
    """The book judges IDs and networks."""
    exchange = PeerExchange(clock=Clock())
    exchange.ask(PEER)
    outcome = exchange.receive_addresses(PEER, [("", "10.0.0.1", 0), (FAR.id, str(FAR.host), FAR.port)])
    assert outcome == Learned((NetAddress("", "10.0.0.1", 0), FAR))


@pytest.mark.parametrize("seed", range(5))
def test_a_cometbft_node_with_default_settings_is_never_stopped(seed: int) -> None:
    """It asks at its start and then, when its dice say so, every 30 s: an hour of virtual time."""
    rng = random.Random(seed)
    clock = Clock()
    exchange = PeerExchange(clock=clock)
    assert isinstance(exchange.receive_request(PEER, outbound=False), Answer)  # AddPeer
    clock.pass_by(rng.random() * 30.0)
    for _ in range(120):
        if rng.random() < 0.7:
            assert isinstance(exchange.receive_request(PEER, outbound=False), Answer)
        clock.pass_by(30.0)


def test_a_lax_book_is_no_matter_of_the_exchange() -> None:
    """What is in a book that takes everything can be told and learned."""
    known = book(strict=False)
    exchange = PeerExchange(clock=Clock())
    exchange.ask(PEER)
    outcome = exchange.receive_addresses(PEER, [(node_id(3), "127.0.0.1", 7)])
    assert isinstance(outcome, Learned)
    assert known.add_all(outcome.addresses, address(1)).added == 1


def test_a_group_that_asks_too_often_is_sent_away_without_a_ban() -> None:
    """Under whatever IDs; outbound peers and addresses without a group are judged by ID alone."""
    clock = Clock()
    exchange = PeerExchange(clock=clock, seed_mode=True, groups=GroupRate(clock, burst=3, per_second=1.0))
    outcomes = [exchange.receive_request(node_id(number), outbound=False, group="1.2") for number in range(4)]
    assert [isinstance(outcome, Answer) for outcome in outcomes] == [True, True, True, False]
    assert outcomes[3] == StopPeer("its group of IP addresses asked for addresses too often", 0.0)
    assert isinstance(exchange.receive_request(node_id(8), outbound=False), Answer)
    assert isinstance(exchange.receive_request(node_id(9), outbound=True, group="1.2"), Answer)


def test_whoever_was_answered_elsewhere_has_asked_and_so_has_its_group() -> None:
    """Two requests are free, whoever answered them. Without limits for groups none is scarce."""
    clock, noted = Clock(), list[str]()
    groups = GroupRate(clock, burst=2, per_second=0.001)
    exchange = PeerExchange(clock=clock, seed_mode=True, groups=groups, on_record=noted.append)
    for _ in range(2):
        exchange.call_answered(PEER, group="1.2")
    assert exchange.scarce_groups() == frozenset({"1.2"})
    assert noted == [PEER, PEER]
    assert exchange.receive_call(PEER) == Answer(SEED_BIAS, then_stop=True, after=10.0)
    assert isinstance(exchange.receive_call(node_id(5), group="1.2"), StopPeer)
    assert PeerExchange(clock=clock).scarce_groups() == frozenset()


def test_who_asked_is_known_after_a_restart() -> None:
    """By ID and by group."""
    clock = Clock()
    exchange = PeerExchange(clock=clock, groups=GroupRate(clock, burst=2, per_second=0.001))
    for _ in range(2):
        exchange.receive_request(node_id(1), outbound=False, group="1.2")
    again = PeerExchange(clock=clock, groups=GroupRate(clock, burst=2, per_second=0.001))
    again.restore(exchange.drain())
    assert again.receive_request(node_id(1), outbound=False) == Answer(after=10.0)
    assert isinstance(again.receive_request(node_id(2), outbound=False, group="1.2"), StopPeer)


def test_who_was_there_before_us_is_asked_an_interval_later() -> None:
    """Our predecessor may have asked just before its end; one answer is in order, whenever it comes."""
    clock = Clock()
    exchange = PeerExchange(clock=clock, ensure_period=30.0)
    exchange.peer_taken_over(PEER)
    assert not exchange.peer_added(PEER, outbound=True, book_needs_more=True)
    clock.pass_by(9.9)
    assert not exchange.ask(PEER)
    clock.pass_by(0.1)
    assert exchange.ask(PEER)
    assert [isinstance(exchange.receive_addresses(PEER, []), Learned) for _ in range(3)] == [
        True,
        True,
        False,
    ]


def test_taking_over_ends_with_the_connection() -> None:
    """On the next one, an answer that nobody asked for is an offence again."""
    exchange = PeerExchange(clock=Clock())
    exchange.peer_taken_over(PEER)
    exchange.peer_removed(PEER)
    assert isinstance(exchange.receive_addresses(PEER, []), StopPeer)
    assert exchange.ask(PEER)


def test_nobody_is_asked_again_too_soon() -> None:
    """A CometBFT node bans for a day who asks after less than 10 s; a request may have been delayed on its way."""
    clock = Clock()
    exchange = PeerExchange(clock=clock)
    peer = node_id(1)
    assert exchange.ask(peer)
    exchange.receive_net_addresses(peer, ())
    clock.pass_by(14.9)
    assert not exchange.ask(peer)
    clock.pass_by(0.2)
    assert exchange.ask(peer)
    exchange.not_asked(peer)  # it was not sent
    assert exchange.ask(peer)
    exchange.peer_removed(peer)
    assert exchange.ask(peer)  # over another connection
