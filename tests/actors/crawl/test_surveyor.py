"""actors/crawl/surveyor.py: visits that are made, made again, or given up."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from peerage.actors.crawl.surveyor import MAX_DEATHS, Surveyor
from peerage.actors.discovery.survey.network_map import Status
from peerage.actors.discovery.survey.survey import Survey
from peerage.actors.discovery.survey.visit import Visited
from peerage.actors.runtime import System
from peerage.wire.keys import NodeKey
from tests.actors.crawl.places import errand_to, server, silent
from tests.nodes import node_system, system_log_file, wait_until

__all__ = ["node_system", "system_log_file"]

pytestmark = pytest.mark.usefixtures("node_system")

PROCESS_PATIENCE_S = 30.0  # the first visitor's process waits for all that the system imports at its start


def surveyor(survey: Survey, note: Callable[[Visited], None] = lambda _visited: None) -> Surveyor:
    key = NodeKey.generate()
    return Surveyor(survey, key, timeout=60.0, requests=2, rate=100.0, max_in_flight=1, note=note)


def has(connections: list[socket.socket], count: int) -> bool:
    return len(connections) == count


def visitors() -> list[int]:
    """The PIDs of visiting processes."""
    return [facts.pid for facts in System.current().hosts() if facts.name.startswith("VisitorActor")]


def test_a_place_that_kills_visitors_is_left_alone_in_the_end() -> None:
    """A visit cut by the death of its process is made again by another, but not for ever."""
    with server(silent) as (port, connections):
        seed = errand_to(port).address
        survey = Survey([seed])
        noted: list[Visited] = []
        thread = threading.Thread(target=lambda: asyncio.run(surveyor(survey, noted.append).run()))
        thread.start()
        try:
            for death in range(1, MAX_DEATHS + 1):
                wait_until(partial(has, connections, death), PROCESS_PATIENCE_S)
                for pid in visitors():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        finally:
            thread.join(30.0)
        assert not thread.is_alive()
    assert survey.done
    assert survey.seed_faults() == {seed: f"the visiting process died {MAX_DEATHS} times"}
    assert [visited.place for visited in noted] == [seed.dial_string]
    wait_until(lambda: not visitors())


def test_when_the_time_is_over_visits_under_way_are_given_up() -> None:
    """They are not on record: whoever goes on makes them again."""
    with server(silent) as (port, _):
        survey = Survey([errand_to(port).address])
        asyncio.run(surveyor(survey).run(seconds=0.3))
        assert (survey.visits, survey.under_way, survey.waiting) == (0, 0, 1)
        assert [node.status for node in survey.network_map().nodes] == [Status.NOT_VISITED]
    wait_until(lambda: not visitors())


def test_what_noting_a_visit_raises_ends_the_survey() -> None:
    """A full disk, say."""

    def full(_visited: Visited) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with server(lambda connection: connection.close()) as (port, _), pytest.raises(OSError, match="No space"):
        asyncio.run(surveyor(Survey([errand_to(port).address]), full).run())
