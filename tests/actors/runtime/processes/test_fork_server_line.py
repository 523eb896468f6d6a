"""The root's line to its fork server, which the test plays."""

from __future__ import annotations

import errno
from collections import deque
from typing import Any

import pytest

from peerage.actors.runtime.host.descriptors import Descriptors
from peerage.actors.runtime.processes import fork_server_line
from peerage.actors.runtime.processes.fork_server_line import RENEWALS, ForkServerLine
from tests.actors.runtime.host.fakes import Poller

DEAD = object()


class Server:
    """Reports what it is given; `DEAD` means that it has died."""

    pid = 70

    def __init__(self) -> None:
        self.reports: deque[Any] = deque()
        self.is_started = True
        self.starts = 1
        self.left_out: list[str] = []
        self.fault: OSError | None = None

    def fileno(self) -> int:
        return 2000 + self.starts

    def start(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.starts += 1
        self.is_started = True

    def end(self) -> int | None:
        self.is_started = False
        return 9

    def wait_readable(self, _timeout: float) -> bool:
        return bool(self.reports)

    def receive(self) -> tuple[Any, list[int]]:
        report = self.reports.popleft()
        if report is DEAD:
            raise EOFError
        return report, []

    def leave_out(self, module: str) -> None:
        self.left_out.append(module)


class Heard:
    """What the root is told."""

    def __init__(self) -> None:
        self.reports: list[Any] = []
        self.renewed: list[tuple[str, str]] = []
        self.gone = 0

    def on_gone(self) -> None:
        self.gone += 1


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def poller() -> Poller:
    return Poller()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def line(server: Server, poller: Poller, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> ForkServerLine:
    monkeypatch.setattr(fork_server_line, "RENEWAL_PAUSE_S", 0.0)
    return ForkServerLine(
        server,
        Descriptors(poller),
        on_report=lambda report, _fds: heard.reports.append(report),
        on_renewed=lambda *why: heard.renewed.append(why),
        on_gone=heard.on_gone,
    )


def test_reports_about_hosts_are_passed_on(line: ForkServerLine, server: Server, heard: Heard) -> None:
    """One at a time; without one nothing happens."""
    server.reports.extend([("forked", 2, 70), ("exited", 70, 0)])
    for _ in range(3):
        line.hear()
    assert heard.reports == [("forked", 2, 70), ("exited", 70, 0)]


def test_one_that_has_died_is_started_again(
    line: ForkServerLine, server: Server, heard: Heard, poller: Poller, caplog: pytest.LogCaptureFixture
) -> None:
    """And is listened to from then on."""
    server.reports.append(DEAD)
    line.hear()
    assert (server.starts, heard.renewed, list(poller.masks)) == (2, [("", "")], [2002])
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["fork server died"]


def test_one_that_cannot_be_started_again_is_said_with_its_limit(
    line: ForkServerLine, server: Server, heard: Heard
) -> None:
    """The next start of a host tries again."""
    server.fault = OSError(errno.EMFILE, "too many open files")
    server.reports.append(DEAD)
    line.hear()
    [(fault, limit)] = heard.renewed
    assert fault.startswith("the fork server cannot be started again: all of at most")
    assert "RLIMIT_NOFILE" in limit
    server.fault = None
    line.start()
    assert server.is_started


def test_one_that_keeps_dying_is_given_up(line: ForkServerLine, server: Server, heard: Heard) -> None:
    """Nobody waits for a host that will never be; it is started all the same, for those to come."""
    for _ in range(RENEWALS + 1):
        server.reports.append(DEAD)
        line.hear()
    assert [bool(fault) for fault, _limit in heard.renewed] == [False] * RENEWALS + [True]
    assert heard.renewed[-1][0].startswith("the fork server keeps dying: killed")
    assert server.is_started


def test_a_module_that_starts_threads_is_left_out_by_the_next_one(
    line: ForkServerLine, server: Server, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """That renewal is wanted: it is no death, and counts as none."""
    for _ in range(RENEWALS + 1):
        server.reports.append(("preload unsafe", "numpy"))
        line.hear()
    assert server.left_out == ["numpy"] * (RENEWALS + 1)
    assert {fault for fault, _limit in heard.renewed} == {""}
    assert {record.getMessage().split(":")[0] for record in caplog.records} == {"module not preloaded"}


def test_a_preload_that_failed_is_logged(
    line: ForkServerLine, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """The hosts will import it themselves."""
    server.reports.append(("preload failed", "nonsense", "ImportError()"))
    line.hear()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["preload failed"]


def test_when_the_system_ends_no_other_is_needed(line: ForkServerLine, server: Server, heard: Heard) -> None:
    """Those that were asked of it will never be."""
    line.is_over = True
    server.reports.append(DEAD)
    line.hear()
    assert (server.starts, heard.gone, heard.renewed) == (1, 1, [])


def test_nothing_more_is_heard_after_the_end(line: ForkServerLine, poller: Poller) -> None:
    """Its descriptor is not waited for."""
    line.stop_listening()
    assert poller.masks == {}
