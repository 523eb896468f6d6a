"""What peerage blocks says at its end."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from peerage.blocks.block_file import BlockFile
from peerage.commands.blocks_report import Done, report

DONE = Done(
    written=3,
    size=900,
    last=(9, "AB"),
    signatures=300,
    check_seconds=0.03,
    given=Counter({"anna": 2, "bert": 1}),
    dropped=[("cleo", "it lied", True)],
    seconds=1.5,
)


def test_a_reader_is_told_in_a_few_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last block, how many, how fast, and from whom."""
    report(DONE, "chain", BlockFile(tmp_path / "b.pb"), 7, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "last        9 AB",
        "blocks      3 written, 0 checked that were there",
        "signatures  300 checked, 10000 a second and core",
        "peers       anna gave 2, bert gave 1",
    ]
    report(Done(), "chain", BlockFile(tmp_path / "b.pb"), 7, as_json=False)
    assert capsys.readouterr().out.splitlines()[-1] == "peers       none"


def test_a_program_is_told_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As one JSON object."""
    report(DONE, "chain", BlockFile(tmp_path / "b.pb"), 7, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "network": "chain",
        "output": str(tmp_path / "b.pb"),
        "from": 7,
        "to": None,
        "written": 3,
        "bytes": 900,
        "checked_in_file": 0,
        "last": {"height": 9, "hash": "AB"},
        "signatures": 300,
        "signature_seconds": 0.03,
        "seconds": 1.5,
        "given": {"anna": 2, "bert": 1},
        "dropped": [{"peer": "cleo", "reason": "it lied", "lied": True}],
        "undone": None,
    }
