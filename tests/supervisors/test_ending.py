"""However a program ends, its actors stop in one order, each in its own time: OTP's rules, as for `supervisor.stop()`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from peerage.actors.runtime import HERE, PROCESS, THREAD, ActorRef, System
from peerage.supervisors import ChildStartError, Status
from tests.processes import processes_of_session, title_of
from tests.supervisors.conftest import MakeChild, RunSupervisor
from tests.supervisors.ending_program import SHOW_THREADS, differences
from tests.supervisors.journal import Journal
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
LIMIT_S = 30.0

Popen = subprocess.Popen[str]


class Way(NamedTuple):
    """How a program ends: what it is told to do when all is there, what is done to it then, its exit code."""

    argument: str
    act: Callable[[Popen], object]
    code: int


def nothing(_program: Popen) -> None:
    """It ends by itself."""


WAYS = {
    "supervisor.stop()": Way("stop", nothing, 0),
    "System.shutdown()": Way("shutdown", nothing, 0),
    "end of the main module": Way("exit", nothing, 0),
    "Ctrl-C": Way("signal", lambda program: program.send_signal(signal.SIGINT), -signal.SIGINT),
    "SIGTERM": Way("signal", lambda program: program.send_signal(signal.SIGTERM), 143),
    "SIGTERM to all processes": Way("signal", lambda program: signal_all(program, signal.SIGTERM), 143),
    "Ctrl-C in a terminal": Way("signal", lambda program: signal_all(program, signal.SIGINT), -signal.SIGINT),
}


def signal_all(program: Popen, number: signal.Signals) -> None:
    """As a service manager does."""
    for pid in processes_of_session(program.pid):
        with contextlib.suppress(ProcessLookupError):  # the first of them is stopping the others already
            os.kill(pid, number)


class Ended(NamedTuple):
    """A program that has ended, and what it left."""

    code: int
    journal: list[str]
    errors: str
    directory: Path
    session: int


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    """All ways, side by side: most of the time is waiting."""
    programs: dict[str, tuple[Popen, Path]] = {}
    results = {}
    try:
        for name, way in WAYS.items():
            journal = tmp_path_factory.mktemp("ending") / "journal"
            programs[name] = start(way.argument, journal), journal
        directories = {name: end(WAYS[name], program) for name, (program, _journal) in programs.items()}
        for name, (program, journal) in programs.items():
            results[name] = what_is_left(name, program, journal, directories[name])
        yield results
    finally:
        for program, _journal in programs.values():
            program.kill()
            program.communicate()


def end(way: Way, program: Popen) -> Path:
    """Have it end. Returns: the directory of its system."""
    assert program.stdout is not None
    directory = Path(program.stdout.readline().strip())
    way.act(program)
    return directory


def what_is_left(name: str, program: Popen, journal: Path, directory: Path) -> Ended:
    """When it has ended. One that does not end in time says what its threads do."""
    try:
        errors = program.communicate(timeout=LIMIT_S)[1]
    except subprocess.TimeoutExpired:
        processes = {pid: title_of(pid) for pid in processes_of_session(program.pid)}
        signal_all(program, SHOW_THREADS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.communicate(timeout=1.0)
        signal_all(program, signal.SIGKILL)
        threads = program.communicate()[1]
        written = journal.read_text() if journal.exists() else "empty"
        pytest.fail(f"{name}: still there: {processes}; the journal: {written}\n{threads}")
    return Ended(program.returncode, journal.read_text().splitlines(), errors, directory, program.pid)


def start(*arguments: object) -> Popen:
    """As a shell does: in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.supervisors.ending_program", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("way", WAYS)
def test_however_a_program_ends_its_actors_stop_in_order_and_in_their_time(
    ended: dict[str, Ended], way: str
) -> None:
    """Order, shutdown times, BRUTAL_KILL, INFINITY, nested supervisors, dynamic and significant children, an on_stop that
    raises, in processes, threads and the supervisor's host: see the program.
    """
    found = ended[way]
    assert differences(found.journal) == "", found.errors
    assert found.code == WAYS[way].code, found.errors


@pytest.mark.parametrize("way", WAYS)
def test_however_a_program_ends_it_leaves_nothing(ended: dict[str, Ended], way: str) -> None:
    """No process, no directory."""
    wait_until(lambda: not processes_of_session(ended[way].session) and not ended[way].directory.exists())


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_restarted_while_a_program_ends(ended: dict[str, Ended], way: str) -> None:
    """Nor are there tries that fail."""
    for text in ("child restarted", "did not start", "gives up", "significant"):
        assert text not in ended[way].errors


def test_who_fails_while_the_system_ends_is_not_restarted(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever he lives. His supervisor's turn to stop is yet to come; who asks it for a child is refused."""
    places = {"process": PROCESS, "thread": THREAD, "here": HERE}
    first = supervise(
        *(worker(name, options={"place": place}) for name, place in places.items()), name="first"
    )
    supervise(worker("slow"), name="second")
    journal.expect("start process", "start thread", "start here", "start slow")
    journal.gate("slow")
    slow = ActorRef.to("slow")
    slow.ask("slow")
    children = [info.ref for info in first.which_children()]
    ending = threading.Thread(target=System.current().shutdown)
    ending.start()
    journal.expect("stopping slow")
    for ref in children:
        assert ref is not None
        ref.tell("crash")
    wait_until(lambda: {info.status for info in first.which_children()} == {Status.RESTARTING})
    with pytest.raises(ChildStartError, match="shutting down"):
        first.start_child(worker("late", options={"place": PROCESS}))
    assert first.count_children().specs == len(places)  # it has not given up
    journal.release("slow")
    ending.join(LIMIT_S)
    assert journal.rest() == ["stop slow"]
    assert "did not start" not in caplog.text
