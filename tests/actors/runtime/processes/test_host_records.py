"""What the root knows of hosts: how each life is found, and what is said of its end."""

from __future__ import annotations

import signal

import pytest

from peerage.actors.runtime.errors import ActorStartError, StartLimitError
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from tests.actors.runtime.processes.fakes import add_process, add_thread

KILLED = 9  # a wait status


@pytest.fixture
def records() -> HostRecords:
    return HostRecords()


def test_each_life_has_a_higher_serial(records: HostRecords) -> None:
    """The root's own comes before all."""
    first = add_process(records, "a")
    records.remove(first)
    second = add_process(records, "a")
    assert 1 < first.serial < second.serial
    assert records.of_serial(first.serial) is None


def test_a_life_is_found_by_serial_name_and_process(records: HostRecords) -> None:
    """Until it has ended, which is news once."""
    record = add_process(records, "a", 77)
    assert records.of_serial(record.serial) is records.of_name("a") is records.of_pid(77) is record
    assert [records.remove(record), records.remove(record)] == [True, False]
    assert (records.of_name("a"), records.of_pid(77), len(records)) == (None, None, 0)


def test_a_process_has_its_own_host_and_those_in_its_threads(records: HostRecords) -> None:
    """They end together."""
    host, thread = add_process(records, "a", 77), add_thread(records, "t", 77)
    add_thread(records, "elsewhere", 78)
    assert (records.of_pid(77), records.of_pid(78)) == (host, None)
    assert records.in_process(77) == [host, thread]
    records.remove(host)
    assert records.in_process(77) == [thread]


def test_a_life_boots_until_it_is_known_or_has_ended(records: HostRecords) -> None:
    """Every process of the system is told who is booting."""
    up, failed = add_process(records, "a"), add_process(records, "b")
    assert records.booting == {up.serial, failed.serial}
    records.note_known(up)
    records.remove(failed)
    assert records.booting == frozenset()


def test_processes_are_those_that_are_no_threads(records: HostRecords) -> None:
    """The oldest first."""
    first, _thread, second = add_process(records, "a"), add_thread(records, "t", 1), add_process(records, "b")
    assert records.processes() == [first, second]


def test_a_name_is_in_the_way_of_its_successor(records: HostRecords) -> None:
    """And so is whoever ends with the one who bore it."""
    bearer, linked = add_process(records, "a"), add_process(records, "linked")
    records.block(linked, {"a"})
    assert records.in_the_way_of("a") is bearer
    records.remove(bearer)
    assert records.in_the_way_of("a") is linked
    records.remove(linked)
    assert records.in_the_way_of("a") is None


def test_a_blocked_name_is_free_only_when_all_that_block_it_are_gone(records: HostRecords) -> None:
    """One after the other."""
    for name in ("x", "y"):
        records.block(add_process(records, name), {"a"})
    for name in ("x", "y"):
        assert records.in_the_way_of("a") is not None
        record = records.of_name(name)
        assert record is not None
        records.remove(record)
    assert records.in_the_way_of("a") is None


@pytest.fixture
def record(records: HostRecords) -> HostRecord:
    return add_process(records, "host", 77)


GOODBYE = DownReason("normal", "no actors left")


def test_a_host_that_said_goodbye_and_ended_well_has_its_own_reason(record: HostRecord) -> None:
    """Whether its status is known or not."""
    record.exit_reason = GOODBYE
    assert record.reason() == GOODBYE
    record.status = 0
    assert record.reason() == GOODBYE


def test_a_goodbye_does_not_hide_a_violent_end(record: HostRecord) -> None:
    """It may have been killed on its way out."""
    record.exit_reason, record.status = GOODBYE, KILLED
    assert (record.reason().kind, record.reason().signal) == ("killed", signal.SIGKILL)


def test_a_host_that_the_root_has_killed_has_the_roots_reason(record: HostRecord) -> None:
    """Not just the signal's name."""
    record.condemn("not stopped within 5 s")
    record.status = KILLED
    assert str(record.reason()) == "killed: not stopped within 5 s"


def test_the_reason_names_the_exception_that_ended_the_process(record: HostRecord) -> None:
    """Behind the exit code."""
    record.failure, record.status = "LookupError: no place", 1 << 8
    assert record.reason().text == "process exited with code 1: LookupError: no place"


@pytest.mark.parametrize(
    ("limit", "is_ending", "reason", "kind", "text"),
    [
        ("no memory", False, DownReason("killed"), StartLimitError, "no memory"),
        ("", True, DownReason("shutdown"), ActorStartError, "the system is shutting down"),
        ("", True, DownReason("killed", "so"), ActorStartError, "host 'host' ended (killed: so)"),
        ("", False, DownReason("normal"), ActorStartError, "host 'host' ended (normal)"),
    ],
    ids=["a limit", "the end", "a death at the end", "an end"],
)
def test_the_error_of_a_start_says_what_came_instead(
    record: HostRecord, limit: str, is_ending: bool, reason: DownReason, kind: type[Exception], text: str
) -> None:
    """A limit can be raised, and the system's end is no fault of the host."""
    record.limit = limit
    error = record.start_error(reason, is_system_ending=is_ending)
    assert type(error) is kind
    assert text in str(error)


def test_a_host_on_its_way_out_is_known(record: HostRecord) -> None:
    """Its successor waits for that."""
    assert not record.is_leaving
    record.exit_reason = GOODBYE
    assert record.is_leaving
