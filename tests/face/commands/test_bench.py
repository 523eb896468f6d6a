"""peerage bench: what this machine carries, without anything but peerage."""

from __future__ import annotations

import json
from pathlib import Path

from tests.face.command_line import run

QUICK = ("bench", "--secs", "0.1", "--only", "frames", "--only", "mailboxes")


def test_prints_and_writes_the_same_figures(tmp_path: Path) -> None:
    """One row for each unit, in the order of the measurements."""
    file = tmp_path / "figures.json"
    result = run(*QUICK, "--json", str(file))
    assert result.exit_code == 0
    rows = json.loads(file.read_text())
    assert [(row["name"], row["unit"]) for row in rows] == [
        ("mailboxes", "ask µs"),
        ("mailboxes", "tell/s"),
        ("mailboxes", "tell_many/s"),
        ("frames", "sealed MB/s"),
        ("frames", "opened MB/s"),
    ]
    assert all(row["ours"] > 0 for row in rows)
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [row["name"] for row in rows]


def test_names_what_it_cannot_do(tmp_path: Path) -> None:
    """Before anything is measured: exit code 2 and one line that names the value."""
    for flags, named in (
        (["--only", "everything"], "everything"),
        (["--secs", "0"], "0.1<=x<=3600"),
        (["--json", str(tmp_path / "none" / "f.json")], "no such directory"),
    ):
        result = run("bench", *flags)
        assert result.exit_code == 2
        assert named in result.stderr
