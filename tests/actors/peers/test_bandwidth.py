"""actors/peers/bandwidth.py: connections that share what a node may send and receive, in hosts whose clock stands still."""

from __future__ import annotations

from collections import Counter

import pytest

from peerage.actors.peers.bandwidth import LEAST_BYTES, TURN_BYTES, UNLIMITED, Bandwidth, Bandwidths
from peerage.actors.peers.bandwidth_table import BURST_S, RECEIVING, BandwidthTable
from tests.actors.peers.fake_loop import FakeLoop


class Host:
    """A peer host whose connections take all that they get. Attribute: taken, bytes of each."""

    def __init__(self, loop: FakeLoop, table: BandwidthTable, connections: list[str]) -> None:
        self.flow = Bandwidth(table, RECEIVING, loop)
        self.taken: Counter[str] = Counter(dict.fromkeys(connections, 0))

    def take(self, who: str) -> None:
        """As much as it may, then wait."""
        while count := self.flow.allowance(who):
            self.flow.spend(who, count)
            self.taken[who] += count
        self.flow.wait(who, lambda: self.take(who))

    def begin(self) -> None:
        for who in tuple(self.taken):
            self.take(who)


def hosts_of(loop: FakeLoop, rate: float, *connections: int) -> list[Host]:
    """Args: connections, how many in each host."""
    fd = BandwidthTable.create(len(connections), rate, 0.0)
    return [
        Host(
            loop,
            BandwidthTable(fd, index, len(connections)),
            [f"{index}.{number}" for number in range(count)],
        )
        for index, count in enumerate(connections)
    ]


def run(loop: FakeLoop, seconds: float) -> None:
    for _ in range(int(seconds * 1000)):
        loop.advance(0.001)


@pytest.mark.parametrize("rate", [20_000.0, 1_000_000.0, 50_000_000.0])
@pytest.mark.parametrize("connections", [(1,), (10,), (5, 5), (1, 9, 2, 0)])
def test_all_of_it_is_used_and_no_more_and_everybody_has_as_much(
    rate: float, connections: tuple[int, ...]
) -> None:
    """Whatever host a connection is in, and however many there are."""
    loop = FakeLoop()
    hosts = hosts_of(loop, rate, *connections)
    for host in hosts:
        host.begin()
    run(loop, 1.0)
    first = sum(count for host in hosts for count in host.taken.values())
    assert first <= rate * (1.0 + BURST_S) + len(hosts) * TURN_BYTES
    for host in hosts:
        host.taken = Counter(dict.fromkeys(host.taken, 0))
    seconds = 40.0 if rate < 1e6 else 4.0
    run(loop, seconds)
    shares = [count for host in hosts for count in host.taken.values()]
    assert sum(shares) == pytest.approx(rate * seconds, rel=0.05, abs=len(hosts) * TURN_BYTES)
    mean = sum(shares) / len(shares)
    assert (
        sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares)) > 0.95
    )  # Jain's index of fairness
    assert min(shares) > mean * 0.6


def test_what_nobody_else_takes_is_there_for_one() -> None:
    """The others are there, and say nothing."""
    loop = FakeLoop()
    busy, _idle = hosts_of(loop, 1e6, 3, 5)
    busy.take("0.0")
    run(loop, 4.0)
    assert busy.taken["0.0"] > 3.9e6


def test_who_was_refused_goes_first() -> None:
    """Nobody who comes later, or comes again, passes those who stand in line."""
    loop = FakeLoop()
    (host,) = hosts_of(loop, 1e5, 0)
    flow = host.flow
    while count := flow.allowance("greedy"):
        flow.spend("greedy", count)
    turns: list[str] = []
    for who in ("one", "two", "three"):
        flow.wait(who, lambda who=who: turns.append(who))  # type: ignore[misc]
    flow.wait("one", lambda: turns.append("again"))
    loop.time += 0.02
    assert flow.allowance("greedy") == 0
    loop.settle()
    assert turns == ["one"]
    assert flow.waiting() == 2
    got = flow.allowance("one")
    assert got >= LEAST_BYTES
    assert flow.allowance("two") == 0
    flow.spend("one", got)
    assert flow.allowance("one") == 0
    flow.wait("one", lambda: turns.append("one"))
    for _ in range(20):
        loop.advance(0.011)
        flow.spend(turns[-1], int(flow._purse))
        if len(turns) > 3:
            break
    assert turns[:4] == ["one", "two", "three", "one"]


def test_whoever_is_called_and_finds_nothing_is_the_next() -> None:
    """Another one that was called was quicker."""
    loop = FakeLoop()
    (host,) = hosts_of(loop, 1e5, 0)
    flow = host.flow
    turns: list[str] = []
    for who in ("one", "two"):
        flow.wait(who, lambda who=who: turns.append(who))  # type: ignore[misc]
    loop.advance(0.016)
    assert turns[0] == "one"
    flow.spend("quicker", 10**6)
    assert flow.allowance("one") == 0
    flow.wait("two", lambda: turns.append("two"))
    flow.wait("one", lambda: turns.append("one"))
    run(loop, 12.0)
    assert turns[turns.index("one") + 1 :].count("one") >= 1
    assert flow.waiting() == 0


def test_what_is_sent_beyond_it_is_paid_for_later() -> None:
    """A ping waits for nothing."""
    loop = FakeLoop()
    (host,) = hosts_of(loop, 1e6, 0)
    host.flow.spend("one", 1_000_000)
    loop.time = 0.7
    assert host.flow.allowance("one") == 0
    for _ in range(90):  # the bucket holds a fifth of a second
        loop.time += 0.01
        host.flow.allowance("one")
    assert host.flow.allowance("one") > 0


def test_a_connection_that_has_ended_is_not_called() -> None:
    loop = FakeLoop()
    (host,) = hosts_of(loop, 1e5, 0)
    called: list[str] = []
    host.flow.spend("other", 100_000)
    host.flow.wait("gone", lambda: called.append("gone"))
    host.flow.forget("gone")
    host.flow.forget("never there")
    run(loop, 3.0)
    assert called == []
    assert host.flow.waiting() == 0


def test_without_a_limit_nobody_waits() -> None:
    loop = FakeLoop()
    fd = BandwidthTable.create(1, 0.0, 1e6)
    bandwidths = Bandwidths.of(BandwidthTable(fd, 0, 1), loop)
    assert bandwidths.receiving is UNLIMITED
    assert isinstance(bandwidths.sending, Bandwidth)
    called: list[int] = []
    UNLIMITED.spend("one", 10**12)
    assert UNLIMITED.allowance("one") > 10**12
    UNLIMITED.wait("one", lambda: called.append(1))
    UNLIMITED.forget("one")
    assert called == [1]
