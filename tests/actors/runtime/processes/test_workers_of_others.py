"""Actors inside a process that another library made, and others' processes inside actors."""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import subprocess
import sys
import time
from typing import Any

import pytest

from peerage.actors.runtime import ProcessActor, System

IN_A_PROCESS, IN_A_THREAD = [True, 42, False], [True, 42, True]


@pytest.mark.parametrize(
    ("method", "library"), [("fork", "pool"), ("spawn", "pool"), ("forkserver", "futures")]
)
def test_actors_of_the_programs_own_classes_work_in_workers(method: str, library: str) -> None:
    """A spawned worker has the program's main module under another name; daemonic ones may start processes too."""
    program = [sys.executable, "-m", "tests.actors.runtime.pool_program", method, library]
    done = subprocess.run(program, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    daemonic = library == "pool"
    assert json.loads(done.stdout) == [
        [daemonic, IN_A_PROCESS, IN_A_PROCESS, "nonsense", IN_A_THREAD, IN_A_PROCESS, "nonsense"]
    ]


FIRST_ACTORS = """
from concurrent.futures import ThreadPoolExecutor
from tests.actors.runtime.cast import Echo

def use(number):
    ref = Echo.start()
    return ref.ask(number), ref.stop()

with ThreadPoolExecutor(8) as executor:
    assert list(executor.map(use, range(8))) == [(number, True) for number in range(8)]
"""


def test_threads_may_start_the_programs_first_actors_at_once() -> None:
    """One of them makes the system, the others wait for it."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_ACTORS], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr


class Employer(ProcessActor):
    """Has processes of its own, as multiprocessing makes them."""

    def on_receive(self, message: Any) -> Any:
        context = multiprocessing.get_context("fork")
        process = context.Process(target=time.sleep, args=(60,), daemon=True)
        process.start()
        process.terminate()
        process.join(10.0)
        return process.exitcode


def test_a_process_that_an_actor_has_forked_can_be_terminated(system: System) -> None:
    """The host's own way to end on SIGTERM is not its children's: they have no loop."""
    assert Employer.start().ask("fork") == -15


class Leaver(ProcessActor):
    """Has a daemonic process, and leaves it running."""

    def on_receive(self, message: Any) -> Any:
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=time.sleep, args=(60,), daemon=True)
        self.process.start()
        return self.process.pid


def test_daemonic_processes_of_an_actor_end_with_it(system: System) -> None:
    """As with any program, and with any other process of multiprocessing."""
    leaver = Leaver.start()
    pidfd = os.pidfd_open(leaver.ask("fork"))
    try:
        leaver.stop()
        assert select.select([pidfd], [], [], 20.0)[0]
    finally:
        os.close(pidfd)
