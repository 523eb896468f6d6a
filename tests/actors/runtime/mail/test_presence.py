"""Whether an actor is there, and where."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from peerage.actors.runtime import PROCESS, THREAD, ActorDeadError, ActorRef, Place, System, watch
from peerage.actors.runtime.mail.presence import is_there, kill_far_process, pid_of
from tests.actors.runtime.cast import Slow, Worker


def test_an_actor_is_there_until_it_has_ended(worker: ActorRef[Worker]) -> None:
    """In a host that lives on, too."""
    child = worker.ask(("start",))
    assert is_there(worker)
    assert is_there(child)
    child.stop()
    assert not is_there(child)
    seen = watch(worker)
    worker.stop()
    seen.wait(20.0)
    assert not is_there(worker)


def test_an_actor_that_is_busy_is_there(system: System, place: Place) -> None:
    """Its host does not answer, but the host table knows it."""
    gate = os.eventfd(0)
    busy = Slow.options(place=place, fds={"gate": gate}).start()
    busy.tell("block")
    assert is_there(busy)
    os.eventfd_write(gate, 1)
    os.close(gate)
    assert busy.ask("handled") == 0


def test_an_actor_of_another_system_is_not_there(system: System) -> None:
    """Nor one that was never started."""
    assert not is_there(ActorRef("stranger", system="another"))
    assert not is_there(ActorRef.to("nobody"))


def test_the_process_of_an_actor_is_known(system: System, place: Place) -> None:
    """For a thread it is this one."""
    worker = Worker.options(place=place).start()
    pid = pid_of(worker, worker.port())
    assert (pid != os.getpid()) is (place is PROCESS)
    assert pid == worker.ask(("pid",))
    with pytest.raises(ActorDeadError, match="not found"):
        pid_of(ActorRef.to("nobody"), worker.port())


def test_only_a_thread_that_stands_for_a_process_elsewhere_is_killed(system: System) -> None:
    """In its own thread; all others refuse."""
    ref = Worker.options(place=THREAD).start()
    serial = system.process.table.resolve(ref.host, ref.serial)
    assert serial is not None
    assert not kill_far_process(system.process, serial)
    with pytest.raises(ActorDeadError, match="no process of its own"):
        ref.kill()
    called = threading.Event()
    loop: Any = system.process.hosts[serial]
    loop.killer = called.set  # as a relay does
    ref.kill()
    assert called.wait(20.0)
    loop.killer = None
