"""The processes of a session."""

from __future__ import annotations

import os
import subprocess
import sys

from peerage.supervisors.chains.session import kill_session, members_of
from tests.supervisors.chains.programs import LISTENS
from tests.waiting import wait_until


def test_members_are_those_that_live() -> None:
    """In our own session there is at least this process; in one that has been killed there is nobody."""
    assert os.getpid() in members_of(os.getsid(0))
    with subprocess.Popen(LISTENS, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: members_of(process.pid))
        assert kill_session(process.pid) == 1
        process.wait()
        assert members_of(process.pid) == []
    assert kill_session(process.pid) == 0


def test_dead_children_of_a_session_are_reaped_but_not_its_first_process() -> None:
    """As PID 1 of a container a seed inherits the processes of a chain that was killed. The first one is somebody's."""
    with subprocess.Popen([sys.executable, "-S", "-c", ""], start_new_session=True) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert members_of(process.pid) == []
        assert process.wait() == 0
    session = os.getsid(0)
    child = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", ""], os.environ)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert child not in members_of(session)
    assert not os.path.exists(f"/proc/{child}")  # noqa: PTH110
