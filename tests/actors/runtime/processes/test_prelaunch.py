"""What a system stands on, made before the system."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime.processes import prelaunch
from peerage.actors.runtime.processes.prelaunch import Foundation, claim, start


class Server:
    """Stands for a fork server."""

    def __init__(
        self, life_fd: int, directory: Any, preload: tuple[str, ...], title: str, *, fork: bool
    ) -> None:
        self.is_forked = fork
        self.given = life_fd, directory, title
        self.preloaded = [preload]
        self.is_closed = False
        self.title = title

    def preload(self, modules: tuple[str, ...]) -> None:
        self.preloaded.append(modules)

    def entitle(self, title: str) -> None:
        self.title = title

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was begun before, and no process is started."""
    monkeypatch.setattr(prelaunch, "ForkServer", Server)
    monkeypatch.setattr(prelaunch, "_started", None)


@pytest.fixture
def taken() -> Iterator[list[Foundation]]:
    taken: list[Foundation] = []
    yield taken
    for foundation in taken:
        foundation.tear_down()


def test_what_was_started_is_taken_once(taken: list[Foundation]) -> None:
    """It is told of what its system wants imported, too."""
    start(("a",), "title")
    start(("never",), "title")
    taken.append(claim(("b",), "title"))
    taken.append(claim(("c",), "title"))
    servers: list[Any] = [foundation.fork_server for foundation in taken]
    assert [server.preloaded for server in servers] == [[("a",), ("b",)], [("c",)]]


def test_it_gets_the_name_of_whom_it_serves_once_that_is_known(taken: list[Foundation]) -> None:
    """`peerage start` begins before it reads what its node is called. The system is the same one."""
    prelaunch.entitle("nobody's")
    start((), "title")
    prelaunch.entitle("title[anna]")
    taken.append(claim((), "title"))
    server: Any = taken[0].fork_server
    assert (server.title, server.preloaded) == ("title[anna]", [(), ()])


@pytest.mark.parametrize("fork", [True, False])
def test_only_the_first_server_may_be_forked_from_here(taken: list[Foundation], *, fork: bool) -> None:
    """By then this process has no threads; that of a system made later may."""
    start((), "title", fork=fork)
    taken.append(claim((), "title"))
    taken.append(claim((), "title"))
    servers: list[Any] = [foundation.fork_server for foundation in taken]
    assert [server.is_forked for server in servers] == [fork, False]


def test_what_was_started_for_another_system_is_left(
    taken: list[Foundation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its processes would have another title; or it is the parent's of a forked child."""
    start((), "title")
    begun = prelaunch._started
    assert begun is not None
    taken.append(claim((), "other"))
    assert taken[0] is not begun
    monkeypatch.setattr(prelaunch, "_started", begun)
    begun.pid += 1
    taken.append(claim((), "title"))
    assert taken[1] is not begun
    begun.tear_down()


def test_a_fork_server_that_cannot_be_started_is_met_again_by_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which says so; nothing is left open here."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(prelaunch, "ForkServer", fail)
    before = len(list(Path("/proc/self/fd").iterdir()))
    start((), "title")
    assert prelaunch._started is None
    with pytest.raises(OSError, match="no more processes"):
        claim((), "title")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_without_a_system_all_of_it_goes(taken: list[Foundation]) -> None:
    """The pipe that says that the embedder lives, too."""
    foundation = claim((), "title")
    server: Any = foundation.fork_server
    foundation.tear_down()
    assert server.is_closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(foundation.life_write)


WITH_AN_ACTOR = """
import os
from tests.actors.runtime.cast import Echo

def opened(number):
    path = f"/proc/self/fd/{number}"
    return os.readlink(path) if os.path.lexists(path) else "/dev/null"

before = [opened(number) for number in CLOSED]  # some builds of libffi keep a file open, once they are imported
assert Echo.start().ask("hello") == "hello"
assert [os.readlink(f"/proc/self/fd/{number}") for number in CLOSED] == before
"""


@pytest.mark.parametrize("closed", [(0,), (1, 2), (0, 1, 2)])
def test_a_program_may_be_started_with_its_standard_streams_closed(closed: tuple[int, ...]) -> None:
    """Nothing of ours gets their numbers, where a program that is started has /dev/null, and a library may print to."""
    program = WITH_AN_ACTOR.replace("CLOSED", repr(closed))
    closing = " ".join(f"{number}>&-" for number in closed)
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
