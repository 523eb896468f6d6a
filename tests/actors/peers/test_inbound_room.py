"""actors/peers/inbound_room.py: what is known of inbound peers, and whose place a newcomer gets."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peerage.actors.discovery.inbound_eviction import PATIENCE_S
from peerage.actors.peers.inbound_room import OUTLOOK_S, InboundRoom
from peerage.actors.peers.register_memory import Kind, RegisterMemory
from peerage.wire.ip_ranges import packed_ip

PEER = Kind.INBOUND | Kind.STANDS | Kind.COUNTS
ELSEWHERE = packed_ip("203.0.113.1")


class Stage:
    """Two hosts of a node, with one clock. A peer is known by the index of its host and the number of its place."""

    def __init__(self, fd: int) -> None:
        self.time = 1000.0
        self.memories = [RegisterMemory(fd, index, 2) for index in range(2)]
        self.rooms = [InboundRoom(memory, lambda: self.time) for memory in self.memories]

    def add(self, ip: str, host: int = 0, kind: int = PEER) -> tuple[int, int]:
        """A peer that begins now."""
        number = self.memories[host].take(packed_ip(ip), b"\1\2", kind)
        assert number is not None
        self.rooms[host].begin(number)
        return host, number

    def wait(self, seconds: float) -> None:
        self.time += seconds

    def close(self) -> None:
        for memory in self.memories:
            memory.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    fd = RegisterMemory.create(2)
    stage = Stage(fd)
    yield stage
    stage.close()
    os.close(fd)


def test_peers_of_all_hosts_count_but_for_the_unconditional_and_those_in_their_handshake(
    stage: Stage,
) -> None:
    stage.add("192.0.2.1")
    stage.add("192.0.2.2", host=1, kind=PEER | Kind.KEPT)
    stage.add("192.0.2.3", kind=Kind.INBOUND | Kind.STANDS)
    stage.add("192.0.2.4", host=1, kind=Kind.INBOUND)
    assert [room.peers() for room in stage.rooms] == [2, 2]


def test_all_hosts_would_evict_the_same_peer(stage: Stage) -> None:
    """They share the secret that decides who is spared."""
    for number in range(20):
        stage.add(f"192.{number}.0.1", host=number % 2)
        stage.wait(1.0)
    victims = [room.victim_for(ELSEWHERE) for room in stage.rooms]
    assert victims[0] is not None
    assert victims[0] == victims[1]


def test_the_youngest_of_a_crowd_goes_wherever_it_is(stage: Stage) -> None:
    for number in range(10):
        stage.add(f"192.0.2.{number}", host=number % 2)
        stage.wait(10.0)
    youngest = stage.add("192.0.2.99", host=1)
    stage.wait(10.0)
    assert stage.rooms[0].victim_for(ELSEWHERE) == youngest


def test_use_is_noted(stage: Stage) -> None:
    """Those that do something are not replaced by others of their own network; those that do nothing are, after a while."""
    places = [stage.add(f"192.0.2.{number}") for number in range(5)]
    beside = packed_ip("192.0.2.77")
    stage.wait(PATIENCE_S)
    assert stage.rooms[0].victim_for(beside) is not None
    for _, number in places:
        stage.rooms[0].note_use(number)
    stage.wait(OUTLOOK_S)
    assert stage.rooms[0].victim_for(beside) is None


def test_latency_is_noted(stage: Stage) -> None:
    """The least of all counts, and one in ten is spared for it."""
    places = [stage.add(f"192.0.2.{number}") for number in range(10)]
    room = stage.rooms[0]
    found = set()
    for _, near in places:
        for _, number in places:
            room.begin(number)
            room.note_latency(number, 0.5)
        room.note_latency(near, 0.001)
        room.note_latency(near, 0.9)
        stage.wait(OUTLOOK_S)
        victim = room.victim_for(ELSEWHERE)
        assert victim is not None
        assert victim != (0, near)
        found.add(victim)
    assert len(found) > 1


def test_a_network_takes_the_place_of_a_useless_peer_once_in_a_while(stage: Stage) -> None:
    """A second newcomer of it is turned away; one from elsewhere is not."""
    for number in range(4):
        stage.add(f"192.{number}.0.1")
    room = stage.rooms[0]
    victim = room.victim_for(ELSEWHERE)
    assert victim is not None
    room.exchange(victim, ELSEWHERE)
    assert room.peers() == 3
    assert room.victim_for(packed_ip("203.0.200.9")) is None
    assert room.victim_for(packed_ip("198.51.100.1")) is not None


def test_the_answer_is_kept_for_a_moment_unless_its_peer_is_gone(stage: Stage) -> None:
    """A flood of newcomers asks for it again and again."""
    first = stage.add("192.0.2.1", host=1)
    room = stage.rooms[0]
    assert room.victim_for(ELSEWHERE) == first
    second = stage.add("192.0.2.2")
    assert room.victim_for(ELSEWHERE) == first
    stage.memories[0].give_away(*first)
    assert room.victim_for(ELSEWHERE) == second
    assert room.peers() == 1
    stage.memories[0].give_away(*second)
    assert room.victim_for(ELSEWHERE) is None
