"""actors/rpc/rate_history.py: measured while somebody looks, and an hour longer."""

from __future__ import annotations

import asyncio

from peerage.actors.messages import PeerFigures
from peerage.actors.rpc.node_watch import HostPeers
from peerage.actors.rpc.rate_history import INTERVAL_S, POINTS, RateHistory
from peerage.actors.runtime import ActorFacts, HostFound, Observation
from tests.actors.rpc.test_watch_results import ANNA, BERT


class Node:
    """A node that uses a quarter of a core, and its clock."""

    def __init__(self) -> None:
        self.now, self.looks, self.is_away = 1000.0, 0, False
        self.history = RateHistory(self.look, self.sleep, lambda: self.now)

    async def look(self) -> tuple[Observation, list[HostPeers]]:
        self.looks += 1
        if self.is_away:
            raise ConnectionError("away")
        actor = ActorFacts("a", "module:Class", "idle", "", "", self.looks, 0, 0.0, 0, None)
        host = HostFound("a", 2, 7, True, self.now / 4, 0.0, 0, 0, (actor,), ())
        figures = PeerFigures((tuple(ANNA), tuple(BERT)), ())
        return Observation((host,), {}), [HostPeers("peers-0", True, figures)]

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    async def turns(self, count: int) -> None:
        for _ in range(3 * count):
            await asyncio.sleep(0)


def test_points_come_every_ten_seconds() -> None:
    """What could not be measured leaves a gap."""

    async def main() -> None:
        node = Node()
        assert node.history.points() == ()
        await node.turns(3)
        first, second, *_ = node.history.points()
        assert (first.at, second.at) == (1000.0, 1000.0 + INTERVAL_S)
        assert (second.peers, second.recv_rate, second.queued, second.mailbox) == (2, 40, 2, 2)
        assert (first.processor, second.processor) == (None, 0.25)
        known = len(node.history.points())
        node.is_away = True
        await node.turns(3)
        assert len(node.history.points()) == known

    asyncio.run(main())


def test_it_ends_an_hour_after_the_last_question_and_begins_anew_with_the_next() -> None:
    """And never keeps more than an hour."""

    async def main() -> None:
        node = Node()
        node.history.points()
        await node.turns(POINTS + 10)
        looks = node.looks
        assert looks == POINTS
        await node.turns(3)
        assert node.looks == looks
        assert node.history.points() == ()
        await node.turns(2)
        assert node.looks > looks

    asyncio.run(main())
