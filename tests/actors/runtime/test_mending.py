"""The directory of the mailboxes is removed under a running system: it is noticed, and all goes on."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError, ActorRef, ProcessActor, StartLimitError, System, watch
from peerage.testing import wait_until

PATIENCE_S = 10.0


class Part(ProcessActor):
    """Says who it is, or who another is."""

    def on_receive(self, message: Any) -> Any:
        return os.getpid() if message is None else ActorRef.to(message).ask(None, timeout=PATIENCE_S)


def asked_by_a_new_thread(ref: ActorRef[Part]) -> int:
    with ThreadPoolExecutor(1) as threads:
        return int(threads.submit(ref.ask, None, timeout=PATIENCE_S).result())


def sweep(directory: str) -> None:
    """As a cleaner of temporary files that leaves the directory itself."""
    for path in Path(directory).iterdir():
        path.unlink()


def sweep_sockets(directory: str) -> None:
    for path in Path(directory).iterdir():
        if path.is_socket():
            path.unlink()


@pytest.mark.parametrize(
    ("spoil", "times"), [(shutil.rmtree, 1), (shutil.rmtree, 2), (sweep, 2), (sweep_sockets, 1)]
)
def test_parts_die_and_come_back_though_the_directory_is_spoiled(
    spoil: Callable[[str], None], times: int
) -> None:
    """As at a logout; old parts and new ones find each other, new threads find them, and at the end nothing is left."""
    with System() as system:
        old, victim = Part.options(name="old").start(), Part.options(name="victim").start()
        for _ in range(times):
            spoil(system.directory)
            ended = watch(victim)
            os.kill(victim.ask(None, timeout=PATIENCE_S), signal.SIGKILL)
            ended.wait(PATIENCE_S)
            victim = Part.options(name="victim", fds={"null": 0}).start()
            pid = victim.ask(None, timeout=PATIENCE_S)
            assert old.ask("victim", timeout=PATIENCE_S) == pid
            assert victim.ask("old", timeout=PATIENCE_S) == old.ask(None, timeout=PATIENCE_S)
            assert asked_by_a_new_thread(victim) == pid
        assert Path(system.directory).stat().st_mode & 0o777 == 0o700
        directory = system.directory
    assert not Path(directory).exists()


@pytest.mark.parametrize("spoil", [shutil.rmtree, sweep])
def test_a_removed_directory_is_made_again_though_nobody_asks_for_anything(
    spoil: Callable[[str], None],
) -> None:
    """And is held again: no other system takes it for abandoned."""
    with System() as system:
        Part.options(name="part").start()
        sockets = {path.name for path in Path(system.directory).iterdir() if path.is_socket()}
        spoil(system.directory)
        wait_until(lambda: sockets <= {path.name for path in Path(system.directory).glob("*")}, PATIENCE_S)
        assert ActorRef.to("part").ask(None, timeout=PATIENCE_S)


def test_an_actor_that_has_ended_is_not_waited_for_after_a_mending() -> None:
    """A missing mailbox means little then, a death as much as ever."""
    with System() as system:
        part = Part.options(name="part").start()
        shutil.rmtree(system.directory)
        part.stop()
        with pytest.raises(ActorDeadError):
            part.ask(None, timeout=PATIENCE_S)


def test_what_finds_no_place_for_its_mailbox_is_refused_until_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with every limit of the operating system: the error names the place, what runs goes on, a supervisor waits."""
    full = tmp_path / "full"
    monkeypatch.setenv("PEERAGE_TEST_FULL", str(full))
    with System(preload=("tests.actors.runtime.full_directory",)) as system:
        part = Part.options(name="part").start()
        full.touch()
        with pytest.raises(
            StartLimitError, match="no mailbox can be made: No space left on device"
        ) as caught:
            Part.options(name="late").start()
        assert caught.value.limit.startswith(system.directory)
        assert part.ask(None, timeout=PATIENCE_S)
        full.unlink()
        assert Part.options(name="late").start().ask("part", timeout=PATIENCE_S)
