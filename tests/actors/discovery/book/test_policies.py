"""What the address book does better than CometBFT's, each with its switch."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.answers import FEW_VERIFIED
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.eviction_tests import SURE_FOR, TEST_WINDOW
from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.known_address import VERIFY_AGAIN_AFTER, Kind, Standing
from peerage.actors.discovery.book.opening import open_book
from peerage.actors.discovery.book.policies import COMETBFT_RULES, Improvements
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.discovery.book.verified import VERIFIED_FOR
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import Clock, address, book, node_id

SOURCE = address(900)
HOUR = 3600.0


def seed_book(clock: Clock, improvements: Improvements | None = None) -> AddrBook:
    """A thousand addresses of which 120 answered and 600 did not."""
    shape = BookShape(new_bucket_size=2048, old_bucket_size=2048)
    known = book(clock, shape=shape, improvements=improvements)
    for number in range(1000):
        known.add(address(number), address(2000 + number % 50))
        if number < 120:
            known.mark_good(node_id(number))
        elif number < 720:
            known.mark_attempt(node_id(number))
    return known


def numbers(addresses: list[NetAddress]) -> list[int]:
    return sorted(int(told.id, 16) for told in addresses)


def test_a_seed_tells_only_whom_a_handshake_has_verified() -> None:
    """All of them, and not one more, be it that an answer could hold more."""
    assert numbers(seed_book(Clock()).answers.selection_with_bias(30)) == list(range(120))


def test_a_seed_of_a_small_network_also_tells_who_has_just_come() -> None:
    """Those who start with him wait for that; he is tried in a moment. With enough verified ones he can wait."""
    for verified, told_at_once in ((1, True), (FEW_VERIFIED, False)):
        clock = Clock()
        known = book(clock)
        for number in range(verified):
            known.add(address(number), SOURCE)
            known.mark_good(node_id(number))
        known.add(address(5000), SOURCE)  # of whom somebody else tells
        known.add(address(5001), address(5001))
        assert (address(5001) in known.answers.selection_with_bias(30)) is told_at_once
        assert address(5000) not in known.answers.selection_with_bias(30)
        clock.pass_by(11.0)
        assert address(5001) not in known.answers.selection_with_bias(30)
    known = book(Clock())
    known.add(address(1), SOURCE)
    known.mark_good(node_id(1))
    known.add(address(5001), address(5001))
    known.mark_attempt(node_id(5001))
    assert known.answers.selection_with_bias(30) == [address(1)]


def test_a_seed_of_cometbfts_rules_tells_anybody() -> None:
    """With the switch off 30 % are new, most of whom never answered."""
    told = numbers(seed_book(Clock(), COMETBFT_RULES).answers.selection_with_bias(30))
    assert len(told) == 230
    assert max(told) > 720


def test_one_that_failed_since_is_not_told() -> None:
    """A verdict is the last dial's."""
    known = seed_book(Clock())
    known.mark_attempt(node_id(7))
    assert 7 not in numbers(known.answers.selection_with_bias(30))
    known.mark_good(node_id(7))
    assert 7 in numbers(known.answers.selection_with_bias(30))


def test_a_verdict_grows_old() -> None:
    """A handshake vouches for three hours; without any left, rather the untried than those that failed."""
    clock = Clock()
    known = seed_book(clock)
    clock.pass_by(VERIFIED_FOR / SECOND - 60.0)
    known.mark_good(node_id(3))
    clock.pass_by(120.0)
    assert numbers(known.answers.selection_with_bias(30)) == [3]
    known.remove(node_id(3))
    told = numbers(known.answers.selection_with_bias(30))
    assert told
    assert all(number < 120 or number >= 720 for number in told)


def test_a_seed_that_knows_only_failures_tells_them() -> None:
    """Better than nothing: they may be back."""
    known = book()
    known.add(address(1), SOURCE)
    known.mark_attempt(node_id(1))
    assert numbers(known.answers.selection_with_bias(30)) == [1]


