"""The surveyor: drives a survey, with visitors in processes of their own."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import Counter
from collections.abc import Callable

from peerage.actors.crawl.visitor import VisitorActor
from peerage.actors.discovery.survey.survey import Survey
from peerage.actors.discovery.survey.visit import Errand, Fault, Visited
from peerage.actors.runtime import ActorDeadError, ActorRef, System
from peerage.config.logging import LogSettings, set_up_logging
from peerage.wire.keys import NodeKey

__all__ = ["Surveyor", "VisitsFailError"]

RATE_PER_VISITOR = 200.0  # visits a second that one process makes on a slow core, with room to spare
PAUSE_S = 1.0  # when this machine lacks descriptors or memory: what is under way will give some back
MAX_LACKS = 30  # in a row, without a visit between them
MAX_DEATHS = 3  # of the process that visits a place, then that is left alone


def _log_errors() -> None:
    set_up_logging(LogSettings("error"))


class VisitsFailError(Exception):
    """This machine cannot make any visit; the text says what it lacks."""


class Surveyor:
    """Visits as many as it may at once, no more a second than it may.

    Args:
        survey: says whom, and learns what came of it.
        node_key: who we are.
        timeout: seconds for each step of a visit.
        requests: for addresses, of one visit at most.
        rate: dials a second.
        max_in_flight: visits under way at once.
        note: called with what came of each visit, after the survey has learned it.
    """

    def __init__(
        self,
        survey: Survey,
        node_key: NodeKey,
        *,
        timeout: float,
        requests: int,
        rate: float,
        max_in_flight: int,
        note: Callable[[Visited], None],
    ) -> None:
        self._survey = survey
        self._rate = rate
        self._max_in_flight = max_in_flight
        self._note = note
        self._node_key = node_key
        self._timeout = timeout
        self._requests = requests
        self._visitors: list[ActorRef[VisitorActor]] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._deaths: Counter[str] = Counter()  # of visitors, by each place that they were visiting
        self._lacks = 0
        self._wait_until = 0.0

    async def run(self, seconds: float = math.inf) -> None:
        """Visit until nobody is left, or the time is over, or this is cancelled; visits under way are given up then.

        Raises: VisitsFailError; what `note` raises.
        """
        own = None if System.is_running() else System(log_setup=_log_errors)
        processes = min(os.cpu_count() or 1, math.ceil(self._rate / RATE_PER_VISITOR), self._max_in_flight)
        self._visitors = [self._start() for _ in range(processes)]
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await self._visit_all()
        except TimeoutError:
            pass
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            for visitor in self._visitors:
                visitor.stop(block=False)
            if own is not None:
                own.shutdown()

    def _start(self) -> ActorRef[VisitorActor]:
        return VisitorActor.start(self._node_key, self._timeout, self._requests)

    async def _visit_all(self) -> None:
        due, made = time.monotonic(), 0
        while not self._survey.done:
            errand = self._survey.next() if len(self._under_way) < self._max_in_flight else None
            if errand is None:
                if self._under_way:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                    self._settle()
                continue  # else the last of those that waited were passed over
            due = max(due, time.monotonic()) + 1 / self._rate
            task = asyncio.create_task(self._visit(errand, made % len(self._visitors)))
            self._under_way.add(task)
            made += 1
            await asyncio.sleep(max(due, self._wait_until) - time.monotonic())
            self._settle()

    def _settle(self) -> None:
        """Forget the visits that are over; raise what one of them raised."""
        done = {task for task in self._under_way if task.done()}
        self._under_way -= done
        for task in done:
            task.result()

    async def _visit(self, errand: Errand, number: int) -> None:
        visitor = self._visitors[number]
        visited: Visited | None = None
        try:
            visited = await visitor.ask_async(errand)
        except ActorDeadError:
            if self._visitors[number] is visitor:
                self._visitors[number] = self._start()
            self._deaths[errand.place] += 1
            if self._deaths[errand.place] >= MAX_DEATHS:
                detail = f"the visiting process died of it {MAX_DEATHS} times"
                visited = Visited(errand.place, time.time(), fault=Fault.UNREACHABLE, detail=detail)
        except OSError as error:
            self._lacks += 1
            self._wait_until = time.monotonic() + PAUSE_S
            if self._lacks > MAX_LACKS:
                raise VisitsFailError(f"no connection can be made: {error.strerror or error}") from error
        finally:
            if visited is None:
                self._survey.give_back(errand.place)
        if visited is not None:
            self._lacks = 0
            self._survey.visited(visited)
            self._note(visited)
