"""A running node without RPC: its operator's commands reach it all the same, at the socket in its home."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.chaos.started_node import StartedNode, make_home
from tests.face.command_line import run
from tests.nodes import wait_until

NOBODY = "ab" * 20


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedNode]:
    home = tmp_path_factory.mktemp("quiet") / "home"
    make_home(home)
    with StartedNode(home, rpc__laddr="", peer_hosts="1", reactor=None) as started:
        yield started


def printed(node: StartedNode, *arguments: str) -> Any:
    found = run(*arguments, "--home", node.home, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout.splitlines()[-1] if arguments[0] == "events" else found.stdout)


def test_nothing_listens_but_the_socket(node: StartedNode) -> None:
    """Its owner alone may use it."""
    assert stat.S_IMODE((node.home / "data" / "node.sock").stat().st_mode) == 0o600
    assert "rpc=" not in (node.home / "log").read_text()
    assert printed(node, "status")["id"] == node.node_id


def test_the_node_is_steered(node: StartedNode) -> None:
    """Bans, levels and peers, as with RPC."""
    assert printed(node, "peers", "list") == []
    assert run("bans", "add", NOBODY, "--home", node.home).exit_code == 0
    assert [ban["subject"] for ban in printed(node, "bans", "list")] == [NOBODY]
    assert run("reload", "--home", node.home).exit_code == 0


def test_what_it_does_is_seen(node: StartedNode) -> None:
    """The tree by `top`, what has happened by `events`, who was here by the history."""
    actors = {row["name"]: row for row in printed(node, "top", "--once")["actors"]["actors"]}
    assert {"switch", "rpc", "rpc/events", "rpc/control"} <= set(actors)
    run("bans", "add", NOBODY, "--home", node.home)
    told = partial(run, "events", "--kind", "banned", "--home", node.home, "--json")
    wait_until(lambda: told().stdout != "", what="the event of the ban")
    assert printed(node, "events", "--kind", "banned")["subject"] == NOBODY
    assert printed(node, "peers", "--history") == []
