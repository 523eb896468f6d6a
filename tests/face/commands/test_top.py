"""`peerage top`, against a real node and in a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from peerage.commands.exit_status import FailureError
from peerage.commands.node_link import NoAnswerError, NodeGoneError
from peerage.commands.top import Looks
from peerage.commands.top_sample import Sample
from tests.chaos.started_node import PROGRAM, StartedNode, make_home
from tests.face.command_line import run
from tests.face.commands.top_answers import actors, peers

PATIENCE_S = 30.0
MARK = "\x1b[0n"  # no program writes that: a terminal answers it


class Screen:
    """`peerage top` in a pseudo-terminal."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 150, 0, 0))
        self.before = termios.tcgetattr(terminal)
        self._terminal = terminal
        clean = {
            key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES", "NO_COLOR"}
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "top", *arguments],
            stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
            env={**clean, "TERM": "xterm-256color", **environment},
        )  # fmt: skip
        self.seen = ""
        self._decoder = getincrementaldecoder("utf-8")()

    def _read(self, timeout: float) -> str:
        """What comes next, as text: a read may end in the middle of a character. Empty when nothing has come in time."""
        if not select.select([self._master], [], [], timeout)[0]:
            return ""
        return self._decoder.decode(os.read(self._master, 65536))

    def wait_for(self, *texts: str) -> None:
        """Until all of these have been on the screen since the last call."""
        self.seen = ""
        deadline = time.monotonic() + PATIENCE_S
        while not all(text in self.seen for text in texts):
            assert time.monotonic() < deadline, (texts, self.seen)
            self.seen += self._read(1.0)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> tuple[int, str]:
        """Returns: how it has ended, and what it has written last. It is read meanwhile: a full terminal would hold it up.

        The kernel brings what is written to the other side in its own time, and in order: a mark is behind all of it.
        """
        last, deadline = "", time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, last
            last += self._read(0.05)
        os.write(self._terminal, MARK.encode())
        while not last.endswith(MARK):
            assert time.monotonic() < deadline, last
            last += self._read(1.0)
        assert termios.tcgetattr(self._terminal) == self.before
        return self.process.returncode, last.removesuffix(MARK)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._terminal)


@pytest.fixture
def screen() -> Iterator[Callable[..., Screen]]:
    made: list[Screen] = []

    def start(*arguments: str, **environment: str) -> Screen:
        made.append(Screen(*arguments, **environment))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedNode]:
    home = tmp_path_factory.mktemp("top") / "home"
    make_home(home)
    with StartedNode(home) as started:
        yield started


def test_elsewhere_than_on_a_terminal_it_prints_once(node: StartedNode) -> None:
    """Every actor, below its supervisor; over the node's own socket or its RPC."""
    for where in (("--home", node.home), ("--rpc", node.rpc)):
        printed = run("top", *where)
        assert printed.exit_code == 0, printed.output
        lines = printed.output.splitlines()
        assert lines[0].split()[:3] == ["ACTOR", "STATE", "PID"]
        assert [line.split()[0] for line in lines[1:4]] == ["supervisor", "addrbook", "switch"]
        assert "PEER" in printed.output


def test_json_is_what_the_node_says(node: StartedNode) -> None:
    """One object in a line."""
    [line] = run("top", "--home", node.home, "--once", "--json").output.splitlines()
    found = json.loads(line)
    assert {host["pid"] for host in found["actors"]["hosts"]} == {node.pid, *(
        pid for pid, name in node.processes().items() if name != "fork server"
    )}  # fmt: skip
    assert found["peers"]["n_peers"] == 0


def test_on_a_terminal_it_goes_on_until_a_key(node: StartedNode, screen: Callable[..., Screen]) -> None:
    """And leaves the terminal as it was."""
    top = screen("--home", str(node.home), "--interval", "500ms")
    top.wait_for("peerage top", "supervisor", "reactor-ECHO", "0 peers", "\x1b[1m")
    top.wait_for("cpu 0.", "supervisor")  # the second look knows what has changed
    top.type("?")
    top.wait_for("Ctrl-C")
    top.type("q")
    assert top.end()[0] == 0


def test_ctrl_c_ends_it_as_well_and_colours_may_be_off(
    node: StartedNode, screen: Callable[..., Screen]
) -> None:
    """NO_COLOR leaves bold and reverse."""
    top = screen("--home", str(node.home), NO_COLOR="1")
    top.wait_for("supervisor", "0 peers")
    top.process.send_signal(signal.SIGINT)
    code, _last = top.end()
    assert code == 0
    assert "\x1b[31" not in top.seen
    assert "\x1b[1;31" not in top.seen


def test_mistakes_are_told_in_one_line(tmp_path: Path) -> None:
    """With exit code 2."""
    for wrong in (["--sort", "shoe size"], ["--interval", "100ms"], ["--rpc", "https://node"]):
        refused = run("top", "--home", tmp_path, *wrong)
        assert (refused.exit_code, refused.output.count("\n")) == (2, 1), refused.output


class Node:
    """Answers the looks of a thread as it is told to; each is waited for."""

    def __init__(self) -> None:
        self.outcomes: list[Exception | None] = []
        self.asked: list[Mapping[str, Any]] = []
        self.told = threading.Semaphore(0)
        self.looks = Looks(self.look, lambda: {"limit": len(self.asked)}, 0.001, self.told.release)

    def look(self, question: Mapping[str, Any], before: Sample | None) -> Sample:
        self.asked.append(question)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        return Sample.of(actors(100.0 + len(self.asked)), peers(), before)

    def run(self, looks: int) -> None:
        self.looks.start()
        for _ in range(looks):
            assert self.told.acquire(timeout=PATIENCE_S)


def test_a_node_that_does_not_answer_for_a_while_is_asked_on() -> None:
    """What it has said before stays, with what is the matter."""
    node = Node()
    node.outcomes = [None, NoAnswerError("busy"), NodeGoneError("refused")]
    node.run(3)
    assert (node.looks.trouble, str(node.looks.failure)) == ("busy", "the node has stopped")
    assert node.looks.sample is not None
    assert node.asked == [{"limit": 0}, {"limit": 1}, {"limit": 2}]


def test_a_node_that_refuses_is_asked_no_more() -> None:
    """It says why."""
    node = Node()
    node.outcomes = [FailureError("the node says no")]
    node.run(1)
    assert str(node.looks.failure) == "the node says no"


def test_a_node_that_stops_is_told_in_one_line(node: StartedNode, screen: Callable[..., Screen]) -> None:
    """With exit code 1; the same where none runs. This test is the end of the node."""
    top = screen("--home", str(node.home))
    top.wait_for("supervisor")
    node.stop()
    code, last = top.end()
    assert (code, last.rpartition("\x1b[?1049l")[2]) == (1, "Error: the node has stopped\r\n")
    refused = run("top", "--home", node.home)
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)
    assert "no node runs in" in refused.output
