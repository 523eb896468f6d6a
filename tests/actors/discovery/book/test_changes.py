"""What a store has to write, and how a book notes it."""

from __future__ import annotations

from peerage.actors.discovery.book.changes import Changes, NoTouchedIDs, TouchedIDs
from peerage.actors.discovery.book.facts import Fact, FactKind
from tests.actors.discovery.nodes import filled, node_id


def test_changes_are_false_when_there_is_nothing_to_write() -> None:
    """A new key alone has to be written."""
    assert not Changes("key")
    assert Changes("key", new_key=True)
    assert Changes("key", lifted=("1.2.3.4",))


def test_changes_count_every_row_that_is_written_or_deleted() -> None:
    """A store that cannot write bounds what it keeps by this number."""
    rows = tuple(filled(new=2, old=0).addresses())
    facts = (Fact(FactKind.FAILED, "1.2.3.4:5", (1,)),)
    assert Changes("key", rows, (node_id(7),), (), ("1.2.3.4",), facts).rows == 5


def test_touched_ids_are_told_once_each() -> None:
    """However often they changed."""
    touched = TouchedIDs()
    for number in (1, 2, 1):
        touched.add(node_id(number))
    assert sorted(touched.drain()) == [node_id(1), node_id(2)]
    assert touched.drain() == ()


def test_a_book_without_a_store_notes_nothing() -> None:
    """A simulation of a thousand books would keep every ID twice."""
    touched = NoTouchedIDs()
    touched.add(node_id(1))
    assert touched.drain() == ()
