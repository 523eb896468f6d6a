"""The rates of the last hour: a point every ten seconds, from the first question on until an hour after the last one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from peerage.actors.rpc.node_watch import HostPeers
from peerage.actors.rpc.watch_results import totals
from peerage.actors.runtime import Observation

__all__ = ["INTERVAL_S", "POINTS", "Point", "RateHistory"]

INTERVAL_S = 10.0
POINTS = 360


class Point(NamedTuple):
    """One moment.

    Attributes: at, Unix seconds; rates in bytes per second; queued, messages to peers; mailbox, messages in the fullest
        mailbox; processor, share of one core of all processes, None before there are two points.
    """

    at: float
    peers: int
    send_rate: float
    recv_rate: float
    queued: int
    mailbox: int
    processor: float | None


class RateHistory:
    """For one loop of asyncio. Nothing is measured while nobody has asked for an hour.

    Args: look, asks the node; sleep and clock, for tests.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[tuple[Observation, list[HostPeers]]]],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._look, self._sleep, self._clock = look, sleep, clock
        self._points: deque[Point] = deque(maxlen=POINTS)
        self._task: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._spent: tuple[float, dict[int, float]] | None = None

    def points(self) -> tuple[Point, ...]:
        """What has been measured, the oldest first. It goes on from now on."""
        self._asked_at = self._clock()
        if self._task is None or self._task.done():
            self._points.clear()
            self._spent = None
            self._task = asyncio.get_running_loop().create_task(self._measure())
        return tuple(self._points)

    async def _measure(self) -> None:
        while self._clock() - self._asked_at < INTERVAL_S * POINTS:
            with suppress(Exception):  # a node that cannot be asked now leaves a gap
                self._points.append(self._point(*await self._look()))
            await self._sleep(INTERVAL_S)

    def _point(self, seen: Observation, hosts: list[HostPeers]) -> Point:
        at, all_of = self._clock(), totals([row for host in hosts for row in host.figures.rows])
        spent = {host.pid: host.processor_time for host in seen.hosts if host.processor_time is not None}
        processor = None
        if self._spent is not None and at > self._spent[0]:
            before = self._spent[1]
            used = sum(max(0.0, now - before[pid]) for pid, now in spent.items() if pid in before)
            processor = used / (at - self._spent[0])
        self._spent = at, spent
        mailbox = max((actor.mailbox for host in seen.hosts for actor in host.actors), default=0)
        return Point(
            at,
            all_of["n_peers"],
            all_of["send_rate"],
            all_of["recv_rate"],
            all_of["queued"],
            mailbox,
            processor,
        )
