"""`peerage start` in a session of its own: its processes, whoever their parent is, and whether it is back in full."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import psutil

from tests.face.command_line import run
from tests.nodes import wait_until

PROGRAM = "from peerage.__main__ import main; main()"
CHECKOUT = Path(__file__).parents[2]
STOP_TIMEOUT_S = 10.0
FORK_SERVER = "fork server"
SETTINGS = {
    "p2p.laddr": "tcp://127.0.0.1:0",
    "p2p.allow_duplicate_ip": "true",
    "p2p.addr_book_strict": "false",
    "rpc.laddr": "tcp://127.0.0.1:0",
    "network": "test",
    "peer_hosts": "2",
    "reactor": "ECHO=tests.chaos.echo:Echo",
}


def peerage(*arguments: str, program: str = PROGRAM, **options: Any) -> subprocess.Popen[bytes]:
    """Run the command line in a session of its own; options are Popen's, cwd is the checkout by default."""
    options.setdefault("cwd", CHECKOUT)
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        **options,
    )


def processes_of_session(session: int) -> dict[int, str]:
    """The live processes of a session: pid → title without `peerage[moniker]: `, or "fork server"."""
    found: dict[int, str] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if process.pid != session and os.getsid(process.pid) == session:
                title = " ".join(process.cmdline())
                if process.status() != psutil.STATUS_ZOMBIE and title:
                    found[process.pid] = _name(title)
    return found


def directories_of(pid: int) -> list[Path]:
    """Where the mailboxes' sockets of this main process are."""
    bases = {Path(os.environ.get(name) or "/tmp") for name in ("RUNTIME_DIRECTORY", "TMPDIR", "")}
    return [path for base in bases for path in base.glob(f"peerage-{pid}-*")]


def make_home(home: Path) -> None:
    """What `peerage init` makes: here in this process, which is quicker."""
    made = run("init", "--home", home, "--network", "test")
    assert made.exit_code == 0, made.output


def _name(title: str) -> str:
    found = re.match(r"peerage(?:\[.*?\])?: (.*)", title)
    return found[1].strip() if found else FORK_SERVER


class StartedNode:
    """A node run by `peerage start`. Use it as a context manager: nothing of its session outlives it.

    Args: home, made by `peerage init` before; cwd, where it is started; program, that its process runs instead of the
        command line; settings, over SETTINGS (None: left out).
    """

    def __init__(
        self, home: Path, cwd: Path = CHECKOUT, program: str | None = None, **settings: str | None
    ) -> None:
        self.home, self._program = home, program or PROGRAM
        self._cwd = cwd
        given = {key.replace("__", "."): value for key, value in settings.items()}
        self._settings: dict[str, str | None] = {**SETTINGS, **given}
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.address = ""
        self.rpc = ""

    def __enter__(self) -> Self:
        self._log = (self.home / "log").open("ab")
        given = ((key, value) for key, value in self._settings.items() if value is not None)
        flags = [part for key, value in given for part in (f"--{key}", value)]
        self._process = peerage(
            "start", "--home", str(self.home), *flags, "--log-format", "json",
            program=self._program, stdout=subprocess.PIPE, stderr=self._log, cwd=self._cwd,
        )  # fmt: skip
        try:
            self.address = self._read_address()
            if self._settings["rpc.laddr"]:
                self.rpc = self.http_address("rpc")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._running
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT_S)
        self.kill_all()
        assert process.stdout is not None
        process.stdout.close()
        if self._log is not None:
            self._log.close()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def node_id(self) -> str:
        return self.address.partition("@")[0]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def rpc_port(self) -> int:
        return int(self.rpc.rpartition(":")[2])

    def processes(self) -> dict[int, str]:
        """pid → name, without the main process."""
        return processes_of_session(self.pid)

    def pid_of(self, name: str) -> int:
        """The process of this name, once there is one, and only one."""
        found: list[int] = wait_until(
            lambda: (pids := [pid for pid, each in self.processes().items() if each == name]) and pids,
            what=f"a process {name}",
        )
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def lives(self) -> bool:
        """Whether the main process runs."""
        return self._running.poll() is None

    def call(self, method: str) -> Any:
        """Call a JSON-RPC method; None if there was no answer."""
        try:
            with urllib.request.urlopen(f"{self.rpc}/{method}", timeout=1.0) as answer:
                return json.load(answer)["result"]
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def peers(self) -> list[str]:
        """IDs in net_info; empty if there was no answer."""
        info = self.call("net_info")
        return [peer["node_info"]["id"] for peer in info["peers"]] if info else []

    def stop(self) -> tuple[int, float]:
        """SIGTERM. Returns: the exit code, and how many seconds it took."""
        began = time.monotonic()
        self._running.terminate()
        return self._running.wait(STOP_TIMEOUT_S), time.monotonic() - began

    def wait(self, timeout: float) -> int:
        """Wait for the main process to end. Returns: its exit code."""
        return self._running.wait(timeout)

    def kill(self) -> None:
        """SIGKILL the main process."""
        self._running.kill()
        self._running.wait()

    def kill_all(self) -> None:
        """SIGKILL whatever is left of the session."""
        self._running.kill()
        self._running.wait()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def printed(self) -> str:
        """What it has printed behind its address; it must have ended."""
        stdout = self._running.stdout
        assert stdout is not None
        return stdout.read().decode()

    def log(self) -> str:
        """All that it has logged."""
        return (self.home / "log").read_text()

    def http_address(self, service: str) -> str:
        """Where "rpc" or "metrics" is served, like `http://127.0.0.1:8080`; "" while it is not."""
        for line in self.log().splitlines():
            with contextlib.suppress(ValueError):  # the last line may be half written
                record = json.loads(line)
                if record.get("event") == "node started" and service in record:
                    return str(record[service]).split()[0].replace("tcp://", "http://")
        return ""

    def _read_address(self) -> str:
        stdout = self._running.stdout
        assert stdout is not None
        line = stdout.readline().decode().strip()  # it ends with the process, so this cannot wait for ever
        assert "@" in line, f"peerage start printed {line!r}:\n{self.log()[-4000:]}"
        return line


def eventually(condition: Callable[[], Any], timeout: float) -> float:
    """Wait for a condition. Returns: after how many seconds it was true. Raises: AssertionError."""
    began = time.monotonic()
    wait_until(condition, timeout)
    return time.monotonic() - began
