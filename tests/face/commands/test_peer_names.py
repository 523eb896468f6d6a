"""Peers that the shell completes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import CompletionItem

from peerage.commands import running_node
from peerage.commands.exit_status import FailureError
from peerage.commands.node_link import NodeGoneError
from peerage.commands.peer_names import PeerName
from peerage.config.home import Home

PARAM = click.Argument(["whom"])


def completed(home: Home | None, incomplete: str = "") -> list[CompletionItem]:
    context = click.Context(click.Command("close"))
    context.params["home"] = home
    return PeerName().shell_complete(context, PARAM, incomplete)


def test_ids_with_the_monikers_that_are_fit_for_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node is asked what matches, in the home that is given, or the usual one."""
    asked: list[Any] = []

    def answer(home: Home, method: str, **params: Any) -> Any:
        asked.append((home, method, params["filter"]))
        return {"peers": [{"id": "ab" * 20, "moniker": "a\x1b[2J\nb" + "x" * 100}]}

    monkeypatch.setattr(running_node, "call_node", answer)
    monkeypatch.setenv("PEERAGE_HOME", str(tmp_path / "usual"))
    (item,) = completed(Home(tmp_path), "ab")
    completed(None)
    assert asked == [(Home(tmp_path), "peers", "ab"), (Home(tmp_path / "usual"), "peers", "")]
    assert item.value == "ab" * 20
    assert item.help is not None
    assert item.help.isprintable()
    assert len(item.help) < 60


@pytest.mark.parametrize("error", [NodeGoneError("nobody"), FailureError("no answer")])
def test_without_a_node_there_is_nothing_to_offer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(running_node, "call_node", fail)
    assert completed(Home(tmp_path)) == []


def test_the_command_gets_what_was_written() -> None:
    assert PeerName().convert("203.0.113.7", PARAM, None) == "203.0.113.7"
