"""Health probes on a clock that the test sets."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.supervisors.child import Child
from peerage.supervisors.health import LATE_S, HealthProbes, probe_health
from peerage.supervisors.spec import HealthCheck
from tests.supervisors.parts import FakeClock, FakeRef, running, spec


class FakePing:
    def __init__(self) -> None:
        self.is_answered = False

    def is_ready(self) -> bool:
        return self.is_answered


class Patient:
    """A child: what it is asked, how much memory it uses, and what it is condemned for."""

    def __init__(self) -> None:
        self.pings: list[FakePing] = []
        self.memory = 0
        self.verdicts: list[str] = []

    def ping(self) -> FakePing:
        self.pings.append(FakePing())
        return self.pings[-1]

    def answer(self) -> None:
        for ping in self.pings:
            ping.is_answered = True


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def patient() -> Patient:
    return Patient()


def examine(patient: Patient, clock: FakeClock, check: HealthCheck) -> HealthProbes:
    return HealthProbes(
        check, clock, ping=patient.ping, memory=lambda: patient.memory, condemn=patient.verdicts.append
    )


def test_a_child_that_answers_is_asked_again(patient: Patient, clock: FakeClock) -> None:
    """Every so many seconds."""
    examine(patient, clock, HealthCheck(every=5.0, deadline=3.0))
    for _ in range(3):
        clock.pass_by(5.0)
        patient.answer()
    assert len(patient.pings) == 3
    assert patient.verdicts == []


def test_a_child_that_does_not_answer_in_time_is_condemned_once(patient: Patient, clock: FakeClock) -> None:
    """After the deadline of the first ping; nothing is asked any more."""
    examine(patient, clock, HealthCheck(every=5.0, deadline=7.0))
    clock.pass_by(11.9)
    assert (len(patient.pings), patient.verdicts) == (1, [])
    clock.pass_by(60.0)
    assert (len(patient.pings), patient.verdicts) == (1, ["hung: no answer within 7 s"])


def test_a_ping_that_is_under_way_is_not_repeated(patient: Patient, clock: FakeClock) -> None:
    """A deadline may be longer than the time between two looks."""
    examine(patient, clock, HealthCheck(every=1.0, deadline=10.0))
    clock.pass_by(5.0)
    assert len(patient.pings) == 1
    patient.answer()
    clock.pass_by(1.0)
    assert len(patient.pings) == 2


def test_a_child_over_its_memory_limit_is_condemned(patient: Patient, clock: FakeClock) -> None:
    """The verdict names figure and limit."""
    examine(patient, clock, HealthCheck(every=5.0, deadline=None, max_rss=100))
    patient.memory = 100
    clock.pass_by(5.0)
    patient.memory = 101
    clock.pass_by(5.0)
    assert patient.verdicts == ["memory: 101 bytes resident, 100 allowed"]
    assert patient.pings == []


def test_nobody_looks_at_a_child_that_is_being_stopped(patient: Patient, clock: FakeClock) -> None:
    """Neither a look that is due nor a deadline hits it."""
    probes = examine(patient, clock, HealthCheck(every=5.0, deadline=3.0, max_rss=1))
    clock.pass_by(5.0)
    patient.memory = 2
    probes.stop()
    clock.pass_by(60.0)
    assert patient.verdicts == []


def test_after_a_standstill_a_child_gets_its_whole_time_anew(patient: Patient, clock: FakeClock) -> None:
    """This process may have been stopped together with the child."""
    examine(patient, clock, HealthCheck(every=5.0, deadline=3.0))
    clock.pass_by(5.0)
    clock.stand_still(3.0 + 2 * LATE_S)
    clock.pass_by(0.0)
    assert patient.verdicts == []
    clock.pass_by(3.0)
    assert patient.verdicts == ["hung: no answer within 3 s"]


class Silent(FakeRef):
    """Is asked, and does not answer."""

    def ask(self, *_args: Any, **_kwargs: Any) -> Any:
        return FakePing()


def test_a_condemned_child_is_killed_with_its_verdict(clock: FakeClock) -> None:
    """Which is a better cause than the signal."""
    child, killed = Child(spec(health=HealthCheck(every=5.0, deadline=3.0))), list[Child]()
    child.came_up(Silent("a"))
    probe_health(child, "sup", clock, killed.append)
    clock.pass_by(8.0)
    assert killed == [child]
    assert child.verdict == "hung: no answer within 3 s"


def test_a_child_without_a_check_is_left_in_peace(clock: FakeClock) -> None:
    """Off by default."""
    child = running(spec())
    probe_health(child, "sup", clock, lambda _child: pytest.fail("it is killed"))
    assert child.probes is None
