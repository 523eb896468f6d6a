"""The address book beside a dictionary: any sequence of operations keeps what must hold."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from peerage.actors.discovery.book.additions import Outcome
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import fit, read_book, write_book
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.known_address import Kind, KnownAddress
from peerage.actors.discovery.book.policies import COMETBFT_RULES, Improvements
from peerage.actors.discovery.errors import AddressBannedError
from peerage.wire.keys import NodeID
from tests.actors.discovery.nodes import KEY, SMALL, Clock, address, node_id

NUMBERS = st.integers(0, 40)
SOURCES = st.integers(700, 720)


def of_cometbft(row: KnownAddress) -> tuple[object, ...]:
    """What its file has of an address, but for the buckets: another book has others."""
    return (row.address, row.source, row.kind, row.attempts, row.last_attempt, row.last_success, row.last_ban)


class BookMachine(RuleBasedStateMachine):
    """The model knows who may be in the book: those added and not removed, banned or pushed out by others."""

    improvements = COMETBFT_RULES

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.book = self.empty()
        self.model: set[NodeID] = set()
        self.good: set[NodeID] = set()
        self.banned: dict[NodeID, float] = {}
        self.rows: dict[NodeID, KnownAddress] = {}  # what a store has
        self.bans: dict[str, Ban] = {}

    def empty(self) -> AddrBook:
        return AddrBook(
            clock=self.clock, rng=random.Random(3), key=KEY, shape=SMALL, improvements=self.improvements
        )

    def old(self) -> set[NodeID]:
        return {row.id for row in self.book.addresses() if row.kind is Kind.OLD}

    def ids(self) -> set[NodeID]:
        return {row.id for row in self.book.addresses()}

    @rule(number=NUMBERS, source=SOURCES, port=st.integers(1, 3))
    def add(self, number: int, source: int, port: int) -> None:
        told = address(number, port=port)
        before = self.ids()
        if told.id in self.banned:
            try:
                self.book.add(told, address(source))
            except AddressBannedError:
                return
            raise AssertionError("a banned ID got in")
        outcome = self.book.add(told, address(source))
        after = self.ids()
        assert (outcome is Outcome.ADDED) == (told.id not in before)
        assert told.id in after
        pushed_out = before - after
        assert len(pushed_out) <= 1
        assert not pushed_out & self.good, "an old address was pushed out by a new one"
        self.model = (self.model | {told.id}) - pushed_out

    @rule(number=NUMBERS)
    def mark_good(self, number: int) -> None:
        assert self.book.mark_good(node_id(number)) == (node_id(number) in self.model)
        assert self.ids() == self.model  # nobody gets lost
        self.good = self.old()
        if node_id(number) in self.model and not self.improvements.test_before_evict:
            assert node_id(number) in self.good

    @rule(number=NUMBERS)
    def mark_attempt(self, number: int) -> None:
        assert self.book.mark_attempt(node_id(number)) == (node_id(number) in self.model)
        if self.improvements.test_before_evict:  # a test may just have been lost
            assert len(self.old() ^ self.good) in {0, 1, 2}
            self.good = self.old()

    @rule(number=NUMBERS, seconds=st.sampled_from([10.0, 100.0]))
    def mark_bad(self, number: int, seconds: float) -> None:
        known = node_id(number) in self.model
        assert self.book.bad_peers.mark_bad(node_id(number), seconds, "model") == known
        if known:
            self.model.remove(node_id(number))
            self.good.discard(node_id(number))
            self.banned[node_id(number)] = self.clock.now + seconds

    @rule(number=NUMBERS, seconds=st.sampled_from([10.0, 100.0]))
    def give_up(self, number: int, seconds: float) -> None:
        """As mark_bad, but the ID may connect."""
        known = node_id(number) in self.model
        shut_out = self.book.bans.ban_of(node_id(number))
        assert self.book.bad_peers.give_up(node_id(number), seconds, "model") == known
        assert self.book.bans.ban_of(node_id(number)) == shut_out
        if known:
            self.model.remove(node_id(number))
            self.good.discard(node_id(number))
            self.banned[node_id(number)] = self.clock.now + seconds

    @rule(number=NUMBERS)
    def lift(self, number: int) -> None:
        """An operator ends a ban before its time: who was in the book is back, as new."""
        banned = node_id(number) in self.banned
        before = self.ids()
        assert self.book.bad_peers.lift(node_id(number)) == banned
        if banned:
            del self.banned[node_id(number)]
            after = self.ids()
            pushed_out = before - after
            assert after - before == {node_id(number)}
            assert len(pushed_out) <= 1
            assert not pushed_out & self.good
            self.model = after

    @rule(number=NUMBERS)
    def ban_a_network(self, number: int) -> None:
        """Its addresses stay in the book, and are neither offered nor told."""
        subject = str(address(number).host)
        self.book.bad_peers.ban(subject, 100.0, "model")
        told = [
            *self.book.answers.selection(),
            *self.book.answers.selection_with_bias(50),
            *self.book.dials.offer(50, 20).candidates,
        ]
        assert all(str(each.host) != subject for each in told)
        self.model = self.ids()  # an offer may have reinstated somebody
        self.banned = {banned: self.banned[banned] for banned in self.banned if self.book.bans.holds(banned)}
        assert self.book.bad_peers.lift(subject)

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        assert self.book.remove(node_id(number)) == (node_id(number) in self.model)
        self.model.discard(node_id(number))
        self.good.discard(node_id(number))

    @rule()
    def reinstate(self) -> None:
        over = {banned for banned, until in self.banned.items() if until <= self.clock.now}
        assert set(self.book.bad_peers.reinstate()) == over
        for banned in over:
            del self.banned[banned]
        after = self.ids()
        assert after <= self.model | over
        assert self.good <= after
        self.model = after

    @rule(seconds=st.sampled_from([1.0, 50.0, 8 * 86_400.0]))
    def pass_by(self, seconds: float) -> None:
        self.clock.pass_by(seconds)

    @rule(bias=st.integers(-10, 110))
    def choose(self, bias: int) -> None:
        picked = self.book.dials.pick(bias)
        assert picked is None or picked.id in self.model
        for selection in (self.book.answers.selection(), self.book.answers.selection_with_bias(bias)):
            chosen = [told.id for told in selection]
            assert len(set(chosen)) == len(chosen)
            assert set(chosen) <= self.model

    @rule()
    def store(self) -> None:
        """What the journal tells is enough to rebuild the book."""
        changes = self.book.drain()
        self.rows.update((row.id, row) for row in changes.changed)
        for gone in changes.gone:
            self.rows.pop(gone, None)
        self.bans.update((ban.subject, ban) for ban in changes.banned)
        for lifted in changes.lifted:
            self.bans.pop(lifted, None)
        assert self.rows == {row.id: row for row in self.book.addresses()}
        assert self.bans == {ban.subject: ban for ban in self.book.bans}

    @rule()
    def restart(self) -> None:
        """A book filled from the store is the same book."""
        self.store()
        again = self.empty()
        assert again.restore(self.rows.values(), self.bans.values(), stored=True) == []
        assert not again.drain()
        assert {row.id: row for row in again.addresses()} == self.rows
        self.book = again

    @rule()
    def export_and_import(self) -> None:
        """CometBFT's file gives the same book again, to one that begins with it and to one that takes it in."""
        read = read_book(write_book(self.book.key, fit(self.book)))
        before = {row.id: of_cometbft(row) for row in self.book.addresses()}
        assert read.key == self.book.key
        again, other = self.empty(), AddrBook(clock=self.clock, rng=random.Random(4), key=KEY)
        assert again.restore(read.rows) == []
        assert {row.id: of_cometbft(row) for row in again.addresses()} == before
        assert {row.id: row.buckets for row in again.addresses()} == {
            row.id: row.buckets for row in self.book.addresses()
        }
        assert other.merge(read.rows).added == len(before)
        assert {row.id: of_cometbft(row) for row in other.addresses()} == before
        assert other.merge(read.rows).left_alone == len(before)

    @invariant()
    def agrees_with_the_model(self) -> None:
        rows = list(self.book.addresses())
        assert {row.id for row in rows} == self.model
        assert {row.id for row in rows if row.kind is Kind.OLD} == self.good
        assert {ban.subject for ban in self.book.bans} == set(self.banned)
        for row in rows:
            assert (len(row.buckets) == 1) if row.kind is Kind.OLD else (1 <= len(row.buckets) <= 4)

    @invariant()
    def counts_agree(self) -> None:
        rows = list(self.book.addresses())
        counts = self.book.statistics()
        assert counts.size == counts.new + counts.old == len(rows)
        assert counts.references == sum(len(row.buckets) for row in rows)
        assert counts.old <= SMALL.old_buckets * SMALL.old_bucket_size
        for number in range(SMALL.new_buckets):
            assert (
                sum(row.kind is Kind.NEW and number in row.buckets for row in rows) <= SMALL.new_bucket_size
            )


