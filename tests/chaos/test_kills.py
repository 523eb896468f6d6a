"""SIGKILL for the main process of `peerage start`: all others go with it. (For those below it: test_chaos.py.)"""

from __future__ import annotations

import random
import socket
import subprocess
from pathlib import Path

import pytest

from tests.chaos.started_node import (
    SETTINGS,
    StartedNode,
    directories_of,
    eventually,
    make_home,
    peerage,
    processes_of_session,
)
from tests.nodes import wait_until

GONE_IN_S = 3.0
PROCESSES = 8  # of a whole node as SETTINGS have it
LATER_S = 0.1


def test_killed_main_process_takes_everything_with_it(tmp_path: Path) -> None:
    """Within 3 s no process, socket directory or port is left."""
    make_home(tmp_path)
    with StartedNode(tmp_path) as node:
        assert len(node.processes()) == PROCESSES
        assert len(directories_of(node.pid)) == 1
        ports = (node.port, node.rpc_port)
        assert all(map(is_taken, ports))
        node.kill()
        eventually(lambda: not node.processes() and not directories_of(node.pid), GONE_IN_S)
        assert not any(map(is_taken, ports))


@pytest.mark.slow
@pytest.mark.parametrize("processes", range(PROCESSES + 1))
def test_main_process_killed_while_starting_leaves_nothing(tmp_path: Path, processes: int) -> None:
    """Whichever of its processes are there already, and a random moment later."""
    make_home(tmp_path)
    flags = [part for key, value in SETTINGS.items() for part in (f"--{key}", value)]
    with (tmp_path / "log").open("wb") as log:
        main = peerage("start", "--home", str(tmp_path), *flags, stdout=subprocess.DEVNULL, stderr=log)
    try:
        wait_until(lambda: len(processes_of_session(main.pid)) >= processes, 30.0)  # on a busy machine
        with pytest.raises(subprocess.TimeoutExpired):
            main.wait(random.Random(processes).random() * LATER_S)
    finally:
        main.kill()
        main.wait()
    eventually(lambda: not processes_of_session(main.pid) and not directories_of(main.pid), GONE_IN_S)


def is_taken(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
