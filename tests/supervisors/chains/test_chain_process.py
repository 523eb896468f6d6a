"""One life of a chain: what it prints, how it is stopped, and what is left of it."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peerage.supervisors.chains import chain_process
from peerage.supervisors.chains.chain_process import ChainProcess, command_of
from tests.processes import is_alive
from tests.supervisors.chains.programs import (
    FAILS,
    HEARS_NOTHING,
    LEAVES_ONE_BEHIND,
    LISTENS,
    LISTENS_UNTIL_EOF,
    RELOADS,
)
from tests.waiting import wait_until

Begin = Callable[..., ChainProcess]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts programs; all are gone when the test ends."""
    begun = []

    def start(command: tuple[str, ...]) -> ChainProcess:
        begun.append(ChainProcess(command, tmp_path))
        return begun[-1]

    yield start
    for process in begun:
        if process.pidfd >= 0:
            process.kill()
            ended(process)


def ended(process: ChainProcess) -> int:
    """Wait for its end. Returns: how it ended."""
    select.select([process.pidfd], [], [], 10.0)
    return process.reap()


def read(process: ChainProcess) -> str:
    """Wait until it has said where it listens."""

    def heard() -> str:
        select.select([process.stdout], [], [], 10.0)
        process.read()
        return process.address

    return str(wait_until(heard))


def test_it_is_up_when_it_has_printed_its_address(begin: Begin, tmp_path: Path) -> None:
    """It has a session of its own and the chain's home as its directory."""
    process = begin(LISTENS)
    assert read(process) == "ID@127.0.0.1:1"
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    assert Path(f"/proc/{process.pid}/cwd").resolve() == tmp_path.resolve()
    process.stop()
    assert ended(process) == -15
    assert process.cleared()
    process.stop()  # too late, and no error


def test_it_ends_with_whoever_started_it(begin: Begin) -> None:
    """Of which its standard input tells, however that end comes."""
    process = begin(LISTENS_UNTIL_EOF)
    read(process)
    assert process._process.stdin is not None
    process._process.stdin.close()
    assert ended(process) == 0


def test_sighup_is_passed_on(begin: Begin) -> None:
    """What is printed after the address is read, and is nobody's."""
    process = begin(RELOADS)
    read(process)
    process.reload()
    select.select([process.stdout], [], [], 10.0)
    assert process.read()
    assert process.address == "ID@127.0.0.1:1"


def test_one_that_fails_says_so_by_its_exit_code(begin: Begin) -> None:
    """And has no address."""
    process = begin(FAILS)
    assert ended(process) == 3
    assert process.address == ""


def test_one_that_does_not_stop_is_killed(begin: Begin) -> None:
    """With all of its session."""
    process = begin(HEARS_NOTHING)
    read(process)
    process.stop()
    process.kill()
    assert ended(process) == -9


def test_what_is_left_of_it_is_waited_for_and_then_killed(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only then is its port free."""
    monkeypatch.setattr(chain_process, "CLEARED_S", 0.0)
    process = begin(LEAVES_ONE_BEHIND)
    left = int(read(process))
    process.stop()
    ended(process)
    wait_until(process.cleared)
    assert not is_alive(left)


def test_the_command_is_ours_with_this_interpreter() -> None:
    """And with its flags."""
    command = command_of(["start"])
    assert command[0] == sys.executable
    assert command[-3:] == ["-m", "peerage", "start"]
