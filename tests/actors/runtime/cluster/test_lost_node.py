"""A node of the cluster is killed: supervisors start its actors on another one, and what was acknowledged is kept."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from peerage.actors.runtime import RAY, THREAD, ActorRef, ProcessActor
from peerage.supervisors import ChildSpec, Flags, Intensity, Start, Supervisor
from tests.actors.runtime.cluster.ray_nodes import RayNodes

pytestmark = [pytest.mark.timeout(300)]


class Ledger(ProcessActor):
    """At home: keeps what it is asked to keep."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[int] = []

    def on_receive(self, message: Any) -> Any:
        if message is not None:
            self.entries.append(message)
        return list(self.entries) if message is None else None


class Scribe(ProcessActor):
    """On the cluster: acknowledges a number when the ledger has it. Begins with what the ledger has."""

    def __init__(self, ledger: ActorRef[Ledger]) -> None:
        super().__init__()
        self.ledger = ledger
        self.entries: list[int] = ledger.ask(None, timeout=30)

    def on_receive(self, message: Any) -> Any:
        if message == "where":
            import ray

            return ray.get_runtime_context().get_node_id()
        if message not in self.entries:  # an ask with patience may come twice
            self.ledger.ask(message, timeout=30)
            self.entries.append(message)
        return len(self.entries)


def test_the_actors_of_a_killed_node_come_back_on_another(nodes: RayNodes) -> None:
    """Ray restarts nothing; the ref from before holds, callers with patience wait, nothing acknowledged is lost."""
    ledger = Ledger.options(name="ledger").start()
    nodes.add("b", pool=1.0)
    place = RAY(num_cpus=0, resources={"pool": 0.5})
    spec = ChildSpec("scribe", Start.of(Scribe, ledger).using(place=place, start_timeout=90.0))
    # Until Ray knows that a node is lost, it may place a successor there.
    flags = Flags(intensity=Intensity(5, 60.0))
    supervisor = Supervisor.options(name="supervisor", place=THREAD).start([spec], flags)
    scribe: ActorRef[Scribe] = ActorRef.to("scribe")
    before = scribe.ask("where", timeout=30)
    nodes.add("c", pool=1.0)

    acknowledged: list[int] = []
    enough, over = threading.Event(), threading.Event()

    def work() -> None:
        number = 0
        while not over.is_set():
            scribe.ask(number, patience=150.0)
            acknowledged.append(number)
            number += 1
            if number == 20:
                enough.set()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert enough.wait(60)
        nodes.kill("b")
        after = scribe.ask("where", patience=150.0)
        while after == before:  # it may have answered before the kill was heard of
            after = scribe.ask("where", patience=150.0)
    finally:
        over.set()
        worker.join()
    assert before != after
    kept = ledger.ask(None)
    assert kept == sorted(set(kept))
    assert set(acknowledged) <= set(kept)
    assert acknowledged == list(range(len(acknowledged)))
    supervisor.stop()
    ledger.stop()
