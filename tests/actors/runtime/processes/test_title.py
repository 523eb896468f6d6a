"""What processes are called."""

from __future__ import annotations

from pathlib import Path

from peerage.actors.runtime import System
from tests.actors.runtime.cast import Worker


def test_a_name_with_spaces_moves_no_field_of_proc(system: System) -> None:
    """CPython takes the twentieth word of /proc/self/stat for the number of threads, and warns before a fork."""
    ref = Worker.options(name="part of three words").start()
    for pid, title in (
        (system.fork_server_pid, "peerage: fork server"),
        (ref.pid(), "peerage: part of three words"),
    ):
        process = Path(f"/proc/{pid}")
        threads = len(list((process / "task").iterdir()))
        assert int((process / "stat").read_text().split(" ")[19]) == threads
        assert (process / "cmdline").read_text().startswith(title)
    assert threads > 1
