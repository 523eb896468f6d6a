"""Programs of others that hold a node: started as their users start them, and looked at for what they leave behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.nodes import wait_until

MARK = "PEERAGE_TESTED_PROGRAM"
LISTENS = re.compile(r"http://127\.0\.0\.1:(\d+)")
END_S = 20.0
PATIENCE_S = 100.0  # a start takes two seconds where nothing else runs

NODE = """
import os
from peerage import ChannelDescriptor, Config, Node, NodeNotRunningError
def make(home=os.environ["HOME"] + "/node"):
    config = Config(home=home, network="test", p2p={"laddr": "tcp://127.0.0.1:0"}, rpc={"laddr": ""})
    return Node(config, channels=[ChannelDescriptor(id=0x50)])
"""


class Program:
    """One that runs. What it prints goes to a file."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process, self._output = process, output

    @property
    def output(self) -> str:
        """All that it, and what it started, has printed."""
        return self._output.read_text(errors="replace")

    def wait_for(self, pattern: str, times: int = 1) -> str:
        """The first group of the pattern, where it is printed for so many times."""
        try:
            found = wait_until(lambda: self._found(pattern, times), PATIENCE_S)
        except AssertionError as error:
            raise AssertionError(f"not {times} times {pattern!r} in:\n{self.output}") from error
        return str(found)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal. Returns: its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def _found(self, pattern: str, times: int) -> str | None:
        found = re.findall(pattern, self.output)
        if self.process.poll() is not None and len(found) < times:
            raise AssertionError(f"it has ended with {self.process.returncode}:\n{self.output}")
        return found[times - 1] if len(found) >= times else None


@contextmanager
def running(
    folder: Path, *argv: str, stdin: str = "", environment: Mapping[str, str] = {}
) -> Iterator[Program]:
    """A program of this Python's in a folder, which is its home too. No process of it may be left in the end."""
    mark = str(folder / "mark")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    output = folder / "output.txt"
    with (
        output.open("wb") as printed,
        subprocess.Popen(
            argv,
            cwd=folder,
            env=os.environ | {"HOME": str(folder), "PATH": path, MARK: mark} | dict(environment),
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(stdin.encode())
        process.stdin.close()
        try:
            yield Program(process, output)
        finally:
            process.kill()
    wait_until(lambda: not _left(mark), END_S, "processes left")


def ended(folder: Path, *argv: str, stdin: str = "", environment: Mapping[str, str] = {}) -> tuple[int, str]:
    """Run it to its end. Returns: its exit status, and what it has printed."""
    with running(folder, *argv, stdin=stdin, environment=environment) as program:
        program.process.wait(PATIENCE_S)
        return program.process.returncode, program.output


def _left(mark: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter() if _has(each, mark)]


def _has(process: psutil.Process, mark: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False
