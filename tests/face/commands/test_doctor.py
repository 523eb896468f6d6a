"""peerage doctor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.commands import health_checks
from peerage.commands.health_checks import Finding
from tests.face.command_line import run

WELL, ILL = Finding("disk", "much room"), Finding("clock", "1970", "set it")


def finding(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    def found(_home: object) -> Iterator[Finding]:
        yield from findings

    monkeypatch.setattr(health_checks, "examine", found)


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    finding(monkeypatch, WELL)
    result = run("doctor")
    assert (result.exit_code, result.stdout) == (0, "ok  disk         much room\nall is well\n")


def test_something_needs_doing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit code 1, as text, as JSON and into a file."""
    finding(monkeypatch, WELL, ILL)
    result = run("doctor")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines()[1:] == [
        "DO  clock        1970",
        "                 -> set it",
        "1 thing to do",
    ]
    result = run("doctor", "--json", "--output", tmp_path / "found.json")
    assert (result.exit_code, result.stdout) == (1, "")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["well"] is False
    assert found["findings"][1] == {"check": "clock", "found": "1970", "remedy": "set it"}


def test_a_home_that_is_none(tmp_path: Path) -> None:
    """No traceback, and nothing is made there."""
    result = run("doctor", "--home", tmp_path / "none")
    assert result.exit_code == 1
    assert "no such file" in result.stdout
    assert not (tmp_path / "none").exists()
