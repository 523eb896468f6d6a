"""An ask that would wait for itself fails with the cycle named."""

from __future__ import annotations

import time

import pytest

from peerage.actors.runtime import HERE, ActorRef, AskCycleError, Place, System
from tests.actors.runtime.cast import Worker


def test_asking_oneself_fails_at_once(worker: ActorRef[Worker]) -> None:
    """No probe is needed for that."""
    with pytest.raises(AskCycleError) as caught:
        worker.ask(("ask", worker, ("pid",)), timeout=5)
    assert caught.value.cycle == (worker.name, worker.name)


def test_a_cycle_over_three_hosts_is_found_within_a_second(system: System, place: Place) -> None:
    """One of them gets the error, all of them live on."""
    a, b, c = (Worker.options(name=name, place=place).start() for name in "abc")
    begun = time.monotonic()
    with pytest.raises(AskCycleError) as caught:
        a.ask(("ask", b, ("ask", c, ("ask", a, ("pid",)))), timeout=5)
    assert time.monotonic() - begun < 1.0
    assert set(caught.value.cycle) == {"a", "b", "c"}
    assert caught.value.cycle[0] == caught.value.cycle[-1]
    assert all(ref.is_alive() for ref in (a, b, c))


def test_a_cycle_within_a_host_is_found(worker: ActorRef[Worker]) -> None:
    """Parent asks child asks parent."""
    child = worker.ask(("start", HERE, "child"))
    with pytest.raises(AskCycleError):
        worker.ask(("ask", child, ("ask", worker, ("pid",))), timeout=5)


def test_asking_a_neighbour_is_answered(worker: ActorRef[Worker]) -> None:
    """The neighbour runs while the asker waits, though they share a thread."""
    child = worker.ask(("start", HERE, "child"))
    assert worker.ask(("ask", child, ("later", 0.02, "x")), timeout=5) == "x"


def test_a_chain_through_the_askers_host_is_no_cycle(worker: ActorRef[Worker]) -> None:
    """a asks a stranger who asks a's neighbour: the neighbour is served although their thread is waiting."""
    child = worker.ask(("start", HERE, "child"))
    stranger = Worker.start()
    assert worker.ask(("ask", stranger, ("ask", child, ("pid",))), timeout=5) == worker.pid()


def test_a_long_wait_is_not_a_cycle(worker: ActorRef[Worker]) -> None:
    """Probes that find no circle do no harm."""
    other = Worker.start()
    assert worker.ask(("ask", other, ("later", 0.5, "x")), timeout=5) == "x"


def test_a_blocked_actor_is_not_entered_again(worker: ActorRef[Worker]) -> None:
    """While its handler waits, its other messages wait too."""
    slow = Worker.start()
    blocked = worker.ask(("ask", slow, ("later", 0.4, "slow")), block=False)
    worker.tell(("log", "after"))
    seen = worker.ask(("log",), block=False)
    assert blocked.get(timeout=5) == "slow"
    assert seen.get(timeout=5) == ["after"]
