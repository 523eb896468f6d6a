"""What a debug dump holds, and what it must not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
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
    monkeypatch.setattr(module, "stream_from_node", FakeStream([]))
    files = dump_of(Home(tmp_path))
    assert len(asked) == 1
    assert files["missing.txt"].count("the node did not answer") == len(module.CALLS) + 1
    assert "events.json" not in files
    monkeypatch.setattr(module, "ANSWER_S", 60.0)
    dump_of(Home(tmp_path))
    assert set(module.CALLS.values()) < set(asked)


class FakeStream:
    """Answers in the place of a node's `/events`."""

    def __init__(self, events: list[dict[str, str]]) -> None:
        lines = [f"data: {json.dumps(event)}\n\n".encode().splitlines(keepends=True) for event in events]
        self._lines = [
            b": events\n",
            b"\n",
            *chain(*lines),
            b"event: end\n",
            b'data: {"reason": "complete"}\n',
            b"\n",
        ]

    @contextmanager
    def __call__(self, _home: Home, _target: str, _silence: float) -> Iterator[Iterator[bytes]]:
        yield iter(self._lines)


def node_with_a_private_peer(_home: Any, method: str, *, within: float) -> Any:
    """ANNA is; BERT is not."""
    peers = [{"node_info": {"id": each}, "remote_ip": f"10.0.0.{n}"} for n, each in enumerate((ANNA, BERT))]
    answers: dict[str, Any] = {
        "net_info": {"peers": peers},
        "peer_lists": {"private": [ANNA]},
        "effective_config": {
            "p2p.persistent_peers": {"value": [f"{ANNA}@10.0.0.7:26656", f"{BERT}@10.0.0.8:26656"]}
        },
    }
    return answers.get(method, {})


def test_private_peers_are_left_out_of_the_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "call_node", node_with_a_private_peer)
    monkeypatch.setattr(module, "stream_from_node", FakeStream([]))
    files = dump_of(Home(tmp_path))
    assert [peer["node_info"]["id"] for peer in json.loads(files["peers.json"])["peers"]] == [BERT]
    assert "10.0.0.0" not in files["peers.json"]


def test_the_last_events_are_in_it_but_for_those_of_private_peers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor those from where one is connected, is dialled, or was seen: a refused stranger there has no ID."""
    others = [
        {"kind": "connected", "peer": BERT, "address": "10.0.0.1:5000"},
        {"kind": "refused", "peer": "", "address": "[2001:db8::1]:5000"},
        {"kind": "restarted", "part": "switch"},
    ]
    private = [
        {"kind": "lost", "peer": ANNA, "address": "10.0.0.9:5000"},
        {"kind": "banned", "subject": ANNA.upper()},
        {"kind": "banned", "subject": "10.0.0.0"},
        *({"kind": "refused", "peer": "", "address": f"10.0.0.{n}:6000"} for n in (0, 7, 9)),
    ]
    monkeypatch.setattr(module, "call_node", node_with_a_private_peer)
    monkeypatch.setattr(module, "stream_from_node", FakeStream(others + private))
    assert json.loads(dump_of(Home(tmp_path))["events.json"]) == others


def test_events_that_cannot_be_sifted_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The node that told them says nothing of its private peers any more."""

    def forgetful(home: Any, method: str, *, within: float) -> Any:
        if method == "peer_lists":
            raise FailureError("too late")
        return node_with_a_private_peer(home, method, within=within)

    monkeypatch.setattr(module, "call_node", forgetful)
    monkeypatch.setattr(module, "stream_from_node", FakeStream([{"kind": "lost", "peer": ANNA}]))
    files = dump_of(Home(tmp_path))
    assert "events.json" not in files
    assert "which peers are private" in files["missing.txt"]
