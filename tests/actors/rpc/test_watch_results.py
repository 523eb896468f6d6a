"""actors/rpc/watch_results.py: actors and peers as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peerage.actors.messages import PeerFigures, PeerRow, RefusalRow
from peerage.actors.rpc.node_watch import HostPeers
from peerage.actors.rpc.protocol import InvalidParamsError
from peerage.actors.rpc.watch_results import MOST_REFUSALS, MOST_ROWS, PEER_ORDERS, actors, peers
from peerage.actors.runtime import ActorFacts, ChildFacts, CrowdFacts, HostFound, Observation

ANNA = PeerRow(
    "c-1", "aa" * 20, "Anna", "0.38", "192.0.2.1:1", True, False, False,
    100.0, 0.0123456, 10.4, 20.0, 3, 4, 0.5, 2, 0, ((0x30, 2, 10),),
)  # fmt: skip
BERT = ANNA._replace(connection="c-2", id="bb" * 20, moniker="bert", address="[2001:db8::1]:2", since=50.0)
CARL = BERT._replace(
    connection="c-3", id="cc" * 20, moniker="carl", round_trip=0.5, since=70.0, is_outbound=False
)
BERT = BERT._replace(round_trip=None, queued=0, queues=())
REFUSED = [
    RefusalRow(1.0, "192.0.2.1:9", "", False, "duplicate ip", "there already"),
    RefusalRow(2.0, "192.0.2.8:9", "bb" * 20, True, "unreachable", "timed out"),
]


def hosts(*rows: PeerRow, refusals: list[RefusalRow] = REFUSED, answered: bool = True) -> list[HostPeers]:
    return [HostPeers("peers-0", answered, PeerFigures(tuple(map(tuple, rows)), tuple(map(tuple, refusals))))]


def listed(**wanted: Any) -> list[str]:
    return [peer["moniker"] for peer in peers(hosts(ANNA, BERT, CARL), **wanted)["peers"]]


def test_a_peer_has_its_figures_and_its_last_refusal() -> None:
    """By its ID, or by its address."""
    result = peers(hosts(ANNA, BERT, CARL))
    bert, carl, anna = json.loads(json.dumps(result))["peers"]
    assert (anna["id"], anna["round_trip"], anna["send_rate"], anna["host"]) == (
        "aa" * 20,
        0.0123,
        10,
        "peers-0",
    )
    assert anna["queues"] == [{"channel": 0x30, "queued": 2, "capacity": 10}]
    assert [peer["last_refusal"] and peer["last_refusal"]["reason"] for peer in (anna, bert, carl)] == [
        "duplicate ip",
        "unreachable",
        None,
    ]
    assert (result["n_peers"], result["n_outbound"], result["recv_rate"], result["queued"]) == (3, 2, 60, 4)
    assert [each["at"] for each in result["refusals"]] == [2.0, 1.0]
    assert result["hosts"] == [{"host": "peers-0", "answered": True}]


def test_peers_are_sorted_as_asked_for() -> None:
    """Those without a figure come last in both directions."""
    assert listed() == ["bert", "carl", "Anna"]
    assert listed(sort="-since") == ["Anna", "carl", "bert"]
    assert listed(sort="round_trip") == ["Anna", "carl", "bert"]
    assert listed(sort="-round_trip") == ["carl", "Anna", "bert"]
    for order in PEER_ORDERS:
        assert len(listed(sort=order)) == 3


def test_peers_are_found_by_any_of_their_names() -> None:
    """In any case; the totals are those of all."""
    assert listed(wanted="ANNA") == ["Anna"]
    assert listed(wanted="2001:db8") == ["bert", "carl"]
    result = peers(hosts(ANNA, BERT), wanted="bb")
    assert (result["n_peers"], result["n_matching"]) == (2, 1)


def test_an_answer_is_bounded() -> None:
    """By the asker, and in any case."""
    assert listed(limit=2) == ["bert", "carl"]
    many = [
        RefusalRow(float(number), f"192.0.2.{number}:1", "", False, "banned", "") for number in range(100)
    ]
    result = peers(hosts(*[ANNA] * (MOST_ROWS + 1), refusals=many))
    assert (len(result["peers"]), result["n_peers"], len(result["refusals"])) == (
        MOST_ROWS,
        MOST_ROWS + 1,
        MOST_REFUSALS,
    )


@pytest.mark.parametrize("wrong", [{"sort": "shoe size"}, {"sort": "--since"}, {"limit": -1}], ids=str)
def test_what_cannot_be_asked_for_is_said(wrong: dict[str, Any]) -> None:
    """With what is there instead."""
    with pytest.raises(InvalidParamsError, match="expected"):
        peers(hosts(ANNA), **wrong)


def test_private_peers_are_nowhere() -> None:
    """Not in the counts, nor among the refused; whoever has not proved an ID may be one of them."""
    result = peers(hosts(ANNA, BERT), private=frozenset({BERT.id}))
    assert BERT.id not in json.dumps(result)
    assert (result["n_peers"], result["refusals"]) == (1, [])
    assert "192.0.2.8" not in json.dumps(result)


def facts(name: str, children: tuple[ChildFacts, ...] | None = None) -> ActorFacts:
    return ActorFacts(name, "module:Class", "idle", "", "", 1, 2, 0.25, 3, children)


def found(
    name: str, *rows: ActorFacts, crowds: tuple[CrowdFacts, ...] = (), answered: bool = True
) -> HostFound:
    return HostFound(name, len(name), 7, answered, 1.5, 0.5, 1024, 0, rows, crowds)


def test_actors_stand_in_the_order_of_the_tree() -> None:
    """A crowd below the actor of its host; a child that is away with what its supervisor says; silence as such."""
    children = (
        ChildFacts("peers", "peers", "peers", "worker", "running", "permanent", 2, "killed"),
        ChildFacts("gone", "gone", "gone", "worker", "restarting", "permanent", 1, "boom"),
        ChildFacts("mute", "mute", "mute", "worker", "running", "permanent", 0, ""),
    )
    seen = Observation(
        (
            found("peers", facts("peers"), crowds=(CrowdFacts("module:Peer", 1000, 5, 6, 1.0, 9),)),
            found("mute", facts("mute"), answered=False),
            found("node", facts("node", children)),
        ),
        {},
    )
    result = json.loads(json.dumps(actors(seen, "node")))
    assert [
        (row["depth"], row["name"], row["parent"], row["state"], row["restarts"]) for row in result["actors"]
    ] == [
        (0, "node", "", "idle", 0),
        (1, "peers", "node", "idle", 2),
        (2, "Peer", "peers", "", 0),
        (1, "gone", "node", "restarting", 1),
        (1, "mute", "node", "silent", 0),
    ]
    assert (result["actors"][2]["count"], result["actors"][1]["last_cause"]) == (1000, "killed")
    assert result["hosts"][0] == {
        "host": "peers", "pid": 7, "answered": True, "processor_time": 1.5,
        "loop_time": 0.5, "memory": 1024, "dead_letters": 0,
    }  # fmt: skip


def test_other_nodes_of_the_program_are_left_out() -> None:
    """Actors of the program itself are not."""
    other = facts("node-2/supervisor")._replace(class_path="peerage.supervisors.node.tree:NodeSupervisor")
    hosts = found("node-2/supervisor", other), found("own", facts("own")), found("node", facts("node"))
    result = actors(Observation(hosts, {}), "node")
    assert [row["name"] for row in result["actors"]] == ["node", "own"]
    assert [host["host"] for host in result["hosts"]] == ["own", "node"]
