"""One node's peer exchange: what happens to it, and what it has done."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec.structs import replace

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall, Method
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.facts import Fact, FactKind, FactList
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.timestamps import nanoseconds
from peerage.actors.discovery.manager.agenda import Moment
from peerage.actors.discovery.manager.discoverer import Discoverer
from peerage.actors.discovery.manager.effects import (
    AdmitSeedRequest,
    AnswerSeedRequest,
    AskBook,
    Ban,
    CountPeers,
    Dial,
    DialSeed,
    Disconnect,
    Effect,
    Feel,
    Heard,
    Judged,
    Rotate,
    SelectAnswer,
    SendAnswer,
    SendRequest,
    Stop,
    WeighPeers,
)
from peerage.actors.discovery.manager.events import (
    ConnectedPeer,
    DialEnd,
    DialOutcome,
    PeerCounts,
    SeedRequest,
    Service,
)
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.settings import DiscoverySettings
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs
from tests.actors.discovery.manager.scene import AT, connected
from tests.actors.discovery.nodes import START, address, node_id

FAILED = DialEnd(DialOutcome.FAILED)


class Driver:
    """Carries out the questions of a discoverer with a real book, and keeps all other effects.

    Args: counts, what the switch says; seeds, their numbers; since, how long it runs before the test begins.
    """

    def __init__(
        self,
        book: AddrBook | None = None,
        *,
        counts: PeerCounts | None = None,
        seeds: tuple[int, ...] = (),
        book_answers: bool = True,
        **settings: Any,
    ) -> None:
        self.at = 0.0
        self.book = book or AddrBook(clock=self.clock, rng=random.Random(1))
        self.counts = counts or PeerCounts()
        self.book_answers = book_answers
        self.unanswered: list[AskBook] = []
        self.calls: list[tuple[Method, tuple[Any, ...]]] = []
        self.done: list[Effect] = []
        self.discoverer = Discoverer(
            self.now(),
            rng=random.Random(2),
            seeds=SeedList(str(address(number)) for number in seeds),
            settings=DiscoverySettings(**settings),
        )
        self.carry_out(self.discoverer.start(self.now()))

    def clock(self) -> float:
        return START + self.at

    def now(self) -> Moment:
        return Moment(AT + self.at, self.clock())

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, AskBook):
                self.calls.append((effect.method, effect.args))
                if self.book_answers:
                    self.answer(effect)
                else:
                    self.unanswered.append(effect)
            elif isinstance(effect, SelectAnswer):
                told = (
                    self.book.answers.selection()
                    if effect.bias is None
                    else self.book.answers.selection_with_bias(effect.bias)
                )
                self.carry_out(self.discoverer.answered(self.now(), effect, told))
            elif isinstance(effect, CountPeers):
                self.carry_out(self.discoverer.answered(self.now(), effect, self.counts))
            elif isinstance(effect, AdmitSeedRequest):
                self.carry_out(self.discoverer.answered(self.now(), effect, None))
            else:
                self.done.append(effect)

    def answer(self, question: AskBook) -> None:
        answer = BookCall(question.method, question.args).perform(self.book)
        self.carry_out(self.discoverer.answered(self.now(), question, answer))

    def take(self, *kinds: type) -> list[Effect]:
        """What was wanted since the last call, of these kinds."""
        done, self.done = self.done, []
        return [effect for effect in done if not kinds or isinstance(effect, kinds)]

    def pass_by(self, seconds: float) -> None:
        end = self.at + seconds
        while (deadline := self.discoverer.deadline - AT) <= end:
            self.at = max(self.at, deadline)
            self.carry_out(self.discoverer.tick(self.now()))
        self.at = end

    def add(self, peer: ConnectedPeer) -> ConnectedPeer:
        peer = replace(peer, since=AT + self.at if peer.since == AT else peer.since)
        self.carry_out(self.discoverer.peer_added(self.now(), peer))
        return peer

    def remove(self, peer: ConnectedPeer, *, hung_up: bool = True) -> None:
        self.carry_out(self.discoverer.peer_removed(self.now(), peer, hung_up=hung_up))

    def request(self, peer: ConnectedPeer) -> None:
        self.carry_out(self.discoverer.request_received(self.now(), peer))

    def tell(self, peer: ConnectedPeer, *addresses: NetAddress) -> None:
        self.carry_out(self.discoverer.addresses_received(self.now(), peer, addresses))

    def end(self, dial: Effect, end: DialEnd) -> None:
        assert isinstance(dial, Dial | DialSeed)
        self.carry_out(self.discoverer.dial_ended(self.now(), dial, end))

    def called(self, method: Method) -> list[tuple[Any, ...]]:
        return [args for called, args in self.calls if called is method]


def book_of(*numbers: int) -> AddrBook:
    book = AddrBook(clock=lambda: START, rng=random.Random(1))
    for number in numbers:
        book.add(address(number), address(number))
    return book


# --- beginning -------------------------------------------------------------------------------------------------------


def test_a_node_without_peers_begins_at_once_and_one_with_peers_within_a_period() -> None:
    """So that nodes that start together do not dial together."""
    assert Driver(book_of(7)).discoverer.deadline == AT
    later = Driver(book_of(7), counts=PeerCounts(1))
    assert AT < later.discoverer.deadline <= AT + 30.0


def test_requests_wait_until_the_book_has_said_what_it_remembers() -> None:
    """The predecessor of this process may have answered a moment ago. It is asked until it answers."""
    known = book_of(7)
    known.facts.keep([Fact(FactKind.ASKED, node_id(1), (2, nanoseconds(START), 0, 0))])
    node = Driver(known, book_answers=False)
    peer = node.add(connected(1))
    node.request(peer)
    node.pass_by(31.0)
    assert len(node.called(FactList.all)) == 2
    assert node.take(Judged) == []
    node.book_answers = True
    node.at = 1.0  # as if it had not taken so long
    for question in [each for each in node.unanswered if each.method is FactList.all]:
        node.answer(question)
    assert node.take(Judged) == [Judged("early")]


def test_what_must_outlive_a_restart_can_be_taken_and_given_to_the_book() -> None:
    """Who asked, and which dials failed."""
    node = Driver(book_of(7))
    node.pass_by(0.0)
    (dial,) = node.take(Dial)
    node.end(dial, FAILED)
    node.request(node.add(connected(1, is_outbound=False)))
    assert {fact.kind for fact in node.discoverer.drain()} == {
        FactKind.ASKED,
        FactKind.GROUP,
        FactKind.FAILED,
    }
    assert node.discoverer.drain() == []


# --- peers -----------------------------------------------------------------------------------------------------------


def test_a_dialled_peer_is_good_where_it_was_dialled_and_is_asked() -> None:
    """As long as the book wants more."""
    node = Driver()
    peer = node.add(connected(1))
    assert node.called(AddrBook.mark_good) == [(peer.id, address(1), 0.25)]
    assert node.take() == [SendRequest(peer)]
    full = Driver(AddrBook(clock=lambda: START, rng=random.Random(1)))
    full.book_answers = False
    full.add(connected(1))
    (question,) = [each for each in full.unanswered if each.method is DialChooser.needs_more]
    full.carry_out(full.discoverer.answered(full.now(), question, False))
    assert full.take() == []


def test_a_persistent_peer_is_put_into_the_book_with_us_as_source() -> None:
    """Nobody else may have told of it."""
    node = Driver(own_address=address(50))
    node.add(connected(1, is_persistent=True))
    assert node.called(AddrBook.add_all) == [((address(1),), address(50))]


def test_an_inbound_peer_tells_of_itself_and_is_not_asked() -> None:
    """It chose us, which is reason to trust it less."""
    node = Driver()
    node.add(connected(1, is_outbound=False))
    assert node.called(AddrBook.add_each) == [([address(1)],)]
    assert node.take(SendRequest) == []
    assert node.book.has(node_id(1))


@pytest.mark.parametrize(("stayed", "hung_up", "counts"), [(0.5, True, 1), (0.5, False, 0), (1.5, True, 0)])
def test_whoever_hangs_up_right_after_the_handshake_did_not_want_us(
    stayed: float, hung_up: bool, counts: int
) -> None:
    """That is as good as a failed dial, unless we ended it."""
    node = Driver()
    node.pass_by(0.0)
    peer = node.add(connected(1))
    node.discoverer.drain()
    node.pass_by(stayed)
    node.remove(peer, hung_up=hung_up)
    facts = [fact for fact in node.discoverer.drain() if fact.kind is FactKind.FAILED]
    assert sum(bool(fact.numbers) for fact in facts) == counts


def test_when_an_outbound_peer_is_lost_another_is_dialled_in_seconds() -> None:
    """Not when an inbound one is."""
    node = Driver(book_of(7), counts=PeerCounts(outbound=10))
    node.pass_by(0.0)
    guest, peer = node.add(connected(2, is_outbound=False)), node.add(connected(1))
    node.counts = PeerCounts(outbound=9)
    node.remove(guest)
    node.pass_by(4.0)
    assert node.take(Dial) == []
    node.remove(peer)
    node.pass_by(4.0)
    assert address(7) in [dial.address for dial in node.take(Dial) if isinstance(dial, Dial)]


def test_a_full_node_lets_a_peer_go_for_another_of_its_book() -> None:
    """And dials that within seconds. A seed, which keeps nobody, does not."""
    for seed_mode in (False, True):
        counts = PeerCounts(outbound=1)
        node = Driver(book_of(1, 2), counts=counts, max_outbound=1, rotate_peers=60.0, seed_mode=seed_mode)
        peer = node.add(connected(1))
        node.pass_by(600.0)
        weighed = node.take(WeighPeers)
        if seed_mode:
            assert weighed == []
            continue
        question = weighed[0]
        assert isinstance(question, WeighPeers)
        node.carry_out(node.discoverer.answered(node.now(), question, {peer: Service()}))
        assert node.take(Rotate) == [Rotate(peer)]
        node.counts = PeerCounts()
        node.remove(peer, hung_up=False)
        node.pass_by(5.0)
        assert node.take(Dial) == [Dial(address(2))]


@pytest.mark.parametrize(("ip", "is_forgotten"), [("9.9.9.9", False), (None, True)])
def test_of_whoever_came_back_by_itself_nothing_is_held_against_it(
    ip: str | None, *, is_forgotten: bool
) -> None:
    """What failed while it was away counts no more; if it comes from where it says it is."""
    node = Driver(book_of(7))
    node.pass_by(0.0)
    (dial,) = node.take(Dial)
    node.end(dial, FAILED)
    node.discoverer.drain()
    node.add(connected(7, is_outbound=False, ip=ip))
    failed = [fact for fact in node.discoverer.drain() if fact.kind is FactKind.FAILED]
    assert (failed == [Fact(FactKind.FAILED, address(7).dial_string, ())]) == is_forgotten


def test_a_connection_that_was_replaced_takes_nobody_with_it() -> None:
    """Its end may be told when its successor is there already; and nobody is removed twice."""
    node = Driver()
    old, new = node.add(connected(1)), node.add(connected(1))
    node.remove(old)
    node.request(new)
    assert node.take(SendAnswer) != []
    node.remove(new)
    node.remove(new)


def test_a_peer_that_was_there_before_us_is_not_asked_at_once_and_may_answer_our_predecessor() -> None:
    """One answer is in order; the next is one too many."""
    node = Driver()
    peer = node.add(replace(connected(1), since=AT - 1.0))
    assert node.take(SendRequest) == []
    node.tell(peer, address(5))
    assert node.book.has(node_id(5))
    node.tell(peer, address(6))
    assert node.take(Stop, Ban) == [
        Stop(peer, "sent addresses unasked", Offence.UNASKED_ADDRESSES),
        Ban(peer.id, 24 * 3600.0, "sent addresses unasked"),
    ]


# --- addresses -------------------------------------------------------------------------------------------------------


def test_what_a_peer_tells_is_learned_in_its_name() -> None:
    """And the operator hears what became of it."""
    node = Driver()
    peer = node.add(connected(1))
    node.tell(peer, address(5), address(6))
    assert node.called(AddrBook.add_all) == [((address(5), address(6)), address(1))]
    (heard,) = node.take(Heard)
    assert isinstance(heard, Heard)
    assert (heard.peer, heard.added.added) == (peer, 2)


def test_an_invalid_address_spoils_all() -> None:
    """Nothing is learned, and the peer is banned."""
    node = Driver()
    peer = node.add(connected(1))
    node.take()
    told = PexAddrs([(node_id(5), "x", 1), (node_id(6), "9.9.9.9", 1)])
    node.carry_out(node.discoverer.addresses_received(node.now(), peer, told))
    stop, ban = node.take()
    assert isinstance(stop, Stop)
    assert isinstance(ban, Ban)
    assert stop.reason.startswith("sent an invalid address")
    assert not node.book.has(node_id(6))


def test_a_request_that_could_not_be_sent_is_not_waited_for() -> None:
    """Else no other would be sent, and an answer would be in order."""
    node = Driver()
    peer = node.add(connected(1))
    node.discoverer.request_not_sent(peer)
    node.tell(peer, address(5))
    assert node.take(Stop) == [Stop(peer, "sent addresses unasked", Offence.UNASKED_ADDRESSES)]


def test_what_a_seed_tells_is_dialled_at_once() -> None:
    """Not in the next half minute. A seed that tells something new may be visited again soon."""
    node = Driver(seeds=(90,))
    node.pass_by(0.0)
    (dial,) = node.take(DialSeed)
    node.end(dial, DialEnd(DialOutcome.REACHED))
    seed = node.add(connected(90))
    node.tell(seed, address(5))
    assert Dial(address(5)) in node.take(Dial)


# --- requests --------------------------------------------------------------------------------------------------------


def test_whoever_asks_is_told_what_the_book_selects() -> None:
    """Peers by connection."""
    node = Driver(book_of(7))
    peer = node.add(connected(1))
    node.request(peer)
    (answer,) = node.take(SendAnswer)
    assert isinstance(answer, SendAnswer)
    assert (answer.peer, answer.then_disconnect) == (peer, False)
    assert address(7) in answer.told


# --- seed mode -------------------------------------------------------------------------------------------------------


def test_a_seed_consults_others_before_it_visits_anybody() -> None:
    """If it has seeds itself."""
    seed = Driver(book_of(7), seed_mode=True, seeds=(90,))
    assert seed.take() == [DialSeed(str(address(90)))]
    seed.pass_by(0.0)
    assert Dial(address(7)) in seed.take()


def test_a_seed_asks_whom_it_visits_and_hangs_up_when_it_was_answered() -> None:
    """Its dial was no failure, whoever ends it; nor does it look for peers when that one is gone."""
    seed = Driver(seed_mode=True)
    seed.pass_by(0.0)
    peer = seed.add(connected(1))
    assert seed.take() == [SendRequest(peer)]
    seed.tell(peer, address(5))
    assert seed.take(Disconnect) == [Disconnect(peer)]
    seed.remove(peer)
    assert not any(fact.numbers for fact in seed.discoverer.drain() if fact.kind is FactKind.FAILED)
    assert seed.called(DialChooser.offer) == []


def test_whoever_calls_a_seed_is_put_into_the_book_answered_and_visited() -> None:
    """As a peer that comes, asks and goes."""
    seed = Driver(seed_mode=True)
    seed.pass_by(0.0)
    for number in (5, 6):
        request = SeedRequest(node_id(number), "c", address(number, port=50_000), address(number))
        seed.carry_out(seed.discoverer.seed_requested(seed.now(), request))
    (answer,) = seed.take(AnswerSeedRequest)
    assert isinstance(answer, AnswerSeedRequest)
    assert answer.request == request
    assert set(answer.told) == {address(5), address(6)}
    seed.pass_by(1.0)
    assert seed.take(Feel) == [Feel(address(5)), Feel(address(6))]


def test_whoever_was_answered_by_a_peer_host_is_heard_of_and_visited() -> None:
    """As if it had asked here. Before the book has said what it remembers of it, that waits."""
    requests = [SeedRequest(node_id(number), "", address(number), address(number)) for number in (5, 6)]
    seed = Driver(seed_mode=True, book_answers=False)
    seed.pass_by(0.0)
    seed.carry_out(seed.discoverer.seed_requests_answered(seed.now(), requests))
    assert seed.take(Judged) == []
    seed.book_answers = True
    (recall,) = (question for question in seed.unanswered if question.method is FactList.all)
    seed.answer(recall)
    assert seed.take(Judged) == [Judged("answered")] * 2
    assert seed.called(AddrBook.add_each) == [([address(5)],), ([address(6)],)]
    seed.pass_by(1.0)
    assert seed.take(Feel) == [Feel(address(5)), Feel(address(6))]
    kept = {fact.name: fact.numbers[0] for fact in seed.discoverer.drain() if fact.kind is FactKind.ASKED}
    assert kept == {node_id(5): 1, node_id(6): 1}


def test_whoever_hangs_up_on_a_seed_is_answered_no_more() -> None:
    """It was alone, and waited for others."""
    seed = Driver(seed_mode=True)
    request = SeedRequest(node_id(5), "c", address(5), address(5))
    seed.carry_out(seed.discoverer.seed_requested(seed.now(), request))
    seed.carry_out(seed.discoverer.seed_request_left(seed.now(), request.id, "c"))
    seed.pass_by(10.0)
    assert seed.take(AnswerSeedRequest) == []


def test_a_seed_visits_whoever_was_its_peer() -> None:
    """A second later."""
    seed = Driver(seed_mode=True)
    seed.pass_by(0.0)
    seed.remove(seed.add(connected(5, is_outbound=False)))
    seed.take()
    seed.pass_by(1.0)
    assert seed.take(Feel) == [Feel(address(5))]
