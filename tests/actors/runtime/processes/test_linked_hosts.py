"""Hosts whose owner has ended: who is killed at once, and who has time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from peerage.actors.runtime.processes.linked_hosts import ORPHAN_GRACE_S, LinkedHosts
from tests.actors.runtime.processes.fakes import Timers, add_process

KILLED, STOPPED = DownReason("killed"), DownReason("normal", "stopped")


class Links:
    """Who ends with whom, as the test says."""

    def __init__(self) -> None:
        self.by_serial: dict[int, list[int]] = {}

    def take(self, serial: int) -> list[int]:
        return self.by_serial.pop(serial, [])


@pytest.fixture
def records() -> HostRecords:
    return HostRecords()


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def links() -> Links:
    return Links()


@pytest.fixture
def killed() -> list[str]:
    return []


@pytest.fixture
def linked(links: Links, records: HostRecords, timers: Timers, killed: list[str]) -> LinkedHosts:
    return LinkedHosts(links, records, lambda record: killed.append(record.name), timers)


@pytest.fixture
def chain(records: HostRecords, links: Links) -> list[HostRecord]:
    """Each ends with the one before it."""
    chain = [add_process(records, name, pid) for pid, name in enumerate(("first", "second", "third"), 70)]
    for owner, host in pairwise(chain):
        links.by_serial[owner.serial] = [host.serial]
    return chain


def test_when_a_host_is_killed_all_that_end_with_it_are_killed(
    linked: LinkedHosts, chain: list[HostRecord], records: HostRecords, killed: list[str]
) -> None:
    """To the last; the names of those before them are blocked until they are gone."""
    records.remove(chain[0])
    linked.host_ended(chain[0], KILLED)
    assert killed == ["second", "third"]
    assert [record.blocked for record in chain[1:]] == [{"first"}, {"first", "second"}]
    assert str(chain[1].verdict) == "killed: linked to 'first', which has ended"


def test_an_owner_that_ended_in_good_order_has_stopped_them_itself(
    linked: LinkedHosts, chain: list[HostRecord], records: HostRecords, timers: Timers, killed: list[str]
) -> None:
    """They are killed only if they do not get there."""
    records.remove(chain[0])
    linked.host_ended(chain[0], STOPPED)
    timers.move(ORPHAN_GRACE_S / 2)
    assert (killed, chain[1].blocked) == ([], {"first"})
    timers.move(ORPHAN_GRACE_S)
    assert killed == ["second"]


def test_a_host_that_stops_in_time_is_not_killed(
    linked: LinkedHosts, chain: list[HostRecord], records: HostRecords, timers: Timers, killed: list[str]
) -> None:
    """Its number may be another process's."""
    linked.host_ended(chain[0], STOPPED)
    records.remove(chain[1])
    timers.move(ORPHAN_GRACE_S)
    assert killed == []


def test_when_the_system_ends_that_has_its_own_order(
    linked: LinkedHosts, chain: list[HostRecord], killed: list[str]
) -> None:
    """A host that was left in good order is told to stop, and has its time."""
    told: list[HostRecord] = []
    note: Callable[[HostRecord], None] = told.append
    linked.on_orderly_end = note
    linked.host_ended(chain[0], STOPPED)
    assert (told, killed) == ([chain[1]], [])
    linked.host_ended(chain[1], KILLED)
    assert killed == ["third"]


def test_an_owner_may_end_in_a_host_that_lives_on(
    linked: LinkedHosts, chain: list[HostRecord], killed: list[str]
) -> None:
    """Its host's name is blocked then, for a successor would be an owner of the same name."""
    owner = ActorRef("owner", "first", chain[0].serial, system="test")
    linked.owner_ended(owner, [chain[1].serial], KILLED)
    assert killed == ["second", "third"]
    assert chain[1].blocked == {"first"}
    assert str(chain[1].verdict) == "killed: linked to 'owner', which has ended"