def test_verdicts_survive_a_restart(tmp_path: Path) -> None:
    """Verdict, latency, next try, a move that was not proved yet: the new book knows them."""
    clock, path = Clock(), tmp_path / "book"
    before = open_book(path, clock=clock, rng=random.Random(1))
    for number in range(3):
        before.book.add(address(number), SOURCE)
    before.book.mark_good(node_id(1), address(1), 0.25)
    before.book.mark_attempt(node_id(2))
    before.book.add(address(2, port=1), SOURCE)
    before.store.apply(before.book.drain())
    before.store.close()
    after = open_book(path, clock=clock, rng=random.Random(1))
    rows = [after.book.get(node_id(number)) for number in range(3)]
    after.store.close()
    assert [row and row.standing for row in rows] == [Standing.UNTRIED, Standing.VERIFIED, Standing.FAILING]
    assert rows[1] is not None
    assert rows[2] is not None
    assert rows[1].latency == SECOND // 4
    assert rows[1].next_try == rows[1].last_success + VERIFY_AGAIN_AFTER
    assert rows[2].moved == address(2, port=1)
    assert numbers(after.book.answers.selection_with_bias(30)) == [1]


def test_a_seed_visits_who_is_due() -> None:
    """The untried at once, who answered after half an hour, who failed after a pause that doubles."""
    clock = Clock()
    known = seed_book(clock)
    due = known.dials.due(1000)
    assert numbers(due) == list(range(720, 1000))
    clock.pass_by(61.0)
    assert numbers(known.dials.due(1000)) == list(range(120, 1000))
    known.mark_attempt(node_id(200))
    clock.pass_by(61.0)
    assert 200 not in numbers(known.dials.due(1000))
    clock.pass_by(60.0)
    assert 200 in numbers(known.dials.due(1000))
    clock.pass_by(1800.0)
    assert numbers(known.dials.due(1000)) == list(range(1000))


def test_a_flood_of_new_addresses_does_not_keep_a_seed_from_looking_again() -> None:
    """Half of the visits go to those that answered, as long as there are any due."""
    clock = Clock()
    known = seed_book(clock)
    clock.pass_by(VERIFY_AGAIN_AFTER / SECOND + 1.0)
    assert sum(number < 120 for number in numbers(known.dials.due(100))) == 50


# --- test before evict ---


def full_bucket(clock: Clock, improvements: Improvements | None = None) -> AddrBook:
    """Three old addresses that fill the only old bucket of their group, the first of them the oldest."""
    shape = BookShape(old_buckets=1, old_bucket_size=3, old_buckets_per_group=1)
    known = book(clock, shape=shape, improvements=improvements)
    for number in range(3):
        known.add(address(number), SOURCE)
        known.mark_good(node_id(number))
        clock.pass_by(1.0)
    known.add(address(9), SOURCE)
    return known


def old(known: AddrBook) -> set[int]:
    return {int(row.id, 16) for row in known.addresses() if row.kind is Kind.OLD}


def test_without_the_switch_the_oldest_goes() -> None:
    """CometBFT's rule."""
    known = full_bucket(Clock(), COMETBFT_RULES)
    known.mark_good(node_id(9))
    assert old(known) == {1, 2, 9}


def test_who_answered_lately_keeps_his_place() -> None:
    """Without a test; the newcomer stays new, and verified."""
    clock = Clock()
    known = full_bucket(clock)
    known.mark_good(node_id(9))
    assert old(known) == {0, 1, 2}
    assert len(known) == 4
    assert 9 in numbers(known.answers.selection_with_bias(30))
    feeler = known.dials.feeler()
    assert feeler is None or feeler.id != node_id(0)


