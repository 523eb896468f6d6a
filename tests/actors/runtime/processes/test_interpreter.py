"""With which flags an interpreter is started that is to run like this one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from peerage.actors.runtime import ProcessActor, System
from peerage.actors.runtime.processes import interpreter


@pytest.mark.parametrize("no_bytecode", [True, False])
@pytest.mark.parametrize("started_with", [["-B", "-W", "error"], ["-W", "error"]], ids=["with-B", "without"])
def test_whether_bytecode_is_written_is_what_the_program_has_chosen_since(
    monkeypatch: pytest.MonkeyPatch, started_with: list[str], no_bytecode: bool
) -> None:
    """`sys.flags` keeps what was said when it was started. All other flags are handed on as they are."""
    monkeypatch.setattr(subprocess, "_args_from_interpreter_flags", lambda: list(started_with))
    monkeypatch.setattr(sys, "dont_write_bytecode", no_bytecode)
    assert interpreter.flags() == ["-W", "error", *(["-B"] if no_bytecode else [])]


class Writer(ProcessActor):
    """Tells whether its process writes bytecode."""

    def on_receive(self, message: object) -> bool:
        return not sys.dont_write_bytecode


@pytest.mark.parametrize("writes", [True, False])
def test_hosts_write_bytecode_where_their_program_does(monkeypatch: pytest.MonkeyPatch, writes: bool) -> None:
    """Otherwise each host compiles what it imports, at each start."""
    monkeypatch.setattr(sys, "dont_write_bytecode", not writes)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    if System.is_running():
        System.current().shutdown()
    with System():
        for fresh in (False, True):
            assert Writer.options(fresh=fresh).start().ask(None) is writes
