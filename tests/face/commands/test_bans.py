"""peerage bans: who is kept out, until when and why."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.actors.discovery.nodes import address, node_id
from tests.face.command_line import run
from tests.face.commands.test_addrbook import book_of


def listed(home: Path, *options: str) -> list[dict[str, Any]]:
    """All bans as JSON."""
    bans: list[dict[str, Any]] = json.loads(run("bans", "list", "--home", home, "--json", *options).stdout)
    return bans


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (node_id(7), node_id(7)),
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("2600:1::/32", "2600:1::/32"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        (node_id(0xABCDEF).upper(), node_id(0xABCDEF)),
    ],
)
def test_bans_are_kept_and_listed_and_removed(tmp_path: Path, subject: str, shown: str) -> None:
    """An ID, IP or network, with reason and end, is banned for the next process as well, until it is removed."""
    result = run("bans", "add", subject, "--home", tmp_path, "--for", "1h30m", "--reason", "scans us")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{shown} is banned until 20")
    (ban,) = listed(tmp_path)
    assert (ban["subject"], ban["reason"], ban["active"]) == (shown, "scans us", True)
    assert run("bans", "remove", subject, "--home", tmp_path).exit_code == 0
    assert listed(tmp_path) == []


def test_lists_a_table(tmp_path: Path) -> None:
    """Who, until when, how often and why; the ban that ends first comes first."""
    run("bans", "add", "203.0.113.9", "--home", tmp_path)
    run("bans", "add", node_id(7), "--home", tmp_path, "--for", "1m", "--reason", "two\nlines")
    lines = run("bans", "list", "--home", tmp_path).stdout.splitlines()
    assert lines[0].split() == ["WHO", "UNTIL", "TIMES", "REASON"]
    assert lines[1].split()[0] == node_id(7)
    assert lines[1].endswith("1      two lines")
    assert lines[2].endswith("by the operator")


def test_a_banned_id_leaves_the_book_and_comes_back(tmp_path: Path) -> None:
    """Its history is kept with the ban."""
    with book_of(tmp_path) as book:
        book.add(address(7), address(7))
    run("bans", "add", node_id(7), "--home", tmp_path)
    assert json.loads(run("addrbook", "list", "--json", "--home", tmp_path).stdout) == []
    run("bans", "remove", node_id(7), "--home", tmp_path)
    assert json.loads(run("addrbook", "list", "--json", "--home", tmp_path).stdout)[0]["id"] == node_id(7)


def test_bans_that_are_over_are_shown_on_request(tmp_path: Path) -> None:
    """They keep nobody out any more and are not active."""
    run("bans", "add", "203.0.113.9", "--home", tmp_path, "--for", "1ns")
    time.sleep(0.001)
    assert listed(tmp_path) == []
    assert [ban["active"] for ban in listed(tmp_path, "--all")] == [False]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["add", "nobody"], 2, "'nobody' is neither a node ID"),
        (["remove", "10.0.0.0/99"], 2, "is neither a node ID"),
        (["add", "10.0.0.1", "--for", "1 day"], 2, "--for: found '1 day', allowed: a duration above 0"),
        (["add", "10.0.0.1", "--for", "-1s"], 2, "--for: found '-1s'"),
        (["add", "10.0.0.1", "--for", "9999999h"], 2, "above 0 and up to 292 years"),
        (["add", "fe80::1%eth0"], 2, "is neither a node ID"),
        (["add", "10.0.0.1", "--reason", "x" * 201], 2, "--reason: found 201 characters"),
        (["remove", "10.0.0.1"], 1, "10.0.0.1 is not banned"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, arguments: list[str], code: int, text: str) -> None:
    """What was found and what is allowed."""
    result = run("bans", *arguments, "--home", tmp_path)
    assert result.exit_code == code
    assert text in result.stderr