@pytest.mark.parametrize("answers", [True, False])
def test_the_oldest_is_tried_before_he_goes(answers: bool) -> None:
    """He stays when he answers; when not, they change places."""
    clock = Clock()
    known = full_bucket(clock)
    clock.pass_by(SURE_FOR / SECOND + 10.0)
    known.mark_good(node_id(9))
    assert old(known) == {0, 1, 2}
    assert known.dials.feeler() == address(0)
    clock.pass_by(1.0)
    if answers:
        known.mark_good(node_id(0), address(0))
    else:
        known.mark_attempt(node_id(0), address(0))
    assert old(known) == ({0, 1, 2} if answers else {1, 2, 9})
    assert len(known) == 4


def test_who_cannot_be_tried_gives_way_in_the_end() -> None:
    """A newcomer does not wait for ever."""
    clock = Clock()
    known = full_bucket(clock)
    clock.pass_by(SURE_FOR / SECOND + 10.0)
    known.mark_good(node_id(9))
    clock.pass_by(TEST_WINDOW / SECOND + 1.0)
    known.dials.feeler()
    assert old(known) == {1, 2, 9}


# --- feelers ---


def test_a_feeler_tries_a_new_address_whose_time_has_come() -> None:
    """Never an old one, nor one that has just failed."""
    known = seed_book(Clock())
    felt = {known.dials.feeler() for _ in range(200)}
    assert len(felt) > 50
    assert all(told is None or int(told.id, 16) >= 720 for told in felt)


def test_feelers_can_be_switched_off() -> None:
    """None then."""
    assert seed_book(Clock(), replace(Improvements(), feelers=False)).dials.feeler() is None


# --- anchors ---


def test_anchors_are_offered_first_and_once_after_a_restart(tmp_path: Path) -> None:
    """The last good outbound peers, the best first, before anything that is picked."""
    clock, path = Clock(), tmp_path / "book"
    before = open_book(path, clock=clock, rng=random.Random(1))
    for number in range(50):
        before.book.add(address(number), SOURCE)
    before.book.anchors.remember([address(30), address(31)])
    before.book.anchors.remember([address(number) for number in (8, 5, 6, 7, 9)])
    before.book.anchors.remember([])  # no peers at all: no reason to forget the last good ones
    assert before.book.dials.offer(50, 3).candidates[0].id != address(8).id or len(before.book) > 0
    before.store.apply(before.book.drain())
    before.store.close()
    after = open_book(path, clock=clock, rng=random.Random(1))
    assert after.book.dials.offer(50, 3).candidates[:4] == tuple(address(number) for number in (8, 5, 6, 7))
    assert after.book.dials.offer(50, 3).candidates[:4] != tuple(address(number) for number in (8, 5, 6, 7))
    after.store.close()


def test_banned_and_private_anchors_are_not_offered() -> None:
    """What changed since they were good counts."""
    known = book()
    known.anchors.remember([address(1), address(2), address(3), address(4)])
    known.bans.add(node_id(1), 60.0, "test")
    known.bans.add(str(address(2).host), 60.0, "test")
    known.add_private_ids([node_id(3)])
    assert known.anchors.addresses() == [address(4)]


def test_anchors_can_be_switched_off() -> None:
    """Nothing is kept."""
    known = book(improvements=COMETBFT_RULES)
    known.anchors.remember([address(1)])
    assert known.anchors.addresses() == []
    assert not known.drain()


# --- moves ---


def test_a_known_id_moves_once_a_handshake_has_proved_it() -> None:
    """It reports the new address itself; it is tried there; it keeps its history and is good there."""
    known = book()
    known.add(address(1), SOURCE)
    known.mark_good(node_id(1))
    new = address(1, "9.8.7.6")
    known.add(new, new)
    row = known.get(node_id(1))
    assert row is not None
    assert (row.address, row.moved) == (address(1), new)
    assert known.dials.feeler() == new
    known.mark_good(node_id(1), new)
    row = known.get(node_id(1))
    assert row is not None
    assert (row.address, row.moved, row.kind, row.source) == (new, None, Kind.OLD, SOURCE)


