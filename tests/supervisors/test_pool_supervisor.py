"""What a pool's supervisor tells everybody, and the order in which it is resized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorRef, NameTakenError, Registry, System
from peerage.supervisors.messages import SupervisorRef
from peerage.supervisors.pool_supervisor import PoolFacts, PoolSupervisor, Resize, worker_name
from peerage.supervisors.routers import ROUND_ROBIN
from peerage.supervisors.spec import ChildSpec, Flags, Start
from tests.supervisors.parts import Nothing

PATIENCE_S = 30.0
TEMPLATE = ChildSpec("any", Start.of(Nothing).using(place=THREAD))


@pytest.fixture
def supervisor() -> Iterator[ActorRef[Any]]:
    """Of two workers."""
    ref = PoolSupervisor.options(name="pool", place=THREAD).start(TEMPLATE, 2, ROUND_ROBIN, Flags())
    yield ref
    ref.stop(timeout=PATIENCE_S)


def workers(supervisor: ActorRef[Any]) -> list[str]:
    return [info.name for info in SupervisorRef(supervisor, PATIENCE_S).which_children()]


def test_everybody_can_read_how_many_workers_there_are(supervisor: ActorRef[Any]) -> None:
    """And so their names, and how to choose."""
    assert Registry.lookup("pool") == supervisor
    assert Registry.value("pool") == PoolFacts(2, ROUND_ROBIN)
    assert workers(supervisor) == [worker_name("pool", 0), worker_name("pool", 1)] == ["pool-0", "pool-1"]


def test_sizes_that_are_asked_for_together_come_one_after_the_other(supervisor: ActorRef[Any]) -> None:
    """The last one counts in the end, and each is answered when it was reached."""
    answers = [supervisor.ask(Resize(size), block=False) for size in (4, 1, 3)]
    for answer in answers:
        answer.get(timeout=PATIENCE_S)
    assert Registry.value("pool") == PoolFacts(3, ROUND_ROBIN)
    assert workers(supervisor) == ["pool-0", "pool-1", "pool-2"]


def test_a_name_that_is_taken_costs_no_worker() -> None:
    """The pool does not start, and nobody else has been started."""
    other = Nothing.options(place=THREAD).start()
    Registry.register("pool", other)
    with pytest.raises(NameTakenError, match="'pool' is taken"):
        PoolSupervisor.options(name="pool", place=THREAD).start(TEMPLATE, 2, ROUND_ROBIN, Flags())
    assert not ActorRef.to("pool-0").is_alive()
    assert [facts.name for facts in System.current().hosts()].count("pool-0") == 0
    other.stop(timeout=PATIENCE_S)
