"""actors/reactors/pex.py: the reactor alone, on a clock of the test's; the switch is played by a probe.

The book is a real one behind another.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import pytest

from peerage.actors.asked_table import AskedTable
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.answers import AnswerChooser
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.calls import BookCall, Method
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.facts import Fact, FactKind, FactList
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.discovery.book.timestamps import nanoseconds
from peerage.actors.discovery.manager.events import Service
from peerage.actors.discovery.manager.request_rate import MAX_EARLY
from peerage.actors.messages import (
    AskForAddresses,
    BansChanged,
    CallersAnswered,
    Charge,
    CountPeers,
    DialPeer,
    NumPeers,
    SeedRequestDropped,
    StandingAnswer,
    Tried,
    TryAddress,
)
from peerage.actors.metrics.buffer import MetricsDelta
from peerage.actors.reactors import pex
from peerage.actors.reactors.pex import PexReactor
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import System
from peerage.testing import FakePeer, Probe, ReactorHarness, run_actor, wait_until
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PEX_CHANNEL, PexAddrs, PexRequest, decode_pex
from tests.actors.discovery.nodes import Clock, address, node_id

REQUEST = PexRequest().encode()
PEER = node_id(1)
_serials = itertools.count(1)
OUR_LACK = Refusal(RefusalReason.UNREACHABLE, "no descriptors", is_ours=True)
UNREACHABLE = Refusal(RefusalReason.UNREACHABLE, "connection refused")
PATIENCE_S = 30.0  # what an actor that is made to wait waits at most


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which the reactor judges."""
    clock = Clock()
    monkeypatch.setattr(pex, "time", SimpleNamespace(time=clock))
    return clock


def set_pace(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Have reactors that begin from now on take other times."""
    monkeypatch.setattr(pex, "PACE", replace(pex.PACE, **changes))


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds follow each other at once, and visits are not spread: the clock does not move by itself."""
    set_pace(
        monkeypatch,
        ensure_period=0.02,
        seed_pause=0.02,
        crawl_period=0.02,
        visit_spread=0.0,
        visit_back_after=0.0,
    )


@pytest.fixture
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks early waits no longer than a moment: the clock by which he is judged does not move."""
    set_pace(monkeypatch, ensure_period=0.3, seed_pause=0.3)


class Stage:
    """A PEX reactor with a book and a switch.

    Args: clock; outcome, of each dial and trial; counted, what the switch says of the peers; known, the book; settings, of
        the configuration by section.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        outcome: Callable[[Any], Any] = lambda _message: UNREACHABLE,
        counted: NumPeers = NumPeers(0, 0, 0),  # noqa: B008 - a frozen value
        known: AddrBook | None = None,
        **settings: Any,
    ) -> None:
        self.clock = clock
        self.known = AddrBook(clock=clock, rng=random.Random(1)) if known is None else known
        self.calls: list[BookCall] = []
        self.charges: list[Charge] = []
        self.dials: list[str] = []
        self.trials: list[str] = []
        self.counts = 0  # how often the switch was asked for its peers
        self.switch_answers, self.book_answers = threading.Event(), threading.Event()
        self.switch_answers.set()
        self.book_answers.set()
        self._outcome, self._counted = outcome, counted
        self._harness = ReactorHarness(PexReactor, **settings)
        names = self._harness.names
        self._harness.switch = Probe(names.of("switch"), self._switch)
        self._probes = [Probe(names.addrbook.name, self._book), Probe(names.metrics.name, self._count)]
        self._counters: dict[tuple[str, tuple[str, ...]], float] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for probe in self._probes:
                stack.enter_context(probe)
            stack.enter_context(self._harness)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.switch_answers.set()
        self.book_answers.set()
        self._stack.close()

    def connect(
        self,
        number: int = 1,
        *,
        is_outbound: bool = False,
        is_persistent: bool = False,
        ip: str = "",
        since: float | None = None,
    ) -> FakePeer:
        """A peer with the ID and, unless given, the IP of this number."""
        ip = ip or str(address(number).host)
        return self._harness.connect(
            node_id(number), is_outbound=is_outbound, is_persistent=is_persistent, ip=ip, since=since
        )

    def ask(self, message: Any) -> Any:
        return self._harness.ask(message)

    def tell(self, message: Any) -> None:
        self._harness.ref.tell(message)

    def ask_later(self, message: Any) -> Any:
        """The future of the answer; the reactor has seen the question."""
        answer = self._harness.ref.ask(message, block=False)
        self._harness.ask("anything")
        return answer

    def counter(self, name: str, label: str) -> float:
        return self._counters.get((name, (label,)), 0.0)

    def called(self, method: Method) -> list[tuple[Any, ...]]:
        """The arguments of all calls of a method of the book."""
        return [call.args for call in self.calls if call.method is method]

    def facts(self, kind: FactKind) -> list[tuple[int, ...]]:
        """The numbers of all facts of a kind that the reactor had kept."""
        return [
            fact.numbers for (facts,) in self.called(FactList.keep) for fact in facts if fact.kind is kind
        ]

    def _book(self, call: BookCall | Charge) -> Any:
        if isinstance(call, Charge):
            self.charges.append(call)
            return None
        self.calls.append(call)
        self.book_answers.wait(PATIENCE_S)
        return call.perform(self.known)

    def _switch(self, message: Any) -> Any:
        if isinstance(message, CountPeers):
            self.counts += 1
            self.switch_answers.wait(PATIENCE_S)
            return self._counted
        if isinstance(message, DialPeer):
            self.dials.append(str(message.address))
        elif isinstance(message, TryAddress):
            self.trials.append(str(message.address))
        return self._outcome(message)

    def _count(self, delta: MetricsDelta) -> None:
        for series, value in delta.counters.items():
            self._counters[series] = self._counters.get(series, 0.0) + value


