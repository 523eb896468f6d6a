"""What every actor of a node is told: who is let in, and how many."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.context import HANDSHAKE_PLACES, SPARE_PROCESSES, NodeContext
from peerage.actors.names import NodeNames
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PEX_CHANNEL
from tests.nodes import node_config

KEY = NodeKey.generate()
PEX = {PEX_CHANNEL: "PEX"}
SEED = {"pex": True, "seed_mode": True, "max_num_inbound_peers": 8}


def context(
    home: Path,
    routes: dict[int, str] | None = None,
    p2p: dict[str, Any] | None = None,
    peerage: dict[str, Any] | None = None,
    *,
    has_peer_filters: bool = False,
) -> NodeContext:
    return NodeContext(
        names=NodeNames("", ("PEX",), 2),
        config=node_config(home, p2p=SEED | (p2p or {}), peerage=peerage or {}),
        public_key=KEY.public_key,
        node_info=NodeInfo(id=KEY.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m"),
        channels=(),
        routes=PEX if routes is None else routes,
        has_peer_filters=has_peer_filters,
    )


def test_the_private_key_is_told_only_with_the_context_of_a_peer_host(tmp_path: Path) -> None:
    """Which is the same in all else, and shows the key to nobody who prints it."""
    plain = context(tmp_path)
    keyed = plain.with_key(KEY)
    assert (keyed.node_key, keyed.node_id, keyed.routes) == (KEY, KEY.node_id, plain.routes)
    assert KEY.seed not in pickle.dumps(plain)
    assert plain.node_id == KEY.node_id
    for shown in (KEY.seed.hex(), repr(KEY.seed)):
        assert shown not in repr(keyed)


def infos(*listen_addrs: str) -> list[NodeInfo]:
    return [NodeInfo(id=KEY.node_id, listen_addr=each, network="test", moniker="m") for each in listen_addrs]


@pytest.mark.parametrize(
    ("told", "of_ipv4", "of_ipv6"),
    [
        (["tcp://192.0.2.1:1"], 0, 0),
        (["tcp://192.0.2.1:1", "tcp://[2001:db8::1]:2"], 0, 1),
        (["tcp://[2001:db8::1]:2", "tcp://192.0.2.1:1"], 1, 0),
        (["tcp://node.example:1", "tcp://[2001:db8::1]:2"], 0, 1),
        (["tcp://node.example:1", "tcp://[2001:db8::1]:2", "tcp://192.0.2.1:1"], 2, 1),
    ],
)
def test_a_remote_hears_an_address_of_its_own_family(
    tmp_path: Path, told: list[str], of_ipv4: int, of_ipv6: int
) -> None:
    """If there is one; a name is for all."""
    first, *others = infos(*told)
    ours = replace(context(tmp_path), node_info=first, other_infos=tuple(others))
    assert ours.node_info_for("198.51.100.1").listen_addr == told[of_ipv4]
    assert ours.with_key(KEY).node_info_for("2001:db8::2").listen_addr == told[of_ipv6]
    assert ours.external_addresses_also == tuple(each.removeprefix("tcp://") for each in told[1:])


def test_a_seed_and_nothing_else_answers_callers(tmp_path: Path) -> None:
    """A reactor of its own, or somebody who wants to see the peers, makes it a node like others."""
    assert context(tmp_path).answers_seed_requests
    assert not context(tmp_path, p2p={"seed_mode": False}).answers_seed_requests
    assert not context(tmp_path, {**PEX, 0x70: "MINE"}).answers_seed_requests
    assert not context(tmp_path, has_peer_filters=True).answers_seed_requests


def test_there_are_as_many_places_for_handshakes_as_for_inbound_peers_or_more(tmp_path: Path) -> None:
    """Unless the operator has said how many. Where each of them is a process, there are few more."""
    ids = ("ab" * 20, "cd" * 20)
    assert context(tmp_path).handshake_places == HANDSHAKE_PLACES
    many = {"unconditional_peer_ids": ids, "max_num_inbound_peers": 1000}
    assert context(tmp_path, p2p=many).handshake_places == 1002
    assert context(tmp_path, p2p=many, peerage={"handshake_places": 100}).handshake_places == 100
    assert context(tmp_path, peerage={"peer_hosts": 0}).handshake_places == 8 + SPARE_PROCESSES


@pytest.mark.parametrize(
    ("configured", "told"), [("", ""), ("1.2.3.4:5", "1.2.3.4:5"), ("auto", "127.0.0.1:1")]
)
def test_what_auto_has_come_to_is_the_external_address(tmp_path: Path, configured: str, told: str) -> None:
    """As the node's NodeInfo has it. Otherwise it is what is configured."""
    assert context(tmp_path, p2p={"external_address": configured}).external_address == told


@pytest.mark.parametrize("routes", [PEX, {}])
def test_it_travels_to_every_process(tmp_path: Path, routes: dict[int, str]) -> None:
    """With the key, which is the node's identity."""
    made = context(tmp_path, routes)
    copy = pickle.loads(pickle.dumps(made))
    assert (copy.node_id, copy.routes, copy.config) == (KEY.node_id, routes, made.config)
