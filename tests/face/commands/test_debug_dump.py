"""What a debug dump holds, and what it must not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peerage.commands import debug_dump as module
from peerage.commands.debug_dump import dump_of, redacted
from peerage.commands.exit_status import FailureError
from peerage.config.home import Home
from tests.face.command_line import run

ANNA, BERT = "a" * 40, "f" * 40
PRIVATE = {ANNA: "private-peer-1"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"peer={ANNA} went", "peer=private-peer-1 went"),
        (f'"{ANNA}@10.0.0.1:26656","{BERT}@10.0.0.2:1"', f'"private-peer-1","{BERT}@10.0.0.2:1"'),
        (f"{ANNA.upper()}@[::1]:1, next", "private-peer-1, next"),
        (BERT, BERT),
    ],
)
def test_private_peers_are_nowhere(text: str, shown: str) -> None:
    """Neither their IDs nor the addresses behind them."""
    assert redacted(text, PRIVATE) == shown
    assert redacted(text, {}) == text


def test_a_node_that_does_not_run_is_told_of_by_its_files(tmp_path: Path) -> None:
    """What is missing is said, and why; no key is in it."""
    run("init", "--home", tmp_path, "--network", "test")
    file = tmp_path / "config" / "config.toml"
    file.write_text(file.read_text().replace('private_peer_ids = ""', f'private_peer_ids = "{ANNA}"'))
    log = tmp_path / "log"
    log.write_text("first\n" + f"met {ANNA} at 10.0.0.1:26656\n" * 3000 + f"met {BERT}\n")
    files = dump_of(Home(tmp_path), log)
    assert {"README.txt", "config.json", "files.txt", "versions.json", "missing.txt"} <= files.keys()
    settings = json.loads(files["config.json"])
    assert settings["p2p.private_peer_ids"]["value"] == ["private-peer-1"]
    lines = files["log.txt"].splitlines()
    assert (len(lines), lines[0], lines[-1]) == (2000, "(a line about private-peer-1)", f"met {BERT}")
    assert "no node runs in this home" in files["missing.txt"]
    assert "config/node_key.json" in files["files.txt"]
    key = json.loads((tmp_path / "config" / "node_key.json").read_text())["priv_key"]["value"]
    assert not any(key in text or ANNA in text for text in files.values())


def test_a_node_that_hangs_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The dump takes seconds all the same. What it can say it says."""
    asked: list[str] = []
    monkeypatch.setattr(module, "ANSWER_S", -1.0)

    def silent(_home: Any, method: str, *, within: float) -> Any:
        asked.append(method)
        raise FailureError("the node did not answer: timed out")

    monkeypatch.setattr(module, "call_node", silent)
    files = dump_of(Home(tmp_path))
    assert len(asked) == 1
    assert files["missing.txt"].count("the node did not answer") == len(module.CALLS)
    monkeypatch.setattr(module, "ANSWER_S", 60.0)
    dump_of(Home(tmp_path))
    assert set(module.CALLS.values()) < set(asked)


def test_private_peers_are_left_out_of_the_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def node(_home: Any, method: str, *, within: float) -> Any:
        peers = [
            {"node_info": {"id": each}, "remote_ip": f"10.0.0.{n}"} for n, each in enumerate((ANNA, BERT))
        ]
        answers: dict[str, Any] = {"net_info": {"peers": peers}, "peer_lists": {"private": [ANNA]}}
        return answers.get(method, {})

    monkeypatch.setattr(module, "call_node", node)
    files = dump_of(Home(tmp_path))
    assert [peer["node_info"]["id"] for peer in json.loads(files["peers.json"])["peers"]] == [BERT]
    assert "10.0.0.0" not in files["peers.json"]