class ImprovedBookMachine(BookMachine):
    """The same with everything that is better than CometBFT, and what only that has."""

    improvements = Improvements()

    @rule(number=NUMBERS, port=st.integers(1, 3))
    def mark_good_elsewhere(self, number: int, port: int) -> None:
        known = node_id(number) in self.model
        assert self.book.mark_good(node_id(number), address(number, port=port), 0.1) == known
        moved = self.book.get(node_id(number))
        assert (moved is not None) == known
        assert moved is None or (moved.address.port == port and moved.moved is None)
        assert self.ids() == self.model  # nobody gets lost
        self.good = self.old()

    @rule(number=NUMBERS, port=st.integers(1, 3))
    def mark_attempt_elsewhere(self, number: int, port: int) -> None:
        known = node_id(number) in self.model
        assert self.book.mark_attempt(node_id(number), address(number, port=port)) == known
        self.good = self.old()

    @rule(count=st.integers(0, 50))
    def visit(self, count: int) -> None:
        due = [told.id for told in self.book.dials.due(count)]
        assert len(due) == len(set(due)) <= count
        assert set(due) <= self.model

    @rule()
    def feel(self) -> None:
        told = self.book.dials.feeler()
        assert told is None or told.id in self.model
        self.good = self.old()  # a test may have taken too long
        assert self.ids() == self.model


for machine in (BookMachine, ImprovedBookMachine):
    machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBookMachine = BookMachine.TestCase
TestImprovedBookMachine = ImprovedBookMachine.TestCase
