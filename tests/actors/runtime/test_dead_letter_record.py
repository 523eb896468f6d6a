"""The dead letters of a whole system: by target, and the latest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import PROCESS, ActorRef, ProcessActor, System
from peerage.testing import run_actor, wait_until


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[System]:
    """At the end every actor of these tests is gone."""
    yield System.current()
    System.current().shutdown()


class Teller(ProcessActor):
    """Tells those who are gone."""

    def on_receive(self, message: Any) -> Any:
        for _ in range(message):
            ActorRef.to("gone-by-now").tell("hello")
        return None


def test_every_process_adds_its_own(system: System) -> None:
    """With the name that was told, how many, and when."""
    ActorRef.to("never-there").tell("hello")
    with run_actor(Teller, place=PROCESS) as teller:
        teller.ask(3, timeout=10.0)

        def found() -> bool:
            targets, _latest = system.dead_letter_record()
            return sum(targets[each] for each in targets if "gone-by-now" in each) == 3

        wait_until(found)
        targets, latest = system.dead_letter_record()
    assert sum(targets.values()) == 4
    assert any("never-there" in each for each in targets)
    assert [note.at for note in latest] == sorted(note.at for note in latest)
