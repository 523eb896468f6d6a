"""Writing the history beside a loop: nothing waits for the disk, and what fails is tried again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from peerage.actors.events import history_keeper
from peerage.actors.events.history import Came, HistoryError, PeerHistory, Went, read_history
from peerage.actors.events.history_keeper import GATHER_S, RETRY_S, HistoryKeeper
from peerage.actors.loss import LossReason
from tests.actors.events.test_history import session
from tests.fake_clock import FakeClock

PATIENCE_S = 10.0


class Loop(FakeClock):
    """Calls from the thread are made when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def call_threadsafe(self, fn: Callable[..., object], *args: Any) -> None:
        self._calls.put(lambda: fn(*args))

    def hear(self) -> None:
        """Wait for the thread, and take what it says."""
        self._calls.get(timeout=PATIENCE_S)()


class Stage:
    def __init__(self, path: Path) -> None:
        self.loop, self.path = Loop(), path
        self.opened: list[tuple[str, frozenset[str]]] = []
        self.keeper = HistoryKeeper(
            self.loop, path, "this life", self.loop.now, lambda *found: self.opened.append(found)
        )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "peers.sqlite")
    yield stage
    stage.keeper.close()


def test_what_is_noted_is_written_soon_and_together(stage: Stage) -> None:
    stage.loop.hear()
    assert stage.opened == [("", frozenset())]
    stage.keeper.note(Came(session(1)))
    stage.keeper.note(Came(session(2)))
    assert read_history(stage.path) == []
    stage.loop.pass_by(GATHER_S)
    stage.loop.hear()
    assert len(read_history(stage.path)) == 2


def test_it_is_told_what_is_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "peers.sqlite"
    history = PeerHistory(path)
    history.write([Came(session(1))], "last life", 1.0)
    history.close()
    stage = Stage(path)
    stage.loop.hear()
    assert stage.opened == [("last life", frozenset({"c-1"}))]
    stage.keeper.close()


def test_at_the_end_what_is_left_is_written(stage: Stage) -> None:
    stage.loop.hear()
    stage.keeper.note(Came(session(1)))
    stage.keeper.note(Went("c-1", 2000.0, LossReason.GRACEFUL))
    stage.keeper.close()
    (left,) = read_history(stage.path)
    assert left.reason == "graceful stop"


def test_a_slow_disk_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_open, real = threading.Event(), PeerHistory

    def slow(path: Path) -> PeerHistory:
        may_open.wait(PATIENCE_S)
        return real(path)

    monkeypatch.setattr(history_keeper, "PeerHistory", slow)
    stage = Stage(tmp_path / "peers.sqlite")
    stage.keeper.note(Came(session(1)))
    stage.loop.pass_by(GATHER_S)  # it is being opened yet
    answered = [stage.keeper.has_answered]
    may_open.set()
    stage.loop.hear()
    assert [*answered, stage.keeper.has_answered] == [False, True]
    stage.loop.pass_by(GATHER_S)
    stage.loop.hear()
    assert len(read_history(stage.path)) == 1
    stage.keeper.close()


def test_what_cannot_be_written_is_said_once_and_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.loop.hear()

    def fail(*_args: object) -> None:
        raise HistoryError("there", "database or disk is full")

    with monkeypatch.context() as full, capture_logs() as logs:
        full.setattr(PeerHistory, "write", fail)
        stage.keeper.note(Came(session(1)))
        for seconds in (GATHER_S, RETRY_S):
            stage.loop.pass_by(seconds)
            stage.loop.hear()
    assert [line["event"] for line in logs] == ["peer history cannot be written"]
    assert stage.keeper.has_answered
    stage.loop.pass_by(RETRY_S)
    stage.loop.hear()
    assert len(read_history(stage.path)) == 1
    assert len(stage.opened) == 1
