"""A node in a web service: under uvicorn with workers and reload, and under gunicorn, which forks."""

from __future__ import annotations

import os
import re
import urllib.request
from pathlib import Path

import pytest

from tests.embedding.program import LISTENS, NODE, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

WEB = f"""
import contextlib
{NODE}
from fastapi import FastAPI

@contextlib.asynccontextmanager
async def lifespan(app):
    async with make() as node:
        app.state.node = node
        yield

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def who():
    return {{"address": app.state.node.address, "peers": await app.state.node.peers_async()}}
"""
FORKING = f"""
{NODE}
node = make().start()

def app(environ, start_response):
    try:
        text = repr(node.peers())
    except NodeNotRunningError as error:
        text = str(error)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{{os.getpid()}}: {{text}}".encode()]
"""


def get(port: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        text: bytes = answer.read()
    return text.decode()


def test_uvicorn_reloads_a_service_and_its_node(tmp_path: Path) -> None:
    """The old node gives its home back before the new one takes it."""
    source = tmp_path / "web.py"
    source.write_text(WEB)
    with running(tmp_path, "uvicorn", "web:app", "--port", "0", "--reload") as program:
        port = program.wait_for(LISTENS.pattern)
        program.wait_for("Application startup complete")
        first = get(port)
        assert '"peers":[]' in first
        source.write_text(WEB + "\n# changed\n")
        os.utime(source, (2e9, 2e9))  # later than before, whatever the clock
        program.wait_for("Application startup complete", times=2)
        assert get(port) != first  # the node has another port
        assert program.end() in {0, -15}
        assert "HomeInUseError" not in program.output
        assert program.output.count("node stopped") == 2


def test_of_two_workers_of_uvicorn_one_is_told_that_the_home_is_taken(tmp_path: Path) -> None:
    """In one sentence, with the process that has it."""
    (tmp_path / "web.py").write_text(WEB)
    with running(tmp_path, "uvicorn", "web:app", "--port", "0", "--workers", "2") as program:
        told = program.wait_for(r"HomeInUseError: (.*)")
        program.process.wait(30)
    what = r"in use by a node \(process \d+.*\); a home that nobody else uses is expected"
    assert re.fullmatch(f"{tmp_path}/node: {what}", told)


def test_workers_of_gunicorn_are_told_whose_node_it_is_that_was_started_before_they_were(
    tmp_path: Path,
) -> None:
    """With what to do instead. The parent stops it in the end."""
    (tmp_path / "pre.py").write_text(FORKING)
    command = ("gunicorn", "--preload", "-w", "2", "-b", "127.0.0.1:0", "pre:app", "--no-control-socket")
    with running(tmp_path, *command) as program:
        port = program.wait_for(LISTENS.pattern)
        text = get(port)
        assert (
            f"it runs in process {program.process.pid}, of which this process is a forked child; make a node"
            in text
        )
        assert not text.startswith(f"{program.process.pid}:")
        assert program.end() == 0
        assert "node stopped" in program.output
