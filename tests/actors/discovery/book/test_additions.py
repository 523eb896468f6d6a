"""What became of addresses that the book was told."""

from __future__ import annotations

from peerage.actors.discovery.book.additions import Added


def test_an_address_changes_the_book_when_it_is_added_or_takes_one_bucket_more() -> None:
    """Those refused and left alone change nothing."""
    added = Added(added=2, seen_again=3, left_alone=5, refused={"banned": 7})
    assert (added.changed, added.told) == (5, 17)
