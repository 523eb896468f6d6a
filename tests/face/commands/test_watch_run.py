"""A watch is checked before it begins; tests/interop/test_watch.py watches a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.face.command_line import run

NOBODY = f"{'00' * 20}@127.0.0.1:1"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--network: none given"),
        (("--network", "test", "--peers", "nonsense"), "nonsense"),
        (("--network", "test", "--peers", NOBODY, "--laddr", "here"), "here"),
        (("--network", "test", "--peers", NOBODY, "--output", "no/such/file"), "--output"),
        (("--network", "test", "--peers", NOBODY, "--own-key"), "node_key.json"),
    ],
)
def test_mistakes_end_it_before_anybody_is_dialled(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """With one line."""
    result = run("watch", "--home", tmp_path, "--for", "1s", *arguments)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert "Traceback" not in result.stderr
