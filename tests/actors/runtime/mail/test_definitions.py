"""Classes and functions that other processes cannot import travel, and those at home stay as they are."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from peerage.actors.runtime.mail.definitions import (
    EVERYTHING,
    KEPT,
    Registry,
    pack_identities,
    registry,
    shared_globals,
    unpack_identities,
)
from peerage.actors.runtime.mail.pickling import dumps
from tests.actors.runtime.own_definitions import CHECKS

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def complaints() -> dict[str, list[str]]:
    """What the program found that uses its own classes and functions in all ways."""
    argv = [sys.executable, "-m", "tests.actors.runtime.own_definitions"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("where", ["process", "thread"])
@pytest.mark.parametrize("what", [each.__name__ for each in CHECKS])
def test_a_programs_own_definitions(complaints: dict[str, list[str]], what: str, where: str) -> None:
    """Each kind of class and function, to a process and to a thread: the name says what must hold."""
    assert complaints[f"{what} {where}"] == []


def test_a_lambda_that_nobody_holds_is_forgotten() -> None:
    """What a program makes without end, it need not keep without end."""
    before = len(registry.by_id)
    for _ in range(3 * KEPT):
        pickle.loads(dumps(lambda: None))
    assert len(registry.by_id) <= before + KEPT


def test_identities_are_told_in_one_message() -> None:
    """Each has the same size."""
    told = {registry.next_identity(is_named=is_named) for is_named in (True, False, True)}
    assert len(told) == 3
    assert unpack_identities(pack_identities(told)) == told


def test_a_process_keeps_everything_that_it_has() -> None:
    """What its own threads send each other needs no definitions."""
    assert b"any identity" in EVERYTHING


def test_a_forked_child_gives_identities_of_its_own() -> None:
    """Its next class is not its parent's next class."""
    ours = Registry()
    before = ours.next_identity(is_named=True)
    token = ours.token
    ours.after_fork()
    assert before.startswith(token)
    assert not ours.next_identity(is_named=True).startswith(token)


def test_functions_of_one_module_share_their_globals() -> None:
    """As at home, and those of another module have others."""
    one, again = (shared_globals(b"module one", {"__name__": "one"}) for _ in range(2))
    other = shared_globals(b"module two", {"__name__": "two"})
    assert one is again
    assert one is not other
    assert one["__name__"] == "one"
    assert one["__builtins__"]


def test_globals_of_no_module_are_forgotten_one_day() -> None:
    """A program may execute code without end."""
    before = len(registry.spaces)
    for number in range(2 * KEPT):
        shared_globals(b"executed %d" % number, {"__name__": "nowhere"})
    assert len(registry.spaces) <= before + KEPT
