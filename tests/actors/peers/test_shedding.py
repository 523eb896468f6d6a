"""actors/peers/shedding.py: a peer host whose container runs short of memory."""

from __future__ import annotations

import logging

import pytest

from peerage.actors.memory_pressure import LOOK_S, MemoryPressure
from peerage.actors.peers.shedding import Shedding
from peerage.actors.runtime.control_groups import Use
from tests.actors.peers.fake_loop import FakeLoop

MEBIBYTE = 1 << 20


class Host:
    """One whose use of memory the test sets, in MiB of 1000."""

    def __init__(self, *, speaks: bool = True) -> None:
        self.used = 0
        self.loop = FakeLoop()
        self.shares: list[float] = []
        self.memory = MemoryPressure(lambda: Use(1000 * MEBIBYTE, self.used * MEBIBYTE), self.loop.now)
        self.shedding = Shedding(self.loop, self.memory, self.shares.append, speaks=speaks)
        self.shedding.look()

    def uses(self, used: int) -> None:
        self.used = used
        self.loop.time += LOOK_S
        self.loop.settle()


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_what_connections_hold_shrinks_and_grows_with_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    """Each step down is a warning with the figures; that it is over is said once."""
    caplog.set_level(logging.INFO)
    host = Host()
    for used in (500, 920, 930, 970, 910, 860, 500, 400):
        host.uses(used)
    assert host.shares == [0.5, 0.125, 0.5, 1.0]
    told = lines(caplog)
    assert [level for level, _ in told] == [logging.WARNING, logging.WARNING, logging.INFO]
    assert "memory is short" in told[0][1]
    assert "uses 920 of at most 1000 MiB" in told[0][1]
    assert "memory is enough again" in told[2][1]


def test_a_change_that_an_acceptor_has_seen_first_is_told_all_the_same() -> None:
    """Both look at one object."""
    host = Host()
    host.used = 920
    host.loop.time += LOOK_S
    host.memory.look()
    assert host.memory.share == 0.5
    host.loop.settle()
    assert host.shares == [0.5]


def test_one_host_speaks_for_all(caplog: pytest.LogCaptureFixture) -> None:
    """They see the same figures."""
    caplog.set_level(logging.INFO)
    host = Host(speaks=False)
    host.uses(960)
    assert host.shares == [0.125]
    assert lines(caplog) == []
