"""The shared book: what it joins, whom it tells what, and who visits whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.discovery.sharing import shared_book
from peerage.actors.discovery.sharing.lines import (
    ADDRESS,
    BAN,
    MOST_LINES,
    PARDON,
    Key,
    Shared,
    key_of,
    pardon,
    read,
    write,
)
from peerage.actors.discovery.sharing.rank import rank
from peerage.actors.discovery.sharing.shared_book import (
    FORGOTTEN_AFTER_S,
    LEASE_S,
    MOST_NODES,
    Answer,
    SharedBook,
    Telling,
)
from tests.actors.discovery.nodes import Clock, address, node_id
from tests.actors.discovery.sharing.records import NOW, bans, rows, shared

HEARD = KnownAddress(address(1), address(2), last_attempt=NOW)


class Hub:
    """A shared book, and what its nodes know of it."""

    def __init__(self) -> None:
        self.ticks = Clock(0.0)
        self.book = SharedBook("life", clock=Clock(), ticks=self.ticks)
        self.has: dict[str, int] = {}

    def tell(self, node: str, *items: Shared, crawls: bool = True) -> Answer:
        """Tell it these, and keep what it answers."""
        telling = Telling(node, crawls, tuple(map(write, items)), "life", self.has.get(node, 0))
        answer = self.book.exchange(telling)
        self.has[node] = answer.number
        return answer

    def hears(self, node: str, *items: Shared) -> list[Shared]:
        """What a node is told."""
        return list(read(self.tell(node, *items).lines))

    def state(self) -> dict[Key, object]:
        """All that it knows, but for what differs between records that say the same."""
        keys, _ = self.book._recency.after(0, 10**6)
        found = {key: self.book.get(key) for key in keys}
        return {key: rank(item) if isinstance(item, KnownAddress) else item for key, item in found.items()}


def hub_of(items: Sequence[Shared]) -> Hub:
    """One that was told these, one after the other."""
    hub = Hub()
    for item in items:
        hub.tell("a", item)
    return hub


# --- records -------------------------------------------------------------------------------------------------------


@given(
    st.lists(rows() | bans(), max_size=12).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some))
    )
)
def test_the_order_of_telling_does_not_matter(orders: tuple[list[Shared], list[Shared]]) -> None:
    """So a book that is started anew, and told all by everybody, knows what its predecessor knew."""
    one, other = orders
    assert hub_of(one).state() == hub_of(other).state()


@given(st.lists(shared, max_size=12))
def test_what_is_told_again_changes_nothing(items: list[Shared]) -> None:
    """Nobody is told it again, either."""
    hub = hub_of(items)
    before, number = hub.state(), hub.has["a"] if items else 0
    for item in (hub.book.get(key) for key in before):
        assert item is not None
        assert hub.tell("a", item).number == number
    assert hub.state() == before


@given(st.lists(shared, max_size=12), st.data())
def test_what_it_holds_only_becomes_more(items: list[Shared], data: st.DataObject) -> None:
    """A record of an address gives way to one of a higher rank alone, a pardon to a later one."""
    hub = Hub()
    for item in items:
        before = hub.book.get(key_of(item))
        hub.tell("a", item)
        after = hub.book.get(key_of(item))
        if isinstance(before, KnownAddress):
            assert isinstance(after, KnownAddress)
            assert rank(after) >= rank(before)
        elif isinstance(before, Ban) and isinstance(after, Ban):
            assert after.until >= before.until
            assert after.shuts_out_until >= before.shuts_out_until


@given(st.lists(shared, max_size=20), st.integers(0, 20))
def test_each_node_hears_all_that_it_does_not_know(items: list[Shared], late: int) -> None:
    """Whenever it joins, and with what was changed after it had heard it."""
    hub = Hub()
    heard: dict[Key, Shared] = {}
    for number, item in enumerate(items):
        hub.tell("a", item)
        if number >= late:
            heard |= {key_of(each): each for each in hub.hears("b")}
    heard |= {key_of(each): each for each in hub.hears("b")}
    assert {key: item for key, item in heard.items() if hub.book.get(key)} == {
        key: hub.book.get(key) for key in hub.state()
    }


def test_a_pardon_ends_what_was_banned_before_it_and_not_what_is_banned_after_it() -> None:
    """In whatever order they come."""
    old, new = Ban(node_id(1), "forged", NOW - 9, NOW + 9), Ban(node_id(1), "again", NOW - 2, NOW + 5)
    word = pardon(node_id(1), NOW - 5)
    orders: list[list[Shared]] = [[old, word], [word, old]]
    for told in orders:
        assert hub_of(told).state() == {(PARDON, node_id(1)): word}
    orders = [[old, word, new], [word, new, old], [word, old, new]]
    for told in orders:
        assert hub_of(told).state()[BAN, node_id(1)] == new


def test_a_ban_that_is_over_is_none() -> None:
    """It is not told to those who join."""
    assert hub_of([Ban(node_id(1), "forged", NOW - 9, NOW)]).state() == {}


def test_a_ban_of_a_network_has_one_name() -> None:
    """However it was written; what is no subject is nobody's."""
    hub = hub_of([Ban("1.2.3.4/24", "forged", NOW, NOW + 9), Ban("nobody", "forged", NOW, NOW + 9)])
    assert set(hub.state()) == {(BAN, "1.2.3.0/24")}


