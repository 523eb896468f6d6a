"""What is read of a book's file: the newest copy of each item, all of a whole file, the whole lines of a damaged one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.connection import connect_to_read
from peerage.actors.discovery.book.content import Content, read_all, read_unwritten, salvage
from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.row_codec import Item, write_address, write_ban
from peerage.actors.discovery.book.store_faults import DamagedError
from tests.actors.discovery.book.stored_books import rows, written
from tests.actors.discovery.nodes import entry, node_id


def test_of_two_copies_the_one_that_knows_more_is_kept() -> None:
    """A salvaged file may have outdated lines, in any order."""
    content = Content()
    tried = replace(entry(1).known(), last_attempt=9)
    longer = Ban(node_id(2), "forged", 1, 9)
    items: list[Item] = [tried, replace(tried, last_attempt=8), longer, replace(longer, until=8)]
    for item in items:
        content.take(item)
    assert content.rows == {node_id(1): tried}
    assert content.bans == {node_id(2): longer}


def test_facts_are_told_apart_by_kind_and_name_and_a_text_is_the_key() -> None:
    """As they stand in the database."""
    content = Content()
    facts = [Fact(kind, "name", (1,)) for kind in (FactKind.ASKED, FactKind.FAILED)]
    for fact in facts:
        content.take(fact)
    content.take("key")
    assert list(content.facts.values()) == facts
    assert content.key == "key"


def test_a_whole_file_is_read_beside_its_writer(tmp_path: Path) -> None:
    """All that it has acknowledged."""
    path = tmp_path / "b.sqlite"
    before = written(path, 20, close=False)
    content = read_all(path, partial(connect_to_read, path))
    assert content.rows == rows(before)
    assert content.key == before.book.key
    assert set(content.bans) == {node_id(1), "10.0.0.0/8"}
    before.store.close()


def test_an_empty_file_has_no_content_and_a_missing_one_neither(tmp_path: Path) -> None:
    """Somebody was about to begin."""
    path = tmp_path / "b.sqlite"
    assert read_unwritten(path) == (Content(), "")
    path.touch()
    assert read_all(path, partial(connect_to_read, path)) == Content()


def test_what_is_whole_of_a_damaged_file_is_salvaged_and_the_fault_told(tmp_path: Path) -> None:
    """The structure of the file is of no use then."""
    path = tmp_path / "b.sqlite"
    before = written(path, 20)
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    with pytest.raises(DamagedError):
        read_all(path, partial(connect_to_read, path))
    content, fault = read_unwritten(path)
    assert content.rows == rows(before)
    assert "cannot be read as a whole" in fault


def test_a_banned_node_is_not_salvaged_by_way_of_an_outdated_line(tmp_path: Path) -> None:
    """It left the book when it was banned."""
    path = tmp_path / "b.sqlite"
    known = entry(1).known()
    path.write_text("xx" + write_address(known) + "yy" + write_ban(Ban(known.id, "forged", 1, 9)))
    content = salvage(path)
    assert content.rows == {}
    assert set(content.bans) == {node_id(1)}
