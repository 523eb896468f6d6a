"""The stacks of several processes, collected one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.commands.stack_collection import actor_lines, catches_signal, collect, collect_stacks

WRITES = """
import sys
from pathlib import Path
from peerage.actors.stack_dumps import write_stacks_on_signal

def stand_here():
    print("ready", flush=True)
    sys.stdin.read()

write_stacks_on_signal(Path(sys.argv[1]))
stand_here()
"""
DOES_NOT = "import sys; print('ready', flush=True); sys.stdin.read()"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """One that writes its stacks, and one that would die of the signal."""
    found = []
    for program in (WRITES, DOES_NOT):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "stacks")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        found.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    yield found
    for process in found:
        process.kill()
        process.communicate()


def test_each_process_says_where_it_is_or_why_not(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """One without the handler is not signalled; all live on, and the file is empty again."""
    file = tmp_path / "stacks"
    writes, does_not = (process.pid for process in processes)
    assert [catches_signal(pid) for pid in (writes, does_not)] == [True, False]
    text = collect_stacks([(writes, "one"), (does_not, "other"), (2**22 + 1, "gone")], file)
    one, other, gone = text.split("\n\n====")
    assert one.startswith(f"==== one (process {writes})\n")
    assert "in stand_here" in one
    assert "no actor runs in it, so it writes no stacks" in other
    assert "not asked: No such file or directory" in gone
    assert [process.poll() for process in processes] == [None, None]
    assert file.stat().st_size == 0


def test_one_that_stands_still_is_not_waited_for_long(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """It writes when it goes on."""
    pid = processes[0].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "it has written nothing within 1 s" in collect_stacks([(pid, "one")], tmp_path / "stacks")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "it took too long" in collect_stacks([(pid, "one")], tmp_path / "stacks", most_s=-1.0)


def test_what_a_process_says_of_its_actors_stands_apart(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """One without actors has none; of one that cannot say it nothing is known."""
    writes, does_not = (process.pid for process in processes)
    one, other = collect([(writes, "one"), (does_not, "other")], tmp_path / "stacks")
    assert (one.pid, one.title, one.actors) == (writes, "one", [])
    assert "@actors" not in one.threads
    assert other.actors is None


def test_the_lines_of_an_actor() -> None:
    """What it does, for whom it waits, what waits for it, and where it is."""
    busy = {
        "actor": "chat", "class_path": "app:Chat", "state": "waiting", "message": "Hello", "age": 3.21,
        "waits_for": "switch", "mailbox": 7, "oldest_age": 3.0, "stack": ["app.py:9 Chat.receive"],
    }  # fmt: skip
    ready = busy | {"state": "ready", "message": "", "waits_for": "", "stack": []}
    assert list(actor_lines([busy, ready])) == [
        "chat  app:Chat  waiting; Hello, 3.2 s old; waits for switch; 7 messages wait, the oldest for 3.0 s",
        "    app.py:9 Chat.receive",
        "chat  app:Chat  ready; 7 messages wait, the oldest for 3.0 s",
    ]
