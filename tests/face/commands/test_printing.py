"""What commands print, and where to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.printing import age, put_json, put_lines, rate


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0s"), (0.4, "0s"), (59.4, "59s"), (59.6, "1m00s"), (185, "3m05s"), (3599.7, "1h00m"),
        (7800, "2h10m"), (86400, "1d00h"), (442800, "5d03h"),
    ],
)  # fmt: skip
def test_a_span_of_time_has_two_units(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [(0, "0 B/s"), (999, "999 B/s"), (1200, "1.2 kB/s"), (5_120_000, "5.1 MB/s"), (7e9, "7.0 GB/s")],
)
def test_a_rate_has_the_unit_that_fits(per_second: float, shown: str) -> None:
    assert rate(per_second) == shown


def test_lines_go_to_standard_output_or_into_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole, or not at all."""
    put_lines(["a", "b"], None)
    assert capsys.readouterr().out == "a\nb\n"
    put_lines(["a", "b"], tmp_path / "file")
    assert (tmp_path / "file").read_text() == "a\nb\n"
    put_json({"x": "\x1b"}, tmp_path / "file")
    text = (tmp_path / "file").read_text()
    assert (json.loads(text), "\x1b" in text) == ({"x": "\x1b"}, False)
    with pytest.raises(MistakeError, match="no directory"):
        put_lines(["a"], tmp_path / "no" / "file")
    with pytest.raises(FailureError, match="cannot be written"):
        put_lines(["a"], Path("/proc/self/no"))
