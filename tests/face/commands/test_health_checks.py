"""What `peerage doctor` finds, and the remedy of each."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from peerage.actors.events.happenings import Refused
from peerage.commands import health_checks
from peerage.commands.health_checks import Finding, examine, is_reached, orphans
from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from peerage.config.node_key_file import create_node_key
from tests.config.homes import home_with
from tests.nodes import NodeLog, StartNode, wait_until

ELSEWHERE = 'addr_book_strict = false\nladdr = "tcp://127.0.0.1:0"\n[rpc]\nladdr = ""\n'
Use = namedtuple("Use", "limit used")  # noqa: PYI024 - as the real one's
Disk = namedtuple("Disk", "total used free")  # noqa: PYI024


@pytest.fixture(autouse=True)
def _a_machine_that_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this one is like, and whatever others have left on it."""
    monkeypatch.setattr(health_checks, "is_kept_right", lambda: True)
    monkeypatch.setattr(health_checks, "memory_use", lambda: None)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1 << 40))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Disk(1 << 40, 0, 1 << 40))
    monkeypatch.setattr(health_checks, "left_behind", list)
    monkeypatch.setattr(health_checks, "_titles", list)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = home_with(tmp_path / "home", f'[peerage]\nnetwork = "n"\n[p2p]\n{ELSEWHERE}')
    create_node_key(home / "config/node_key.json")
    home.data_dir.mkdir()
    return home


def found(home: Home, check: str) -> list[Finding]:
    return [finding for finding in examine(home) if finding.check == check]


def test_a_home_that_is_well(home: Home) -> None:
    """Every check says what it has found; nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in home.path.rglob("*")}
    findings = list(examine(home))
    assert [finding.check for finding in findings if finding.remedy] == []
    assert {finding.check for finding in findings} == {
        "settings", "key", "modes", "descriptors", "memory", "disk", "clock", "port", "leftovers",
    }  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in home.path.rglob("*")} == before


def test_settings_key_and_modes(home: Home) -> None:
    """Each mistake of its own."""
    home_with(home.path, "[p2p]\npex = 'perhaps'\nsend_rate = 'fast'\n")
    key = home / "config/node_key.json"
    key.chmod(0o640)
    home.path.chmod(0o775)
    assert len(found(home, "settings")) == 3  # the network has no name
    assert [finding.remedy for finding in found(home, "key")] == [f"chmod 600 {key}"]
    assert [finding.remedy for finding in found(home, "modes")] == [f"chmod go-w {home}"]
    key.unlink()
    assert "peerage init" in found(home, "key")[0].remedy


def test_limits(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "descriptor_limit", lambda: 60)
    monkeypatch.setattr(health_checks, "memory_use", lambda: Use(1 << 20, 0))
    (descriptors,) = found(home, "descriptors")
    assert "ulimit -n" in descriptors.remedy
    (memory,) = found(home, "memory")
    assert memory.found.startswith("the container or service has 1 MiB left")
    assert memory.remedy


def test_disk_and_clock(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that nothing keeps right, that was never set, or that was set back."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Disk(1, 1, 1000))
    assert "make room" in found(home, "disk")[0].remedy
    monkeypatch.setattr(health_checks, "is_kept_right", lambda: False)
    assert "nothing keeps it right" in found(home, "clock")[0].found
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    assert "years ago" in found(home, "clock")[0].found
    monkeypatch.setattr(time, "time", lambda: home.config_file.stat().st_mtime - 3600)
    assert "before files of this home were written" in found(home, "clock")[0].found


def test_the_kernel_is_asked_about_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert health_checks.is_kept_right() in {True, False, None}


def test_a_port_that_is_taken_and_an_address_that_nobody_reaches(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PEERAGE_P2P_LADDR", f"tcp://127.0.0.1:{port}")
        (finding,) = found(home, "port")
    assert finding.remedy == "stop what has it, or change p2p.laddr"
    assert f"taken by process {os.getpid()}" in finding.found
    monkeypatch.setenv("PEERAGE_P2P_ADDR_BOOK_STRICT", "true")
    (announced,) = found(home, "announced")
    assert announced.found.startswith(f"peers are told to dial 127.0.0.1:{port}, a loopback address that ")
    assert "external_address" in announced.remedy


def test_a_node_that_runs_is_asked_and_dialled(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, HomeLock(home, "a node") as lock:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        lock.tell(f"{'ab' * 20}@{place}")
        assert found(home, "announced") == [
            Finding("announced", f"the node is reached at {place}, where it tells peers to dial")
        ]
        (node,) = found(home, "node")
        assert node.found.startswith(f"runs as process {os.getpid()}; it takes no commands: ")
        lock.tell(f"{'ab' * 20}@{place}", [f"{'ab' * 20}@[::1]:1"])
        reached, lost = found(home, "announced")
        assert (reached.remedy, lost.found.partition(",")[0]) == ("", "nobody is reached at [::1]:1")
        monkeypatch.setenv("PEERAGE_P2P_ADDR_BOOK_STRICT", "true")
        assert "external_address" in found(home, "announced")[0].remedy
        monkeypatch.undo()
        listener.close()
        assert "forward the port" in found(home, "announced")[0].remedy


def test_leftovers(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes, directories of mailboxes, and drafts of files."""
    draft = home / "config/.node_key.json.0123456789abcdef"
    draft.touch()
    monkeypatch.setattr(health_checks, "left_behind", lambda: [Path("/tmp/peerage-1")])
    monkeypatch.setattr(health_checks, "_titles", lambda: [(7, "peerage[anna]: switch")])
    processes, files = found(home, "leftovers")
    assert (processes.found, processes.remedy) == (
        "processes of nodes that are gone: 7 (peerage[anna]: switch)",
        "kill -9 7",
    )
    assert files.remedy == f"remove them: rm -r {draft} /tmp/peerage-1"


def test_orphans_are_those_whose_node_has_no_main_process() -> None:
    """Whoever calls himself something else is left out."""
    titles = [
        (1, "peerage[anna]: root: /usr/bin/peerage start"), (2, "peerage[anna]: switch"), (3, "peerage[ben]: switch"),
        (4, "peerage: switch"), (5, "vim peerage[ben]: switch"), (6, "peerage[ben"),
    ]  # fmt: skip
    assert orphans(titles) == [(3, "peerage[ben]: switch")]


def test_parts_of_an_embedding_program_are_no_orphans() -> None:
    """Its main process has a title of its own: doctor advised to kill the parts of a living node."""
    parts = [(2, "peerage[anna]: switch"), (3, "peerage[anna]: addrbook")]
    lost = (4, "peerage[ben]: fork server")
    assert orphans([(1, "peerage: fork server"), *parts, lost]) == [lost]
    assert orphans([*parts, lost]) == [*parts, lost]


def test_a_look_at_the_port_is_nobodys_news(start_node: StartNode, node_log: NodeLog) -> None:
    """Of a node that runs: neither an event nor a line. A caller that says something it does not understand is both."""
    node = start_node(p2p={"laddr": "tcp://127.0.0.1:0"}, rpc={"laddr": "tcp://127.0.0.1:0"})
    refused: list[Refused] = []
    node.on(Refused, refused.append)
    host, _, port = node.address.rpartition("@")[2].rpartition(":")
    for _ in range(5):
        assert is_reached(host, int(port))
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wait_until(lambda: refused)
    (record,) = node_log.records("peer refused")
    assert record["reason"] == "other protocol"
    assert [event.reason for event in refused] == ["other protocol"]
