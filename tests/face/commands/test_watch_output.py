"""Where peerage watch writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from peerage.commands import watch_output as module
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.watch_output import NoOutput, open_output
from tests.face.commands.test_watch_lines import EMPTY, HEIGHT, PEER, SEEN


def test_lines_are_written_as_they_come(tmp_path: Path) -> None:
    """They can be read before the end."""
    file = tmp_path / "seen.jsonl"
    with open_output(file, as_json=True, is_live=False) as output:
        output.transactions([SEEN, SEEN])
        output.heights([HEIGHT])
        output.heights([])
        output.flush()
        lines = [json.loads(line)["type"] for line in file.read_text().splitlines()]
    assert lines == ["transaction", "transaction", "height"]


def test_on_a_screen_nothing_is_printed_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere lines are."""
    for is_live, count in ((True, 0), (False, 1)):
        with open_output(None, as_json=False, is_live=is_live) as output:
            assert isinstance(output, NoOutput) == is_live
            output.transactions([SEEN])
            output.heights([])
            output.flush()
        assert len(capsys.readouterr().out.splitlines()) == count


def test_parquet_tables_hold_transactions_and_heights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In groups of many rows; heights in a table of their own."""
    monkeypatch.setattr(module, "ROWS", 3)
    file = tmp_path / "seen.parquet"
    with open_output(file, as_json=False, is_live=False) as output:
        for _ in range(2):
            output.transactions([SEEN, SEEN._replace(first="", height=0)])
            output.heights([HEIGHT])
        output.heights([EMPTY])
        output.flush()
    rows = parquet.read_table(file).to_pylist()
    assert len(rows) == 4
    assert rows[0] | {"time": None} == {
        "time": None,
        "hash": "00" * 31 + "AB",
        "size": 250,
        "first_peer": PEER,
        "peers": 3,
        "spread_ms": pytest.approx(12.3),
        "height": 7,
    }
    assert rows[0]["time"].timestamp() == SEEN.at
    assert (rows[1]["first_peer"], rows[1]["height"]) == (None, None)
    heights = parquet.read_table(tmp_path / "seen.heights.parquet").to_pylist()
    assert [(row["height"], row["late"], row["missing"], row["size"]) for row in heights] == [
        (7, [2], [1, 3], 3456),
        (7, [2], [1, 3], 3456),
        (7, [], [], None),
    ]


def test_a_table_of_nothing_is_one_too(tmp_path: Path) -> None:
    """With its columns."""
    file = tmp_path / "seen.parquet"
    with open_output(file, as_json=False, is_live=False):
        pass
    assert parquet.read_table(file).num_rows == 0


def test_without_pyarrow_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with (
        pytest.raises(MistakeError, match=r"pip install 'peerage\[parquet\]'"),
        open_output(tmp_path / "seen.parquet", as_json=False, is_live=False),
    ):
        pass


@pytest.mark.parametrize("name", ["no/seen.jsonl", "no/seen.parquet"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    """With what the system says."""
    with (
        pytest.raises(FailureError, match="cannot be written"),
        open_output(tmp_path / name, as_json=False, is_live=False),
    ):
        pass
