"""How the root hears of deaths, with a parent that tells or does not tell how the process ended."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime.host.descriptors import Descriptors
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from peerage.actors.runtime.processes.reaper import REAP_AGAIN_S, Reaper
from tests.actors.runtime.host.fakes import Poller
from tests.actors.runtime.processes.fakes import Timers, add_process

NOT_OURS = 1 << 22  # larger than any process number: no child of this process


class Parent:
    """The fork server: whether it runs, and what it tells of the process."""

    def __init__(self) -> None:
        self.is_started = True
        self.status: int | None = None
        self.record: HostRecord | None = None

    def wait_readable(self, _timeout: float) -> bool:
        return self.status is not None

    def hear(self) -> None:
        assert self.record is not None
        self.record.status = self.status


@pytest.fixture
def parent() -> Parent:
    return Parent()


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def dead() -> list[tuple[str, int | None]]:
    return []


@pytest.fixture
def descriptors() -> Descriptors[Any]:
    return Descriptors(Poller())


@pytest.fixture
def reaper(
    parent: Parent, descriptors: Descriptors[Any], timers: Timers, dead: list[tuple[str, int | None]]
) -> Reaper:
    return Reaper(
        parent, descriptors, timers, parent.hear, lambda record: dead.append((record.name, record.status))
    )


@pytest.fixture
def record(parent: Parent) -> Iterator[HostRecord]:
    record = parent.record = add_process(HostRecords(), "host", NOT_OURS)
    record.pidfd = os.eventfd(0)
    yield record
    os.close(record.pidfd)


def die(descriptors: Descriptors[Any], record: HostRecord) -> None:
    _task, reader, _writer = descriptors.callbacks(record.pidfd, select.EPOLLIN)
    assert reader is not None
    reader()


def test_a_death_is_reported_with_the_status_that_the_parent_has_collected(
    reaper: Reaper, descriptors: Descriptors[Any], parent: Parent, record: HostRecord, dead: list[Any]
) -> None:
    """Once: nothing is heard of that process any more."""
    reaper.watch(record)
    parent.status = 9
    die(descriptors, record)
    assert dead == [("host", 9)]
    assert not descriptors.in_use


def test_a_process_that_said_goodbye_needs_no_status(
    reaper: Reaper, descriptors: Descriptors[Any], record: HostRecord, dead: list[Any]
) -> None:
    """Nobody waits for it."""
    record.exit_reason = DownReason("normal")
    reaper.watch(record)
    die(descriptors, record)
    assert dead == [("host", None)]


def test_a_parent_that_has_died_leaves_its_children_to_us(
    reaper: Reaper,
    descriptors: Descriptors[Any],
    parent: Parent,
    record: HostRecord,
    timers: Timers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where we are their init; once more a moment later, for it was dying too, and then no more."""
    asked: list[int] = []

    def waitpid(pid: int, _options: int) -> tuple[int, int]:
        asked.append(pid)
        if len(asked) == 1:
            raise ChildProcessError
        return pid, 7 << 8

    monkeypatch.setattr(os, "waitpid", waitpid)
    parent.is_started = False
    reaper.watch(record)
    die(descriptors, record)
    assert asked == [NOT_OURS]
    timers.move(REAP_AGAIN_S)
    reaper.reap_again()
    assert (record.status, asked) == (7 << 8, [NOT_OURS] * 2)
