"""peerage peers history: who was here, of a node that runs or ran."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peerage.actors.events.history import Came, PeerHistory, Session, Went
from peerage.actors.loss import LossReason
from peerage.config.home import Home
from peerage.config.node_socket import listen_for_commands
from tests.actors.events.parts import ANNA, BERT
from tests.face.command_line import run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Anna is here since a minute, Bert was."""
    home = Home(tmp_path)
    history = PeerHistory(home.peer_history)
    anna = Session("c-1", ANNA, "192.0.2.1:1", "inbound", r"an\x1bna", "0.38", 1000.0)
    bert = Session("c-2", BERT, "192.0.2.2:1", "outbound", "", "0.37", 900.0)
    history.write([Came(bert), Came(anna)], "life", 1000.0)
    history.write([Went("c-2", 950.5, LossReason.NO_PONG, "within 45 s")], "life", 1060.0)
    history.close()
    return home


def test_a_table_the_newest_first(home: Home) -> None:
    result = run("peers", "history", "--home", home)
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    assert head.split()[:6] == ["CAME", "LASTED", "PEER", "ADDRESS", "DIRECTION", "MONIKER"]
    assert [row.split(None, 6) for row in rows] == [
        ["1970-01-01T00:16:40Z", "1m00s", ANNA, "192.0.2.1:1", "inbound", r"an\x1bna", "node ended"],
        ["1970-01-01T00:15:00Z", "50s", BERT, "192.0.2.2:1", "outbound", "-", "no pong: within 45 s"],
    ]


def test_while_the_node_runs_whoever_is_here_is(home: Home) -> None:
    with listen_for_commands(home.node_socket):
        result = run("peers", "--history", "--home", home, "--json")
    anna, bert = json.loads(result.stdout)
    assert (anna["peer"], anna["went"], anna["reason"]) == (ANNA, None, "")
    assert bert == {
        "peer": BERT,
        "address": "192.0.2.2:1",
        "direction": "outbound",
        "moniker": "",
        "version": "0.37",
        "came": "1970-01-01T00:15:00.000Z",
        "went": "1970-01-01T00:15:50.500Z",
        "seconds": 50.5,
        "reason": "no pong",
        "detail": "within 45 s",
    }


def test_of_one_peer_and_so_many(home: Home) -> None:
    of_bert = json.loads(run("peers", "history", "--home", home, "--json", "--peer", BERT.upper()).stdout)
    assert [each["peer"] for each in of_bert] == [BERT]
    last = json.loads(run("peers", "history", "--home", home, "--json", "--last", "1").stdout)
    assert [each["peer"] for each in last] == [ANNA]


def test_where_no_node_has_run_there_is_nothing(tmp_path: Path) -> None:
    result = run("peers", "history", "--home", tmp_path, "--json")
    assert (result.exit_code, result.stdout) == (0, "[]\n")
    assert "no node has run yet" in result.stderr


@pytest.mark.parametrize(
    "options", [("--peer", "anna"), ("--last", "0"), ("more",)], ids=lambda each: each[-1]
)
def test_mistakes_are_told_in_one_line(home: Home, options: tuple[str, ...]) -> None:
    result = run("peers", "history", "--home", home, *options)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_no_history_is_said(home: Home) -> None:
    home.peer_history.write_bytes(b"no database" * 100)
    result = run("peers", "history", "--home", home)
    assert result.exit_code == 1
    assert str(home.peer_history) in result.stderr
