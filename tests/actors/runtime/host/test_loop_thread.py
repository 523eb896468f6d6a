"""A thread with a loop and a mailbox, in a system without anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import Future
from peerage.actors.runtime.host.loop_thread import LoopThread
from peerage.actors.runtime.mail import codec, handled_counts
from peerage.actors.runtime.mail.definitions import pack_identities
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.handled_counts import SETTLED
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.process import Process

SERIAL = 4
OTHER = 9


@pytest.fixture
def thread(lonely: Process) -> Iterator[LoopThread]:
    thread = LoopThread(lonely, "thread", SERIAL)
    yield thread
    if not thread.port.closed:
        thread.shut()


@pytest.mark.parametrize(
    ("question", "answer"),
    [(None, False), ("actors", []), ("dead_letters", 0), ("owners", {})],
    ids=["is it there", "actors", "lost", "owners"],
)
def test_it_answers_what_it_is_asked(thread: LoopThread, question: Any, answer: Any) -> None:
    """Here by itself."""
    assert ask(thread, question) == answer


def test_it_says_which_process_it_is_in(thread: LoopThread) -> None:
    """Whoever wants to kill it asks."""
    assert ask(thread, "pid") == thread.pid


def ask(thread: LoopThread, question: Any) -> Any:
    future = thread.port.requests.ask(thread.port.address, Kind.QUERY, question, target=b"nobody")
    return future.get(timeout=5)


def test_its_process_finds_it(thread: LoopThread, lonely: Process) -> None:
    """Until it is shut; then its socket is gone, too."""
    assert lonely.hosts == {SERIAL: thread}
    assert lonely.here.host is thread
    path = Path(lonely.directory) / f"{SERIAL}.0"
    assert path.is_socket()
    thread.shut()
    assert (lonely.hosts, path.exists()) == ({}, False)


def test_its_file_of_counts_is_written_again_with_the_directory(thread: LoopThread, lonely: Process) -> None:
    """Senders read it when the host was killed."""
    counts = thread.receipts.counts(7 << 20, b"actor")
    thread.receipts.words[counts.entry + SETTLED] += 1
    Path(handled_counts.path_of(lonely.directory, SERIAL)).unlink()
    thread.on_mended()
    assert handled_counts.read(lonely.directory, SERIAL, 7 << 20)


def test_what_came_too_late_is_refused(thread: LoopThread) -> None:
    """Its sender gets to know."""
    thread.loop.finished = True
    body = codec.dumps("late")
    future: Future[Any] = Future()
    number = thread.port.asks.expect(future, SERIAL)
    thread.port.send(thread.port.address, Kind.ASK, number, target=b"nobody", body=body)
    thread.take_last_messages()
    assert "not found" in str(future.error)


def test_news_of_hosts_stand_in_the_table(thread: LoopThread) -> None:
    """Their beginnings and their ends."""
    up = codec.dumps((("other", OTHER, 77), frozenset()))
    thread.port.handlers[Kind.HOST_UP](0, 1 << THREAD_BITS, 0, b"", b"", up, (), 0)
    assert thread.port.table.resolve("other", 0) == OTHER
    down = codec.dumps((OTHER, DownReason("killed"), frozenset(), False, {}))
    thread.port.handlers[Kind.HOST_DOWN](0, 1 << THREAD_BITS, 0, b"", b"", down, (), 0)
    assert thread.port.table.is_dead(OTHER)


def test_what_another_host_keeps_need_not_be_sent_there(thread: LoopThread, lonely: Process) -> None:
    """It is forgotten when that host has ended."""
    body = pack_identities({b"i" * 16})
    thread.port.handlers[Kind.KEPT](0, OTHER << THREAD_BITS, 0, b"", b"", body, (), 0)
    assert lonely.kept[OTHER] == {b"i" * 16}
    lonely.table.down(OTHER, DownReason("killed"), frozenset(), gracefully=False)
    thread.port.losses.sweep()
    assert OTHER not in lonely.kept
