"""peerage addrbook add and merge; import is beside the other commands of the book in test_addrbook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peerage.config import Home
from peerage.config.home_lock import HomeLock
from tests.actors.discovery.nodes import address, node_id
from tests.face.command_line import run
from tests.face.commands.test_addrbook import VECTOR, book_of, home, ids

__all__ = ["home"]  # the fixture


def test_adds_what_the_book_takes_and_names_what_it_refuses(home: Path) -> None:
    """The others are in it; exit code 1."""
    given = [str(address(50)), str(address(1)), f"{node_id(51)}@192.168.1.1:26656"]
    result = run("addrbook", "add", *given, "--home", home)
    assert result.exit_code == 1
    assert result.stdout == "1 addresses added, 1 known already\n"
    assert result.stderr == f"Error: refused: 1 not routable: {given[2]}\n"
    assert 50 in ids("--home", home)


def test_names_are_looked_up_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first IP address is kept; a name that does not resolve is told, and nothing is added."""
    monkeypatch.setattr(
        "peerage.actors.name_lookups.resolved_within",
        lambda _timeout, _hosts: lambda host: ["5.6.7.8", "5.6.7.9"] if host == "known.example" else [],
    )
    result = run("addrbook", "add", f"{node_id(60)}@known.example:7", "--home", home)
    assert result.exit_code == 0, result.output
    assert ids("--home", home, "--in", "5.6.7.8") == [60]
    others = f"{node_id(61)}@known.example:7", f"{node_id(62)}@nowhere.example:7"
    result = run("addrbook", "add", *others, "--home", home)
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: host 'nowhere.example' was not found: the name has no address\n",
    )
    assert 61 not in ids("--home", home)


@pytest.mark.parametrize(
    "text", ["nobody", "abc@1.2.3.4:5", f"{node_id(1)}@1.2.3.4", f"{node_id(1)}@1.2.3:4"]
)
def test_what_is_no_address_is_a_mistake(home: Path, text: str) -> None:
    """One line, exit code 2, and the others are not added."""
    result = run("addrbook", "add", str(address(50)), text, "--home", home)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert 50 not in ids("--home", home)


def test_unites_books_of_all_kinds(home: Path, tmp_path: Path) -> None:
    """A home, a database, CometBFT's file; each is told in a line, and a second time nothing changes."""
    other = tmp_path / "other"
    run("init", "--home", other)
    with book_of(other) as book:
        book.add_all([address(number) for number in (1, 4, 70, 71)], address(99))
        book.mark_good(node_id(4))
        book.mark_incompatible(node_id(71))
    store = other / "data" / "addrbook.sqlite"
    result = run("addrbook", "merge", other, VECTOR, "--home", home)
    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert first == (
        f"{store}: 1 addresses added, 1 with a better history, 1 known already, 1 refused (1 another network)"
    )
    assert f"{store}: 1 another network: {address(71)}" in result.stderr
    assert second.startswith(f"{VECTOR}: ")
    listed = json.loads(run("addrbook", "list", "--json", "--home", home).stdout)
    assert {row["id"]: row["standing"] for row in listed}[node_id(4)] == "verified"
    assert {node_id(70), node_id(12)} <= {row["id"] for row in listed}
    again = run("addrbook", "merge", store, "--home", home)
    assert "0 addresses added, 0 with a better history, 3 known already" in again.stdout


def test_a_book_that_cannot_be_read_changes_nothing(home: Path, tmp_path: Path) -> None:
    """All are read before the first is taken in; exit code 2."""
    file = tmp_path / "file"
    file.write_text("what")
    for other, words in ((file, "not an address book"), (tmp_path / "data", "No such file")):
        result = run("addrbook", "merge", VECTOR, other, "--home", home)
        assert (result.exit_code, words in result.stderr) == (2, True), result.output
        assert len(ids("--home", home)) == 12
    assert run("addrbook", "merge", tmp_path / "none", "--home", home).exit_code == 2


def test_a_node_that_takes_no_commands_has_to_be_stopped(home: Path) -> None:
    """As for an import."""
    with HomeLock(Home(home), "a node"):
        for change in (
            ["add", address(50)],
            ["merge", VECTOR],
            ["remove", node_id(1)],
            ["clean", "--failed", "1"],
        ):
            result = run("addrbook", *change, "--home", home)
            assert (result.exit_code, "stop it first" in result.stderr) == (2, True), result.output


def test_programs_are_told_what_became_of_the_addresses(home: Path, tmp_path: Path) -> None:
    """Also of those that were refused, which is exit code 1 all the same."""
    refused = f"{node_id(51)}@192.168.1.1:26656"
    result = run("addrbook", "add", str(address(50)), refused, "--json", "--home", home)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"added": 1, "known": 0, "refused": [f"1 not routable: {refused}"]}
    file = tmp_path / "told.json"
    for command in ("import", "merge"):
        result = run("addrbook", command, VECTOR, "--home", home, "--json", "--output", file)
        assert (result.exit_code, result.stdout) == (0, "")
        found = json.loads(file.read_text())
        told = found if command == "import" else found[0]
        assert sum(told["reasons"].values()) == told["refused"]
        assert sum(told[key] for key in ("added", "changed", "known", "refused")) > 10
