"""actors/peers/bandwidth_table.py: the bucket that the hosts of a node draw from."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from peerage.actors.peers.bandwidth_table import BURST_S, RECEIVING, SENDING, BandwidthTable

RATE = 1_000_000.0
BURST = RATE * BURST_S


@pytest.fixture
def fd() -> Iterator[int]:
    made = BandwidthTable.create(3, RATE, 5.0)
    yield made
    os.close(made)


def test_directions_have_rates_of_their_own(fd: int) -> None:
    table = BandwidthTable(fd, 0, 3)
    assert (table.rate(RECEIVING), table.rate(SENDING)) == (RATE, 5.0)


def test_all_hosts_draw_from_one_bucket_which_fills_with_time(fd: int) -> None:
    """It keeps no more than a fifth of a second."""
    one, two = BandwidthTable(fd, 0, 3), BandwidthTable(fd, 2, 3)
    assert one.draw(RECEIVING, 100.0, 1e12) == BURST
    assert two.draw(RECEIVING, 100.0, 1e12) == 0.0
    assert two.draw(RECEIVING, 100.01, 1e12) == pytest.approx(RATE * 0.01)
    assert one.draw(RECEIVING, 200.0, 1000.0) == 1000.0
    assert one.draw(RECEIVING, 200.0, 1e12) == BURST - 1000.0
    assert one.draw(SENDING, 200.0, 1e12) == 1.0


def test_a_clock_that_lags_takes_nothing_twice(fd: int) -> None:
    """A host that looked at the clock before another one did draws after it."""
    one, two = BandwidthTable(fd, 0, 3), BandwidthTable(fd, 1, 3)
    one.draw(RECEIVING, 100.0, 1e12)
    assert two.draw(RECEIVING, 99.9, 1e12) == 0.0
    assert two.draw(RECEIVING, 100.01, 1e12) == pytest.approx(RATE * 0.01)


def test_a_host_draws_its_share_by_the_connections_that_wait(fd: int) -> None:
    """So it does not matter which host looks first, or more often. A host that nobody waits in counts as one that does."""
    tables = [BandwidthTable(fd, index, 3) for index in range(3)]
    tables[0].set_waiting(RECEIVING, 30)
    tables[1].set_waiting(RECEIVING, 10)
    assert tables[0].draw(RECEIVING, 100.0, 1e12) == BURST * 30 / 40
    assert tables[1].draw(RECEIVING, 200.0, 1e12) == BURST * 10 / 40
    assert tables[2].draw(RECEIVING, 300.0, 1e12) == pytest.approx(BURST / 41)


def test_a_successor_of_a_dead_host_has_nobody_waiting(fd: int) -> None:
    BandwidthTable(fd, 1, 3).set_waiting(RECEIVING, 1000)
    BandwidthTable(fd, 1, 3)
    assert BandwidthTable(fd, 0, 3).draw(RECEIVING, 100.0, 1e12) == BURST


def test_nothing_is_drawn_while_another_process_draws(fd: int) -> None:
    """Nobody waits for a lock; the kernel takes it from one that is killed."""
    hold = (
        "import fcntl, os, sys; fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX, 1, 0);"
        "os.write(1, b'held'); sys.stdin.read()"
    )
    table = BandwidthTable(fd, 0, 3)
    command = [sys.executable, "-c", hold, str(fd)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[fd], bufsize=0
    ) as other:
        assert other.stdout is not None
        assert other.stdout.read(4) == b"held"
        assert table.draw(RECEIVING, 100.0, 10.0) == 0.0
        assert table.draw(SENDING, 100.0, 1.0) == 1.0
        other.kill()
    assert table.draw(RECEIVING, 100.0, 10.0) == 10.0
    fcntl.lockf(fd, fcntl.LOCK_UN)
