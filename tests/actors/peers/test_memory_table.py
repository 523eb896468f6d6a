"""actors/peers/memory_table.py: what the hosts of a node tell each other of their memory."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peerage.actors.peers.memory_table import MemoryTable


@pytest.fixture
def fd() -> Iterator[int]:
    made = MemoryTable.create(3, limit=1000, least=400)
    yield made
    os.close(made)


def test_each_host_sees_what_all_of_them_hold(fd: int) -> None:
    tables = [MemoryTable(fd, index, 3) for index in range(3)]
    tables[0].set(10, 1, 0.0)
    tables[2].set(500, 20, 0.0)
    assert [table.totals() for table in tables] == [(510, 21)] * 3


def test_a_successor_begins_with_nothing(fd: int) -> None:
    """What its predecessor held has gone with it."""
    MemoryTable(fd, 1, 3).set(500, 20, 7.0)
    other = MemoryTable(fd, 0, 3)
    assert other.totals() == (500, 20)
    assert not other.is_heaviest()
    MemoryTable(fd, 1, 3)
    assert other.totals() == (0, 0)
    assert other.is_heaviest()


def test_one_host_has_the_heaviest_connection(fd: int) -> None:
    """Or two, if the weights are equal."""
    tables = [MemoryTable(fd, index, 3) for index in range(3)]
    for table, weight in zip(tables, (1.0, 7.5, 7.0), strict=True):
        table.set(0, 0, weight)
    assert [table.is_heaviest() for table in tables] == [False, True, False]


def test_the_limit_is_the_same_for_all_and_not_below_the_least(fd: int) -> None:
    """Anyone may change it at any time."""
    tables = [MemoryTable(fd, index, 3) for index in range(3)]
    assert tables[0].limit == 1000
    tables[0].shrink_to(0.7)
    assert tables[2].limit == 700
    tables[1].shrink_to(0.125)
    assert tables[0].limit == 400
    tables[1].shrink_to(1.0)
    assert tables[0].limit == 1000
    assert MemoryTable(fd, 2, 3).limit == 1000


def test_a_limit_below_the_least_is_the_least() -> None:
    made = MemoryTable.create(1, limit=1, least=400)
    assert MemoryTable(made, 0, 1).limit == 400
    os.close(made)
