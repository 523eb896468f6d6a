"""The command `peerage conform`, as far as it needs no node."""

from __future__ import annotations

import json

from tests.face.command_line import run


def test_the_cases_are_listed_with_their_rules() -> None:
    """Those that are chosen."""
    rows = json.loads(run("conform", "--list", "--json", "--only", "packets").stdout)
    assert {row["group"] for row in rows} == {"packets"}
    assert all(row["rule"] and row["section"] for row in rows)


def test_without_an_address_it_says_what_it_wants() -> None:
    result = run("conform")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected the address of a node, or --list" in result.stderr
