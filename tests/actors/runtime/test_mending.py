"""The directory of the mailboxes is removed under a running system: it is noticed, and all goes on."""

from __future__ import annotations

import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError, ActorRef, ProcessActor, System, watch
from peerage.testing import wait_until

PATIENCE_S = 10.0


class Part(ProcessActor):
    """Says who it is, or who another is."""

    def on_receive(self, message: Any) -> Any:
        return os.getpid() if message is None else ActorRef.to(message).ask(None, timeout=PATIENCE_S)


def asked_by_a_new_thread(ref: ActorRef[Part]) -> int:
    with ThreadPoolExecutor(1) as threads:
        return int(threads.submit(ref.ask, None, timeout=PATIENCE_S).result())


@pytest.mark.parametrize("times", [1, 2])
def test_parts_die_and_come_back_though_the_directory_is_removed(times: int) -> None:
    """As at a logout; old parts and new ones find each other, new threads find them, and at the end nothing is left."""
    with System() as system:
        old, victim = Part.options(name="old").start(), Part.options(name="victim").start()
        for _ in range(times):
            shutil.rmtree(system.directory)
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


def test_a_removed_directory_is_made_again_though_nobody_asks_for_anything() -> None:
    """And is held again: no other system takes it for abandoned."""
    with System() as system:
        Part.options(name="part").start()
        sockets = {path.name for path in Path(system.directory).iterdir() if path.is_socket()}
        shutil.rmtree(system.directory)
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
