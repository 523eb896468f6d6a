"""peerage watch: the command's options."""

from __future__ import annotations

from tests.face.command_line import run


def test_the_help_says_what_it_does_to_the_network() -> None:
    """Nothing: it listens."""
    text = " ".join(run("watch", "--help").stdout.split())
    assert "never that it has what it has not" in text
    assert "It sends no transactions, votes or blocks" in text
