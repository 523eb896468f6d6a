"""What processes are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.actors.runtime import System
from peerage.actors.runtime.log import signed
from peerage.actors.runtime.processes.title import NAME_CHARS, of_whom
from tests.actors.runtime.cast import Worker


def title_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()


def test_a_name_with_spaces_moves_no_field_of_proc(system: System) -> None:
    """CPython takes the twentieth word of /proc/self/stat for the number of threads, and warns before a fork."""
    with signed({"node": "my moniker"}):
        ref = Worker.options(name="part of three words").start()
    for pid, title in (
        (system.fork_server_pid, "peerage: fork server"),
        (ref.pid(), "peerage[my moniker]: part of three words"),
    ):
        process = Path(f"/proc/{pid}")
        threads = len(list((process / "task").iterdir()))
        assert int((process / "stat").read_text().split(" ")[19]) == threads
        assert title_of(pid) == title
    assert threads > 1


def test_the_short_name_has_the_part(system: System) -> None:
    """It has 15 bytes, and a moniker alone may be longer."""
    with signed({"node": "a moniker of many words"}):
        ref = Worker.options(name="switch").start()
    assert Path(f"/proc/{ref.pid()}/comm").read_text() == "peerage:switch\n"


@pytest.mark.parametrize(
    ("signature", "title"),
    [
        ({}, "peerage"),
        ({"node": "anna"}, "peerage[anna]"),
        ({"node": "a\x1b[2J\n"}, r"peerage[a\x1b[2J\n]"),
        ({"node": "m" * 70}, f"peerage[{'m' * (NAME_CHARS - 1)}…]"),
    ],
    ids=["nobody", "anna", "control characters", "long"],
)
def test_a_title_says_whose_it_is(signature: dict[str, str], title: str) -> None:
    """In a few printable characters, whatever the operator has called the node."""
    assert of_whom("peerage", signature) == title
