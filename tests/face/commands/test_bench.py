"""peerage bench: what this machine carries, without anything but peerage."""

from __future__ import annotations

import json
from pathlib import Path

from tests.face.command_line import run

QUICK = ("bench", "--for", "100ms", "--only", "frames", "--only", "mailboxes")


def test_prints_figures_or_writes_them(tmp_path: Path) -> None:
    """One row for each unit, in the order of the measurements."""
    file = tmp_path / "figures.json"
    result = run(*QUICK, "--json", "--output", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    rows = json.loads(file.read_text())
    assert [(row["name"], row["unit"]) for row in rows] == [
        ("mailboxes", "ask µs"),
        ("mailboxes", "tell/s"),
        ("mailboxes", "tell_many/s"),
        ("frames", "sealed MB/s"),
        ("frames", "opened MB/s"),
    ]
    assert all(row["ours"] > 0 for row in rows)
    printed = run("bench", "--for", "100ms", "--only", "frames").stdout.splitlines()
    assert [line.split()[0] for line in printed] == ["work", "frames", "frames"]


def test_names_what_it_cannot_do(tmp_path: Path) -> None:
    """Before anything is measured: exit code 2 and one line that names the value."""
    for flags, named in (
        (["--only", "everything"], "everything"),
        (["--for", "0s"], "from 100ms and up to 1h"),
        (["--output", str(tmp_path / "none" / "f.json")], "is no directory"),
    ):
        result = run("bench", *flags)
        assert result.exit_code == 2
        assert named in result.stderr
