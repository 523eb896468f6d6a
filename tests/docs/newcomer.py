"""Somebody who has nothing of ours and copies a page's blocks: a folder and home of its own, its steps timed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.docs.pages import CHECKOUT

LIMIT_S = 600.0  # issue: under ten minutes
STOP_S = 30.0
POLL_S = 0.2

_Found = TypeVar("_Found")


class Newcomer:
    """Args: folder, empty; it becomes the home, with a virtual environment in `.venv` and caches of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        left_out = {"VIRTUAL_ENV", "PYTHONPATH"}
        self.environment = {key: value for key, value in os.environ.items() if key not in left_out}
        self.environment |= {"HOME": str(folder), "GOPATH": f"{folder}/go", "GOCACHE": f"{folder}/go-cache"}
        self.environment["GOFLAGS"] = "-modcacherw"  # what Go has fetched can be removed again
        self.environment["PATH"] = f"{folder}/.venv/bin:{self.environment['PATH']}"
        self._began = time.monotonic()

    def took(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def install(self, commands: str) -> None:
        """Make the checkout and the environment. Args: commands, as the page has them, run in the checkout."""
        with self.step("checkout"):
            subprocess.run(
                ["git", "clone", "-q", str(CHECKOUT), f"{self.folder}/peerage"], check=True, timeout=LIMIT_S
            )
        # The environment lies beside the checkout, for the rest happens elsewhere.
        base = Path(sys.base_prefix) / "bin"
        self.run("virtual environment", f"{base}/python3 -m venv .venv")
        commands = commands.replace("python3 -m venv .venv && . .venv/bin/activate", "true")
        self.run("install", commands, self.folder / "peerage")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens within, and print it."""
        began = time.monotonic()
        yield
        print(f"{time.monotonic() - began:7.1f} s  {name}", flush=True)

    def run(self, step: str, commands: str, where: Path | None = None) -> str:
        """Copy a block into a terminal. Returns: what it printed.

        Raises: CalledProcessError, with what it printed; TimeoutExpired.
        """
        with self.step(step):
            return self.ask(commands, where)

    def ask(self, commands: str, where: Path | None = None) -> str:
        """`run`, without a line about it."""
        done = subprocess.run(
            ["bash", "-ec", commands], cwd=where or self.folder, env=self.environment, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S,
        )  # fmt: skip
        return done.stdout

    @contextmanager
    def terminal(self, name: str, commands: str) -> Iterator[subprocess.Popen[bytes]]:
        """Another terminal, in which the block's commands go on; at the end it is closed, and nothing in it survives.

        What is printed goes to `NAME.log`.
        """
        # A list of commands in the background ends with the script, unless that waits for it.
        script = f"{commands}\nwait"
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-ec", script], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            try:
                yield process
            finally:
                close(process)

    def wait_for(self, step: str, condition: Callable[[], _Found], name: str) -> _Found:
        """Wait, as a reader who looks again and again. Args: name, of the terminal whose output tells why not.

        Returns: what the condition returns, once that is true. Raises: AssertionError after the whole of the time.
        """
        with self.step(step):
            while True:
                with contextlib.suppress(subprocess.CalledProcessError):
                    if found := condition():
                        return found
                told = (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]
                assert self.took() < LIMIT_S, f"{step}: not within {LIMIT_S:.0f} s; {name} printed:\n{told}"
                time.sleep(POLL_S)


def close(terminal: subprocess.Popen[bytes]) -> None:
    """End all that runs in it: politely, and after a while for good."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(terminal.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            terminal.wait(STOP_S)
