"""peerage status: how a node stands, on one screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peerage.commands import status as module
from tests.face.command_line import run

FOUND: dict[str, Any] = {
    "id": "a" * 40,
    "address": f"{'a' * 40}@10.0.0.1:26656",
    "network": "test",
    "moniker": "anna",
    "version": "1.2.3",
    "announced_version": "0.38.26",
    "home": "/srv/node",
    "seed": True,
    "pid": 7,
    "uptime_s": 185.0,
    "log_level": "info",
    "restarts": 2,
    "parts": [
        {"name": "switch", "status": "running", "restarts": 2, "last_cause": "killed\x1b"},
        {"name": "rpc", "status": "running", "restarts": 0, "last_cause": ""},
    ],
    "peers": {"inbound": 3, "outbound": 4, "max_inbound": 40, "max_outbound": 10},
    "addresses": {"size": 9, "new": 5, "old": 4, "banned": 1},
    "warnings": ["full"],
}


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    answer = dict(FOUND)
    monkeypatch.setattr(module, "node_of", lambda _home, _method: answer)
    return answer


@pytest.mark.usefixtures("found")
def test_a_node_that_is_well(tmp_path: Path) -> None:
    lines = run("status", "--home", tmp_path).stdout.splitlines()
    assert lines == [
        "node       anna, a seed",
        f"address    {'a' * 40}@10.0.0.1:26656",
        "network    test",
        "version    1.2.3, announced as 0.38.26",
        "home       /srv/node",
        "up         3m05s, process 7, log level info",
        "peers      3 of 40 in, 4 of 10 out",
        "addresses  9 (5 new, 4 old), 1 banned",
        "restarts   2",
        "           switch: 2, last: killed\\x1b",
        "warning    full",
    ]
    assert json.loads(run("status", "--json", "--home", tmp_path).stdout) == {"running": True, **FOUND}


def test_what_did_not_answer_is_left_out(found: dict[str, Any], tmp_path: Path) -> None:
    """A warning names it."""
    found |= dict.fromkeys(("pid", "parts", "peers", "addresses"))
    lines = run("status", "--home", tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["node", "address", "network", "version", "home", "warning"]


def test_a_node_that_does_not_run(tmp_path: Path) -> None:
    """One line and exit code 1; as JSON what the home says all the same."""
    run("init", "--home", tmp_path, "--network", "test")
    plain, written = run("status", "--home", tmp_path), run("status", "--json", "--home", tmp_path)
    for result in (plain, written):
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: no node runs in {tmp_path}")
    told = json.loads(written.stdout)
    own_id = run("show-node-id", "--home", tmp_path).stdout.strip()
    assert (told["running"], told["id"]) == (False, own_id)
