"""Under a limit on processes, threads or memory one start fails, by the limit's name; what lives goes on.

`python -m tests.actors.runtime.process_limit` does the same under a real RLIMIT_NPROC.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import PROCESS, THREAD, StartLimitError, System
from peerage.actors.runtime.mail.flusher import Flusher
from peerage.actors.runtime.mail.process import current_port
from tests.actors.runtime.cast import Worker
from tests.actors.runtime.no_more_processes import no_more_processes

ROOMS = Path(__file__).parents[4]


def test_a_fork_that_fails_fails_one_start_and_nothing_else(system: System) -> None:
    """Not the fork server, not the actors; the next start tries again, under the same name."""
    living = Worker.start()
    with no_more_processes(system):
        before = system.fork_server_pid
        for _ in range(3):
            with pytest.raises(StartLimitError, match=r"RLIMIT_NPROC.*ulimit -u, TasksMax="):
                Worker.options(name="refused").start()
        assert system.fork_server_pid == before
        assert living.ask(("log", 1), timeout=5.0) == [1]
        assert [facts.name for facts in system.hosts()] == [living.host]
    assert Worker.options(name="refused").start().ask(("log", 2), timeout=5.0) == [2]


def test_a_fork_server_that_cannot_be_replaced_fails_starts_until_it_can(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each start tries again."""
    living = Worker.start()

    def no_more(*_: Any, **__: Any) -> Any:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", no_more)
        os.kill(system.fork_server_pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(StartLimitError, match="RLIMIT_NPROC"):
                Worker.start()
        assert living.ask(("log", 1), timeout=5.0) == [1]
    assert Worker.start().ask(("log", 2), timeout=5.0) == [2]


def test_a_thread_that_cannot_be_started_fails_one_start(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is free again."""
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if thread.name == "host crowd":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", limited)
        with pytest.raises(StartLimitError, match="RLIMIT_NPROC"):
            Worker.options(name="crowd", place=THREAD).start()
    assert Worker.options(name="crowd", place=THREAD).start().ask(("log", 1), timeout=5.0) == [1]


def test_a_host_without_memory_fails_its_start(system: System) -> None:
    """What is new finds no room; what lives goes on."""
    living = Worker.start()
    pid = system.fork_server_pid
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + 4_000_000, before[1]))  # no room for a thread's stack
    try:
        with pytest.raises(StartLimitError, match=f"{used + 4_000_000} .*RLIMIT_AS"):
            Worker.options(name="starved").start()
        assert living.ask(("log", 1), timeout=5.0) == [1]
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, before)
    assert Worker.options(name="starved").start().ask(("log", 2), timeout=5.0) == [2]


@pytest.mark.parametrize(("limit", "value"), [("RLIMIT_NOFILE", 20), ("RLIMIT_AS", 150_000_000)])
def test_a_system_that_has_no_room_says_so_and_leaves_nothing(tmp_path: Path, limit: str, value: int) -> None:
    """No process, no directory, no descriptor; the program goes on, and may try again."""
    program = (
        "import os, resource\n"
        "from peerage.actors.runtime import LimitReachedError, StartLimitError, System\n"
        "from peerage.actors.runtime.processes.root import Root\n"
        "from tests.actors.runtime.cast import Worker\n"
        f"limit, value = resource.{limit}, {value}\n"
        "if limit == resource.RLIMIT_AS:\n"
        "    value = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + 4_000_000\n"
        "before, opened = resource.getrlimit(limit), len(os.listdir('/proc/self/fd'))\n"
        "resource.setrlimit(limit, (value, value))\n"
        "for attempt in (System, Worker.start):\n"
        "    try: attempt()\n"
        "    except LimitReachedError as error: print(type(error).__name__, error)\n"
        "print(len(os.listdir('/proc/self/fd')) - opened, os.listdir(os.environ['RUNTIME_DIRECTORY']), flush=True)\n"
        "os.waitpid(-1, os.WNOHANG)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOMS,
        env={**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    first, second, left = ended.stdout.splitlines()
    assert first.startswith("LimitReachedError")
    assert limit in first
    assert second.startswith("StartLimitError")
    assert limit in second
    assert left == "0 []"
    assert "ChildProcessError" in ended.stderr  # there is no child to wait for


class Gathering:
    """An outbox with something in it."""

    def __init__(self) -> None:
        self.flushed = threading.Event()
        self.gathered = [1]

    def flush(self) -> None:
        self.gathered.clear()
        self.flushed.set()


def test_without_a_thread_to_hand_over_what_is_gathered_it_goes_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the thread is made as soon as one can be."""
    flusher = Flusher()

    def limited(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    first: Any = Gathering()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", limited)
        flusher.watch(first)
    assert first.flushed.is_set()
    second: Any = Gathering()
    flusher.watch(second)
    assert second.flushed.wait(20.0)
    flusher.end()


def test_starts_in_flight_are_each_refused_or_done(system: System) -> None:
    """Many at once while the limit comes and goes: each ends in an actor or in the limit's name."""
    results: list[Any] = []

    def start() -> None:
        for _ in range(5):
            try:
                results.append(Worker.options(place=PROCESS).start())
            except StartLimitError as error:
                results.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads[:2]:
        thread.start()
    with no_more_processes(system):
        for thread in threads[2:]:
            thread.start()
        assert current_port().wait(lambda: any(isinstance(each, StartLimitError) for each in results), 10.0)
    for thread in threads:
        thread.join()
    assert len(results) == 20
    started = [each for each in results if not isinstance(each, StartLimitError)]
    assert all(ref.ask(("log", 1), timeout=10.0) == [1] for ref in started)
    assert len(system.hosts()) == len(started)
