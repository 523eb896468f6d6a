"""How the chains stand, with nodes of a few lines."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from peerage.supervisors.chains import overview
from peerage.supervisors.chains.keeper import ChainState, ChainStatus
from peerage.supervisors.chains.node_relay import NodeSilentError
from peerage.supervisors.chains.overview import ChainPlace, ChainsOverview

OVERVIEW = {
    "id": "ab" * 20,
    "moniker": "<b>anna</b>",
    "version": "0.2",
    "uptime_s": 7.0,
    "restarts": 1,
    "addresses": {"size": 12, "new": 9, "old": 3, "banned": 2},
}
PEERS = {"n_peers": 5, "n_outbound": 2, "recv_rate": 10, "send_rate": 20, "peers": []}


def place(chain: str) -> ChainPlace:
    return ChainPlace(chain, Path(f"/{chain}/node.sock"), Path(f"/{chain}/rpc.sock"), "loopback")


def status(chain: str, state: ChainState = ChainState.RUNNING, cause: str = "") -> ChainStatus:
    return ChainStatus(chain, state, f"id@{chain}", 7, 2, cause)


def look(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], *statuses: ChainStatus) -> dict[str, Any]:
    """The row of each chain. Args: answers, by path: a result, an error, or None: there is none."""

    async def ask_node(socket: Path, target: str) -> Any:
        found = answers[f"{socket.parent}{target.partition('?')[0]}"]
        if found is None:
            await asyncio.Event().wait()
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(overview, "ask_node", ask_node)

    async def main() -> dict[str, Any]:
        chains = ChainsOverview([place(each.chain) for each in statuses], lambda: statuses, patience=0.05)
        found = await chains.get()
        for task in chains._asked.values():  # those that owe an answer
            task.cancel()
        return {row["chain"]: row for row in found["chains"]}

    return asyncio.run(main())


def test_a_chain_that_runs_is_told_with_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts of its peers are those of RPC, which leaves private ones out."""
    found = look(monkeypatch, {"/a/overview": OVERVIEW, "/a/peers": PEERS}, status("a"))["a"]
    assert found["is_up"]
    assert (found["state"], found["restarts"], found["address"]) == ("running", 2, "id@a")
    node = found["node"]
    assert (node["inbound"], node["outbound"]) == (3, 2)
    assert (node["addresses"], node["proved"], node["banned"], node["restarts"]) == (12, 3, 2, 1)


def test_a_chain_that_is_down_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says why, and that it is about to be started again."""
    found = look(monkeypatch, {}, status("a", ChainState.WAITING, "killed by SIGKILL"))["a"]
    assert (found["state"], found["is_up"], found["why"]) == ("waiting", False, "killed by SIGKILL")
    assert found["node"] is None


def test_a_node_that_does_not_answer_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one whose answer is another than is known here."""
    answers = {
        "/a/overview": OVERVIEW,
        "/a/peers": PEERS,
        "/b/overview": None,
        "/b/peers": PEERS,
        "/c/overview": NodeSilentError("no node serves its RPC"),
        "/c/peers": PEERS,
        "/d/overview": {},
        "/d/peers": PEERS,
    }
    found = look(monkeypatch, answers, *map(status, "abcd"))
    assert [row["is_up"] for row in found.values()] == [True, False, False, False]
    assert found["b"]["why"] == "its node has not answered within 0.05 s"
    assert found["c"]["why"] == "no node serves its RPC"
    assert "'addresses'" in found["d"]["why"]


def test_an_address_book_that_is_away_leaves_its_figures_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are there."""
    answers = {"/a/overview": {**OVERVIEW, "addresses": None}, "/a/peers": PEERS}
    node = look(monkeypatch, answers, status("a"))["a"]["node"]
    assert (node["addresses"], node["inbound"]) == (None, 3)
