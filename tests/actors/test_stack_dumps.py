"""A process writes its stacks when it gets the signal, also while it hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from peerage.actors.stack_dumps import ACTORS_MARK, STACKS_SIGNAL, write_stacks_on_signal
from tests.nodes import wait_until

HANGING = """
import sys
from pathlib import Path
from peerage.actors.stack_dumps import write_stacks_on_signal

def hang():
    print("hangs", flush=True)
    while True:
        pass

write_stacks_on_signal(Path(sys.argv[1]))
hang()
"""


def test_a_process_that_hangs_in_a_loop_says_where(tmp_path: Path) -> None:
    """And lives on."""
    file = tmp_path / "stacks"
    with subprocess.Popen([sys.executable, "-c", HANGING, str(file)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"hangs\n"
            process.send_signal(STACKS_SIGNAL)
            wait_until(lambda: "in <module>" in file.read_text())
            assert "in hang" in file.read_text()
            assert process.poll() is None
        finally:
            process.kill()
    assert file.stat().st_mode & 0o777 == 0o600


ACTOR = """
import sys
from pathlib import Path
from peerage.actors.runtime import THREAD, ProcessActor
from peerage.actors.stack_dumps import write_stacks_on_signal

class Endless(ProcessActor):
    def on_receive(self, message):
        print("hangs", flush=True)
        while True:
            pass

write_stacks_on_signal(Path(sys.argv[1]))
Endless.options(name="endless", place=THREAD).start().tell(("a", "tuple"))
sys.stdin.read()
"""


def test_what_the_actors_do_is_said_behind_the_stacks(tmp_path: Path) -> None:
    """The line comes from the main thread, whatever the others do."""
    file = tmp_path / "stacks"
    with subprocess.Popen(
        [sys.executable, "-c", ACTOR, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"hangs\n"
            process.send_signal(STACKS_SIGNAL)
            wait_until(lambda: file.read_text().partition(ACTORS_MARK)[2].endswith("\n"))
            *_, line = file.read_text().splitlines()
        finally:
            process.kill()
    said = json.loads(line.removeprefix(ACTORS_MARK))
    assert said["pid"] == process.pid
    (actor,) = said["actors"]
    assert (actor["actor"], actor["state"], actor["message"]) == ("endless", "running", "tuple")
    assert actor["stack"][-1].endswith(" Endless.on_receive")


def test_a_file_that_cannot_be_opened_is_done_without(tmp_path: Path) -> None:
    """The signal does then what it did."""
    assert not write_stacks_on_signal(tmp_path / "no" / "such" / "place")
