"""Addresses of nodes of another network: let be, not told, and forgotten as such when they have changed."""

from __future__ import annotations

import random
from pathlib import Path

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.choosing import NEEDS_MORE_BELOW
from peerage.actors.discovery.book.known_address import Kind, Standing
from peerage.actors.discovery.book.opening import open_book
from peerage.actors.discovery.book.policies import COMETBFT_RULES, Improvements
from peerage.actors.discovery.book.row_codec import read_line, write_address
from tests.actors.discovery.nodes import Clock, address, book, node_id

HOUR = 3600.0


def other_network(clock: Clock, improvements: Improvements | None = None) -> AddrBook:
    """A book of one address, whose node has just turned out to be of another network."""
    known = book(clock, improvements=improvements)
    known.add(address(1), address(2))
    known.mark_good(node_id(1))
    known.mark_incompatible(node_id(1), address(1))
    return known


def offered(known: AddrBook) -> bool:
    """Whether anybody would dial it, for whatever reason."""
    return bool(
        any(known.dials.pick(bias) for bias in (0, 100) * 20)
        or known.dials.offer(50, 30).candidates
        or known.dials.feeler()
        or known.dials.due(10)
        or known.dials.due_address(node_id(1))
        or known.anchors.addresses()
    )


def told(known: AddrBook) -> bool:
    """Whether anybody would be told of it."""
    return bool(
        known.answers.selection()
        or known.answers.selection_with_bias(30)
        or known.answers.selection_with_bias(100)
    )


def test_a_node_of_another_network_is_neither_dialled_nor_told() -> None:
    """With all improvements and with CometBFT's rules alone. It was good before: its chain may have forked."""
    for improvements in (None, COMETBFT_RULES):
        clock = Clock()
        known = other_network(clock, improvements)
        known.anchors.remember([address(1)])
        row = known.get(node_id(1))
        assert row is not None
        assert row.standing is Standing.INCOMPATIBLE
        assert not offered(known)
        assert not told(known)
        assert known.statistics().incompatible == 1
        assert known.statistics().verified == 0


def test_it_is_tried_again_after_an_hour_and_then_ever_more_seldom() -> None:
    """Up to a day. It is still told to nobody."""
    clock = Clock()
    known = other_network(clock)
    for hours in (1, 2, 4, 8, 16, 24, 24):
        clock.pass_by(hours * HOUR - 1)
        assert not offered(known)
        clock.pass_by(2)
        assert offered(known)
        assert not told(known)
        known.mark_incompatible(node_id(1), address(1))


def test_it_is_one_of_ours_again_when_it_answers_as_one() -> None:
    """Verified, and told."""
    known = other_network(Clock())
    known.mark_good(node_id(1))
    assert told(known)
    assert known.statistics().incompatible == 0


def test_it_is_one_of_ours_again_when_it_comes_by_itself() -> None:
    """Its NodeInfo was compatible, or nobody would have heard of it. What others say of it counts for nothing."""
    known = other_network(Clock())
    known.add(address(1), address(3))
    assert not offered(known)
    known.add(address(1), address(1))
    assert offered(known)


def test_addresses_of_other_networks_do_not_count_as_known() -> None:
    """A book full of them goes on asking for more."""
    known = book(shape=BookShape(new_bucket_size=2048))
    for number in range(NEEDS_MORE_BELOW):
        known.add(address(number), address(2000 + number))
    wanted = [known.dials.needs_more()]
    known.mark_incompatible(node_id(5))
    wanted.append(known.dials.needs_more())
    known.remove(node_id(5))
    known.add(address(5), address(6))
    wanted.append(known.dials.needs_more())
    assert wanted == [False, True, False]


def test_it_makes_room_for_others_first() -> None:
    """Its place in a full bucket goes to whoever comes."""
    clock = Clock()
    shape = BookShape(new_buckets=1, new_bucket_size=3, old_buckets=1, old_bucket_size=1)
    known = book(clock, shape=shape)
    for number in (1, 2, 3):
        known.add(address(number), address(9))
        clock.pass_by(1)
    known.mark_incompatible(node_id(2))
    clock.pass_by(61)
    known.add(address(4), address(9))
    assert [known.has(node_id(number)) for number in (1, 2, 3, 4)] == [True, False, True, True]


def test_an_old_one_gives_its_place_back() -> None:
    """It becomes new if there is room, and loses a contest at once if there is none."""
    known = other_network(Clock())
    row = known.get(node_id(1))
    assert row is not None
    assert row.kind is Kind.NEW


def test_the_mark_survives_a_restart(tmp_path: Path) -> None:
    """As a line, in the store, and in a book that was filled from it."""
    known = other_network(clock := Clock())
    row = known.get(node_id(1))
    assert row is not None
    assert read_line(write_address(row)) == row
    path = tmp_path / "book.sqlite"
    opened = open_book(path, clock=clock, rng=random.Random(1))
    opened.book.add(address(1), address(2))
    opened.book.mark_incompatible(node_id(1))
    opened.store.apply(opened.book.drain())
    opened.store.close()
    again = open_book(path, clock=clock, rng=random.Random(1))
    assert again.book.statistics().incompatible == 1
    assert not offered(again.book)
    assert not told(again.book)
    again.store.close()


def test_our_own_place_under_another_id_leaves_the_book() -> None:
    """Whoever is said to be there is somewhere else, if anywhere."""
    known = book()
    known.add(address(1), address(2))
    known.add_our_address(address(3, str(address(1).host)))
    assert not known.has(node_id(1))
    known.add(address(1, "9.9.9.9"), address(2))
    assert known.has(node_id(1))
