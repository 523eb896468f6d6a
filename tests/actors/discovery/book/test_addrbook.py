"""The address book's rules (reference 9)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from peerage.actors.discovery.book.additions import Outcome
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import load_file
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.known_address import Entry, Kind
from peerage.actors.discovery.book.policies import COMETBFT_RULES
from peerage.actors.discovery.book.timestamps import DAY, MINUTE, SECOND
from peerage.actors.discovery.errors import (
    AddressBannedError,
    AddressMissingError,
    AddressNotRoutableError,
    AddressPrivateError,
    AddressRefusedError,
    AddressUnfitError,
    OwnAddressError,
    SourcePrivateError,
)
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import SMALL, START, Clock, address, book, filled, node_id
from tests.wire.vectors import VECTORS, load

SUMMARY = load("addrbook_summary")
OURS = NetAddress("0" * 36 + "270f", "1.1.1.1", 26656)
SOURCE = address(500)

ERRORS: dict[str, type[AddressRefusedError]] = {
    "pex.ErrAddrBookNilAddr": AddressMissingError,
    "pex.ErrAddrBookInvalidAddr": AddressUnfitError,
    "pex.ErrAddressBanned": AddressBannedError,
    "pex.ErrAddrBookPrivate": AddressPrivateError,
    "pex.ErrAddrBookPrivateSrc": SourcePrivateError,
    "pex.ErrAddrBookSelf": OwnAddressError,
    "pex.ErrAddrBookNonRoutable": AddressNotRoutableError,
}


def recorded_book(clock: Clock) -> AddrBook:
    """The book of the vectors: its file, its bans, our address and the private IDs."""
    recorded = book(clock)
    recorded.restore(load_file(VECTORS / "addrbook.json").rows)
    ids = SUMMARY["book"]["banned_ids"]
    places = {case["address"].partition("@")[0]: case["address"] for case in SUMMARY["add_address"]}
    for number, banned in enumerate(ids):
        where = NetAddress.parse(places.get(banned, f"{banned}@56.63.10.11:26656"))
        recorded.add(where, NetAddress("0" * 37 + "1f4", "5.9.1.1", 26656))
        assert recorded.bad_peers.mark_bad(banned, 0.5 if number == 2 else 3600.0, "vector")
    recorded.add_our_address(OURS)
    recorded.add_private_ids(["0" * 36 + "1e61", "0" * 36 + "1e62"])
    clock.pass_by(1.0)
    return recorded


def parsed(text: str) -> NetAddress | None:
    if text == "<nil-NetAddress>":
        return None
    node, _, place = text.partition("@")
    host, _, port = place.rpartition(":")
    return NetAddress(node, host, int(port))


@pytest.mark.parametrize("case", SUMMARY["add_address"], ids=lambda case: case["name"])
def test_additions_end_as_in_cometbft(case: dict[str, Any]) -> None:
    """Vector add_address: taken, or refused with the same error; our own ID is refused at any port."""
    recorded = recorded_book(Clock())
    expected = ERRORS.get(case["error_type"])
    if "another port" in case["name"]:
        expected = OwnAddressError  # do better: reference 9
    if expected is None:
        recorded.add(parsed(case["address"]), parsed(case["source"]))
    else:
        with pytest.raises(AddressRefusedError) as caught:
            recorded.add(parsed(case["address"]), parsed(case["source"]))
        assert type(caught.value) is expected
    node = case["address"].partition("@")[0]
    assert recorded.has(node) == (case["in_book_after"] and expected is None)


def test_the_recorded_book_is_what_its_summary_says() -> None:
    """Vector book: sizes, good and banned IDs."""
    summary = SUMMARY["book"]
    recorded = book()
    assert recorded.restore(load_file(VECTORS / "addrbook.json").rows) == []
    counts = recorded.statistics()
    assert (counts.size, counts.new, counts.old) == (summary["size"], summary["new"], summary["old"])
    assert counts.references == summary["bucket_references"]
    by_number = Counter(str(len(known.buckets)) for known in recorded.addresses())
    assert by_number == summary["entries_by_number_of_buckets"]
    assert {known.id for known in recorded.addresses() if recorded.is_good(known.id)} == set(
        summary["good_ids"]
    )
    assert not any(recorded.has(gone) for gone in [*summary["banned_ids"], *summary["removed_ids"]])


def test_reinstating_brings_back_whose_ban_is_over() -> None:
    """Vector after_reinstate_bad_peers."""
    summary = SUMMARY["book"]["after_reinstate_bad_peers"]
    recorded = recorded_book(Clock())
    assert recorded.bad_peers.reinstate() == [SUMMARY["book"]["banned_ids"][2]]
    # our own ID at another port, which CometBFT let in, has left
    assert len(recorded) == summary["size_after"] - 1
    banned = [subject for subject in SUMMARY["book"]["banned_ids"] if recorded.bans.holds(subject)]
    assert banned == summary["banned_after"]


def test_our_own_place_is_refused_under_any_id() -> None:
    """Somebody who says that he is where we are makes us dial ourselves."""
    own = book()
    own.add_our_address(OURS)
    assert OURS in own.own
    with pytest.raises(OwnAddressError):
        own.add(NetAddress(node_id(3), "1.1.1.1", 26656), SOURCE)
    assert own.add(NetAddress(node_id(3), "1.1.1.1", 26657), SOURCE) is Outcome.ADDED


def test_who_turns_out_to_be_ourselves_or_private_leaves_the_book() -> None:
    """And does not come back."""
    known = book()
    known.add(address(1), SOURCE)
    known.add(address(2), SOURCE)
    known.add_our_address(address(1))
    known.add_private_ids([node_id(2)])
    assert len(known) == 0


def test_a_lax_book_takes_what_cannot_be_routed() -> None:
    """As `addr_book_strict = false` says."""
    assert book(strict=False).add(NetAddress(node_id(1), "127.0.0.1", 1), SOURCE) is Outcome.ADDED


def test_a_banned_network_keeps_addresses_out() -> None:
    """Bans by IP hold for what others tell, too, as long as they last."""
    clock = Clock()
    known = book(clock)
    known.bans.add("1.2.3.0/24", 60.0, "x")
    with pytest.raises(AddressBannedError):
        known.add(address(1, "1.2.3.4"), SOURCE)
    clock.pass_by(61.0)
    assert known.add(address(1, "1.2.3.4"), SOURCE) is Outcome.ADDED


def test_answers_are_taken_as_a_whole_and_refusals_counted() -> None:
    """Nothing that a peer tells raises."""
    known = book()
    told = [
        address(1),
        address(2),
        address(1),
        NetAddress(node_id(3), "10.0.0.1", 1),
        NetAddress("x", "1.2.3.4", 1),
    ]
    added = known.add_all(told, SOURCE)
    assert (added.added, added.changed) == (2, 2)
    assert added.left_alone == 1
    assert added.refused == {"not routable": 1, "invalid": 1}
    assert known.add_all(told, None).refused == {"missing": 5}


def test_an_id_announced_again_and_again_lies_in_four_buckets_under_its_first_address() -> None:
    """Vector same_id_again."""
    expected = SUMMARY["same_id_again"]
    known = book()
    for number in range(2000):
        known.add(
            NetAddress(node_id(1), f"9.{number % 250}.{number // 250}.9", 26656), address(600 + number % 40)
        )
    (row,) = known.addresses()
    assert len(row.buckets) == expected["buckets"]
    assert str(row.address) == f"{node_id(1)}@9.0.0.9:26656"


def test_an_old_id_is_left_alone() -> None:
    """Nobody can move a proved node by telling another address."""
    known = book()
    known.add(address(1), SOURCE)
    known.mark_good(node_id(1))
    before = known.get(node_id(1))
    for number in range(50):
        assert known.add(NetAddress(node_id(1), "9.9.9.9", 1), address(600 + number)) is Outcome.LEFT_ALONE
    assert known.get(node_id(1)) == before


def test_a_full_new_bucket_lets_the_oldest_go() -> None:
    """Vector bucket_capacity: what one group tells of one group lies in one bucket of 64 (CometBFT fills 65)."""
    clock = Clock()
    known = book(clock)
    for number in range(200):
        known.add(address(number, f"9.9.{number // 200}.{number}"), SOURCE)
        clock.pass_by(1.0)
    assert len(known) == 64
    assert not known.has(node_id(0))
    assert {known.has(node_id(number)) for number in range(136, 200)} == {True}


def test_a_full_new_bucket_lets_a_bad_one_go_before_the_oldest() -> None:
    """Somebody that failed three times and never answered is worth less than somebody untried."""
    clock = Clock()
    known = book(clock)
    for number in range(64):
        known.add(address(number, f"9.9.0.{number}"), SOURCE)
        clock.pass_by(1.0)
    for _ in range(3):
        known.mark_attempt(node_id(40))
    clock.pass_by(61.0)
    known.add(address(100, "9.9.0.100"), SOURCE)
    assert not known.has(node_id(40))
    assert known.has(node_id(0))


def test_full_old_buckets_lose_nobody() -> None:
    """Vector bucket_capacity, old_buckets: CometBFT loses 340 of 600 there; who is demoted is new again."""
    known = book(shape=BookShape(new_bucket_size=1000), improvements=COMETBFT_RULES)
    for number in range(600):
        known.add(address(number, f"9.9.{number // 250}.{number % 250}"), SOURCE)
        known.mark_good(node_id(number))
        assert len(known) == number + 1
    assert known.statistics().old <= 4 * 64
    assert known.statistics().new == 600 - known.statistics().old


def test_a_demoted_address_finds_room_in_a_full_book() -> None:
    """Where the promoted one has just left, if its own bucket is full."""
    clock = Clock()
    known = book(clock, shape=SMALL, improvements=COMETBFT_RULES)
    for number in range(300):
        known.add(address(number), address(700 + number % 30))
    for known_address in list(known.addresses()):
        before = {row.id for row in known.addresses()}
        known.mark_good(known_address.id)
        assert {row.id for row in known.addresses()} == before
        clock.pass_by(1.0)


def test_good_and_bad_experience_is_written_down() -> None:
    """Attempts count up and are cleared by success, with their times."""
    clock = Clock()
    known = book(clock)
    known.add(address(1), SOURCE)
    clock.pass_by(5.0)
    assert known.mark_attempt(node_id(1))
    tried = known.get(node_id(1))
    assert tried is not None
    assert (tried.attempts, tried.last_attempt, tried.last_success) == (1, int((START + 5) * SECOND), 0)
    clock.pass_by(5.0)
    assert known.mark_good(node_id(1))
    good = known.get(node_id(1))
    assert good is not None
    assert (good.attempts, good.kind) == (0, Kind.OLD)
    assert good.last_attempt == good.last_success == int((START + 10) * SECOND)


def test_who_is_given_up_leaves_the_book_and_may_still_connect() -> None:
    """His address was bad, not he."""
    known = filled(new=3, old=0)
    assert known.bad_peers.give_up(node_id(1), 60.0, "too many failed dials")
    assert not known.has(node_id(1))
    assert known.bans.holds(node_id(1))
    assert known.bans.published() == ()
    known.bad_peers.ban(node_id(2), 60.0, "forged")
    assert [(ban.subject, ban.entry) for ban in known.bans.published()] == [(node_id(2), None)]


def test_those_who_had_to_leave_for_others_are_counted() -> None:
    """A source that floods the book with addresses of one group fills one bucket, and pushes out its own."""
    known = book()
    flood = [address(number, f"9.9.{number // 250}.{number % 250 + 1}") for number in range(1, 301)]
    added = known.add_all(flood, address(4000))
    size = known.shape.new_bucket_size
    assert (added.added, added.displaced) == (300, 300 - size)
    assert len(known) == size


def test_unknown_ids_are_no_trouble() -> None:
    """CometBFT's book crashes when asked whether one is good."""
    known = book()
    assert not known.is_good(node_id(1))
    assert not known.bans.holds(node_id(1))
    assert not known.has(node_id(1))
    assert known.get(node_id(1)) is None
    assert not known.mark_good(node_id(1))
    assert not known.mark_attempt(node_id(1))
    assert not known.bad_peers.mark_bad(node_id(1), 60.0, "x")
    assert not known.remove(node_id(1))


