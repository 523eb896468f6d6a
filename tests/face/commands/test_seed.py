"""The command `peerage seed`, as far as it starts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.face.command_line import run


@pytest.mark.parametrize("flags", [("--json",), ("--output", "x")])
def test_what_is_printed_as_data_is_the_status(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """To run a seed they mean nothing."""
    result = run("seed", "--home", tmp_path, *flags)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "found without --status" in result.stderr
    assert list(tmp_path.iterdir()) == []