def seed_stage(clock: Clock, known: AddrBook | None = None, **options: Any) -> Stage:
    return Stage(clock, known=known, **({"p2p": {"seed_mode": True}} | options))


def unreachable_after(clock: Clock, seconds: float) -> Callable[[Any], Any]:
    """Dials that take their time, and fail."""

    def outcome(_message: Any) -> Refusal:
        clock.pass_by(seconds)
        return UNREACHABLE

    return outcome


def answered(peer: FakePeer) -> list[NetAddress]:
    """The addresses that the reactor told next; it may have asked before."""
    while not isinstance(message := decode_pex(peer.expect(PEX_CHANNEL)), PexAddrs):
        pass
    return message.net_addresses()


def told(*numbers: int) -> bytes:
    return PexAddrs.of(map(address, numbers)).encode()


# --- rotation ----------------------------------------------------------------------------------------------------------


def test_a_full_node_lets_an_outbound_peer_go_now_and_then(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops for no fault of its own, and for a reason that says why."""

    def ask_services(refs: Any, then: Any) -> None:
        then({peer: Service() for peer in refs})

    monkeypatch.setattr(pex, "ask_services", ask_services)
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7), address(7))
    rotating, full = {"rotate_peers": 1.0}, {"max_num_outbound_peers": 1}
    with Stage(clock, known=known, counted=NumPeers(1, 0, 0), peerage=rotating, p2p=full) as stage:
        peer = stage.connect(is_outbound=True, since=clock() - 60.0)
        assert peer.expect_stopped() == "rotated: another address has its turn"
        assert stage.called(BadPeers.ban) == []


# --- who asks --------------------------------------------------------------------------------------------------------


def test_who_asks_early_is_answered_late_and_stays(clock: Clock, short_interval: None) -> None:
    """As versions do that ask again as soon as they are answered."""
    with Stage(clock, instrumentation={"prometheus": True}) as stage:
        peer = stage.connect()
        for _ in range(4):
            peer.send(PEX_CHANNEL, REQUEST)
            answered(peer)
        wait_until(lambda: stage.counter("p2p_pex_requests_total", "answered") == 4)
        assert stage.counter("p2p_pex_requests_total", "early") == 2
        assert stage.called(BadPeers.ban) == []


def test_who_was_restarted_and_asks_early_is_answered_late_on_its_new_connection(
    clock: Clock, short_interval: None
) -> None:
    """Not on the one that is gone, and it is no offender."""
    with Stage(clock) as stage:
        for free in (True, True, False):
            peer = stage.connect()
            peer.send(PEX_CHANNEL, REQUEST)
            if free:
                answered(peer)
            else:
                peer.wait_until_handled()
            peer.disconnect("the remote closed the connection")
        again = stage.connect()
        again.wait_until_handled()
        # On a busy machine the third was answered before it went.
        before = len(stage.called(AnswerChooser.message))
        again.send(PEX_CHANNEL, REQUEST)
        answered(again)
        assert len(stage.called(AnswerChooser.message)) == before + 1  # the other turn would have come before
        assert stage.called(BadPeers.ban) == []


def test_who_asks_again_while_it_waits_is_stopped_and_banned_when_it_does_so_again(clock: Clock) -> None:
    """No implementation does that; each offence bans for twice as long."""
    with Stage(clock, instrumentation={"prometheus": True}) as stage:
        for _ in range(2):
            peer = stage.connect()
            peer.send(PEX_CHANNEL, REQUEST)
            answered(peer)
            peer.disconnect()
        reason = "asked for addresses again before it was answered"
        for _ in range(3):
            peer = stage.connect()
            peer.send(PEX_CHANNEL, REQUEST, REQUEST)
            assert peer.expect_stopped() == reason
        wait_until(lambda: stage.called(BadPeers.ban) == [(PEER, 60.0, reason), (PEER, 120.0, reason)])
        assert [ban.subject for ban in stage.known.bans.published()] == [PEER]
        wait_until(lambda: stage.counter("p2p_bans_total", reason) == 2)
        assert stage.counter("p2p_pex_requests_total", "answered") == 2
        assert stage.counter("p2p_pex_requests_total", reason) == 3


def test_an_honest_asker_is_answered_again_and_again(clock: Clock) -> None:
    """Every half minute, as CometBFT asks at most."""
    with Stage(clock) as stage:
        peer = stage.connect()
        for _ in range(120):
            peer.send(PEX_CHANNEL, REQUEST)
            answered(peer)
            clock.pass_by(30.0)
        assert stage.called(BadPeers.ban) == []


def test_a_restarted_reactor_knows_who_asked_and_which_dials_failed(clock: Clock, quick_rounds: None) -> None:
    """Both are kept with the book."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7), address(7))
    with Stage(clock, known=known) as stage:
        peer = stage.connect()
        peer.send(PEX_CHANNEL, REQUEST, REQUEST)
        answered(peer)
        wait_until(lambda: (node_id(7), address(7)) in stage.called(AddrBook.mark_attempt))
    assert {fact.kind for fact in known.facts.all()} == {FactKind.ASKED, FactKind.GROUP, FactKind.FAILED}
    with Stage(clock, known=known, instrumentation={"prometheus": True}) as again:
        again.connect().send(PEX_CHANNEL, REQUEST)
        wait_until(lambda: again.counter("p2p_pex_requests_total", "early") == 1)
        wait_until(lambda: len(again.called(DialChooser.offer)) > 3)
        assert str(address(7)) not in again.dials  # its pause is not over


def test_a_group_that_asks_too_often_is_sent_away_under_whatever_ids(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a ban: not all of a group need be in one hand. It can be switched off."""
    set_pace(monkeypatch, group_burst=2)
    for limited in (True, False):
        with Stage(clock, peerage={"request_groups": limited}) as stage:
            stopped = []
            for number in range(3):
                peer = stage.connect(100 + number, ip=f"9.9.9.{number}")
                peer.send(PEX_CHANNEL, REQUEST)
                if limited and number == 2:
                    stopped.append(peer.expect_stopped())
                else:
                    answered(peer)
            assert stopped == ["its group of IP addresses asked for addresses too often"] * limited
            assert stage.called(BadPeers.ban) == []


def test_a_seed_answers_once_with_addresses_that_answered_and_sends_away(clock: Clock) -> None:
    """Verified by a handshake; the others are not told."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    for number in range(10, 60):
        known.add(address(number), address(9))
    for number in range(10, 15):
        known.mark_good(node_id(number))
    with Stage(clock, known=known, p2p={"seed_mode": True}) as stage:
        peer = stage.connect()
        peer.send(PEX_CHANNEL, REQUEST, REQUEST)
        assert set(answered(peer)) - {address(1)} == set(map(address, range(10, 15)))
        assert peer.expect_stopped() == ""


def test_under_load_an_answer_is_shared(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing one for each would take a seed longer than all else. Without load everybody has his own."""
    set_pace(monkeypatch, shared_answer=3600.0)
    for load, draws in ((0, 1), (1000, 5)):
        set_pace(monkeypatch, load_per_second=load)
        with Stage(clock) as stage:
            for number in range(5):
                peer = stage.connect(100 + number)
                peer.send(PEX_CHANNEL, REQUEST)
                answered(peer)
            assert len(stage.called(AnswerChooser.message)) == draws


def call(number: int, ip: str = "") -> AskForAddresses:
    """Who calls a seed and asks at once."""
    where = ip or str(address(number).host)
    return AskForAddresses(node_id(number), f"tcp://{where}:26656", f"c-{next(_serials)}", where)


def asks(stage: Stage, caller: AskForAddresses) -> Any:
    """What a seed answers, addresses or a refusal."""
    answer = stage.ask(caller)
    if isinstance(answer, Refusal):
        return answer
    message = decode_pex(answer)
    assert isinstance(message, PexAddrs)
    return message.net_addresses()


def test_a_caller_is_told_of_those_before_him(clock: Clock) -> None:
    """At once, however few they are. (That the seed's crawl cannot reach them says nothing of them.)"""
    with seed_stage(clock, outcome=lambda _message: OUR_LACK) as stage:
        stage.known.add(address(20), address(20))
        for number in (21, 22, 23):
            told_of = {str(known) for known in asks(stage, call(number))}
            assert told_of == {str(address(other)) for other in range(20, number + 1)}


def test_who_calls_first_waits_for_others(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nobody to tell him of; he gets what there is when his time is over."""
    set_pace(monkeypatch, alone=0.05)
    with seed_stage(clock) as stage:
        assert asks(stage, call(7)) == [address(7)]
        assert stage.called(AnswerChooser.message) == [(30,), (30,)]


def test_who_calls_again_too_soon_waits_for_his_turn(clock: Clock, short_interval: None) -> None:
    """He is no offender, for CometBFT's nodes do that."""
    with seed_stage(clock, outcome=lambda _message: OUR_LACK, instrumentation={"prometheus": True}) as stage:
        stage.known.add(address(20), address(20))
        for _ in range(4):
            assert address(20) in asks(stage, call(7))
        assert stage.called(BadPeers.ban) == []
        wait_until(lambda: stage.counter("p2p_pex_requests_total", "early") == 2)


def test_who_calls_once_more_while_he_waits_loses_the_earlier_call(clock: Clock) -> None:
    """It may be dead, for all that a seed knows. He is no offender until he makes a flood of it, more than once."""
    with seed_stage(clock, outcome=lambda _message: OUR_LACK) as stage:
        stage.known.add(address(20), address(20))
        asks(stage, call(7))
        asks(stage, call(7))
        waits = [stage.ask_later(call(7)) for _ in range(MAX_EARLY)]
        for earlier in waits[:-1]:
            assert earlier.get(timeout=5.0).detail == "called once more over another connection"
        assert not waits[-1].is_ready()
        reason = "asked for addresses over too many connections"
        assert asks(stage, call(7)).detail == reason
        clock.pass_by(10.0)
        asks(stage, call(7))
        for _ in range(MAX_EARLY):
            stage.ask_later(call(7))
        assert stage.called(BadPeers.ban) == []
        assert asks(stage, call(7)).detail == reason
        wait_until(lambda: stage.called(BadPeers.ban) == [(node_id(7), 60.0, reason)])


def test_a_caller_who_leaves_gives_his_place_to_another(clock: Clock) -> None:
    """His turn ends with his connection."""
    with seed_stage(
        clock, outcome=lambda _message: OUR_LACK, p2p={"seed_mode": True, "max_num_inbound_peers": 2}
    ) as stage:
        stage.known.add(address(20), address(20))
        for number in (7, 8):
            for _ in range(2):
                asks(stage, call(number))
        leaver = call(7)
        stage.ask_later(leaver)
        assert asks(stage, call(8)).detail == "too many wait for their turn"
        stage.ask(SeedRequestDropped(node_id(7), "another of his"))
        assert asks(stage, call(8)).detail == "too many wait for their turn"
        stage.ask(SeedRequestDropped(node_id(7), leaver.connection))
        assert not stage.ask_later(call(8)).is_ready()
        assert stage.called(BadPeers.ban) == []


def test_those_who_wait_take_half_of_the_places_at_most(clock: Clock) -> None:
    """The others are for those who need not wait."""
    with seed_stage(clock, p2p={"seed_mode": True, "max_num_inbound_peers": 2}) as stage:
        stage.ask_later(call(7))  # is alone, and waits
        wait_until(lambda: stage.called(AnswerChooser.message))
        stage.known.remove(node_id(7))
        refusal = asks(stage, call(8))
        assert (refusal.reason, refusal.detail) == (RefusalReason.TOO_OFTEN, "too many wait for their turn")
        assert stage.called(BadPeers.ban) == []


def test_under_load_peer_hosts_are_told_for_whom_else_an_answer_is(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that share with the reactor who has asked. It notes whoever asks it, and whom it remembers."""
    set_pace(monkeypatch, load_per_second=0)
    known = AddrBook(clock=clock, rng=random.Random(1))
    for number in (20, 21):
        known.add(address(number), address(number))
    known.facts.keep([Fact(FactKind.ASKED, node_id(6), (1, nanoseconds(clock()), 0, 0))])
    memory = AskedTable.create()
    monkeypatch.setattr("peerage.testing.harness.run_actor", partial(run_actor, fds={"asked": memory}))
    with seed_stage(clock, known, outcome=lambda _message: OUR_LACK) as stage:
        answer = stage.ask(call(7))
        assert isinstance(answer, StandingAnswer)
        assert time.monotonic() < answer.until
        assert answer.but == frozenset()
        assert decode_pex(answer.message)
        asked = AskedTable(memory)
        assert [asked.note(node_id(number)) for number in (6, 7, 8)] == [False, False, True]
    os.close(memory)


def test_whoever_a_peer_host_has_answered_is_counted_and_heard_of(clock: Clock, short_interval: None) -> None:
    """The next that it asks is its second request, and the one behind it waits."""
    with seed_stage(clock, outcome=lambda _message: OUR_LACK, instrumentation={"prometheus": True}) as stage:
        stage.known.add(address(20), address(20))
        first = call(7)
        stage.tell(CallersAnswered(((first.id, first.listen_addr, first.remote_ip),), 300))
        for _ in range(2):
            assert address(7) in asks(stage, call(7))
        wait_until(lambda: stage.counter("p2p_pex_requests_total", "early") == 1)
        wait_until(lambda: stage.counter("p2p_pex_requests_total", "answered") == 3)


def test_a_banned_caller_is_refused(clock: Clock) -> None:
    """Whether the ban was there at the start or came later, until it is lifted."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(20), address(20))
    now = time.time_ns()
    known.bans.restore(Ban(node_id(7), "forged", now, now + 10**12))
    clock.now = time.time()
    with seed_stage(clock, known) as stage:
        assert asks(stage, call(7)).reason is RefusalReason.BANNED
        stage.ask(BansChanged((Ban(node_id(8), "forged", now, now + 10**12),), (node_id(7),)))
        assert asks(stage, call(8)).reason is RefusalReason.BANNED
        assert address(20) in asks(stage, call(7))


# --- who tells -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (told(5), "sent addresses unasked"),
        (PexAddrs().encode(), "sent addresses unasked"),
        (PexAddrs([(node_id(5), "x", 1)]).encode(), "sent an invalid address"),
    ],
    ids=["unasked", "unasked and empty", "no address"],
)
def test_unasked_and_forged_answers_are_banned_for_a_day(clock: Clock, message: bytes, reason: str) -> None:
    """Whether the book knows the offender or not; nothing of it is learned."""
    with Stage(clock, counted=NumPeers(10, 0, 0), instrumentation={"prometheus": True}) as stage:
        peer = stage.connect()
        peer.send(PEX_CHANNEL, message)
        assert peer.expect_stopped().startswith(reason)
        wait_until(lambda: stage.called(BadPeers.ban))
        ((who, seconds, why),) = stage.called(BadPeers.ban)
        assert (who, seconds) == (PEER, 24 * 3600.0)
        assert why.startswith(reason)
        assert not stage.known.has(node_id(5))
        wait_until(lambda: stage.counter("p2p_bans_total", reason) == 1)
        offence = Offence.UNASKED_ADDRESSES if "unasked" in reason else Offence.INVALID_ADDRESSES
        assert stage.charges == [Charge(offence, PEER, str(address(1).host))]


def test_a_restarted_reactor_does_not_ask_again_and_takes_the_answer_to_its_predecessor(clock: Clock) -> None:
    """CometBFT hangs up on the third request within 10 s; an answer that was under way is none unasked, but the next is."""
    with Stage(clock) as stage:
        peer = stage.connect(is_outbound=True, since=clock.now - 60.0)
        wait_until(lambda: stage.called(DialChooser.needs_more))
        peer.send(PEX_CHANNEL, told(5))
        wait_until(lambda: stage.known.has(node_id(5)))
        peer.send(PEX_CHANNEL, told(6))
        assert peer.expect_stopped() == "sent addresses unasked"  # and nothing was sent before


def test_persistent_peers_are_stopped_and_not_banned(clock: Clock) -> None:
    """The operator wants them."""
    with Stage(clock) as stage:
        peer = stage.connect(is_persistent=True)
        peer.send(PEX_CHANNEL, told(5))
        assert peer.expect_stopped() == "sent addresses unasked"
        again = stage.connect(2)
        again.send(PEX_CHANNEL, REQUEST)
        answered(again)  # by now a ban would have been asked for
        assert stage.called(BadPeers.ban) == []


def test_the_operator_sees_what_became_of_the_addresses(clock: Clock) -> None:
    """By reason: not routable, private, our own, banned; and how many others had to leave."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add_our_address(address(50))
    known.add_private_ids([node_id(51)])
    known.bad_peers.ban(node_id(52), 60.0, "x")
    flood = [address(1000 + number, f"9.9.{number // 250}.{number % 250 + 1}") for number in range(100)]
    addresses = [
        *flood, *map(address, (50, 51, 52)), address(53, "10.0.0.1"), address(54, "127.0.0.1"), address(55, "0.0.0.0")
    ]  # fmt: skip
    with Stage(clock, known=known, instrumentation={"prometheus": True}) as stage:
        peer = stage.connect(2, is_outbound=True)
        peer.expect(PEX_CHANNEL, REQUEST)
        peer.send(PEX_CHANNEL, PexAddrs.of(addresses).encode())
        expected = {
            "added": 100, "displaced": 100 - known.shape.new_bucket_size, "self": 1, "private": 1, "banned": 1,
            "not routable": 2, "invalid": 1,
        }  # fmt: skip
        wait_until(lambda: stage.counter("p2p_heard_addresses_total", "added") > 0)
        assert {name: stage.counter("p2p_heard_addresses_total", name) for name in expected} == expected


# --- whom to know ----------------------------------------------------------------------------------------------------


def test_a_dialled_peer_is_good_where_it_was_dialled(clock: Clock) -> None:
    """Its address, and how long dial and handshake took, go into the book."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7, "9.9.9.9"), address(7, "9.9.9.9"))
    with Stage(clock, known=known) as stage:
        stage.connect(7, is_outbound=True).expect(PEX_CHANNEL, REQUEST)
        wait_until(lambda: known.is_good(node_id(7)))
        moved = known.get(node_id(7))
        assert moved is not None
        assert moved.address == address(7)


def test_failed_dials_are_noted_and_others_are_tried_in_seconds(clock: Clock) -> None:
    """An early round, as long as peers are wanted. Without the switch the next round has to do."""
    for eager in (True, False):
        known = AddrBook(clock=clock, rng=random.Random(1))
        for number in range(7, 47):
            known.add(address(number), address(number))
        settings = {"eager_rounds": eager, "spread_groups": False}
        with Stage(
            clock,
            known=known,
            outcome=unreachable_after(clock, 1.0),
            peerage=settings,
        ) as stage:
            if eager:
                wait_until(lambda: len(stage.called(DialChooser.offer)) >= 3)
            else:
                wait_until(lambda: len(stage.called(AddrBook.mark_attempt)) == len(stage.dials) > 0)
                assert len(stage.called(DialChooser.offer)) == 1
            assert len(set(stage.dials)) > 5
            assert not any(known.is_good(node_id(number)) for number in range(7, 47))


@pytest.mark.parametrize(
    ("refusal", "counts"),
    [
        (UNREACHABLE, True),
        (Refusal(RefusalReason.AUTH_FAILURE, "handshake timeout"), True),
        (Refusal(RefusalReason.UNREACHABLE, "too many open files", is_ours=True), False),
        (Refusal(RefusalReason.DUPLICATE_ID, "connected already"), False),
        (Refusal(RefusalReason.BANNED, "x"), False),
    ],
)
def test_what_is_no_fault_of_an_address_does_not_count_against_it(
    clock: Clock, refusal: Refusal, *, counts: bool
) -> None:
    """A try is noted for what the other side did, or did not do."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7), address(7))
    with Stage(clock, known=known, outcome=lambda _message: refusal) as stage:
        wait_until(lambda: stage.dials)
        peer = stage.connect(2)
        peer.send(PEX_CHANNEL, REQUEST)
        answered(peer)
        if counts:
            wait_until(lambda: stage.called(AddrBook.mark_attempt) == [(node_id(7), address(7))])
        else:
            assert stage.called(AddrBook.mark_attempt) == []


def test_an_address_where_somebody_else_answers_is_given_up_and_nobody_shut_out(clock: Clock) -> None:
    """Whoever spreads a false address of somebody must not keep him from connecting to us."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7), address(7))
    impostor = Refusal(RefusalReason.AUTH_FAILURE, "dialled 7, found 8", impostor=True)
    with Stage(clock, known=known, outcome=lambda _message: impostor):
        wait_until(lambda: known.bans.holds(node_id(7)))
        assert not known.has(node_id(7))
        assert known.bans.published() == ()


@pytest.mark.parametrize("reason", [RefusalReason.INCOMPATIBLE, RefusalReason.OTHER_PROTOCOL])
def test_a_node_of_another_network_or_protocol_is_let_be(
    clock: Clock, quick_rounds: None, reason: RefusalReason
) -> None:
    """Not dialled again, however many rounds follow, until its time has come; told to nobody; neither banned nor failing."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7), address(7))
    stranger = Refusal(reason, "network 'other', ours is 'test'")
    with Stage(clock, known=known, outcome=lambda _message: stranger) as stage:
        wait_until(lambda: (node_id(7), address(7)) in stage.called(AddrBook.mark_incompatible))
        offers = len(stage.called(DialChooser.offer))
        wait_until(lambda: len(stage.called(DialChooser.offer)) > offers + 2)
        dials = len(stage.dials)  # rounds are so quick here that a second one may have begun before the mark
        wait_until(lambda: len(stage.called(DialChooser.offer)) > offers + 7)
        assert len(stage.dials) == dials
        assert stage.called(AddrBook.mark_attempt) == stage.called(BadPeers.give_up) == []
        peer = stage.connect(2)
        peer.send(PEX_CHANNEL, REQUEST)
        assert node_id(7) not in {each.id for each in answered(peer)}
        clock.pass_by(24 * 3600.0)
        wait_until(lambda: len(stage.dials) > dials)


def test_with_enough_peers_a_feeler_is_sent_now_and_then(clock: Clock, quick_rounds: None) -> None:
    """The address is tried, hung up on, and good from then on."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7), address(7))
    enough = NumPeers(outbound=10, inbound=0, dialling=0)
    with Stage(clock, known=known, counted=enough, outcome=lambda _message: Tried(0.25)) as stage:
        wait_until(lambda: len(stage.called(BadPeers.reinstate)) > 2)
        assert stage.trials == []
        clock.pass_by(200.0)
        wait_until(lambda: known.is_good(node_id(7)))
        assert stage.trials == [str(address(7))]
        assert stage.dials == []
        verdict = known.get(node_id(7))
        assert verdict is not None
        assert verdict.latency == 250_000_000
    with Stage(clock, known=known, counted=enough, peerage={"feelers": False}) as stage:
        clock.pass_by(200.0)
        wait_until(lambda: len(stage.called(BadPeers.reinstate)) > 2)
        assert stage.trials == []


def test_outbound_peers_that_stayed_are_anchors_and_come_first_after_a_restart(
    clock: Clock, quick_rounds: None
) -> None:
    """Persistent ones are redialled anyway, inbound ones chose us."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    for number in range(7, 207):
        known.add(address(number), address(number))
    with Stage(clock, known=known, counted=NumPeers(10, 0, 0)) as stage:
        stage.connect(100, is_outbound=True, since=clock.now - 400.0)
        stage.connect(101, is_outbound=True, is_persistent=True)
        stage.connect(102)
        wait_until(lambda: known.anchors.addresses() == [address(100)])
    known.anchors.begin()  # as at a start
    with Stage(clock, known=known, p2p={"max_num_outbound_peers": 1}) as again:
        wait_until(lambda: again.dials)
        assert again.dials[0] == str(address(100))


def rounds(stage: Stage) -> int:
    """Wait for some rounds. Returns: how many dials there were until then."""
    offers = len(stage.called(DialChooser.offer))
    wait_until(lambda: len(stage.called(DialChooser.offer)) > offers + 3)
    return len(stage.dials)


@pytest.mark.parametrize("stays", [False, True])
def test_who_hangs_up_right_after_the_handshake_is_left_alone_as_one_that_could_not_be_reached(
    clock: Clock, quick_rounds: None, monkeypatch: pytest.MonkeyPatch, *, stays: bool
) -> None:
    """He does not want us, and says so no other way; who stayed for a while is dialled again at once."""
    set_pace(monkeypatch, hang_up=0.02 if stays else 60.0)
    monkeypatch.setattr(pex, "KEEP_PERIOD_S", 0.02)
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7), address(7))
    known.facts.keep([Fact(FactKind.FAILED, address(7).dial_string, (1, 0, 0))])
    with Stage(clock, known=known, outcome=lambda _message: None) as stage:
        wait_until(lambda: stage.dials)
        peer = stage.connect(7, is_outbound=True)
        peer.expect(PEX_CHANNEL, REQUEST)
        if stays:
            wait_until(lambda: stage.facts(FactKind.FAILED) == [()])
        peer.disconnect("the remote closed the connection")
        dials = rounds(stage)
        assert (rounds(stage) > dials) == stays


def test_who_came_back_by_himself_is_dialled_again_at_once_when_he_is_lost(
    clock: Clock, quick_rounds: None
) -> None:
    """At the address that he says is his, if he came from there: what failed while he was away counts no more."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(7), address(7))
    known.facts.keep(
        [Fact(FactKind.FAILED, address(7).dial_string, (9, nanoseconds(clock()), nanoseconds(512.0)))]
    )
    with Stage(clock, known=known) as stage:
        assert rounds(stage) == 0
        stage.connect(7, ip="9.9.9.9").disconnect()
        assert rounds(stage) == 0
        stage.connect(7).disconnect()
        wait_until(lambda: stage.dials)


def test_a_seed_that_was_asked_is_left_alone_wherever_its_address_comes_from(
    clock: Clock, quick_rounds: None
) -> None:
    """For a round's period, then for twice as long each time, while it tells nothing new; its own address is in the book."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    known.add(address(9), address(9))
    seed = str(address(9))

    counted = NumPeers(outbound=1, inbound=0, dialling=0)
    with Stage(clock, known=known, counted=counted, p2p={"seeds": [seed]}) as stage:
        visits = []
        for _ in range(5):
            visits.append(rounds(stage))
            clock.pass_by(0.025)
        assert visits == [1, 2, 2, 3, 3]
        peer = stage.connect(9, is_outbound=True)
        peer.expect(PEX_CHANNEL, REQUEST)
        peer.send(PEX_CHANNEL, told(20))
        wait_until(lambda: str(address(20)) in stage.dials)  # at once: a seed told of it
        peer.disconnect()
        assert rounds(stage) - len([dial for dial in stage.dials if dial != seed]) == 4


@pytest.mark.parametrize("reason", [RefusalReason.INCOMPATIBLE, RefusalReason.OTHER_PROTOCOL])
@pytest.mark.parametrize("is_in_book", [False, True])
def test_a_seed_of_another_network_is_not_dialled_in_every_round(
    clock: Clock, quick_rounds: None, reason: RefusalReason, *, is_in_book: bool
) -> None:
    """Not even while there is nobody else."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    if is_in_book:
        known.add(address(9), address(9))
    refused = Refusal(reason, "it is what it is")
    with Stage(clock, known=known, outcome=lambda _m: refused, p2p={"seeds": [str(address(9))]}) as stage:
        visits = []
        for _ in range(5):
            visits.append(rounds(stage))
            clock.pass_by(0.025)
    assert visits == [1, 2, 2, 3, 3]


# --- seed mode -------------------------------------------------------------------------------------------------------


def test_a_seed_visits_whom_it_knows_and_hangs_up_when_answered(clock: Clock, quick_rounds: None) -> None:
    """Each once in two minutes; what they tell is learned."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    for number in (7, 8, 9):
        known.add(address(number), address(number))
    with seed_stage(clock, known, outcome=lambda _message: None) as stage:
        wait_until(lambda: sorted(stage.dials) == sorted(str(address(number)) for number in (7, 8, 9)))
        peer = stage.connect(7, is_outbound=True)
        peer.expect(PEX_CHANNEL, REQUEST)
        peer.send(PEX_CHANNEL, told(20, 21))
        assert peer.expect_stopped() == ""
        assert known.has(node_id(20))
        assert known.is_good(node_id(7))
        wait_until(lambda: len(stage.dials) >= 5)
        assert set(stage.dials[3:]) == {str(address(20)), str(address(21))}


def test_a_seed_hangs_up_on_whoever_does_not_answer(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """CometBFT's holds them for up to 28 hours (reference 12)."""
    set_pace(monkeypatch, answer_limit=0.05)
    with seed_stage(clock, AddrBook(clock=clock, rng=random.Random(1))) as stage:
        mute = stage.connect(7, is_outbound=True)
        wanted = stage.connect(8, is_outbound=True, is_persistent=True)
        assert mute.expect_stopped() == ""
        wanted.expect(PEX_CHANNEL, REQUEST)
        wanted.expect_nothing()


def test_a_seed_visits_few_of_one_group_at_once_if_told_so(clock: Clock, quick_rounds: None) -> None:
    """Politeness: a data centre is not knocked up in one moment."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    for number in range(30):
        known.add(address(100 + number, f"9.9.9.{number + 1}"), address(100 + number))
    known.add(address(7), address(7))
    options = {"peerage": {"crawl_group_limit": 3}}
    with seed_stage(clock, known, **options) as stage:
        wait_until(lambda: len(stage.dials) >= 4)
        assert sum("@9.9." in dialled for dialled in stage.dials[:4]) == 3


def test_who_came_to_a_seed_is_visited_at_once_but_only_where_he_came_from(
    clock: Clock, quick_rounds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the next who asks can be told of him; nobody shall have a seed knock on others' doors."""
    set_pace(monkeypatch, crawl_period=3600.0)
    with seed_stage(clock, AddrBook(clock=clock, rng=random.Random(1))) as stage:
        peers = stage.connect(7), stage.connect(8)
        wait_until(lambda: stage.known.has(node_id(8)))
        stage.known.remove(node_id(8))  # and what the book hears of him next is elsewhere
        stage.known.add(address(8, "9.9.9.9"), address(8, "9.9.9.9"))
        for peer in peers:
            peer.disconnect()
        wait_until(lambda: len(stage.called(DialChooser.due_address)) == 2)
        wait_until(lambda: stage.trials == [str(address(7))])


# --- while others are away --------------------------------------------------------------------------------------------


def test_requests_are_answered_while_the_switch_says_nothing(clock: Clock, quick_rounds: None) -> None:
    """It is being restarted, or hangs: that is none of the askers' business."""
    with Stage(clock) as stage:
        stage.switch_answers.clear()
        asked = stage.counts
        wait_until(lambda: stage.counts > asked)  # a round waits for it
        peer = stage.connect()
        peer.send(PEX_CHANNEL, REQUEST)
        answered(peer)
        assert not stage.switch_answers.is_set()


def test_peers_come_and_go_while_the_book_says_nothing_and_askers_are_answered_when_it_is_back(
    clock: Clock, quick_rounds: None
) -> None:
    with Stage(clock) as stage:
        stage.book_answers.clear()
        calls = len(stage.calls)
        wait_until(lambda: len(stage.calls) > calls)  # a round waits for it
        gone, peer = stage.connect(2), stage.connect(1)
        gone.disconnect("the remote closed the connection")
        peer.send(PEX_CHANNEL, REQUEST)
        peer.wait_until_handled()
        stage.ask("anything")
        assert not stage.book_answers.is_set()
        stage.book_answers.set()
        answered(peer)


def test_a_reactor_starts_without_a_book_and_judges_askers_by_what_it_recalls(
    clock: Clock, quick_rounds: None
) -> None:
    """Its predecessor answered this peer a moment ago."""
    known = AddrBook(clock=clock, rng=random.Random(1))
    with Stage(clock, known=known) as before:
        peer = before.connect()
        peer.send(PEX_CHANNEL, REQUEST, REQUEST)
        answered(peer)
        wait_until(lambda: before.facts(FactKind.ASKED) != [])
    stage = Stage(clock, known=known, instrumentation={"prometheus": True})
    stage.book_answers.clear()
    with stage:
        stage.connect().send(PEX_CHANNEL, REQUEST)
        stage.ask("anything")
        stage.book_answers.set()
        wait_until(lambda: stage.counter("p2p_pex_requests_total", "early") == 1)
