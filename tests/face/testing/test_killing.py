"""The sudden end of an actor's process, and its successor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import PROCESS, THREAD, ActorDeadError, ProcessActor, System
from peerage.supervisors import ChildSpec, Start, Supervisor, SupervisorRef
from peerage.testing import kill, run_actor


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """At the end every actor of these tests is gone."""
    yield
    System.current().shutdown()


class Counter(ProcessActor):
    """Counts what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def on_receive(self, message: Any) -> Any:
        self._count += 1
        return self._count


def test_a_supervised_actor_is_back_when_the_call_returns() -> None:
    """In another process, and with nothing of its former life."""
    specs = [ChildSpec("killed-counter", Start.of(Counter))]
    with run_actor(Supervisor, specs, place=THREAD) as supervisor:
        (child,) = SupervisorRef(supervisor, 10.0).which_children()
        counter = child.ref
        assert counter is not None
        before = counter.pid()
        assert [counter.ask("count", timeout=10.0) for _ in range(2)] == [1, 2]
        kill(counter)
        assert counter.pid() != before
        assert counter.ask("count", timeout=10.0) == 1


def test_an_actor_without_a_supervisor_is_gone() -> None:
    with run_actor(Counter, place=PROCESS) as counter:
        kill(counter, wait=False)
        with pytest.raises(ActorDeadError):
            counter.ask("count", timeout=10.0)


def test_nobody_to_wait_for_is_said() -> None:
    """When the time is over."""
    with (
        run_actor(Counter, place=PROCESS) as counter,
        pytest.raises(AssertionError, match=r"not within 0\.2 s"),
    ):
        kill(counter, timeout=0.2)


def test_the_tests_own_process_is_spared() -> None:
    with run_actor(Counter, place=THREAD) as counter, pytest.raises(ValueError, match="place=PROCESS"):
        kill(counter)
