"""peerage debug dump: into a directory or an archive, of a node that runs or not."""

from __future__ import annotations

import json
import os
import re
import signal
import tarfile
from pathlib import Path

import pytest

from tests.chaos.started_node import StartedNode, make_home
from tests.face.command_line import run
from tests.full_disk import full_disk
from tests.nodes import wait_until


@pytest.mark.parametrize("name", ["dump.tar.gz", "dump.tgz", "dump.tar", "dump"])
def test_a_dump_is_an_archive_or_a_directory(tmp_path: Path, name: str) -> None:
    """Nobody else may read it."""
    target = tmp_path / name
    result = run("debug", "dump", "--home", tmp_path, "--output", target)
    assert result.exit_code == 0, result.output
    assert "no node runs in this home" in result.stderr
    assert result.stdout.endswith(f"files in {target}\n")
    if target.is_dir():
        found = {path.name for path in target.iterdir()}
    else:
        with tarfile.open(target) as archive:
            found = {Path(member.name).name for member in archive.getmembers()}
    assert {"README.txt", "missing.txt", "versions.json"} <= found
    assert target.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["dump.tar.gz", "dump"])
def test_nothing_is_left_of_a_dump_that_has_no_room(tmp_path: Path, name: str) -> None:
    """The next try finds the name free."""
    target = tmp_path / name
    with full_disk():
        result = run("debug", "dump", "--home", tmp_path, "--output", target)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: {target} cannot be written: File too large\n" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--output", "{tmp}"], "exists already"),
        (["--output", "{tmp}/no/dump"], "is no directory"),
        (["--log", "{tmp}/none"], "does not exist"),
        (["--home", "{tmp}/none", "--output", "{tmp}/dump"], "which is no directory"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, arguments: list[str], text: str) -> None:
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    result = run("debug", "dump", "--home", tmp_path, *given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr


def test_a_running_node_reads_its_file_again_and_every_process_of_it_says_where_it_is(tmp_path: Path) -> None:
    """SIGHUP changes what can change, and names what cannot; a mistake changes nothing. The dump needs nothing of it, not
    even that RPC answers.
    """
    home = tmp_path / "home"
    make_home(home)
    file = home / "config" / "config.toml"
    with StartedNode(home, peer_hosts="1") as node:
        text = file.read_text()
        file.write_text(text.replace("max_num_outbound_peers = 10", "max_num_outbound_peers = 3"))
        os.kill(node.pid, signal.SIGHUP)
        wait_until(lambda: "setting changed" in node.log() and "configuration reloaded" in node.log())
        file.write_text(text.replace("max_num_outbound_peers = 10", "max_num_outbound_peers = -3"))
        os.kill(node.pid, signal.SIGHUP)
        wait_until(lambda: "configuration not reloaded" in node.log())
        assert "found -3" in node.log()
        file.write_text(text)

        rpc = node.pid_of("rpc")
        result = run("debug", "dump", "--home", home, "--output", tmp_path / "dump")
        assert result.exit_code == 0, result.output
        read = {path.name: path.read_text() for path in (tmp_path / "dump").iterdir()}
        stacks = read["stacks.txt"]
        for name in ("addrbook", "switch", "reactor-PEX", "reactor-ECHO", "peers-0", "rpc"):
            assert re.search(rf"==== peerage\[.*\]: {re.escape(name)} \(process ", stacks)
        assert stacks.count("Current thread") == 7
        assert f"(process {node.pid})" in stacks
        assert json.loads(read["overview.json"])["pid"] == node.pid
        assert {each["pid"] for each in json.loads(read["processes.json"])} >= {node.pid, rpc}
        assert node.lives()
        assert "Traceback" not in node.log()
        assert node.stop()[0] == 0