def test_a_banned_id_stays_out_until_it_is_reinstated() -> None:
    """Even when its time is over; a good one comes back as new."""
    clock = Clock()
    known = book(clock)
    known.add(address(1), SOURCE)
    known.mark_good(node_id(1))
    assert known.bad_peers.mark_bad(node_id(1), 60.0, "unasked addresses")
    assert not known.has(node_id(1))
    assert known.bans.holds(node_id(1))
    assert known.bad_peers.reinstate() == []
    clock.pass_by(60.0)
    with pytest.raises(AddressBannedError):
        known.add(address(1), SOURCE)
    assert known.bad_peers.reinstate() == [node_id(1)]
    assert known.has(node_id(1))
    assert not known.is_good(node_id(1))
    assert not known.bans.holds(node_id(1))


def test_a_pick_follows_number_and_bias() -> None:
    """Old ones with the share sqrt(old) x (100 - bias). Source: reference 9."""
    known = filled(new=400, old=100)
    picked = Counter(
        known.is_good(choice.id) for _ in range(3000) if (choice := known.dials.pick(50)) is not None
    )
    assert 0.28 < picked[True] / 3000 < 0.39
    only_old = {known.is_good(choice.id) for _ in range(50) if (choice := known.dials.pick(0)) is not None}
    only_new = {known.is_good(choice.id) for _ in range(50) if (choice := known.dials.pick(500)) is not None}
    assert (only_old, only_new) == ({True}, {False})