def test_a_false_move_leaves_no_trace() -> None:
    """A dial that fails there is no failure of the ID's, and its address stays."""
    known = book()
    known.add(address(1), SOURCE)
    known.mark_good(node_id(1))
    new = address(1, "9.8.7.6")
    known.add(new, new)
    known.mark_attempt(node_id(1), new)
    row = known.get(node_id(1))
    assert row is not None
    assert (row.address, row.moved, row.attempts) == (address(1), None, 0)


def test_what_others_say_of_a_move_counts_only_when_nobody_answers_any_more() -> None:
    """They may name a relay of theirs, through which the handshake would succeed too."""
    known = book()
    known.add(address(1), SOURCE)
    known.mark_good(node_id(1))
    new = address(1, "9.8.7.6")
    known.add(new, SOURCE)
    row = known.get(node_id(1))
    assert row is not None
    assert row.moved is None
    known.mark_attempt(node_id(1))
    known.add(new, SOURCE)
    assert known.dials.pick(0) == new
    assert {told.id: told for told in known.answers.selection()}[node_id(1)] == address(1)


def test_following_moves_can_be_switched_off() -> None:
    """The address first heard stays, as with CometBFT."""
    known = book(improvements=COMETBFT_RULES)
    known.add(address(1), SOURCE)
    new = address(1, "9.8.7.6")
    known.add(new, new)
    known.mark_good(node_id(1), new)
    row = known.get(node_id(1))
    assert row is not None
    assert row.address == address(1)


# --- bans of networks ---


def test_addresses_of_a_banned_network_are_neither_dialled_nor_told() -> None:
    """They stay in the book, and are there again when the ban is over."""
    clock = Clock()
    known = seed_book(clock)
    known.add(address(5000, "9.9.9.9"), SOURCE)
    known.mark_good(node_id(5000))
    for first in range(1, 9):
        known.bad_peers.ban(f"{first}.0.0.0/8", 60.0, "test")
    told = [*known.answers.selection(), *known.answers.selection_with_bias(30), *known.dials.due(1000)]
    told += [picked for picked in (known.dials.pick(50) for _ in range(200)) if picked is not None]
    felt = known.dials.feeler()
    assert felt is None or str(felt.host).startswith("9.")
    assert {str(one.host)[:2] for one in told} == {"9."}
    assert {ban.subject for ban in known.bans.published()} == {f"{first}.0.0.0/8" for first in range(1, 9)}
    clock.pass_by(61.0)
    assert known.bans.published() == ()
    assert len({str(told.host)[:2] for told in known.answers.selection()}) > 1


# --- facts ---


def test_facts_survive_a_restart_and_are_forgotten_when_told(tmp_path: Path) -> None:
    """What others count is stored with the book."""
    clock, path = Clock(), tmp_path / "book"
    asked = Fact(FactKind.ASKED, node_id(1), (2, 3, 4, 5))
    failed = Fact(FactKind.FAILED, "1.2.3.4:5", (1, 2, 3))
    for keep, expected in (
        ([asked, failed], {asked, failed}),
        ([Fact(FactKind.ASKED, node_id(1))], {failed}),
    ):
        opened = open_book(path, clock=clock, rng=random.Random(1))
        opened.book.facts.keep(keep)
        opened.store.apply(opened.book.drain())
        opened.store.close()
        again = open_book(path, clock=clock, rng=random.Random(1))
        assert set(again.book.facts.all()) == expected
        assert not again.book.drain()
        again.store.close()


def test_facts_are_salvaged_from_a_damaged_file(tmp_path: Path) -> None:
    """As addresses and bans are."""
    path = tmp_path / "book"
    opened = open_book(path, clock=Clock(), rng=random.Random(1))
    fact = Fact(FactKind.FAILED, "1.2.3.4:5", (1, 2, 3))
    opened.book.facts.keep([fact])
    opened.store.apply(opened.book.drain())
    opened.store.close()
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    for _ in range(2):
        again = open_book(path, clock=Clock(), rng=random.Random(1))
        assert again.book.facts.all() == (fact,)
        again.store.close()
