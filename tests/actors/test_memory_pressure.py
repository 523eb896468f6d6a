"""When a node sheds load: by what its container or service uses of its memory."""

from __future__ import annotations

import pytest

from peerage.actors.memory_pressure import LOOK_S, UNLIMITED_LOOK_S, MemoryPressure, RoomForStrangers
from peerage.actors.runtime.control_groups import Use
from tests.fake_clock import FakeClock

MEBIBYTE = 1 << 20
LIMIT = 1000 * MEBIBYTE


class Group:
    """A control group whose use of memory the test sets, in MiB of 1000; None for no limit."""

    def __init__(self) -> None:
        self.used: int | None = 0
        self.looks = 0

    def __call__(self) -> Use | None:
        self.looks += 1
        return None if self.used is None else Use(LIMIT, self.used * MEBIBYTE)


@pytest.fixture
def group() -> Group:
    return Group()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def memory(group: Group, clock: FakeClock) -> MemoryPressure:
    return MemoryPressure(group, clock.now)


def test_shares_shrink_in_two_steps_and_come_back_in_one(
    memory: MemoryPressure, group: Group, clock: FakeClock
) -> None:
    """What was short is not enough again before a twentieth of the limit is free beyond that."""
    steps = [(0, 1.0), (899, 1.0), (900, 0.5), (949, 0.5), (950, 0.125), (1200, 0.125)]
    steps += [(949, 0.5), (870, 0.5), (850, 0.5), (849, 1.0), (870, 1.0), (960, 0.125), (849, 1.0)]
    for used, share in steps:
        group.used = used
        memory.look()
        assert memory.share == share, used
        clock.stand_still(LOOK_S)


def test_the_lack_names_the_figures_and_what_raises_the_limit(
    memory: MemoryPressure, group: Group, clock: FakeClock
) -> None:
    """For whoever reads why no connection is accepted."""
    memory.look()
    assert memory.lack == ""
    clock.stand_still(LOOK_S)
    group.used = 930
    memory.look()
    for words in ("uses 930 of at most 1000 MiB", "memory.max", "MemoryMax=, --memory"):
        assert words in memory.lack


def test_it_does_not_look_all_the_time(memory: MemoryPressure, group: Group, clock: FakeClock) -> None:
    """Whoever accepts asks for each connection. Without a limit it looks seldom: one may be set."""
    for _ in range(10):
        memory.look()
    assert group.looks == 1
    clock.stand_still(LOOK_S)
    group.used = None
    memory.look()
    assert (group.looks, memory.look_s) == (2, UNLIMITED_LOOK_S)
    clock.stand_still(LOOK_S)
    group.used = 990
    memory.look()
    assert (group.looks, memory.share) == (2, 1.0)
    clock.stand_still(UNLIMITED_LOOK_S)
    memory.look()
    assert (group.looks, memory.share) == (3, 0.125)


def test_a_limit_that_is_lifted_is_no_lack(memory: MemoryPressure, group: Group, clock: FakeClock) -> None:
    group.used = 990
    memory.look()
    clock.stand_still(LOOK_S)
    group.used = None
    memory.look()
    assert (memory.share, memory.lack) == (1.0, "")


def test_strangers_need_memory_and_descriptors(
    memory: MemoryPressure, group: Group, clock: FakeClock
) -> None:
    """Whatever is lacking is named; it comes and goes."""

    class Descriptors:
        lack = ""

        def take(self) -> str:
            return self.lack

    descriptors = Descriptors()
    room = RoomForStrangers(memory, descriptors)  # type: ignore[arg-type]  # stands in for Room
    assert room.take() == ""
    descriptors.lack = "RLIMIT_NOFILE"
    assert room.take() == "RLIMIT_NOFILE"
    clock.stand_still(LOOK_S)
    group.used = 900
    assert "memory.max" in room.take()
    clock.stand_still(LOOK_S)
    group.used = 0
    descriptors.lack = ""
    assert room.take() == ""
