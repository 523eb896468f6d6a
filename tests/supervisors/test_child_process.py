"""The process of a child: nobody kills or measures the one that this runs in."""

from __future__ import annotations

import os
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError, ActorRef, Timeout
from peerage.supervisors.child_process import kill_process, resident_bytes


class At(ActorRef[Any]):
    """The ref of an actor in this process, or of one that cannot be asked."""

    def __init__(self, pid: int | Exception) -> None:
        super().__init__("a")
        self._pid = pid
        self.kills = 0

    def pid(self) -> int:
        if isinstance(self._pid, Exception):
            raise self._pid
        return self._pid

    def kill(self) -> None:
        self.kills += 1


def test_a_process_of_its_own_is_killed() -> None:
    """Through the runtime, which knows its identity."""
    ref = At(os.getppid())
    assert kill_process(ref)
    assert ref.kills == 1


def test_our_own_process_is_neither_killed_nor_measured() -> None:
    """A thread's memory is everybody's."""
    ref = At(os.getpid())
    assert not kill_process(ref)
    assert (ref.kills, resident_bytes(ref)) == (0, 0)


@pytest.mark.parametrize("error", [ActorDeadError("gone"), Timeout("busy"), OSError("closed")])
def test_a_process_that_is_gone_is_no_error(error: Exception) -> None:
    """It may have ended just now."""
    ref = At(error)
    assert not kill_process(ref)
    assert resident_bytes(ref) == 0


def test_memory_is_measured_in_bytes() -> None:
    """A Python program has more than a megabyte, and a page is no byte."""
    assert resident_bytes(At(os.getppid())) > 100_000