def test_a_clock_that_runs_ahead_has_not_the_last_word() -> None:
    """Otherwise nobody could say anything of that address until then."""
    ahead = replace(HEARD, last_attempt=NOW + 60 * SECOND, last_success=NOW + 60 * SECOND)
    hub = hub_of([ahead])
    held = hub.book.get((ADDRESS, node_id(1)))
    assert isinstance(held, KnownAddress)
    assert (held.last_attempt, held.last_success) == (NOW, NOW)
    assert hub_of([pardon(node_id(1), NOW + 9)]).book.get((PARDON, node_id(1))) == pardon(node_id(1), NOW)


def test_records_are_bounded_and_those_that_say_least_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that answered stays."""
    monkeypatch.setattr(shared_book, "MOST_RECORDS", {ADDRESS: 10, BAN: 2, PARDON: 2})
    monkeypatch.setattr(shared_book, "MADE_ROOM", 1)
    hub = Hub()
    reached = replace(HEARD, last_success=NOW)
    hub.tell("a", reached)
    for number in range(2, 50):
        hub.tell("a", KnownAddress(address(number), address(number), last_attempt=number))
        hub.tell(
            "a", Ban(node_id(number), "forged", NOW, NOW + number), pardon(node_id(100 + number), number)
        )
    assert len(hub.book) == 14
    assert hub.book.get((ADDRESS, node_id(1))) == reached
    assert hub.book.get((BAN, node_id(49))) is not None


# --- nodes ---------------------------------------------------------------------------------------------------------


def test_a_node_is_not_kept_waiting_for_more_lines_than_one_message_holds() -> None:
    """It is told that there is more, and asks again at once."""
    hub = Hub()
    many = [KnownAddress(address(number), address(number)) for number in range(MOST_LINES + 1)]
    hub.tell("a", *many[:MOST_LINES])
    hub.tell("a", *many[MOST_LINES:])
    first = hub.tell("b")
    assert (len(first.lines), first.more) == (MOST_LINES, True)
    second = hub.tell("b")
    assert (len(second.lines), second.more) == (1, False)


def test_too_much_at_once_is_refused() -> None:
    """Lines, and nodes."""
    hub = Hub()
    with pytest.raises(ValueError, match=f"{MOST_LINES + 1} lines at once; at most {MOST_LINES}"):
        hub.tell("a", *[HEARD] * (MOST_LINES + 1))
    for number in range(MOST_NODES):
        hub.tell(str(number))
    with pytest.raises(ValueError, match=f"{MOST_NODES} nodes share this book already"):
        hub.tell("one more")


def test_a_node_that_knew_a_predecessor_is_told_all() -> None:
    """Its number means nothing here."""
    hub = hub_of([HEARD])
    answer = hub.book.exchange(Telling("b", True, (), "another life", 99))
    assert list(read(answer.lines)) == [HEARD]
    assert answer.life == "life"


def test_what_a_node_told_is_kept_once_another_has_stored_it() -> None:
    """A node by itself has it on its own disk only."""
    hub = Hub()
    assert hub.tell("a", HEARD).is_kept
    hub.tell("b")
    assert not hub.tell("a", replace(HEARD, attempts=1)).is_kept
    hub.tell("b")  # is told it
    assert not hub.tell("a").is_kept
    hub.tell("b")  # and has stored it
    assert hub.tell("a").is_kept


# --- the crawl -----------------------------------------------------------------------------------------------------


def test_nobody_visits_anybody_until_all_know_who_visits_whom() -> None:
    """So no address has two visitors while a node joins."""
    hub = Hub()
    assert shares(hub, "a") == [(0, 1)]
    assert shares(hub, "b") == [(0, 0)]
    assert shares(hub, "a", "b", "a") == [(0, 2), (1, 2), (0, 2)]


def test_a_node_that_is_silent_gives_back_its_share() -> None:
    """Later than its own lease has ended."""
    assert LEASE_S < FORGOTTEN_AFTER_S
    hub = Hub()
    shares(hub, "a", "b", "a", "b")
    hub.ticks.pass_by(FORGOTTEN_AFTER_S - 0.1)
    assert shares(hub, "a") == [(0, 2)]
    hub.ticks.pass_by(0.1)
    assert shares(hub, "a") == [(0, 1)]
    assert hub.tell("a").nodes == 1


def test_a_node_that_does_not_crawl_has_no_part_in_it() -> None:
    """It visits whom it likes, as it would by itself; who becomes a seed has one."""
    hub = Hub()
    shares(hub, "a")
    full = hub.tell("b", crawls=False)
    assert (full.place, full.among, full.nodes) == (0, 1, 2)
    assert shares(hub, "a") == [(0, 1)]
    assert shares(hub, "b", "a", "b") == [(0, 0), (0, 2), (1, 2)]


def shares(hub: Hub, *nodes: str) -> list[tuple[int, int]]:
    """What these are told, one after the other."""
    answers = [hub.tell(node) for node in nodes]
    return [(answer.place, answer.among) for answer in answers]
