"""actors/addrbook.py while nothing can be written: questions are answered, orders wait, nothing acknowledged is lost."""

from __future__ import annotations

import errno
import logging
import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from peerage.actors import addrbook
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.calls import BookCall, Method
from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.opening import read_snapshot
from peerage.actors.discovery.book.store import BookStore
from peerage.actors.discovery.errors import StoreError
from peerage.actors.messages import BansChanged
from peerage.actors.runtime import PROCESS, Future, System, Timeout, watch
from peerage.config.logging import LogSettings, StderrHandler, set_up_logging
from peerage.testing import wait_until
from tests.actors.book_stage import PATIENCE_S, Stage
from tests.actors.discovery.nodes import address, node_id
from tests.full_disk import full_disk


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """A node's logging, which goes on without a disk; and every actor of these tests is gone in the end."""
    set_up_logging(LogSettings())
    with System(log_setup=partial(set_up_logging, LogSettings())):
        yield
    logging.getLogger().handlers = [
        each for each in logging.getLogger().handlers if not isinstance(each, StderrHandler)
    ]
    structlog.reset_defaults()


def order(stage: Stage, method: Method, *args: Any) -> Future[Any]:
    """Give an order without waiting for its answer."""
    return stage.names.addrbook.ask(BookCall(method, args), block=False)


def on_disk(stage: Stage) -> set[str]:
    """Who is in the file: so much a SIGKILL leaves."""
    read = read_snapshot(stage.config.home.addrbook_store, clock=time.time, rng=random.Random(1))
    return {row.id for row in read.book.addresses()}


def is_written(stage: Stage, addresses: int) -> bool:
    """Whether a file with so many is there; while it is written there may be none."""
    try:
        return len(on_disk(stage)) == addresses
    except (OSError, StoreError):
        return False


def is_open(future: Future[Any]) -> bool:
    try:
        future.get(timeout=0)
    except Timeout:
        return True
    return False


def test_orders_wait_for_room_and_questions_do_not(tmp_path: Path) -> None:
    """Doors hear of a ban at once: who is banned must not get in because a disk is full."""
    with Stage(tmp_path) as stage:
        stage.book.call(AddrBook.add, address(1), address(1))
        assert stage.switch.expect(BansChanged).whole
        with full_disk():
            added = order(stage, AddrBook.add, address(2), address(2))
            again = order(
                stage, AddrBook.add, address(2), address(2)
            )  # changes nothing, and promises the same
            banned = order(stage, BadPeers.ban, node_id(1), 60.0, "forged")
            assert [ban.subject for ban in stage.switch.expect(BansChanged).bans] == [node_id(1)]
            assert stage.book.call(AddrBook.has, node_id(2))
            assert not stage.book.call(AddrBook.has, node_id(1))
            assert stage.book.call(DialChooser.offer, 50, 5).size == 1
            assert is_open(added)
            assert is_open(again)
            assert is_open(banned)
        for answer in (added, again, banned):
            answer.get(timeout=PATIENCE_S)
        assert on_disk(stage) == {node_id(2)}


def test_it_is_said_once_and_once_that_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tries fail between."""
    failed = threading.Semaphore(0)
    apply = BookStore.apply

    def counted(store: BookStore, changes: Changes) -> None:
        try:
            apply(store, changes)
        except StoreError:
            failed.release()
            raise

    monkeypatch.setattr(BookStore, "apply", counted)
    with Stage(tmp_path) as stage, caplog.at_level(logging.INFO):
        with full_disk():
            waiting = [order(stage, AddrBook.add, address(number), address(number)) for number in range(1, 4)]
            stage.book.call(AddrBook.statistics)
            assert all(failed.acquire(timeout=PATIENCE_S) for _ in range(3))
        for each in waiting:
            each.get(timeout=PATIENCE_S)
        said = [record.getMessage() for record in caplog.records if "address book" in record.getMessage()]
        assert sum("cannot be written" in line for line in said) == 1
        assert sum("written again" in line for line in said) == 1


def test_a_book_that_is_killed_on_a_full_disk_comes_back(tmp_path: Path) -> None:
    """With all that was acknowledged; what was not is asked for again."""
    with Stage(tmp_path, PROCESS) as stage:
        stage.book.call(AddrBook.add, address(1), address(1))
        with full_disk(System.current().fork_server_pid):
            stage.kill()
            stage.start()
            assert stage.book.call(AddrBook.has, node_id(1))
            added = order(stage, AddrBook.add, address(2), address(2))
            assert stage.book.call(AddrBook.has, node_id(2))
            assert is_open(added)
            stage.kill()
        stage.start()
        assert stage.book.call(AddrBook.has, node_id(1))
        assert not stage.book.call(AddrBook.has, node_id(2))
        stage.book.call(AddrBook.add, address(2), address(2))
        assert on_disk(stage) == {node_id(1), node_id(2)}


def test_a_file_that_was_deleted_is_there_again_for_who_comes_after_a_kill(tmp_path: Path) -> None:
    """Nothing happens in between but a look."""
    with Stage(tmp_path, PROCESS) as stage:
        for number in range(20):
            stage.book.call(AddrBook.add, address(number), address(number))
        for file in stage.config.home.data_dir.iterdir():
            file.unlink(missing_ok=True)
        wait_until(lambda: is_written(stage, 20))
        stage.kill()
        stage.start()
        assert stage.book.call(AddrBook.statistics).size == 20


def test_a_stop_says_what_it_could_not_write(tmp_path: Path) -> None:
    """Changes in memory alone, and the file for CometBFT."""
    with Stage(tmp_path) as stage:
        stage.book.call(AddrBook.add, address(1), address(1))
        with full_disk():
            order(stage, AddrBook.add, address(2), address(2))
            ended = watch(stage.names.addrbook)
            stage.stop()
            reason = ended.wait(PATIENCE_S)
        assert reason.kind == "exception"
        assert reason.is_orderly
        assert "1 rows are not written" in reason.text
        assert f"{stage.config.addr_book_path} is not written" in reason.text
        assert not stage.config.addr_book_path.exists()
        stage.start()
        assert stage.book.call(AddrBook.has, node_id(1))


def test_a_configuration_that_is_read_only_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's: the book itself is in the data directory, and all of it."""

    def refuse(*_args: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(addrbook, "save_book", refuse)
    with Stage(tmp_path) as stage:
        stage.book.call(AddrBook.add, address(1), address(1))
        ended = watch(stage.names.addrbook)
        stage.stop()
        assert ended.wait(PATIENCE_S).kind == "normal"
        monkeypatch.undo()
        stage.start()


def test_who_has_waited_long_enough_hears_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers' own patience ends a little later; the change is written when there is room."""
    monkeypatch.setattr("peerage.actors.held_answers.HeldAnswers.__init__.__defaults__", (1024, 0.0))
    with Stage(tmp_path) as stage:
        stage.book.call(AddrBook.add, address(1), address(1))
        with full_disk(), pytest.raises(StoreError):
            stage.book.call(AddrBook.add, address(2), address(2))
        wait_until(lambda: on_disk(stage) == {node_id(1), node_id(2)})


def test_who_waits_for_less_hears_why_too(tmp_path: Path) -> None:
    """RPC's commands wait for 5 s: an operator is told of the disk, and not that the book does not answer."""
    with Stage(tmp_path) as stage:
        stage.book.call(AddrBook.add, address(1), address(1))
        with full_disk(), pytest.raises(StoreError):
            stage.names.addrbook.ask(BookCall(BadPeers.ban, (node_id(2), 60.0, "forged")), timeout=5.0)
