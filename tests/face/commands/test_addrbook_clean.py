"""peerage addrbook clean and remove."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.actors.discovery.nodes import address, node_id
from tests.face.command_line import run
from tests.face.commands.test_addrbook import book_of, home, ids

__all__ = ["home"]  # the fixture


@pytest.fixture
def worn(home: Path) -> Path:
    """The home, with a dead address and one of another network."""
    with book_of(home) as book:
        for _ in range(3):
            book.mark_attempt(node_id(10))
        book.mark_incompatible(node_id(11))
    return home


def test_a_dry_run_lists_what_would_go_and_changes_nothing(worn: Path) -> None:
    """With the reasons; without options those that check finds."""
    result = run("addrbook", "clean", "--dry-run", "--home", worn)
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["ADDRESS", "REASON", "DETAIL"]
    assert [row.split()[:2] for row in rows] == [[str(address(10)), "dead"], [str(address(11)), "dead"]]
    assert result.stderr == "2 addresses would be removed\n"
    assert len(ids("--home", worn)) == 12


def test_cleans_as_check_finds(worn: Path) -> None:
    """Afterwards nothing is wrong, and a second time nothing goes."""
    assert run("addrbook", "check", "--home", worn).exit_code == 1
    assert run("addrbook", "clean", "--home", worn).stderr == "2 addresses removed\n"
    assert run("addrbook", "check", "--home", worn).exit_code == 0
    again = run("addrbook", "clean", "--home", worn)
    assert (again.stdout, again.stderr) == ("", "0 addresses removed\n")
    assert len(ids("--home", worn)) == 10


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (["--failed", "1"], [9, 10]),
        (["--failed", "3"], [10]),
        (["--other-network"], [11]),
        (["--in", "2.1.0.0/16", "--in", "3.2.0.7"], [1, 2]),
        (["--older-than", "1d"], list(range(1, 13))),
        (["--unroutable"], []),
    ],
)
def test_each_option_names_some(worn: Path, options: list[str], gone: list[int], tmp_path: Path) -> None:
    """And those alone go; JSON names each with its ID."""
    file = tmp_path / "gone.json"
    result = run("addrbook", "clean", *options, "--json", "--output", file, "--home", worn)
    assert (result.exit_code, result.stdout) == (0, "")
    found = json.loads(file.read_text())
    assert sorted(int(each["id"], 16) for each in found) == gone
    assert {each["fault"] for each in found} <= {"chosen"}
    assert ids("--home", worn) == [number for number in range(1, 13) if number not in gone]


def test_a_home_without_a_book_has_nothing_to_clean(tmp_path: Path) -> None:
    """And gets none."""
    result = run("addrbook", "clean", "--home", tmp_path)
    assert result.exit_code == 0
    assert "the node has not run yet" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_removes_ids_and_names_those_that_are_not_there(home: Path) -> None:
    """The others are removed; exit code 1."""
    result = run("addrbook", "remove", node_id(1), node_id(12).upper(), node_id(99), "--home", home)
    assert (result.exit_code, result.stdout) == (1, "2 addresses removed\n")
    assert result.stderr == f"Error: not in the book: {node_id(99)}\n"
    assert ids("--home", home) == list(range(2, 12))
    result = run("addrbook", "remove", "nobody", "--home", home)
    assert result.exit_code == 2
    assert "40 hexadecimal characters are expected" in result.stderr


def test_programs_are_told_which_ids_are_gone(home: Path) -> None:
    result = run("addrbook", "remove", node_id(1), node_id(77), "--json", "--home", home)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"removed": [node_id(1)], "missing": [node_id(77)]}
