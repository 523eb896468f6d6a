"""peerage reload: what a running node makes of its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peerage.commands import reload as module
from peerage.commands.exit_status import FailureError
from tests.face.command_line import run

DONE = {
    "changed": [{"setting": "p2p.send_rate", "before": "1", "after": "2", "how": "for new ones"}],
    "needs_restart": [{"setting": "moniker", "before": '"a"', "after": '"b"', "how": ""}],
    "silent": [],
    "warnings": ["odd"],
}


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    told = dict(DONE)
    monkeypatch.setattr(module, "node_of", lambda _home, _method: told)
    return told


@pytest.mark.usefixtures("answer")
def test_each_change_has_a_line(tmp_path: Path) -> None:
    """What needs a restart says so; warnings are apart."""
    result = run("reload", "--home", tmp_path)
    assert (result.exit_code, result.stderr) == (0, "Warning: odd\n")
    assert result.stdout.splitlines() == [
        "p2p.send_rate: 1 -> 2 (for new ones)",
        'moniker: stays "a"; "b" needs a restart of the node',
    ]
    assert json.loads(run("reload", "--json", "--home", tmp_path).stdout) == DONE


def test_a_reactor_is_upgraded_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is waited for; the configuration is left alone; what the node refuses is one line and exit code 1."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def node_of(_home: Any, method: str, **params: Any) -> Any:
        asked.append((method, params))
        if params["name"] == "ECHO":
            return {"name": "ECHO", "upgrade": 7, "done": params["upgrade"] == 7}
        raise FailureError("reactor 'V' was not upgraded: 'v' cannot be imported; the old code goes on")

    monkeypatch.setattr(module, "node_of", node_of)
    result = run("reload", "--reactor", "ECHO", "--home", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "ECHO runs with the code that is there now\n")
    assert asked == [("upgrade_reactor", {"name": "ECHO", "upgrade": number}) for number in (0, 7)]
    assert json.loads(run("reload", "--reactor", "ECHO", "--json", "--home", tmp_path).stdout) == {
        "name": "ECHO"
    }
    refused = run("reload", "--reactor", "V", "--home", tmp_path)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "the old code goes on" in refused.stderr


def test_nothing_new_is_said_too(answer: dict[str, Any], tmp_path: Path) -> None:
    answer |= {"changed": [], "needs_restart": [], "warnings": []}
    assert run("reload", "--home", tmp_path).stdout == "nothing has changed\n"


def test_parts_that_did_not_answer_are_named(answer: dict[str, Any], tmp_path: Path) -> None:
    """Exit code 1."""
    answer["silent"] = ["switch"]
    result = run("reload", "--home", tmp_path)
    assert result.exit_code == 1
    assert "switch did not answer" in result.stderr
