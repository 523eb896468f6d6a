"""A book's file under a running store: full disks, and files that are deleted, replaced or written over."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from peerage.actors.discovery.book.opening import Opened, open_book, open_later, read_snapshot
from peerage.actors.discovery.book.store_files import DRAFT, FileMarks, beside, write_fault
from peerage.actors.discovery.errors import StoreError
from tests.actors.discovery.nodes import Clock, address, node_id
from tests.full_disk import full_disk


def opened(path: Path) -> Opened:
    return open_book(path, clock=Clock(), rng=random.Random(5))


def add(to: Opened, *numbers: int) -> None:
    """Have them in the book, and acknowledged."""
    for number in numbers:
        to.book.add(address(number), address(number))
    to.store.apply(to.book.drain())


def known(path: Path) -> set[str]:
    """Who is in the file, as another process sees it now: so much a SIGKILL leaves."""
    return {row.id for row in read_snapshot(path, clock=Clock(), rng=random.Random(5)).book.addresses()}


def ids(*numbers: int) -> set[str]:
    return {node_id(number) for number in numbers}


def delete(path: Path) -> None:
    path.unlink()


def delete_all(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def delete_directory(path: Path) -> None:
    shutil.rmtree(path.parent)


def delete_log(path: Path) -> None:
    beside(path, "-wal").unlink()


def move_away(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def put_another(path: Path) -> None:
    other = opened(path.with_name("other"))
    add(other, 77)
    other.store.close()
    path.with_name("other").replace(path)


def write_over(path: Path) -> None:
    path.write_bytes(b"something else" * 1000)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize(
    "deed",
    [delete, delete_all, delete_directory, delete_log, move_away, put_another, write_over, empty],
    ids=lambda deed: deed.__name__,
)
@pytest.mark.parametrize("first", [True, False], ids=["noticed by the next change", "noticed by a look"])
def test_what_was_acknowledged_is_in_the_file_again(
    tmp_path: Path, deed: Callable[[Path], None], first: bool
) -> None:
    """Whatever somebody did to it under the store; and nobody else's content is thrown away."""
    path = tmp_path / "data" / "addrbook.sqlite"
    book = opened(path)
    add(book, 1, 2)
    deed(path)
    if first:
        add(book, 3)
    else:
        book.store.apply(book.book.drain())
        assert known(path) == ids(1, 2)
        add(book, 3)
    assert known(path) == ids(1, 2, 3)
    assert len(book.store.take_notes()) == 1
    add(book, 4)
    assert book.store.take_notes() == ()
    assert known(path) == ids(1, 2, 3, 4)
    asides = [file for file in path.parent.glob(f"{path.name}.replaced-*") if not file.name.endswith("-wal")]
    assert len(asides) == (deed in (put_another, write_over))
    book.store.close()
    after = opened(path)
    assert {row.id for row in after.book.addresses()} == ids(1, 2, 3, 4)
    assert after.notes == ()
    after.store.close()


def test_a_full_disk_costs_no_file_that_is_whole(tmp_path: Path) -> None:
    """It was taken for a damaged one, and moved aside."""
    path = tmp_path / "addrbook.sqlite"
    book = opened(path)
    add(book, 1)
    book.store.close()
    with full_disk():
        with pytest.raises(StoreError, match="cannot be written"):
            opened(path)
        assert known(path) == ids(1)
        later = open_later(path, clock=Clock(), rng=random.Random(5))
        assert {row.id for row in later.book.addresses()} == ids(1)
        later.book.add(address(2), address(2))
        with pytest.raises(StoreError):
            later.store.apply(later.book.drain())
    assert later.store.waiting == 2
    later.store.apply(later.book.drain())
    assert known(path) == ids(1, 2)
    assert list(tmp_path.glob("*damaged*")) == []
    later.store.close()


def test_a_book_is_read_whole_after_a_kill_though_nothing_can_be_written(tmp_path: Path) -> None:
    """Also what is still in SQLite's log."""
    path = tmp_path / "addrbook.sqlite"
    book = opened(path)
    add(book, 1, 2)
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in tmp_path.glob("addrbook.sqlite*"):  # as a SIGKILL leaves them
        shutil.copy(file, killed)
    with full_disk():
        later = open_later(killed / path.name, clock=Clock(), rng=random.Random(5))
        assert {row.id for row in later.book.addresses()} == ids(1, 2)
        assert later.notes == ()
    assert later.book.key == book.book.key
    book.store.close()


def test_a_disk_that_is_full_leaves_no_empty_database(tmp_path: Path) -> None:
    """The first start failed: the next one begins as the first."""
    path = tmp_path / "addrbook.sqlite"
    with full_disk(), pytest.raises(StoreError):
        opened(path)
    assert list(tmp_path.iterdir()) == []
    path.touch()
    assert known(path) == set()


def test_a_file_that_is_damaged_under_the_store_is_written_anew(tmp_path: Path) -> None:
    """And what it has become is kept aside."""
    path = tmp_path / "addrbook.sqlite"
    book = opened(path)
    add(book, *range(200))
    in_it = {row.id for row in book.book.addresses()}
    book.store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    facts = path.stat()
    book.store._marks = FileMarks.of(path)  # nobody's time of writing tells of it
    book.store._connection.execute("PRAGMA shrink_memory")  # type: ignore[union-attr]
    for number in range(200, 260):
        book.book.add(address(number), address(number))
    with pytest.raises(StoreError):
        book.store.apply(book.book.drain())
    book.store.apply(book.book.drain())
    assert in_it <= known(path)
    assert facts.st_size
    assert len(list(tmp_path.glob("addrbook.sqlite.damaged-*"))) >= 1
    book.store.close()


def test_more_changes_than_a_book_holds_are_kept_as_the_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that an outage of a week costs no memory."""
    monkeypatch.setattr("peerage.actors.discovery.book.store.MAX_WAITING", 3)
    path = tmp_path / "addrbook.sqlite"
    book = opened(path)
    with full_disk():
        for number in range(10):
            book.book.add(address(number), address(number))
            with pytest.raises(StoreError):
                book.store.apply(book.book.drain())
    assert book.store._pending == []
    add(book, 10)
    assert known(path) == ids(*range(11))
    assert list(tmp_path.glob("*.replaced-*")) == []
    book.store.close()


@pytest.mark.parametrize("finished", [True, False])
def test_a_kill_while_a_file_is_replaced_leaves_the_old_or_the_new(tmp_path: Path, finished: bool) -> None:
    """A draft that was finished is newer than what has the name; any other is no draft at all."""
    path = tmp_path / "addrbook.sqlite"
    old = opened(path)
    add(old, 1)
    old.store.close()
    new = opened(tmp_path / "new")
    add(new, 1, 2)
    draft = beside(path, DRAFT)
    new.store.close()
    (tmp_path / "new").rename(draft)
    if not finished:
        draft.write_bytes(draft.read_bytes()[:4096])
    after = opened(path)
    assert {row.id for row in after.book.addresses()} == ids(1, 2) if finished else ids(1)
    after.store.close()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_whether_a_file_can_be_written_is_tried(tmp_path: Path) -> None:
    """A superuser has every right, also where nothing can be written."""
    path = tmp_path / "addrbook.sqlite"
    assert write_fault(path) is None
    with full_disk():
        fault = write_fault(path)
        assert fault is not None
        assert fault.startswith("cannot be written: ")
    assert "cannot be written" in str(write_fault(tmp_path / "missing" / "file"))
    assert list(tmp_path.iterdir()) == []
