"""The root in a system without anybody else: what it does with the news of hosts, and whom it tells."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.handled_counts import path_of as handled_path
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, THREAD_BITS
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.processes.host_records import HostRecord
from peerage.actors.runtime.processes.root import Root
from tests.actors.runtime.host.fakes import Post
from tests.actors.runtime.processes.fakes import ASKER, Server, add_process, add_thread, asker, spawn_request

PID = 1 << 22  # larger than any process number
GOODBYE = DownReason("normal", "no actors left")


@pytest.fixture
def root(lonely: Process) -> Iterator[Root]:
    fd = os.eventfd(0)
    root = Root(lonely, Server(fd), log_setup=b"")  # type: ignore[arg-type]  # as far as it is used
    yield root
    os.close(fd)
    root._fds.close()
    root.loop.finished = True
    root.take_last_messages()
    root.shut()


@pytest.fixture
def told(root: Root, monkeypatch: pytest.MonkeyPatch) -> Post:
    """What it sends."""
    post = Post()

    def send(address: int, kind: int, corr: int = 0, *, source: int = 0, **rest: Any) -> None:
        if kind == Kind.START:
            post.sent.append((address, Kind.START, corr, (source, rest["body"])))
        else:
            post.send(address, kind, corr, **rest)

    monkeypatch.setattr(root.port, "send", send)
    return post


def hear(root: Root, kind: Kind, serial: int, value: Any) -> None:
    root.port.handlers[kind](0, serial << THREAD_BITS, serial, b"", b"", codec.dumps(value), (), 0)


def up(root: Root, name: str, pid: int = PID) -> HostRecord:
    """A host that has said that it is there."""
    record = add_process(root.records, name)
    hear(root, Kind.HOST_READY, record.serial, (name, pid))
    return record


def address(record: HostRecord) -> int:
    return record.serial << THREAD_BITS


def test_nobody_is_told_of_a_held_host_before_its_start(root: Root, told: Post) -> None:
    """It hears meanwhile of nobody, and then of all that it has missed."""
    other = up(root, "other")
    body = codec.dumps(tuple(spawn_request("held", is_held=True)))
    held = asker(Post(), 7)
    root._maker.spawn(held, b"", body)
    record = root.records.of_name("held")
    assert record is not None
    told.sent.clear()
    hear(root, Kind.HOST_READY, record.serial, ("held", PID + 1))
    assert told.sent == []
    assert root.records.booting == {record.serial}
    assert root.process.table.resolve("held", 0) is None
    late = up(root, "late", PID + 2)
    news = ("late", late.serial, PID + 2), frozenset({record.serial})
    assert (address(record), Kind.HOST_UP, 0, news) not in told.sent
    told.sent.clear()
    root.port.handlers[Kind.RELEASE](0, held.source, 7, b"", b"", b"body", (), 0)
    nobody: frozenset[int] = frozenset()
    introduction = ("held", record.serial, PID + 1), nobody
    assert told.sent == [
        (address(other), Kind.HOST_UP, 0, introduction),
        (address(late), Kind.HOST_UP, 0, introduction),
        (address(record), Kind.HOST_UP, 0, news),
        (address(record), Kind.START, 7, (ASKER, b"body")),
    ]


def test_a_host_that_is_ready_gets_its_start_message(root: Root, told: Post) -> None:
    """On behalf of its asker, who gets the answer; the others are told of the host."""
    other = up(root, "other")
    told.sent.clear()
    record = root.records.add("host", spawn_request(start_body=b"body"), asker(Post(), 5), {})
    hear(root, Kind.HOST_READY, record.serial, ("host", PID + 1))
    assert told.sent == [
        (address(other), Kind.HOST_UP, 0, (("host", record.serial, PID + 1), frozenset())),
        (address(record), Kind.START, 5, (ASKER, b"body")),
    ]
    assert root.process.table.resolve("host", 0) == record.serial


def test_a_host_hears_of_those_that_came_and_went_while_it_was_forked(root: Root, told: Post) -> None:
    """Its table is as old as its fork. It has all of the news before it starts its actor, and gets none twice."""
    gone = up(root, "gone")
    gone.pidfd, gone.status = os.eventfd(0), 9
    record = root.records.add("host", spawn_request(start_body=b"body"), asker(Post(), 5), {})
    came = up(root, "came", PID + 1)
    root._on_death(gone)
    told.sent.clear()
    hear(root, Kind.HOST_READY, record.serial, ("host", PID + 2))
    heard = [sent[1] for sent in told.sent if sent[0] == address(record)]
    assert heard == [Kind.HOST_UP, Kind.HOST_DOWN, Kind.START]
    assert (
        address(record),
        Kind.HOST_UP,
        0,
        (("came", came.serial, PID + 1), frozenset({record.serial})),
    ) in told.sent
    told.sent.clear()
    up(root, "later", PID + 3)
    assert [sent[1] for sent in told.sent if sent[0] == address(record)] == [Kind.HOST_UP]


def test_a_host_that_nobody_knows_is_turned_away(root: Root, told: Post) -> None:
    """A fork server that died forked it, and could not say so; another has its place."""
    hear(root, Kind.HOST_READY, 99, ("host", PID))
    assert [(sent[0], sent[1]) for sent in told.sent] == [(99 << THREAD_BITS, Kind.HOST_STOP)]


def test_a_host_in_a_thread_has_ended_when_it_says_goodbye(root: Root, told: Post) -> None:
    """Nothing else tells of it; that of a process is waited for."""
    other, thread = up(root, "other"), add_thread(root.records, "thread", root.pid)
    told.sent.clear()
    hear(root, Kind.HOST_BYE, other.serial, (GOODBYE, {}))
    assert told.sent == []
    hear(root, Kind.HOST_BYE, thread.serial, (GOODBYE, {"actor": GOODBYE}))
    news: tuple[Any, ...] = (thread.serial, GOODBYE, frozenset(), True, {"actor": GOODBYE})
    assert (address(other), Kind.HOST_DOWN, 0, news) in told.sent
    assert root.process.table.is_dead(thread.serial)


def test_a_process_takes_the_hosts_in_its_threads_along(root: Root, told: Post) -> None:
    """With one reason for all."""
    record, thread = up(root, "host"), add_thread(root.records, "thread", PID)
    record.pidfd, record.status = os.eventfd(0), 9
    root._on_death(record)
    assert [root.process.table.reason(each.serial).signal for each in (record, thread)] == [9, 9]
    assert len(root.records) == 0


def test_a_dead_hosts_mailboxes_are_removed_and_its_file_of_counts_is_kept_for_a_while(
    root: Root, told: Post
) -> None:
    """Senders have yet to read what it had handled."""
    record = up(root, "host")
    directory = Path(root.process.directory)
    for name in (f"{record.serial}.0", f"{record.serial}.7", f"{record.serial}0.0"):
        (directory / name).touch()
    handled = Path(handled_path(root.process.directory, record.serial))
    handled.touch()
    root._remove_host(record, DownReason("killed"))
    left = {path.name for path in directory.iterdir()}
    assert {f"{record.serial}0.0", handled.name} <= left
    assert not {f"{record.serial}.0", f"{record.serial}.7"} & left


def test_a_kill_finds_its_host_by_name_or_by_life(
    root: Root, told: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread has no process of its own to be killed."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda fd, number: sent.append((fd, number)))
    record = up(root, "host")
    record.pidfd = 77
    add_thread(root.records, "thread", root.pid)
    for wanted in (("host", 0), ("unknown", record.serial), ("thread", 0)):
        root.port.handlers[Kind.KILL](0, ASKER, 3, b"", b"", codec.dumps(wanted), (), 0)
    record.pidfd = -1
    assert sent == [(77, signal.SIGKILL)] * 2
    assert [kind for _address, kind, _number, _value in told.sent if kind in {Kind.REPLY, Kind.FAIL}] == [
        Kind.REPLY,
        Kind.REPLY,
        Kind.FAIL,
    ]


def test_how_a_host_stands_is_noted(root: Root, told: Post) -> None:
    """The end of the system goes by it."""
    record = up(root, "host")
    hear(root, Kind.HOST_STANDING, record.serial, (True, False))
    assert record.standing.is_patient


def test_what_cannot_be_handled_is_logged_and_holds_up_nothing(
    root: Root, told: Post, caplog: pytest.LogCaptureFixture
) -> None:
    """All others depend on this loop."""
    root.port.handlers[Kind.HOST_READY](0, ROOT_ADDRESS, 1, b"", b"", b"nonsense", (), 0)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["step failed"]


def test_a_fault_in_a_turn_does_not_end_the_loop(
    root: Root, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged."""

    def fail(*_: Any) -> None:
        raise ValueError("boom")

    monkeypatch.setattr(root.loop, "turn", fail)
    root.careful_turn(0.0)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["root turn failed"]


