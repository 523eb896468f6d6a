"""peerage demo: on a terminal and piped, to its end and stopped before, and what its reactor does."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.programs.demo import NAMES
from tests.chaos.started_node import directories_of, peerage, processes_of_session
from tests.face.command_line import run
from tests.nodes import wait_until

PROCESSES = 1 + 5 * len(NAMES)  # fork server; address book, switch, two reactors, peer host of each
ADDRESS = re.compile(r"^(\w+) ([0-9a-f]{40}@127\.0\.0\.1:\d+) (.*)$", re.MULTILINE)
ROWS, COLUMNS = 30, 100


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running demo, with its output piped and its files in tmp_path."""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    process = peerage(
        "demo", "--for", "60s", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        wait_until(lambda: not processes_of_session(process.pid))


def read_until_complete(demo: subprocess.Popen[bytes]) -> None:
    """Read what it prints, until all nodes know each other."""
    assert demo.stdout is not None
    complete: set[bytes] = set()
    while len(complete) < len(NAMES):
        line = demo.stdout.readline()
        assert line
        name = line.split()[0]
        known = line.count(b",", 0, line.find(b" processes=")) == len(NAMES) - 2
        complete = complete | {name} if known else set()


def test_piped_it_prints_lines_and_ends_by_itself(tmp_path: Path) -> None:
    """All four nodes find each other; the text has no control characters; nothing is left behind."""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    began = time.monotonic()
    process = peerage("demo", "--for", "3s", stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    out, err = (text.decode() for text in process.communicate(timeout=40))
    assert (process.returncode, err) == (0, "")
    assert time.monotonic() - began > 3.0
    assert all(character.isprintable() or character == "\n" for character in out)
    assert [match[1] for match in ADDRESS.finditer(out)] == list(NAMES)
    assert [match[3] for match in ADDRESS.finditer(out)] == ["the seed of the others"] + [
        "knows the seed alone"
    ] * 3
    for name in NAMES:
        others = ",".join(sorted(set(NAMES) - {name}))
        assert re.search(rf"^{name} peers={others} processes=5 messages/s=\d+ heard=\d+$", out, re.MULTILINE)
    assert re.search(
        r"^every node found every other one after \d+\.\d s; \d+ messages heard$", out, re.MULTILINE
    )
    assert not processes_of_session(process.pid)
    assert not directories_of(process.pid)
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_it_shows_live_tables() -> None:
    """Peers, rates and processes of every node, in a small terminal; at the end the cursor is back."""
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color"}
    process = peerage("demo", "--for", "2s", stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: the other side is gone
        while chunk := os.read(terminal, 65536):
            shown += chunk
    os.close(terminal)
    assert process.wait(10) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    table = text[text.rindex("peerage demo, ") :]
    assert max(map(len, table.splitlines())) <= COLUMNS
    for name in NAMES:
        others = ", ".join(sorted(set(NAMES) - {name}))
        assert re.search(rf"│ {name} +│ {others} +│ +\d+ │ +\d+ │", table)
        assert re.search(rf"│ {name} +│ \d+ +│ \d+ +│ \d+ +│ \d+ +│ \d+ \+3 +│", table)
    assert "every node found every other one" in table
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_stopped_before_its_time_it_ends_with_a_summary(
    demo: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    """As by Ctrl-C, which the terminal sends to every process; a second one does no harm. Nothing is left behind."""
    read_until_complete(demo)
    stop_all(demo, number, tmp_path)


def stop_all(demo: subprocess.Popen[bytes], number: signal.Signals, files: Path) -> None:
    """Send the signal to all its processes, twice, and look at what is left."""
    os.killpg(demo.pid, number)
    os.killpg(demo.pid, number)
    out, _ = demo.communicate(timeout=15)
    assert demo.returncode == 0, out
    assert b"stopped before its time\nevery node found every other one" in out
    assert b"Traceback" not in out
    assert not processes_of_session(demo.pid)
    assert not directories_of(demo.pid)
    assert list(files.iterdir()) == []


def test_nodes_that_do_not_find_each_other_are_a_failure(
    demo: subprocess.Popen[bytes],
) -> None:
    """If it is stopped before the last node has found anybody: who found how many, and exit code 1."""
    assert demo.stdout is not None
    for _ in NAMES[:2]:
        assert ADDRESS.match(demo.stdout.readline().decode())  # it is up; the others are yet to be started
    demo.send_signal(signal.SIGINT)
    out, _ = demo.communicate(timeout=15)
    assert demo.returncode == 1, out
    assert b"Error: the nodes did not find each other\n" in out
    assert b"Traceback" not in out


def test_killed_processes_are_replaced_while_it_runs(demo: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """After a gossip reactor and a switch are killed the demo goes on, and all nodes know each other; SIGTERM ends it
    as the other signals do.
    """
    read_until_complete(demo)
    victims = {
        pid
        for pid, name in processes_of_session(demo.pid).items()
        if name in {"anna/reactor-GOSSIP", "bert/switch"}
    }
    assert len(victims) == 2
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: len(found := processes_of_session(demo.pid)) == PROCESSES and victims.isdisjoint(found)
    )
    read_until_complete(demo)
    stop_all(demo, signal.SIGTERM, tmp_path)


@pytest.mark.parametrize(("option", "value"), [("--for", "0s"), ("--for", "soon"), ("--log-level", "loud")])
def test_mistakes_are_named(option: str, value: str) -> None:
    """The option and the value; exit code 2."""
    done = run("demo", option, value)
    assert done.exit_code == 2
    assert option in done.stderr
    assert value in done.stderr
