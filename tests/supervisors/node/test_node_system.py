"""The system of a process's nodes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorDeadError, ActorRef, ProcessActor, System
from peerage.supervisors.node import node_system
from peerage.supervisors.node.node_system import ensure_system, uninterrupted
from peerage.supervisors.node.parts import PRELOAD
from tests.nodes import node_config


class Part(ProcessActor):
    """Of a node."""


class FakeSystem:
    """Notes what it is made with."""

    made: list[dict[str, Any]]
    running = False

    def __init__(self, **options: Any) -> None:
        self.made.append(options)

    @classmethod
    def is_running(cls) -> bool:
        return cls.running


@pytest.fixture
def fake_system(monkeypatch: pytest.MonkeyPatch) -> type[FakeSystem]:
    FakeSystem.made, FakeSystem.running = [], False
    monkeypatch.setattr(node_system, "System", FakeSystem)
    return FakeSystem


def test_the_first_node_makes_it_with_all_that_its_parts_import(
    fake_system: type[FakeSystem], tmp_path: Path
) -> None:
    """Its reactors' modules, too."""
    ensure_system(node_config(tmp_path), ("my.reactors",))
    assert fake_system.made[0]["preload"] == (*PRELOAD, "my.reactors")


def test_a_system_that_the_embedder_has_made_is_used(fake_system: type[FakeSystem], tmp_path: Path) -> None:
    """It may have been made for more than a node."""
    fake_system.running = True
    ensure_system(node_config(tmp_path), ())
    assert fake_system.made == []


def test_what_is_started_is_handed_on() -> None:
    """The ref, or the error."""
    ref: ActorRef[Any] = ActorRef("node")
    assert uninterrupted(lambda: ref) is ref

    def fail() -> ActorRef[Any]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        uninterrupted(fail)


def test_an_interrupt_ends_what_has_started_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a node would hold names and files."""
    System.current()
    started: list[ActorRef[Any]] = []

    def start() -> ActorRef[Any]:
        started.append(Part.options(place=THREAD).start())
        return started[0]

    class Interrupted(ThreadPoolExecutor):
        """Its first result is waited for in vain: somebody presses Ctrl-C."""

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            future = super().submit(*args, **kwargs)
            result, asked = future.result, []

            def interrupted(timeout: float | None = None) -> Any:
                asked.append(True)
                if len(asked) == 1:
                    raise KeyboardInterrupt
                return result(timeout)

            monkeypatch.setattr(future, "result", interrupted)
            return future

    monkeypatch.setattr(node_system, "ThreadPoolExecutor", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        uninterrupted(start)
    with pytest.raises(ActorDeadError):
        started[0].ask("there?")
