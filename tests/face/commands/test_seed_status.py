"""peerage seed --status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peerage.commands import seed_status
from peerage.commands.node_link import NodeGoneError
from peerage.config.home import Home
from tests.face.command_line import run

OVERVIEW = {
    "uptime_s": 65.0,
    "peers": {"inbound": 2, "outbound": 1},
    "addresses": {"size": 7},
    "restarts": 0,
    "pid": 12,
    "address": "ID@127.0.0.1:1",
}


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two chains, of which a-1 answers."""
    for chain in ("a-1", "b-1"):
        (tmp_path / "chains" / chain).mkdir(parents=True)

    def call(home: Home, _method: str, **_options: Any) -> Any:
        if home.path.name == "b-1":
            raise NodeGoneError("no node", "data/node.sock: Connection refused")
        return OVERVIEW

    monkeypatch.setattr(seed_status, "call_node", call)
    return tmp_path


def test_there_is_a_line_for_each_chain(homes: Path) -> None:
    """Of one that is down it says why."""
    found = run("seed", "--status", "--home", homes)
    assert found.exit_code == 0
    head, up, down = found.stdout.splitlines()
    assert head.split() == ["CHAIN", "UP", "PEERS", "ADDRESSES", "RESTARTS", "PID", "ADDRESS"]
    assert up.split() == ["a-1", "1m05s", "3", "7", "0", "12", "ID@127.0.0.1:1"]
    assert down.split()[:2] == ["b-1", "down"]
    assert down.endswith("data/node.sock: Connection refused")


def test_json_has_all_that_the_nodes_say(homes: Path) -> None:
    """By chain."""
    found = json.loads(run("seed", "--status", "--json", "--home", homes).stdout)
    assert found["a-1"] == {"running": True, **OVERVIEW}
    assert found["b-1"]["running"] is False


def test_parts_that_did_not_answer_are_question_marks(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is shown."""
    nothing = dict.fromkeys(OVERVIEW, None) | {"address": "A"}
    monkeypatch.setattr(seed_status, "call_node", lambda *_arguments, **_options: nothing)
    assert run("seed", "--status", "--home", homes).stdout.splitlines()[1].split() == ["a-1", *"?????", "A"]


def test_without_a_chain_that_runs_it_fails(tmp_path: Path) -> None:
    """Exit code 1."""
    found = run("seed", "--status", "--home", tmp_path)
    assert found.exit_code == 1
    assert "no chain has a home" in found.output
    (tmp_path / "chains" / "a-1").mkdir(parents=True)
    found = run("seed", "--status", "--home", tmp_path)
    assert found.exit_code == 1
    assert found.output.endswith(f"Error: no chain of {tmp_path} runs\n")
