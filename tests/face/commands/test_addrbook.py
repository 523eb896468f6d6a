"""peerage addrbook: look at the book, import and export CometBFT's file."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import load_file
from peerage.actors.discovery.book.opening import open_book
from peerage.config import Home
from peerage.config.home_lock import HomeLock
from tests.actors.discovery.nodes import START, Clock, address, node_id
from tests.face.command_line import run

VECTOR = Path(__file__).parents[2] / "vectors" / "addrbook.json"


@contextmanager
def book_of(home: Path) -> Iterator[AddrBook]:
    """A home's book, as a node leaves it when it stops."""
    opened = open_book(home / "data" / "addrbook.sqlite", clock=Clock(START), rng=random.Random(1))
    try:
        yield opened.book
        opened.store.apply(opened.book.drain())
    finally:
        opened.store.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with twelve addresses, three of them old."""
    run("init", "--home", tmp_path)
    with book_of(tmp_path) as book:
        for number in range(1, 13):
            book.add(address(number), address(100 + number % 3))
            if number <= 3:
                book.mark_good(node_id(number))
        book.mark_attempt(node_id(9))
    return tmp_path


@contextmanager
def opened_elsewhere(home: Path) -> Iterator[None]:
    """Another process has the book open, as a running node would."""
    code = (
        "import random, sys, time; from pathlib import Path; from peerage.actors.discovery.book.opening import open_book\n"
        "opened = open_book(Path(sys.argv[1]), clock=time.time, rng=random.Random())\n"
        "print('open', flush=True); sys.stdin.read(); opened.store.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, home / "data" / "addrbook.sqlite"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield
        process.communicate(timeout=30)


def ids(*arguments: object) -> list[int]:
    """The numbers of the listed nodes, in order."""
    result = run("addrbook", "list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return [int(row["id"], 16) for row in json.loads(result.stdout)]


def test_lists_a_table(home: Path) -> None:
    """A head and one line for each address; on standard error, how many there are."""
    result = run("addrbook", "list", "--home", home)
    lines = result.stdout.splitlines()
    assert " ".join(lines[0].split()) == "ADDRESS KIND STANDING TRIES LAST TRY LAST SUCCESS LATENCY SOURCE"
    assert lines[1].split()[:4] == [str(address(1)), "old", "verified", "0"]
    assert lines[9].split()[1:7] == ["new", "failing", "1", "2023-11-14T22:13:20Z", "-", "-"]
    assert len(lines) == 13
    assert result.stderr == "12 addresses, 9 new, 3 old\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--old"], [1, 2, 3]),
        (["--new", "--limit", "2"], [4, 5]),
        (["--new", "--old", "--limit", "4"], [1, 2, 3, 4]),
        (["--standing", "verified", "-r"], [3, 2, 1]),
        (["--standing", "failing"], [9]),
        (["--standing", "untried", "--limit", "1"], [4]),
        (["--id", "0" * 39 + "C"], [12]),
        (["--in", "5.4.0.0/16"], [4]),
        (["--source", f"{100:040x}"], [3, 6, 9, 12]),
        (["--sort", "attempts", "-r", "--limit", "1"], [9]),
        (["--sort", "ip", "--limit", "3"], [9, 1, 10]),
    ],
)
def test_filters_and_sorts(home: Path, options: list[str], expected: list[int]) -> None:
    """Filters are combined with "and"; the limit applies after them and after sorting."""
    assert ids("--home", home, *options) == expected


def test_a_wrong_network_is_named(home: Path) -> None:
    """What was found and what is allowed; exit code 2."""
    result = run("addrbook", "list", "--home", home, "--in", "here")
    assert result.exit_code == 2
    assert "--in: found 'here', allowed: an IP address or network" in result.stderr


def test_a_home_without_a_book_is_empty(tmp_path: Path) -> None:
    """Listing creates no file, and says why there is nothing."""
    result = run("addrbook", "list", "--home", tmp_path)
    assert result.exit_code == 0
    assert "the node has not run yet" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_running_node_can_be_looked_at_and_not_be_changed(home: Path, tmp_path: Path) -> None:
    """List and export work while the node writes; import and bans name the node that must stop. The node goes on."""
    changes = (
        ["addrbook", "import", VECTOR],
        ["bans", "add", "203.0.113.9"],
        ["bans", "remove", "203.0.113.9"],
    )
    with HomeLock(Home(home), "a node") as lock, opened_elsewhere(home):
        lock.tell("00@127.0.0.1:26656")
        assert len(ids("--home", home)) == 12
        assert run("addrbook", "export", "--home", home, tmp_path / "out.json").exit_code == 0
        for change in changes:
            result = run(*change, "--home", home)
            assert result.exit_code == 2
            assert f"a node (process {os.getpid()}, 00@127.0.0.1:26656)" in result.stderr
            assert "stop it first" in result.stderr
    assert [run(*change, "--home", home).exit_code for change in changes] == [0, 0, 0]


def test_a_book_that_is_being_read_is_not_changed(home: Path) -> None:
    """A program that does not know our lock reads it: one sentence, exit code 1."""
    with opened_elsewhere(home):
        result = run("bans", "add", "203.0.113.9", "--home", home)
    assert result.exit_code == 1
    assert "another process has it open" in result.stderr


def test_export_then_import_is_the_same_book(home: Path, tmp_path: Path) -> None:
    """Another home that imports the file has the same addresses with the same history."""
    file, other = tmp_path / "out.json", tmp_path / "other"
    assert run("addrbook", "export", "--home", home, file).stdout == f"12 addresses written to {file}\n"
    result = run("addrbook", "import", "--home", other, file)
    assert result.stdout == "12 addresses imported, 0 known already, 0 refused\n"
    before, after = (
        {
            row.id: (row.address, row.source, row.kind, row.attempts, row.last_success)
            for row in load_file(f).rows
        }
        for f in (file, _exported(other, tmp_path / "again.json"))
    )
    assert before == after


def _exported(home: Path, file: Path) -> Path:
    assert run("addrbook", "export", "--home", home, file).exit_code == 0
    return file


def test_export_makes_no_directories(home: Path, tmp_path: Path) -> None:
    """The error names a mistyped path, or one that cannot be written."""
    file = tmp_path / "no" / "such" / "out.json"
    result = run("addrbook", "export", "--home", home, file)
    assert result.exit_code == 2
    assert f"{file.parent} is no directory" in result.stderr
    assert not file.parent.exists()
    result = run("addrbook", "export", "--home", home, "/proc/out.json")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        1,
        "Error: /proc/out.json cannot be written: No such file or directory",
    )


def test_export_leaves_what_is_no_file_in_its_place(home: Path, tmp_path: Path) -> None:
    """Root could replace a device by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    assert run("addrbook", "export", "--home", home, pipe).exit_code == 0
    reader.join()
    assert len(json.loads(read[0])["addrs"]) == 12
    assert pipe.is_fifo()


