"""What the root's parts stand on, without a process: requests that note their answers, and timers on a fake clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.mail.request import Request
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from peerage.actors.runtime.processes.requests import Boot, SpawnRequest
from tests.actors.runtime.host.fakes import Clock, Post

ASKER = 7 << 20


class Timers:
    """Calls that are due later, on a clock that the test moves."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.due: list[tuple[float, Callable[..., object], tuple[object, ...]]] = []

    def call_later(self, _task: None, delay: float, fn: Callable[..., object], *args: object) -> object:
        self.due.append((self.clock.now + delay, fn, args))
        return None

    def move(self, seconds: float) -> None:
        """Let so much time go by."""
        self.clock.now += seconds
        due, self.due = self.due, []
        for when, fn, args in due:
            if when <= self.clock.now:
                fn(*args)
            else:
                self.due.append((when, fn, args))


def asker(post: Post, number: int = 1) -> Request:
    """A request whose answer is sent by a fake port."""
    return Request(post, ASKER, number)


def spawn_request(host: str = "host", **fields: Any) -> SpawnRequest:
    """A request for a host, for an actor of the same name."""
    plain: dict[str, Any] = {
        "host": host,
        "keep": False,
        "actor": host,
        "start_body": b"",
        "fd_names": (),
        "fd_token": "",
        "owner": None,
        "log_setup": b"",
        "signature": {},
        "stops_others": False,
    }
    return SpawnRequest(**{**plain, **fields})


def boot_of(name: str = "host", **fields: Any) -> Boot:
    """What a new host is told, as far as the fork server looks."""
    plain: dict[str, Any] = dict.fromkeys(Boot._fields, "")
    return Boot(**{**plain, "name": name, **fields})


def add_process(records: HostRecords, name: str, pid: int = 0, **fields: Any) -> HostRecord:
    """A host with a process of its own, up if it has a process number."""
    record = records.add(name, spawn_request(name, **fields), asker(Post()), {})
    if pid:
        records.note_pid(record, pid)
        records.note_up(record)
        records.note_known(record)
    return record


def add_thread(records: HostRecords, name: str, pid: int, owner: ActorRef[Any] | None = None) -> HostRecord:
    """A host in a thread of a process."""
    record = records.add(name, None, asker(Post()), {})
    records.note_pid(record, pid)
    records.note_up(record)
    records.note_known(record)
    record.owner = owner
    return record


class Server:
    """A fork server: keeps what it is asked for."""

    def __init__(self, fd: int = 2000) -> None:
        self._fd = fd
        self.is_started, self.pid = True, 60
        self.environment: dict[str, str] = {}
        self.forks: list[tuple[Boot, int]] = []
        self.killed: list[int] = []
        self.report: Any = None
        self.fault: Exception | None = None

    def fileno(self) -> int:
        return self._fd

    def start(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.is_started = True

    def end(self) -> int | None:
        self.is_started = False
        return 9

    def fork(self, boot: Boot, fds: list[int]) -> None:
        self.forks.append((boot, len(fds)))

    def kill(self, pid: int) -> None:
        self.killed.append(pid)

    def leave_out(self, module: str) -> None:
        """It has nothing to leave out."""

    def wait_readable(self, _timeout: float) -> bool:
        return self.report is not None

    def receive(self) -> tuple[Any, list[int]]:
        report, self.report = self.report, None
        if report is EOFError:
            raise EOFError
        value: tuple[Any, list[int]] = report
        return value
