"""actors/peers/load_table.py: a few shared numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peerage.actors.peers.load_table import LoadTable


@pytest.fixture
def memory() -> Iterator[int]:
    fd = LoadTable.create(3)
    yield fd
    os.close(fd)


def test_hosts_see_what_the_others_hold(memory: int) -> None:
    """Excess is what a host has more than the one with the fewest."""
    tables = [LoadTable(memory, index, 3) for index in range(3)]
    assert [table.excess() for table in tables] == [0, 0, 0]
    for table, load in zip(tables, (5, 2, 9), strict=True):
        table.set(load)
    assert [table.excess() for table in tables] == [3, 0, 7]


def test_a_new_host_begins_with_nothing(memory: int) -> None:
    """The successor of one that was killed: its connections are gone with it."""
    tables = [LoadTable(memory, index, 3) for index in range(3)]
    for table in tables:
        table.set(4)
    LoadTable(memory, 1, 3)
    assert [table.excess() for table in tables] == [4, 0, 4]


def test_another_process_writes_into_the_same_memory(memory: int) -> None:
    """It is shared by descriptor, as hosts are given it."""
    table = LoadTable(memory, 0, 3)
    for index in (1, 2):
        LoadTable(memory, index, 3)
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", "printf '\\007\\000\\000\\000' >&9"],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, memory, 9)],
    )
    assert os.waitpid(pid, 0)[1] == 0
    assert table.excess() == 7


def test_a_node_with_one_host_never_yields() -> None:
    """There is nobody to leave a connection to."""
    fd = LoadTable.create(1)
    table = LoadTable(fd, 0, 1)
    table.set(1000)
    assert table.excess() == 0
    os.close(fd)