def test_exports_to_standard_output(home: Path) -> None:
    """- writes the file's text there."""
    assert len(json.loads(run("addrbook", "export", "--home", home, "-").stdout)["addrs"]) == 12


def test_imports_cometbfts_file_into_a_book_that_knows_something(home: Path) -> None:
    """Known nodes are left unchanged; a second import adds nothing; refused entries are counted by reason."""
    first = run("addrbook", "import", "--home", home, VECTOR)
    assert first.exit_code == 0, first.output
    assert len(ids("--home", home)) == 12 + int(first.stdout.split()[0])
    second = run("addrbook", "import", "--home", home, VECTOR)
    assert second.stdout.startswith("0 addresses imported, ")


def test_a_broken_file_is_refused_and_can_be_salvaged(home: Path, tmp_path: Path) -> None:
    """Exit code 2 and what to do; --salvage imports the intact entries."""
    file = tmp_path / "broken.json"
    text = _exported(home, tmp_path / "out.json").read_text()
    file.write_text(text[: len(text) // 2])
    result = run("addrbook", "import", "--home", tmp_path / "new", file)
    assert result.exit_code == 2
    assert "--salvage" in result.stderr
    result = run("addrbook", "import", "--home", tmp_path / "new", "--salvage", file)
    assert result.exit_code == 0
    assert 0 < int(result.stdout.split()[0]) < 12


@pytest.mark.parametrize("options", [(), ("--salvage",)])
def test_nothing_is_promised_of_a_file_that_has_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    """No address is in it, whatever one tries."""
    file = tmp_path / "page.html"
    file.write_text("<!DOCTYPE html><title>404</title>")
    result = run("addrbook", "import", "--home", tmp_path / "new", *options, file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {file}: not an address book: not JSON")
    assert "--salvage" not in result.stderr


def test_what_is_refused_is_counted_and_named(home: Path, tmp_path: Path) -> None:
    """On standard output the counts add up; on standard error there are examples for each reason."""
    entries = json.loads(_exported(home, tmp_path / "out.json").read_text())["addrs"]
    key = ["show-node-id", "--home", home]
    run("gen-node-key", "--home", home)
    own = run(*key).stdout.strip()
    secret = node_id(0xABC)
    (home / "config" / "config.toml").write_text(f'[p2p]\nprivate_peer_ids = "{secret.upper()}"\n')
    more = json.loads(VECTOR.read_text())["addrs"][:7]
    for entry, node in zip(
        more, (own.upper(), secret, "", node_id(0x777), node_id(0x777), "x", node_id(0x778)), strict=True
    ):
        entry["addr"]["id"] = node
        entry["src"]["id"] = node_id(0x999)
        entry["addr"]["ip"] = "11.12.13.14"
    more[6]["addr"]["ip"] = "192.168.1.1"
    file = tmp_path / "mixed.json"
    file.write_text(json.dumps({"key": "k", "addrs": entries + more}))
    result = run("addrbook", "import", "--home", home, file)
    assert result.exit_code == 0, result.output
    refused = "1 invalid, 1 no ID, 1 not routable, 1 private, 1 self, 1 twice in the file"
    assert result.stdout == f"1 addresses imported, 12 known already, 6 refused ({refused})\n"
    assert f"Warning: {file}: 1 no ID: entry 14: 11.12.13.14:" in result.stderr
    assert f"1 private: {secret}@11.12.13.14:" in result.stderr


def test_a_damaged_database_is_shown_as_far_as_it_is_whole(home: Path) -> None:
    """Listing skips the damage, says so, and leaves the file unchanged."""
    database = home / "data" / "addrbook.sqlite"
    data = database.read_bytes()
    broken = b"\0" * 100 + data[100:]
    database.write_bytes(broken)
    result = run("addrbook", "list", "--home", home)
    assert result.exit_code == 0
    assert "is damaged" in result.stderr
    assert len(result.stdout.splitlines()) == 13
    assert database.read_bytes() == broken
