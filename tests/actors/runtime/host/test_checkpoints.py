"""What an actor saves for its successor: replaced as a whole, kept over SIGKILL, read without unpickling."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.runtime import ActorRef, CheckpointError, Place, ProcessActor, System, watch
from peerage.actors.runtime.host import checkpoints
from peerage.actors.runtime.host.checkpoints import Checkpoint, file_name

LIMIT_S = 10.0
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


def saved(directory: Path, state: Any) -> Path:
    """A file with this state. Returns: its path."""
    checkpoint = Checkpoint(directory, "actor")
    checkpoint.save(state)
    checkpoint.close()
    return checkpoint.path


@settings(max_examples=25, deadline=None)
@given(states=st.lists(PLAIN, min_size=1, max_size=3))
def test_what_was_saved_last_is_what_is_loaded(states: list[Any]) -> None:
    """Plain values come back as they were."""
    with tempfile.TemporaryDirectory() as directory:
        for state in states:
            saved(Path(directory), state)
        checkpoint = Checkpoint(Path(directory), "actor")
        assert checkpoint.load() == (states[-1], "")
        checkpoint.close()


def test_nothing_is_made_before_something_is_saved(tmp_path: Path) -> None:
    """Most actors save nothing."""
    assert Checkpoint(tmp_path / "new", "actor").load() is None
    assert list(tmp_path.iterdir()) == []


def test_files_are_their_owners(tmp_path: Path) -> None:
    """Nobody else may read what an actor knows."""
    path = saved(tmp_path / "new", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_cannot_be_saved_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No plain value; too long."""
    checkpoint = Checkpoint(tmp_path, "actor")
    checkpoint.save("before")
    with pytest.raises(CheckpointError, match=r"the state cannot be saved: .*object"):
        checkpoint.save(object())
    with pytest.raises(CheckpointError, match="the state cannot be saved"):
        checkpoint.save(2**64)
    monkeypatch.setattr(checkpoints, "MOST_BYTES", 10)
    with pytest.raises(CheckpointError, match="the state has 22 bytes; at most 10 can be saved"):
        checkpoint.save(b"x" * 20)
    assert checkpoint.load() == ("before", "")
    checkpoint.close()


def changed_digest(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE checkpoint SET state = ?", (b"\x01",))
    connection.close()


def changed_type(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE checkpoint SET state = 'text'")
    connection.close()


def a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps("never read") * 1000)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [changed_digest, changed_type, a_pickle, cut])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: Any) -> None:
    """Its actor starts without, and whoever cares may look into it."""
    path = saved(tmp_path, list(range(2000)))
    damage(path)
    damaged = path.read_bytes()
    checkpoint = Checkpoint(tmp_path, "actor")
    state, fault = checkpoint.load() or ("", "")
    assert state is None
    assert fault
    assert path.with_name("actor.checkpoint.damaged").read_bytes() == damaged
    assert checkpoint.load() is None
    checkpoint.save("anew")
    assert checkpoint.load() == ("anew", "")
    checkpoint.close()


def test_a_file_that_cannot_be_opened_is_left_alone(tmp_path: Path) -> None:
    """It may be a good one."""
    (tmp_path / "actor.checkpoint").mkdir()
    with pytest.raises(CheckpointError, match=r"actor\.checkpoint: "):
        Checkpoint(tmp_path, "actor").load()


def test_names_become_names_of_files() -> None:
    """Different ones of different actors, and none leads elsewhere."""
    assert file_name("counter-1.2") == "counter-1.2"
    names = ["a/b", "a b", "../a", ".a", "ä", "", "x" * 1000, "x" * 999]
    files = {file_name(name) for name in names}
    assert len(files) == len(names)
    assert not any("/" in file or file.startswith(".") or len(file) > 200 for file in files)


class Counter(ProcessActor):
    """Counts, saves, and is killed on request."""

    def __init__(self, directory: Path | None) -> None:
        super().__init__()
        self.checkpoint_dir = directory
        self.log: list[Any] = []

    def on_restore(self, state: Any) -> None:
        self.log.append(("restored", state))

    def on_start(self) -> None:
        self.log.append("started")

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("save", state):
                self.runtime.checkpoint(state)
            case ("save and die", state):
                self.runtime.checkpoint(state)
                os.kill(os.getpid(), signal.SIGKILL)
        return self.log


class AsyncCounter(Counter):
    async def on_restore(self, state: Any) -> None:  # type: ignore[override]  # its base's is no coroutine
        super().on_restore(state)


@pytest.mark.parametrize("actor", [Counter, AsyncCounter])
def test_a_successor_is_given_the_state_before_it_starts(
    system: System, place: Place, tmp_path: Path, actor: type[Counter]
) -> None:
    """One of the same name."""
    for expected in (["started"], [("restored", {"n": 1}), "started"]):
        ref: ActorRef[Any] = actor.options(place=place, name="counter").start(tmp_path)
        assert ref.ask("log", timeout=LIMIT_S) == expected
        ref.ask(("save", {"n": 1}), timeout=LIMIT_S)
        ref.stop(timeout=LIMIT_S)
    other: ActorRef[Any] = actor.options(place=place, name="other").start(tmp_path)
    assert other.ask("log", timeout=LIMIT_S) == ["started"]


def test_what_was_saved_survives_sigkill_the_moment_after(system: System, tmp_path: Path) -> None:
    """Acknowledged is acknowledged."""
    ref: ActorRef[Any] = Counter.options(name="counter").start(tmp_path)
    ref.ask(("save", "first"), timeout=LIMIT_S)
    end = watch(ref)
    ref.tell(("save and die", "second"))
    end.wait(LIMIT_S)
    again: ActorRef[Any] = Counter.options(name="counter").start(tmp_path)
    assert again.ask("log", timeout=LIMIT_S) == [("restored", "second"), "started"]


def test_an_actor_whose_file_is_damaged_starts_without(
    system: System, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With one warning."""
    (tmp_path / "counter.checkpoint").write_bytes(b"no database" * 100)
    ref: ActorRef[Any] = Counter.options(name="counter", place=Place.THREAD).start(tmp_path)
    assert ref.ask("log", timeout=LIMIT_S) == ["started"]
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "checkpoint set aside" in warning.getMessage()


def test_an_actor_without_a_place_for_it_is_told(system: System) -> None:
    """What to set, and where."""
    with pytest.raises(CheckpointError, match=r"Counter: it has no place .* set `checkpoint_dir`"):
        Counter.start(None).ask(("save", 1), timeout=LIMIT_S)
