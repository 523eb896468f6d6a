"""actors/peers/register_memory.py: the parts that the hosts write, and read of each other."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peerage.actors.peers import register_memory as module
from peerage.actors.peers.register_memory import Kind, RegisterBusyError, RegisterMemory

IP, PORT = bytes(15) + b"\1", b"\1\2"


@pytest.fixture
def fd() -> Iterator[int]:
    fd = RegisterMemory.create(2)
    yield fd
    os.close(fd)


def take(memory: RegisterMemory, kind: int = Kind.INBOUND) -> int:
    number = memory.take(IP, PORT, kind)
    assert number is not None
    return number


def test_each_host_sees_what_the_other_has_written(fd: int) -> None:
    """And where."""
    one, two = RegisterMemory(fd, 0, 2), RegisterMemory(fd, 1, 2)
    take(one)
    number = take(two)
    two.put("id", number, b"x" * 20)
    assert list(one.found("ip", IP)) == [(0, 0), (1, number)]
    assert list(one.found("id", b"x" * 20)) == [(1, number)]
    assert one.at("id", 1, number) == b"x" * 20
    assert one.kinds(1) == bytes([Kind.TAKEN | Kind.INBOUND])


def test_all_hosts_share_a_secret_and_no_two_nodes_do(fd: int) -> None:
    other = RegisterMemory.create(1)
    salts = [RegisterMemory(fd, 0, 2).salt, RegisterMemory(fd, 1, 2).salt, RegisterMemory(other, 0, 1).salt]
    os.close(other)
    assert salts[0] == salts[1] != salts[2]
    assert len(salts[0]) == 16


def test_a_place_that_was_given_away_says_so_until_it_is_free(fd: int) -> None:
    """The other host has written it."""
    one, two = RegisterMemory(fd, 0, 2), RegisterMemory(fd, 1, 2)
    number = take(one, Kind.INBOUND | Kind.STANDS | Kind.COUNTS)
    two.give_away(0, number)
    assert one.kind(0, number) == Kind.TAKEN | Kind.INBOUND | Kind.STANDS | Kind.LEAVES
    one.free(number)
    assert one.kind(0, number) == 0
    assert take(one) == number


def test_a_place_is_given_back_although_another_host_is_frozen(
    fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is over in any case."""
    memory = RegisterMemory(fd, 0, 2)
    number = take(memory, Kind.INBOUND | Kind.STANDS | Kind.COUNTS)

    def busy(*_: object) -> None:
        raise RegisterBusyError

    monkeypatch.setattr(memory, "lock", busy)
    memory.free(number)
    assert memory.kinds(0) == b""


def test_a_full_part_has_no_place(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES", 1)
    memory = RegisterMemory(fd, 0, 2)
    take(memory)
    assert memory.take(IP, PORT, Kind.INBOUND) is None


def test_what_a_predecessor_has_left_is_void(fd: int) -> None:
    """Also a place that it had written and not counted yet."""
    before = RegisterMemory(fd, 0, 2)
    take(before)
    before.set_kind(1, Kind.TAKEN)
    after = RegisterMemory(fd, 0, 2)
    assert (after.kinds(0), after.kind(0, 0), after.kind(0, 1)) == (b"", 0, 0)
