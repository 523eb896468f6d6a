"""What the root knows of each life of each host, found by serial, by name and by process.

A life begins when the root decides to make a host, before there is a process, and ends when the root knows that nothing is
left of it. A serial is never used twice; a name is used again, and has one life at a time.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from peerage.actors.runtime.errors import ActorStartError, StartLimitError
from peerage.actors.runtime.host.stopping import Standing
from peerage.actors.runtime.mail.exit_reason import DownReason, from_status
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.request import Request
from peerage.actors.runtime.processes.requests import SpawnRequest

SYSTEM_ENDS = "the system is shutting down"


class WaitingStart(NamedTuple):
    """A start that waits for a name: of which host and actor, who waits for it, and how it goes on."""

    host: str
    actor: str
    asker: Request
    make: Callable[[], None]


class HostRecord:
    """One life of a host.

    Attributes:
        request: what it was made for; None for a host in a thread.
        owner: that of a thread's actor; `Owners` knows those of processes.
        signature: of the lines about it.
        pid: 0 while it is not known; pidfd, of a process host.
        fds: passed on, and kept until the fork is confirmed.
        status: the wait status of its process.
        exit_reason: the one that it gave itself; ended, how its last actors ended.
        must_die: the root has decided to kill it; verdict, why.
        failure: an exception that its process ended with; limit, of the operating system, that its start has met.
        is_up: whether it has said that it is there; is_known, whether everybody has been told of it.
        missed: news of other hosts since its process was asked for, each a kind of message and its value: the table that
            it is forked with is older. It gets them when it is known.
        blocked: names under which no host starts before this one is gone.
        waiting: starts that wait for its end.
    """

    def __init__(
        self,
        name: str,
        serial: int,
        request: SpawnRequest | None,
        asker: Request,
        signature: Mapping[str, str],
    ) -> None:
        self.name, self.serial, self.request, self.asker = name, serial, request, asker
        self.owner: ActorRef[Any] | None = None
        self.standing = Standing(request is not None and request.stops_others)
        self.signature = signature
        self.pid = 0
        self.pidfd = -1
        self.fds: list[int] = []
        self.status: int | None = None
        self.exit_reason: DownReason | None = None
        self.ended: dict[str, DownReason] = {}
        self.is_up = self.is_known = False
        self.must_die = False
        self.verdict: DownReason | None = None
        self.failure = ""
        self.limit = ""
        self.missed: list[tuple[int, Any]] = []
        self.blocked: set[str] = set()
        self.waiting: list[WaitingStart] = []

    @property
    def actor(self) -> str:
        """The actor that it was made for."""
        return self.name if self.request is None else self.request.actor

    @property
    def is_leaving(self) -> bool:
        """Whether it is known to be on its way out."""
        return self.standing.leaves or self.exit_reason is not None or self.must_die or bool(self.blocked)

    def condemn(self, why: str) -> None:
        """Note why it is about to be killed: from its wait status alone, everybody would read only that it was."""
        self.verdict = DownReason("killed", why, signal=signal.SIGKILL)

    def reason(self) -> DownReason:
        """Why it has ended, by all that is known now.

        What it said itself counts if its process has ended well after that, or has not ended yet. What the root did to it
        goes before the status, which is only the consequence.
        """
        if self.exit_reason is not None and not self.status:
            return self.exit_reason
        reason = self.verdict or from_status(self.status)
        if self.failure and self.verdict is None:
            return replace(reason, text=f"{reason.text}: {self.failure}")
        return reason

    def start_error(self, reason: DownReason, *, is_system_ending: bool) -> ActorStartError:
        """What whoever waits for its start is told when it has ended instead, for this reason.

        Of a host that was stopped because the system ends, the reason of its own end would say too little.
        """
        if self.limit:
            return StartLimitError(self.actor, self.limit)
        if is_system_ending and reason.is_orderly:
            return ActorStartError(self.actor, SYSTEM_ENDS)
        return ActorStartError(self.actor, f"host {self.name!r} ended ({reason})")


class HostRecords:
    """The lives that have begun and not ended, in the order of their beginning. A name has one at a time."""

    def __init__(self) -> None:
        self._next_serial = ROOT_SERIAL + 1
        # In the order of serials, which is that of the beginnings: the end of the system goes through them backwards.
        self._by_serial: dict[int, HostRecord] = {}
        self._by_name: dict[str, HostRecord] = {}
        self._by_pid: dict[int, dict[int, HostRecord]] = {}
        self._blockers: dict[str, dict[int, HostRecord]] = {}
        self._booting: set[int] = set()

    def __len__(self) -> int:
        return len(self._by_serial)

    def all(self) -> list[HostRecord]:
        """Those that there are now, the oldest first."""
        return list(self._by_serial.values())

    def processes(self) -> list[HostRecord]:
        """Those with a process of their own."""
        return [record for record in self._by_serial.values() if record.request is not None]

    @property
    def booting(self) -> frozenset[int]:
        """The serials of those that nobody has been told of yet."""
        return frozenset(self._booting)

    def add(
        self, name: str, request: SpawnRequest | None, asker: Request, signature: Mapping[str, str]
    ) -> HostRecord:
        """A life begins. It gets the next serial."""
        record = HostRecord(name, self._next_serial, request, asker, signature)
        self._next_serial += 1
        self._by_serial[record.serial] = record
        self._by_name[name] = record
        self._booting.add(record.serial)
        return record

    def remove(self, record: HostRecord) -> bool:
        """A life has ended. Returns: whether that was not known yet."""
        if self._by_serial.pop(record.serial, None) is None:
            return False
        if self._by_name.get(record.name) is record:
            del self._by_name[record.name]
        self._booting.discard(record.serial)
        self._drop(self._by_pid, record.pid, record)
        for name in record.blocked:
            self._drop(self._blockers, name, record)
        return True

    def of_serial(self, serial: int) -> HostRecord | None:
        """The life with this serial."""
        return self._by_serial.get(serial)

    def of_name(self, name: str) -> HostRecord | None:
        """The life that bears this name."""
        return self._by_name.get(name)

    def of_pid(self, pid: int) -> HostRecord | None:
        """The host whose process this is."""
        return next((record for record in self.in_process(pid) if record.request is not None), None)

    def in_process(self, pid: int) -> list[HostRecord]:
        """All hosts of this process: its own, and those in threads of it."""
        return list(self._by_pid.get(pid, {}).values())

    def note_pid(self, record: HostRecord, pid: int) -> None:
        """It lives in this process."""
        self._drop(self._by_pid, record.pid, record)
        record.pid = pid
        self._by_pid.setdefault(pid, {})[record.serial] = record

    def note_up(self, record: HostRecord) -> None:
        """It has said that it is there."""
        record.is_up = True

    def note_known(self, record: HostRecord) -> None:
        """Everybody is told of it."""
        record.is_known = True
        self._booting.discard(record.serial)

    def block(self, record: HostRecord, names: Iterable[str]) -> None:
        """Have no host start under these names before this one is gone."""
        for name in names:
            record.blocked.add(name)
            self._blockers.setdefault(name, {})[record.serial] = record

    def in_the_way_of(self, name: str) -> HostRecord | None:
        """A host that must be gone before one starts under this name: the bearer of the name, or one that blocks it."""
        bearer = self._by_name.get(name)
        return bearer or next(iter(self._blockers.get(name, {}).values()), None)

    @staticmethod
    def _drop(index: dict[Any, dict[int, HostRecord]], key: Any, record: HostRecord) -> None:
        there = index.get(key)
        if there is not None and there.pop(record.serial, None) is not None and not there:
            del index[key]