def test_a_pick_from_what_is_not_there_is_nothing() -> None:
    """An empty book, or only one kind."""
    assert book().dials.pick(50) is None
    only_new = filled(new=5, old=0)
    assert only_new.dials.pick(50) is not None
    assert only_new.dials.pick(0) is not None


def test_selections_are_of_the_right_size_and_hold_nobody_twice() -> None:
    """Those with bias begin with the new ones."""
    known = filled(new=100, old=100, improvements=COMETBFT_RULES)
    selection = known.answers.selection()
    assert len({chosen.id for chosen in selection}) == len(selection) == 46
    biased = known.answers.selection_with_bias(30)
    assert [known.is_good(chosen.id) for chosen in biased] == [False] * 14 + [True] * 32
    assert len({chosen.id for chosen in biased}) == 46
    assert book().answers.selection() == book().answers.selection_with_bias(30) == []


def test_an_offer_has_all_that_a_round_needs() -> None:
    """Candidates once each, and bans that are over end when more addresses are needed."""
    clock = Clock()
    known = filled(new=10, old=10, clock=clock)
    known.bad_peers.mark_bad(node_id(3), 60.0, "x")
    clock.pass_by(61.0)
    offer = known.dials.offer(50, 30)
    assert known.has(node_id(3))
    assert offer.needs_more
    assert offer.size == 20
    assert len({candidate.id for candidate in offer.candidates}) == len(offer.candidates) > 5
    assert not filled(new=1000, old=0).dials.offer(50, 1).needs_more


