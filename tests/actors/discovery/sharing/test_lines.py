"""How books write to each other."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.row_codec import write_fact, write_key
from peerage.actors.discovery.sharing.lines import (
    ADDRESS,
    BAN,
    LONGEST_LINE,
    PARDON,
    Shared,
    key_of,
    pardon,
    read,
    write,
)
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import address, node_id
from tests.actors.discovery.sharing.records import shared

ROW = KnownAddress(address(1), address(2))


@given(shared)
def test_what_is_written_is_read(item: Shared) -> None:
    """Each as a line."""
    assert list(read([write(item)])) == [item]


def test_what_concerns_one_book_only_stays_there() -> None:
    """Its buckets, and what it knew of the banned."""
    ban = Ban(node_id(1), "forged", 1, 2, entry=ROW)
    items: list[Shared] = [replace(ROW, buckets=(3,)), ban]
    assert list(read(map(write, items))) == [ROW, replace(ban, entry=None)]


def test_each_kind_has_keys_of_its_own() -> None:
    """A ban and a pardon of one ID are two records."""
    items = ROW, Ban(node_id(1), "forged", 1, 2), pardon(node_id(1), 3)
    assert [key_of(item)[0] for item in items] == [ADDRESS, BAN, PARDON]
    assert {key_of(item)[1] for item in items} == {node_id(1)}


@given(st.lists(st.text()))
def test_what_is_no_record_is_passed_over(lines: list[str]) -> None:
    """As are other facts, a book's key, and lines that are too long."""
    counted = write_fact(Fact(FactKind.ASKED, node_id(1), (1, 2, 3, 4)))
    long = write(replace(ROW, address=NetAddress("0" * LONGEST_LINE, "1.2.3.4", 1)))
    assert list(read([*lines, counted, write_key("key"), long, write(ROW)])) == [ROW]
