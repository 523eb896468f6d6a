"""actors/private_memory.py: nobody else reads the memory of a process that has the key."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from peerage.actors import private_memory
from peerage.actors.private_memory import close_memory_of_host

PR_GET_DUMPABLE = 3
DUMPS = """
import os, sys
from peerage.actors.private_memory import close_memory
close_memory()
os.abort()
"""


def is_dumpable() -> bool:
    return bool(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))


def test_the_process_is_closed_and_its_children_that_execute_programs_are_not() -> None:
    """What is executed has nothing of ours in its memory."""
    script = (
        "import ctypes, os, subprocess, sys\n"
        "from peerage.actors.private_memory import close_memory\n"
        "get = 'import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))'\n"
        "exec(get); close_memory(); exec(get)\n"
        "sys.stdout.flush()\n"
        "subprocess.run([sys.executable, '-c', get], check=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["1", "0", "1"]


def test_no_core_is_written(tmp_path: Path) -> None:
    """Whatever the limit is."""

    def without_limit() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    pid = os.fork()
    if not pid:
        os.chdir(tmp_path)
        without_limit()
        os.execv(sys.executable, [sys.executable, "-c", DUMPS])
    _pid, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    assert not os.WCOREDUMP(status)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("embedder", "closed"), [(os.getpid(), 0), (1, 1)], ids=["thread", "process"])
def test_a_host_closes_its_own_process_and_not_the_embedders(
    monkeypatch: pytest.MonkeyPatch, embedder: int, closed: int
) -> None:
    """An actor may be in a thread of the program, whose memory is the program's business."""
    before = is_dumpable()  # a command that another test ran in this process may have closed it
    calls: list[None] = []
    monkeypatch.setattr(private_memory, "close_memory", lambda: calls.append(None))
    close_memory_of_host(SimpleNamespace(process_ids=(embedder, 2)))
    assert len(calls) == closed
    assert is_dumpable() is before
