"""The embedder's side of the fork server: what is sent to it, and how one that has died is replaced."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime.processes import fork_server_client
from peerage.actors.runtime.processes.fd_channel import receive_message, send_message
from peerage.actors.runtime.processes.fork_server_client import (
    ForkServer,
    current_directory,
    environment_now,
    import_path,
)


class Place:
    """Where the system's directory would be."""

    path, fds = "/nowhere", (3,)


class Child:
    """A process as `subprocess` starts it: here nothing runs, and its end of the line is the test's."""

    pid = 70

    def __init__(self, argv: list[str], **options: Any) -> None:
        self.argv, self.options = argv, options
        control = options["pass_fds"][0]
        self.line = socket.socket(fileno=os.dup(control))
        self.code: int | None = 0
        self.killed = False

    def wait(self, timeout: float | None = None) -> int:
        if self.code is None:
            if not self.killed:
                raise subprocess.TimeoutExpired("fork server", timeout or 0.0)
            return -9
        return self.code

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Child]]:
    children: list[Child] = []

    def start(argv: list[str], **options: Any) -> Child:
        children.append(Child(argv, **options))
        return children[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    yield children
    for child in children:
        child.line.close()


@pytest.fixture
def server(children: list[Child]) -> Iterator[ForkServer]:
    server = ForkServer(4, Place(), ("json",), "peerage")  # type: ignore[arg-type]  # as far as it is used
    yield server
    server.close()


def test_it_is_started_with_what_it_must_inherit(server: ForkServer, children: list[Child]) -> None:
    """In a process group of its own: a signal to the whole group must not end the one that cleans up."""
    [child] = children
    assert child.options["pass_fds"][1:] == (4, 3)
    assert child.options["process_group"] == 0
    assert child.options["env"] is server.environment
    assert server.environment.keys() == environment_now().keys()
    assert "/nowhere" in child.argv
    assert (server.is_started, server.pid) == (True, 70)


def test_the_first_message_is_what_to_import(server: ForkServer, children: list[Child]) -> None:
    """And what is added later, without what it has already."""
    server.preload(("json", "csv"))
    reports = [receive_message(children[0].line)[0] for _ in range(2)]
    assert reports == [("preload", ("json",), import_path()), ("preload", ("json", "csv"), import_path())]


def test_reports_come_one_at_a_time(server: ForkServer, children: list[Child]) -> None:
    """With their descriptors; it is known whether one is there."""
    assert not server.wait_readable(0.0)
    fd = os.eventfd(0)
    send_message(children[0].line, ("forked", 2, 71), (fd,))
    assert server.wait_readable(1.0)
    report, fds = server.receive()
    assert (report, len(fds)) == (("forked", 2, 71), 1)
    for each in (fd, *fds):
        os.close(each)


def test_the_next_one_does_without_what_was_left_out(server: ForkServer, children: list[Child]) -> None:
    """It starts threads when it is imported."""
    server.leave_out("json")
    assert server.end() == 0
    assert not server.is_started
    assert not server.wait_readable(0.0)
    server.start()
    assert receive_message(children[1].line)[0][1] == ()


@pytest.mark.parametrize(("code", "status"), [(3, 3 << 8), (-9, 9), (0, 0)])
def test_its_end_is_reported_as_a_wait_status(
    server: ForkServer, children: list[Child], code: int, status: int
) -> None:
    """As the kernel has it."""
    children[0].code = code
    assert server.end() == status


def test_one_that_does_not_leave_is_killed(server: ForkServer, children: list[Child]) -> None:
    """It would hold up the end of the program."""
    children[0].code = None
    assert server.end() == 9
    assert children[0].killed


def test_one_that_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither end of its line."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", fail)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="no more processes"):
        ForkServer(4, Place(), (), "peerage")  # type: ignore[arg-type]  # as far as it is used
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_entries_of_the_path_that_are_no_strings_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python does."""
    monkeypatch.setattr("sys.path", ["/a", Path("/b"), "/c"])
    assert import_path() == ["/a", "/c"]


def test_the_current_directory_is_found_though_it_was_deleted(tmp_path: Path) -> None:
    """Its path leads nowhere by then."""
    before = Path.cwd()
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    try:
        gone.rmdir()
        here = current_directory()
        os.fchdir(here)
        os.close(here)
    finally:
        os.chdir(before)


class OwnChild(Child):
    """As `OwnFork` makes one."""

    def __init__(self, serve: Any, keep: tuple[int, ...]) -> None:
        self.serve, self.keep = serve, keep
        self.line = socket.socket(fileno=os.dup(keep[0]))
        self.code, self.killed = 0, False


def test_the_first_one_may_be_forked_and_no_other(
    children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps its line, the life pipe and the directory; its successors are started anew, for there are threads by then."""

    def fork(serve: Any, keep: tuple[int, ...]) -> Child:
        children.append(OwnChild(serve, keep))
        return children[-1]

    monkeypatch.setattr(fork_server_client, "OwnFork", fork)
    monkeypatch.setattr(fork_server_client, "is_possible", lambda: True)
    server = ForkServer(4, Place(), ("json",), "peerage", fork=True)  # type: ignore[arg-type]  # as far as it is used
    forked = children[0]
    assert isinstance(forked, OwnChild)
    assert forked.keep[1:] == (4, 3)
    assert receive_message(forked.line)[0][:2] == ("preload", ("json",))
    server.end()
    server.start()
    assert not isinstance(children[1], OwnChild)
    server.close()


def test_none_is_forked_where_there_are_threads(
    children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server_client, "is_possible", lambda: False)
    server = ForkServer(4, Place(), (), "peerage", fork=True)  # type: ignore[arg-type]  # as far as it is used
    assert type(children[0]) is Child
    server.close()
