"""The surveyor: carries out a survey with visitors, each in a process of its own."""

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

RATE_PER_VISITOR = 200.0  # visits a second: what one process manages on a slow core, with a margin
PAUSE_S = 1.0  # when this machine lacks descriptors or memory: visits under way will free some
MAX_LACKS = 30  # failures in a row, without a visit in between
MAX_DEATHS = 3  # of visitors at one place; then we give it up


def _log_errors() -> None:
    set_up_logging(LogSettings("error"))


class VisitsFailError(Exception):
    """This machine cannot make visits; the text says what it lacks."""


class Surveyor:
    """Makes the visits of a survey, within limits for their rate and for how many are under way.

    Args:
        survey: says which places to visit, and is told the results.
        node_key: our identity.
        timeout: seconds for each step of a visit.
        requests: how often to ask for addresses in one visit, at most.
        rate: dials a second.
        max_in_flight: how many visits may be under way.
        note: called with the result of each visit, after the survey has been told.
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
        self._deaths: Counter[str] = Counter()  # place → visitors that died while visiting it
        self._lacks = 0
        self._wait_until = 0.0

    async def run(self, seconds: float = math.inf) -> None:
        """Visit until no place is left, the time is over, or this is cancelled. Visits under way are abandoned then.

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
                continue  # nothing under way: the survey passed over the last waiting places, and is done
            due = max(due, time.monotonic()) + 1 / self._rate
            task = asyncio.create_task(self._visit(errand, made % len(self._visitors)))
            self._under_way.add(task)
            made += 1
            await asyncio.sleep(max(due, self._wait_until) - time.monotonic())
            self._settle()

    def _settle(self) -> None:
        """Forget the visits that have ended; raise the exception of one that failed."""
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
                detail = f"the visiting process died {MAX_DEATHS} times"
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
