"""One system for all tests of the room; what a test started is gone after it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from peerage.actors.runtime import PROCESS, THREAD, ActorDeadError, ActorRef, Place, System
from peerage.actors.runtime.mail.envelope import Kind, new_key
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.process import Process, current_port
from tests.actors.runtime.cast import Worker

LONELY_SERIAL = 4


@pytest.fixture(params=[PROCESS, THREAD], ids=["process", "thread"])
def place(request: pytest.FixtureRequest) -> Place:
    """Where the actors of the test live: each promise holds in a process and in a thread."""
    chosen: Place = request.param
    return chosen


@pytest.fixture
def system() -> Iterator[System]:
    """The system, with no host left over afterwards."""
    system = System.current()
    yield system
    end_hosts(system)


def end_hosts(system: System) -> None:
    """Kill the hosts that are processes, stop those that are threads, and wait until all are gone."""
    for facts in system.hosts():
        with contextlib.suppress(ActorDeadError):
            try:
                ActorRef.to("any", facts.name).kill()
            except ActorDeadError:
                current_port().requests.ask(facts.serial << THREAD_BITS, Kind.HOST_STOP)
    assert current_port().wait(lambda: not system.hosts(), 20.0), system.hosts()


@pytest.fixture
def worker(system: System, place: Place) -> ActorRef[Worker]:
    return Worker.options(place=place).start()


@pytest.fixture
def lonely() -> Iterator[Process]:
    """A process's part in a system in which there is nobody else: what is sent to others is lost."""
    directory = tempfile.mkdtemp(prefix="peerage-lonely-")  # pytest's own are too long for sockets
    process = Process(directory, LONELY_SERIAL, new_key(), "lonely")
    yield process
    process.hosts.clear()
    process.close_context()
    shutil.rmtree(directory, ignore_errors=True)
