"""The book at a glance."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.book import overview
from peerage.actors.discovery.book.overview import GroupCounts
from tests.actors.discovery.nodes import address, book, node_id


def test_buckets_groups_and_tellers_are_counted() -> None:
    """An address may lie in several buckets, and counts once in its group."""
    known = book(strict=False)
    assert known.overview.now().size == 0
    for number in range(1, 6):
        known.add(address(number), address(99))
    known.mark_good(node_id(1))
    found = known.overview.now()
    assert (found.size, found.looked_at) == (5, 5)
    assert (len(found.new_buckets), sum(found.new_buckets)) == (known.shape.new_buckets, 4)
    assert (len(found.old_buckets), sum(found.old_buckets)) == (known.shape.old_buckets, 1)
    assert sum(each.new + each.old for each in found.groups) == 5
    assert sum(each.old for each in found.groups) == sum(each.verified for each in found.groups) == 1
    assert {teller for teller, _group, _count in found.tellers} == {node_id(99)}
    assert sum(count for _teller, _group, count in found.tellers) == 5


def test_of_a_large_book_a_sample_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks must not hold up the book."""
    monkeypatch.setattr(overview, "MOST_LOOKED_AT", 10)
    monkeypatch.setattr(overview, "MOST_GROUPS", 2)
    known = book(strict=False)
    for number in range(1, 41):
        known.add(address(number), address(99))
    found = known.overview.now()
    assert (found.size, found.looked_at, len(found.groups)) == (40, 10, min(2, len(found.groups)))
    assert isinstance(found.groups[0], GroupCounts)