@pytest.mark.parametrize(
    ("attempts", "idle", "since_success", "bad"),
    [
        (0, 2 * MINUTE, None, False),
        (3, 30 * SECOND, None, False),
        (3, 2 * MINUTE, None, True),
        (2, 2 * MINUTE, None, False),
        (0, 7 * DAY + 1, None, True),
        (0, 7 * DAY, None, False),
        (10, 2 * MINUTE, 8 * DAY, True),
        (9, 2 * MINUTE, 8 * DAY, False),
        (10, 2 * MINUTE, 6 * DAY, False),
        (3, -DAY, None, True),
        (0, -DAY, None, False),
    ],
)
def test_an_address_is_bad_by_the_rules(
    attempts: int, idle: int, since_success: int | None, bad: bool
) -> None:
    """Reference 9, bad; a last try in the future protects nobody."""
    now = 10_000 * DAY
    entry = Entry(address(1), SOURCE, now - idle)
    entry.attempts = attempts
    entry.last_success = 0 if since_success is None else now - since_success
    assert entry.is_bad(now) is bad
    entry.kind = Kind.OLD
    assert not entry.is_bad(now)


def test_changes_are_told_once_and_as_they_are_at_the_end() -> None:
    """What came and went between two drains is only gone."""
    known = book()
    for number in range(3):
        known.add(address(number), SOURCE)
    known.remove(node_id(0))
    known.bad_peers.mark_bad(node_id(1), 60.0, "x")
    changes = known.drain()
    assert [row.id for row in changes.changed] == [node_id(2)]
    assert set(changes.gone) == {node_id(0), node_id(1)}
    assert [(ban.subject, ban.reason) for ban in changes.banned] == [(node_id(1), "x")]
    assert not known.drain()


def test_a_book_makes_its_own_key() -> None:
    """96 random bits as hexadecimal digits."""
    keys = {AddrBook(clock=Clock(), rng=random.Random(seed)).key for seed in range(5)}
    assert len(keys) == 5
    assert {len(key) for key in keys} == {24}


def test_rows_that_cannot_be_are_mended_and_told() -> None:
    """Too many or impossible buckets, an ID twice, a banned ID."""
    known = book(shape=SMALL)
    row = filled(new=1, old=0).get(node_id(0))
    assert row is not None
    rows = [
        Entry.of(row, Kind.OLD).known(),  # in no bucket
        row,  # the same ID again
    ]
    faults = known.restore(rows, stored=True)
    assert len(faults) == 1
    mended = known.get(node_id(0))
    assert mended is not None
    assert len(mended.buckets) == 1
    assert known.drain().changed == (mended,)
