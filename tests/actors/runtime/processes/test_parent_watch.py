"""No way of dying leaves a process, a socket file or a directory behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.processes import is_alive, processes_of_session
from tests.waiting import wait_until

ROOT = Path(__file__).parents[4]
LIMIT_S = 5.0  # generous for a loaded machine; the promise is 2 s
START_LIMIT_S = 30.0  # a program and its fork server import everything


class Running(NamedTuple):
    """An embedder and what it said of itself."""

    popen: subprocess.Popen[str]
    directory: Path
    pids: list[int]

    def wait_until_nothing_is_left(self) -> None:
        # Processes of another parent cannot be waited for.
        wait_until(lambda: not self.left(), LIMIT_S)

    def left(self) -> list[object]:
        return [*filter(is_alive, self.pids), *([self.directory] if self.directory.exists() else [])]


def embed(mode: str, *prefix: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    argv = [*prefix, sys.executable, "-m", "tests.actors.runtime.embedder", mode]
    pipe, variables = subprocess.PIPE, {**os.environ, **(environment or {})}
    return subprocess.Popen(
        argv, cwd=ROOT, env=variables, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    popen = embed(request.param)
    assert popen.stdout is not None
    assert popen.stderr is not None
    line = popen.stdout.readline()
    if not line:
        pytest.fail(popen.stderr.read())
    said: dict[str, Any] = json.loads(line)
    yield Running(popen, Path(said["directory"]), said["pids"])
    popen.kill()
    popen.wait()
    popen.stdout.close()
    popen.stderr.close()


@pytest.mark.parametrize("running", ["plain", "thread", "main", "no fork server"], indirect=True)
def test_sigkill_of_the_embedder_leaves_nothing(running: Running) -> None:
    """Also when it was started from a thread that has ended, when a host spins, when the fork server has just died."""
    running.popen.kill()
    running.wait_until_nothing_is_left()


@pytest.mark.parametrize(
    ("running", "number"),
    [("none stuck", signal.SIGTERM), ("plain", signal.SIGKILL), ("plain", signal.SIGHUP)],
    indirect=["running"],
)
def test_a_signal_to_the_whole_group_leaves_nothing(running: Running, number: signal.Signals) -> None:
    """A terminal, `timeout` and many a service manager signal the group: who cleans up must outlive that.

    SIGTERM is an exit in good order, in which a stuck actor would have its 5 s of grace.
    """
    os.killpg(running.popen.pid, number)
    running.wait_until_nothing_is_left()


@pytest.mark.parametrize("running", ["forked"], indirect=True)
def test_a_fork_of_the_embedder_keeps_nothing_alive(running: Running) -> None:
    """Its copy of the life pipe's write end is closed in the child."""
    children = Path(f"/proc/{running.popen.pid}/task/{running.popen.pid}/children").read_text().split()
    running.popen.kill()
    running.wait_until_nothing_is_left()
    for pid in map(int, children):
        if is_alive(pid) and pid not in running.pids:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("running", ["exit", "raise"], indirect=True)
def test_the_embedders_exit_leaves_nothing(running: Running) -> None:
    """A normal end of the program is enough: nobody has to call shutdown."""
    running.popen.wait(LIMIT_S + 10)
    running.wait_until_nothing_is_left()


@pytest.mark.parametrize("delay_ms", [0, 20, 60, 100, 140, 180, 220, 260, 320, 400])
def test_sigkill_while_starting_leaves_nothing(delay_ms: int) -> None:
    """Whatever the moment."""
    with embed("plain") as popen:
        time.sleep(delay_ms / 1000)  # the moment is the point of the test
        popen.kill()
    wait_until(lambda: not (directories_of(popen.pid) or processes_of_session(popen.pid)), LIMIT_S)


def test_a_fork_server_busy_importing_hears_of_the_embedders_end(tmp_path: Path) -> None:
    """On a busy machine importing takes seconds: nothing is left that long."""
    (tmp_path / "slow_to_import.py").write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path)!r}, 'new').write_text(str(os.getpid()))\n"
        f"os.rename({str(tmp_path / 'new')!r}, {str(tmp_path / 'pid')!r})\n"
        "time.sleep(3600)\n"
    )
    program = (
        "import threading\n"
        "from peerage.actors.runtime import System\n"
        "system = System(preload=('slow_to_import',))\n"
        "threading.Event().wait()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment) as popen:
        try:
            wait_until((tmp_path / "pid").exists, START_LIMIT_S)
        finally:
            popen.kill()
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_alive(pid) and not directories_of(popen.pid), LIMIT_S)


def directories_of(pid: int) -> list[Path]:
    bases = {Path(os.environ.get(name) or "/tmp") for name in ("RUNTIME_DIRECTORY", "TMPDIR", "")}
    return [path for base in bases for path in base.glob(f"peerage-{pid}-*")]


def can_unshare() -> bool:
    argv = ["unshare", "--pid", "--fork", "--kill-child", "true"]
    try:
        return subprocess.run(argv, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def test_an_embedder_that_is_pid_1_leaves_no_zombies() -> None:
    """Orphans of a killed fork server are ours to reap then."""
    if not can_unshare():
        pytest.skip("no permission for a PID namespace here")
    program = (
        "import os, time\n"
        "from pathlib import Path\n"
        "from tests.actors.runtime.cast import Worker\n"
        "from peerage.actors.runtime import System, watch\n"
        "assert os.getpid() == 1\n"
        "ref = Worker.start()\n"
        "os.kill(System.current().fork_server_pid, 9)\n"
        "seen = watch(ref)\n"
        "ref.kill()\n"
        "print(seen.wait(20.0).kind)\n"
        "print(Worker.start().ask(('facts',)) is not None)\n"
        "System.current().shutdown()\n"
        "try:\n"
        "    print('left', os.waitpid(-1, os.WNOHANG))\n"
        "except ChildProcessError:\n"
        "    print('no children')\n"
    )
    argv = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c", program]
    done = subprocess.run(argv, check=False, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stdout.split("\n")[:3] == ["killed", "True", "no children"], done


def test_a_killed_embedder_that_is_pid_1_leaves_nothing() -> None:
    """The kernel ends all its processes at the same moment: nobody can clean up, so there must be nothing to clean."""
    if not can_unshare():
        pytest.skip("no permission for a PID namespace here")
    unshare = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    with (
        tempfile.TemporaryDirectory() as base,  # short enough for sockets, which tmp_path is not
        embed("plain", *unshare, environment={"RUNTIME_DIRECTORY": base}) as popen,
    ):
        assert popen.stdout is not None
        assert json.loads(popen.stdout.readline())["pids"]
        (embedder,) = Path(f"/proc/{popen.pid}/task/{popen.pid}/children").read_text().split()
        os.kill(int(embedder), signal.SIGKILL)
        popen.wait(LIMIT_S)  # its parent is told when all processes of the namespace have ended
        assert list(Path(base).iterdir()) == []
