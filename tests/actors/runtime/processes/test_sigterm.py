"""SIGTERM: whose it is, and what becomes of it in those that a program starts."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from peerage.actors.runtime import ProcessActor, System, watch
from peerage.actors.runtime.processes import sigterm, terminated_hosts
from tests.actors.runtime.cast import Worker
from tests.processes import processes_of_session
from tests.waiting import wait_until

ROOT = Path(__file__).parents[4]
LIMIT_S = 20.0


@pytest.fixture
def as_at_first() -> Iterator[None]:
    """No system, and SIGTERM as a program finds it."""
    if System.is_running():
        System.current().shutdown()
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    if System.is_running():
        System.current().shutdown()
    signal.signal(signal.SIGTERM, before)


def test_while_there_is_a_system_it_ends_the_program_in_order(as_at_first: None) -> None:
    """By an exception that `finally` and `atexit` see; before and after it, it is as it was."""
    with System(), pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_programs_own_handler_stays(as_at_first: None) -> None:
    """And so does its being ignored."""
    for own in (signal.SIG_IGN, lambda *_: None):
        signal.signal(signal.SIGTERM, own)
        sigterm.end_program()
        assert signal.getsignal(signal.SIGTERM) is own
        sigterm.let_be()
        assert signal.getsignal(signal.SIGTERM) is own


def test_a_program_may_want_it_left_alone(as_at_first: None) -> None:
    with System(handle_sigterm=False):
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_system_made_in_another_thread_leaves_it_alone(as_at_first: None) -> None:
    """Only the main thread may change it."""
    made = threading.Thread(target=System)
    made.start()
    made.join(LIMIT_S)
    assert System.is_running()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_system_made_in_a_worker_of_a_pool_leaves_it_alone(method: str) -> None:
    """The pool ends its workers by it, and waits for their end."""
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply_async(sigterm_beside_a_system).get(LIMIT_S) is True


def sigterm_beside_a_system() -> bool:
    with System():
        return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_forked_child_of_the_program_or_of_a_host_dies_of_it(system: System) -> None:
    """As a pool of multiprocessing and a web server expect of theirs."""
    assert _status_of_terminated_fork() == -signal.SIGTERM
    assert Forker.start().ask("fork") == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_program_that_an_actor_has_started_dies_of_what_hosts_disregard(
    system: System, number: signal.Signals
) -> None:
    """Many a program is asked to finish by SIGINT, and would inherit that it is ignored."""
    starter = Starter.start()
    os.kill(starter.pid(), signal.SIGINT)
    assert starter.ask(number, timeout=LIMIT_S) == -number


class Starter(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        with subprocess.Popen(["sleep", "600"]) as program:
            program.send_signal(message)
            try:
                return program.wait(LIMIT_S / 4)
            except subprocess.TimeoutExpired:
                program.kill()
                raise


class Forker(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return _status_of_terminated_fork()


def _status_of_terminated_fork() -> int:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    os.kill(pid, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_one_that_comes_to_a_host_alone_stops_its_actors(system: System) -> None:
    """An operator's kill is a graceful stop. Others live on."""
    victim, other = Worker.start(), Worker.start()
    seen = watch(victim)
    os.kill(victim.pid(), signal.SIGTERM)
    assert seen.wait(LIMIT_S).text == "SIGTERM"
    assert other.ask(("pid",))


def test_one_that_comes_to_all_hosts_is_the_programs_business(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service manager sends it to every process, and the program may have a handler of its own, or ignore it."""
    root, decided = system._root, threading.Event()
    assert root is not None
    decide = root.terminated.decide

    def and_tell() -> None:
        decide()
        decided.set()

    monkeypatch.setattr(terminated_hosts, "SIGTERM_WAIT_S", 1.0)  # for a busy machine to deliver them
    monkeypatch.setattr(root.terminated, "decide", and_tell)
    refs = [Worker.start(), Worker.start()]
    for ref in refs:
        os.kill(ref.pid(), signal.SIGTERM)
    assert decided.wait(LIMIT_S)
    assert [ref.ask(("pid",)) for ref in refs] == [ref.pid() for ref in refs]


STUCK = """
import os, signal, sys, time
from peerage.actors.runtime import ProcessActor, System

class Stuck(ProcessActor):
    stops_others = True
    def on_stop(self):
        os.write(self.runtime.fds["out"], b"stopping\\n")
        time.sleep(600)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Stuck.options(fds={"out": 1}).start()
    print(System.current().directory, flush=True)
    if sys.argv[1] == "wait":
        time.sleep(600)
"""


class Twice(NamedTuple):
    """What is sent to a program that is stuck, and how it ends."""

    argument: str
    first: int | None
    second: int
    code: int


TWICE = [
    Twice("wait", signal.SIGTERM, signal.SIGTERM, 143),
    Twice("wait", signal.SIGINT, signal.SIGINT, -signal.SIGINT),
    Twice("exit", None, signal.SIGTERM, 0),
    Twice("exit", None, signal.SIGINT, 0),
]


def test_a_second_one_ends_everything_at_once(tmp_path: Path) -> None:
    """Also the first, where the program is ending by itself. Nothing is left, and nothing is said."""
    (tmp_path / "stuck.py").write_text(STUCK)
    with contextlib.ExitStack() as stack:
        programs = [(twice, stack.enter_context(_stuck(tmp_path, twice.argument))) for twice in TWICE]
        for twice, program in programs:
            assert program.stdout is not None
            assert program.stderr is not None
            directory = Path(program.stdout.readline().strip())
            if twice.first is not None:
                program.send_signal(twice.first)
            assert program.stdout.readline() == "stopping\n"
            program.send_signal(twice.second)
            assert program.wait(LIMIT_S) == twice.code
            wait_until(lambda: not directory.exists() and not processes_of_session(program.pid), LIMIT_S)  # noqa: B023
            said = program.stderr.read()
            # Python's own, of the first.
            assert said.count("Traceback") == (1 if twice.first == signal.SIGINT else 0), said


@contextlib.contextmanager
def _stuck(directory: Path, argument: str) -> Iterator[subprocess.Popen[str]]:
    argv, pipe = [sys.executable, str(directory / "stuck.py"), argument], subprocess.PIPE
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as program:
        try:
            yield program
        finally:
            program.kill()
