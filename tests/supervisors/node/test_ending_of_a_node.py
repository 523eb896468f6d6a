"""A node that its program leaves running is stopped all the same, in its order, and has not failed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.processes import processes_of_session

ROOT = Path(__file__).parents[3]
LIMIT_S = 50.0

PROGRAM = """
import sys
from pathlib import Path

from peerage import ChannelDescriptor, Config, Node, Reactor


class Writer(Reactor):
    def __init__(self, journal):
        super().__init__()
        self.journal = journal

    def on_stop(self):
        super().on_stop()
        with open(self.journal, "a") as file:
            file.write(type(self).__name__ + "\\n")


class First(Writer):
    channels = (ChannelDescriptor(id=0x81),)


class Second(Writer):
    channels = (ChannelDescriptor(id=0x82),)


if __name__ == "__main__":
    way, place = sys.argv[1:]
    config = Config(home=place + "/home", network="test", p2p={"laddr": "tcp://127.0.0.1:0"}, rpc={"laddr": ""})
    journal = place + "/journal"
    node = Node(config, reactors={"FIRST": (First, journal), "SECOND": (Second, journal)})
    node.start()
    print("started", flush=True)
    if way == "wait":
        node.wait()
"""


def test_a_node_that_its_program_leaves_running_is_stopped_in_order(tmp_path: Path) -> None:
    """At the end of the main module, and when a service manager signals all processes."""
    programs = {}
    for way in ("exit", "wait"):
        place = tmp_path / way
        place.mkdir()
        (place / "program.py").write_text(PROGRAM)
        argv, pipe = [sys.executable, str(place / "program.py"), way, str(place)], subprocess.PIPE
        programs[way] = subprocess.Popen(
            argv, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )
    try:
        for way, program in programs.items():
            assert program.stdout is not None
            assert program.stdout.readline() == "started\n"
            if way == "wait":
                for pid in processes_of_session(program.pid):
                    with contextlib.suppress(ProcessLookupError):  # it is stopping the others already
                        os.kill(pid, signal.SIGTERM)
        for way, program in programs.items():
            said = program.communicate(timeout=LIMIT_S)[1]
            assert program.returncode == (128 + signal.SIGTERM if way == "wait" else 0), said
            assert (tmp_path / way / "journal").read_text() == "Second\nFirst\n"
            assert "node stopped" in said
            assert "node ended" not in said
    finally:
        for program in programs.values():
            program.kill()
            program.communicate()
