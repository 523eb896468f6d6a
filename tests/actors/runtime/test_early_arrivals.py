"""What is sent to an actor whose process is there, and which is about to be."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError, ActorRef, System, watch
from tests.actors.runtime.cast import Echo
from tests.waiting import wait_until


class OpensGate:
    """An argument that is unpickled when there is something in a pipe: "raise", say."""

    def __init__(self, gate: Path) -> None:
        self._gate = gate

    def __reduce__(self) -> tuple[Any, ...]:
        return passed, (str(self._gate),)


def passed(gate: str) -> str:
    if Path(gate).read_text() == "raise":
        raise ValueError("cannot be read")
    return gate


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def start(name: str, gate: Path, errors: list[Exception]) -> threading.Thread:
    """Start an actor that cannot be read yet, and return when its process is known."""

    def run() -> None:
        try:
            Echo.options(name=name).start(OpensGate(gate))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: name in {facts.name for facts in System.current().hosts()})
    return thread


def test_it_waits_for_the_actor(system: System, gate: Path) -> None:
    """To import the actor's class may take long."""
    errors: list[Exception] = []
    starting = start("slow", gate, errors)
    slow: ActorRef[Echo] = ActorRef.to("slow")
    slow.tell("told")
    ended = watch(slow)
    answer = slow.ask("asked", block=False)
    gate.write_text("open")
    starting.join()
    assert errors == []
    assert answer.get(timeout=10.0) == "asked"
    assert slow.ask("heard") == ["told", "asked"]
    assert system.dead_letters == 0
    slow.stop()
    assert ended.wait(timeout=10.0).is_orderly


def test_it_is_refused_when_the_actor_cannot_be_read(system: System, gate: Path) -> None:
    """Nobody waits for one that will never be."""
    errors: list[Exception] = []
    starting = start("broken", gate, errors)
    answer = ActorRef.to("broken").ask("asked", block=False)
    gate.write_text("raise")
    with pytest.raises(ActorDeadError):
        answer.get(timeout=10.0)
    starting.join()
    assert [type(error) for error in errors] == [ValueError]