def test_a_host_that_comes_up_while_the_system_ends_starts_nothing(root: Root, told: Post) -> None:
    """It is told to stop at once."""
    record = add_process(root.records, "host")
    record.waiting.clear()
    root.loop.turn = lambda *_: root._remove_host(record, GOODBYE)  # type: ignore[method-assign]  # it has heard of its end
    told.sent.clear()
    root._ending = None
    root.close_down(5.0)
    assert root.finished
    assert (address(record), Kind.HOST_STOP) in [(sent[0], sent[1]) for sent in told.sent]


def test_the_socket_for_descriptors_is_bound_again_with_the_directory(root: Root, lonely: Process) -> None:
    """And the embedder marks the directory as in use again."""
    marked: list[bool] = []
    lonely.on_mended = lambda: marked.append(True)
    path = Path(lonely.directory) / "fds"
    path.unlink()
    root.on_mended()
    assert path.is_socket()
    assert marked == [True]


def test_a_held_host_waits_for_its_release(root: Root, told: Post) -> None:
    """Until then it is there, and starts nothing."""
    body = codec.dumps(tuple(spawn_request(is_held=True)))
    root.port.handlers[Kind.SPAWN](0, ASKER, 5, b"", b"", body, (), 0)
    record = root.records.of_name("host")
    assert record is not None
    hear(root, Kind.HOST_READY, record.serial, ("host", PID))
    assert told.sent == []
    root.port.handlers[Kind.RELEASE](0, ASKER, 5, b"", b"", b"body", (), 0)
    assert told.sent == [(address(record), Kind.START, 5, (ASKER, b"body"))]
