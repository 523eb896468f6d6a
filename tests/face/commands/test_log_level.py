"""peerage log-level: what a running node logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peerage.commands import log_level as module
from tests.face.command_line import run


def test_it_is_shown_or_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Parts that have not answered are named, exit code 1: they follow later."""
    asked: list[str] = []

    def node_of(_home: Any, method: str, *, level: str) -> Any:
        asked.append(level)
        return {"level": level or "info", "silent": ["peers-0"] if level == "debug" else []}

    monkeypatch.setattr(module, "node_of", node_of)
    assert run("log-level", "--home", tmp_path).stdout == "info\n"
    assert run("log_level", "p2p:debug,*:error", "--home", tmp_path).stdout == "p2p:debug,*:error\n"
    shown = run("log-level", "--json", "--home", tmp_path)
    assert json.loads(shown.stdout) == {"level": "info", "silent": []}
    late = run("log-level", "debug", "--home", tmp_path)
    assert (late.exit_code, late.stdout) == (1, "debug\n")
    assert "peers-0 did not answer" in late.stderr
    assert asked == ["", "p2p:debug,*:error", "", "debug"]


@pytest.mark.parametrize("level", ["loud", "p2p:loud", "p2p:info,error", ""])
def test_a_level_that_there_is_not_is_named(tmp_path: Path, level: str) -> None:
    result = run("log-level", level, "--home", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"LEVEL: found {level!r}, allowed: one of debug, info" in result.stderr
