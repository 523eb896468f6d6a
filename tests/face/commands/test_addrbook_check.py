"""peerage addrbook check: what is wrong with a book."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import address, node_id
from tests.face.command_line import run
from tests.face.commands.test_addrbook import book_of, home
from tests.nodes import StartNode

__all__ = ["home"]  # the fixture


def test_a_book_with_which_nothing_is_wrong(home: Path) -> None:
    """Exit code 0, and nothing on standard output."""
    result = run("addrbook", "check", "--home", home)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "12 addresses, nothing is wrong\n"


def test_names_each_fault(home: Path) -> None:
    """Exit code 1; the counts are apart, on standard error."""
    run("gen-node-key", "--home", home)
    own = run("show-node-id", "--home", home).stdout.strip()
    with book_of(home) as book:
        book.add(NetAddress(own, "5.5.5.5", 1), address(9))
        for _ in range(4):
            book.mark_attempt(node_id(10))
    result = run("addrbook", "check", "--home", home)
    assert result.exit_code == 1, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["ADDRESS", "FAULT", "DETAIL"]
    assert sorted(row.split()[1] for row in rows) == ["dead", "self"]
    assert result.stderr == "13 addresses, 1 dead, 1 self\n"


def test_what_is_not_routable_depends_on_the_configuration(home: Path, tmp_path: Path) -> None:
    """As JSON, into a file: all findings with their counts."""
    file, out = tmp_path / "addrbook.json", tmp_path / "found.json"
    inner = {"addr": {"id": node_id(1), "ip": "10.0.0.1", "port": 1}, "bucket_type": 1}
    file.write_text(json.dumps({"key": "", "addrs": [inner]}))
    result = run("addrbook", "check", file, "--json", "--output", out, "--home", home)
    assert (result.exit_code, result.stdout) == (1, "")
    found = json.loads(out.read_text())
    assert (found["format"], found["addresses"], found["counts"]) == ("cometbft", 1, {"not routable": 1})
    assert found["findings"][0]["address"] == f"{node_id(1)}@10.0.0.1:1"
    (home / "config" / "config.toml").write_text("[p2p]\naddr_book_strict = false\n")
    assert run("addrbook", "check", file, "--home", home).exit_code == 0


def test_damage_is_named_and_nothing_is_changed(home: Path) -> None:
    """The lines that are damaged, and how much is whole."""
    store = home / "data" / "addrbook.sqlite"
    connection = sqlite3.connect(store)
    with connection:
        connection.execute("UPDATE address SET line = 'x' WHERE id = ?", (node_id(2),))
    connection.close()
    before = store.read_bytes()
    result = run("addrbook", "check", "--home", home)
    assert result.exit_code == 1
    assert f"{node_id(2)}  damaged" in result.stdout
    assert store.read_bytes() == before
    # who changes the book has what is whole of it written anew
    assert run("addrbook", "clean", "--failed", "1", "--home", home).exit_code == 0
    assert run("addrbook", "check", "--home", home).exit_code == 0


@pytest.mark.parametrize(("name", "code"), [("none", 2), ("config", 2), ("text", 2)])
def test_what_is_no_book_is_a_mistake(home: Path, name: str, code: int) -> None:
    """In one line, unless the path itself is wrong."""
    (home / "text").write_text("hello")
    result = run("addrbook", "check", home / name, "--home", home)
    assert result.exit_code == code


def test_a_home_without_a_book_cannot_be_checked(tmp_path: Path) -> None:
    result = run("addrbook", "check", "--home", tmp_path)
    assert (result.exit_code, "the node has not run yet" in result.stderr) == (1, True)


def test_a_running_node_is_judged_by_as_it_runs(start_node: StartNode) -> None:
    """It may have been started with flags that its file does not have: its good addresses are not wrong, and stay."""
    node = start_node(rpc={"laddr": "tcp://127.0.0.1:0"}, p2p={"pex": True, "addr_book_strict": False})
    home = node.config.home
    assert run("addrbook", "add", f"{node_id(1)}@127.0.0.1:1", "--home", home).exit_code == 0
    assert run("addrbook", "check", "--home", home).stderr == "1 addresses, nothing is wrong\n"
    assert run("addrbook", "clean", "--home", home).stderr == "0 addresses removed\n"
    node.stop()
    assert "1 not routable" in run("addrbook", "check", "--home", home).stderr
