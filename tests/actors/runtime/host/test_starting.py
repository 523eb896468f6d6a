"""A module that starts actors when it is imported starts them once, or is told where they belong."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorRef, ActorStartError, Place, ProcessActor, System, watch
from peerage.actors.runtime.mail.process import current_port

UNGUARDED = """
import os, pathlib, threading
from peerage.actors.runtime import Place, ProcessActor, System

class Late(ProcessActor):
    pass

def start():
    way = os.environ.get("WAY", "")
    if way == "system":
        System()
    elif way in ("process", "thread", "here"):
        Late.options(place=Place(way)).start()
    elif way == "waits":
        pathlib.Path(os.environ["SIGNS"], "importing").touch()
        pathlib.Path(os.environ["SIGNS"], "go on").read_bytes()  # a FIFO: blocks until somebody opens it for writing

def start_in_a_thread():
    failures = []
    def run():
        try:
            Late.start()
        except Exception as error:
            failures.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]

start_in_a_thread() if os.environ.get("WAY") == "own thread" else start()
"""
# Top levels that must run once; the actor's and the message's class are theirs.
PROGRAM = """
import dataclasses
from peerage.actors.runtime import ProcessActor

print("top level", flush=True)

@dataclasses.dataclass
class Message:
    number: int

FACTOR = 10

class Worker(ProcessActor):
    def on_receive(self, message):
        return Message(message.number * FACTOR)

answer = Worker.start().ask(Message(4), timeout=20)
print(answer.number, type(answer) is Message, flush=True)
"""


class Neighbour(ProcessActor):
    """Starts another one, in a process, or on a thread of its own."""

    def on_receive(self, message: Any) -> Any:
        place, _ = message
        return Neighbour.options(place=place).start()


@pytest.fixture
def unguarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class of a module that does at its import what the environment says: nothing here, everything elsewhere."""
    name = f"unguarded_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(UNGUARDED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SIGNS", str(tmp_path))
    yield importlib.import_module(name).Late
    del sys.modules[name]


@pytest.mark.parametrize("way", ["process", "thread", "here", "own thread", "system"])
def test_a_host_that_reads_its_start_message_starts_nothing(
    system: System, unguarded: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The caller of start hears which module it is and what to do; nothing is left."""
    monkeypatch.setenv("WAY", way)
    with pytest.raises((ActorStartError, RuntimeError), match=rf"{unguarded.__module__}.*__main__"):
        unguarded.start()
    assert current_port().wait(lambda: not system.hosts(), 20.0)


def test_other_actors_of_that_host_may_start_others(
    system: System, unguarded: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While one actor's module is imported, an actor of another thread goes on as ever."""
    monkeypatch.setenv("WAY", "waits")
    host = Neighbour.start()
    neighbour: ActorRef[Neighbour] = host.ask((THREAD, None))
    late: list[ActorRef[Any]] = []
    os.mkfifo(tmp_path / "go on")
    starter = threading.Thread(target=lambda: late.append(unguarded.options(place=host).start()))
    starter.start()
    assert current_port().wait((tmp_path / "importing").exists, 10.0)
    other = neighbour.ask((Place.PROCESS, None), timeout=10)
    (tmp_path / "go on").write_bytes(b"")
    starter.join(10.0)
    assert other.is_alive()
    assert late[0].is_alive()


def test_the_fork_server_starts_nothing(
    unguarded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that it imports for its hosts is left out, and said to be."""
    monkeypatch.setenv("WAY", "process")
    program = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from peerage.actors.runtime import ProcessActor, System
        class Echo(ProcessActor):
            def on_receive(self, message): return message
        System(preload=({unguarded.__module__!r},))
        print(Echo.start().ask("well"))
    """
    done = run("-c", textwrap.dedent(program), cwd=tmp_path)
    assert done.stdout == "well\n"
    assert "preload failed" in done.stderr


@pytest.mark.parametrize(
    "program",
    [
        "import package.tool",
        "import runpy; runpy.run_module('package.tool')",
        "import runpy; runpy.run_path('package/tool.py')",
        "import package.parent",
    ],
)
def test_a_module_that_is_still_being_imported_may_start_actors(program: str, tmp_path: Path) -> None:
    """Its own, and those of a module inside a package that is: its top level runs once."""
    package = tmp_path / "package"
    (package / "parent").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "tool.py").write_text(PROGRAM)
    (package / "parent/__init__.py").write_text("from .inner import start\nstart()")
    (package / "parent/inner.py").write_text(
        PROGRAM.replace("answer =", "def start():\n  answer =").replace("print(answer", "  print(answer")
    )
    done = run("-c", program, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "top level\n40 True\n"), done.stderr


def run(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_actor_may_start_others_from_its_constructor(system: System, place: Place) -> None:
    """Its start message has been read by then."""
    ref = Parent.options(place=place).start()
    assert ref.ask("child").is_alive()
    watched = watch(ref)
    ref.stop()
    assert watched.wait(20.0).is_orderly


class Parent(ProcessActor):
    def __init__(self) -> None:
        super().__init__()
        self.child = Neighbour.options(place=THREAD).start()

    def on_receive(self, message: Any) -> Any:
        return self.child

    def on_stop(self) -> None:
        self.child.stop()
