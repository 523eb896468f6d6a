"""A SIGTERM that comes to hosts: when each of them was meant."""

from __future__ import annotations

import pytest

from peerage.actors.runtime.processes.host_records import HostRecords
from peerage.actors.runtime.processes.terminated_hosts import SIGTERM_WAIT_S, TerminatedHosts
from tests.actors.runtime.processes.fakes import Timers, add_process, add_thread


@pytest.fixture
def records() -> HostRecords:
    records = HostRecords()
    for pid, name in enumerate(("a", "b"), 70):
        add_process(records, name, pid)
    return records


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def stopped() -> list[str]:
    return []


def terminated(
    records: HostRecords, timers: Timers, stopped: list[str], *, program: bool = False
) -> TerminatedHosts:
    return TerminatedHosts(
        records, timers, lambda _seconds: program, lambda record: stopped.append(record.name)
    )


def serial(records: HostRecords, name: str) -> int:
    record = records.of_name(name)
    assert record is not None
    return record.serial


def test_a_host_that_alone_has_had_one_is_stopped(
    records: HostRecords, timers: Timers, stopped: list[str]
) -> None:
    """After a moment, in which it might come to the others."""
    hosts = terminated(records, timers, stopped)
    hosts.report(serial(records, "a"))
    assert stopped == []
    timers.move(SIGTERM_WAIT_S)
    assert stopped == ["a"]


def test_one_that_came_to_all_hosts_is_the_programs_business(
    records: HostRecords, timers: Timers, stopped: list[str]
) -> None:
    """It may have a handler of its own; hosts in threads get none."""
    add_thread(records, "thread", 1)
    hosts = terminated(records, timers, stopped)
    for name in ("a", "b"):
        hosts.report(serial(records, name))
    timers.move(SIGTERM_WAIT_S)
    assert stopped == []


def test_the_only_host_is_meant_itself(records: HostRecords, timers: Timers, stopped: list[str]) -> None:
    """All of one says nothing."""
    only = HostRecords()
    add_process(only, "only", 70)
    hosts = terminated(only, timers, stopped)
    hosts.report(serial(only, "only"))
    timers.move(SIGTERM_WAIT_S)
    assert stopped == ["only"]


@pytest.mark.parametrize("program", [True, False], ids=["the program has had one", "the system ends"])
def test_the_program_ends_its_hosts_in_order(
    records: HostRecords, timers: Timers, stopped: list[str], program: bool
) -> None:
    """Then none is stopped by itself."""
    hosts = terminated(records, timers, stopped, program=program)
    hosts.is_over = not program
    hosts.report(serial(records, "a"))
    timers.move(SIGTERM_WAIT_S)
    assert stopped == []


def test_a_host_that_is_not_up_or_gone_is_not_told(
    records: HostRecords, timers: Timers, stopped: list[str]
) -> None:
    """It has no ears."""
    booting = add_process(records, "booting")
    hosts = terminated(records, timers, stopped)
    for number in (booting.serial, 99):
        hosts.report(number)
    timers.move(SIGTERM_WAIT_S)
    assert stopped == []


def test_each_report_is_decided_once(records: HostRecords, timers: Timers, stopped: list[str]) -> None:
    """A later one begins anew."""
    hosts = terminated(records, timers, stopped)
    for _ in range(2):
        hosts.report(serial(records, "a"))
        timers.move(SIGTERM_WAIT_S)
    assert stopped == ["a", "a"]
