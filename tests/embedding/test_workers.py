"""A node in a worker of somebody else's pool: Celery's, and pytest-xdist's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.embedding.program import NODE, ended, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TASKS = f"""
{NODE}
import pathlib, sys, threading
from celery import Celery

app = Celery("tasks", broker="memory://")

@app.task
def peers():
    with make(f"{{os.environ['HOME']}}/{{os.getpid()}}") as node:
        found = repr(node.peers())
    pathlib.Path(os.environ["HOME"], "done.new").write_text(found)
    os.rename("done.new", "done.txt")

if __name__ == "__main__":
    peers.delay()
    quiet = {{"without_heartbeat": True, "without_mingle": True, "without_gossip": True}}
    app.Worker(pool=sys.argv[1], concurrency=1, **quiet).start()
"""
TESTS = f"""
{NODE}
import pytest

@pytest.mark.parametrize("number", range(2))
def test_a_node(tmp_path, number):
    with make(tmp_path) as node:
        assert node.peers() == []
"""


@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_a_task_of_celery_has_a_node(tmp_path: Path, pool: str) -> None:
    """In the worker itself, and in a forked one that may have no children by multiprocessing's rules."""
    (tmp_path / "tasks.py").write_text(TASKS)
    with running(tmp_path, sys.executable, "tasks.py", pool) as program:
        program.wait_for("node stopped")
        program.end()
        assert (tmp_path / "done.txt").read_text() == "[]"


def test_workers_of_xdist_have_nodes_side_by_side(tmp_path: Path) -> None:
    """Each in a home of its own."""
    (tmp_path / "test_it.py").write_text(TESTS)
    command = (sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "test_it.py")
    code, output = ended(tmp_path, *command)
    assert code == 0, output
    assert "2 passed" in output
