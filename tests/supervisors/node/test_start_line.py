"""The one line of a start."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from peerage.config.home_lock import HomeLock
from peerage.supervisors.node.life import NodeLife
from peerage.supervisors.node.start_line import start_facts, wanted
from tests.nodes import node_config

OTHER = f"{'b' * 40}@192.0.2.2:26656"


@pytest.mark.parametrize(
    ("p2p", "reactors", "text"),
    [
        ({}, (), "at most 10 outbound and 40 inbound peers, no reactors"),
        ({"seeds": [OTHER]}, ("PEX",), "1 seed, at most 10 outbound and 40 inbound peers, reactor PEX"),
        (
            {"persistent_peers": [OTHER, OTHER.replace("b", "c")], "max_num_inbound_peers": 0},
            ("PEX", "ECHO"),
            "2 persistent peers, at most 10 outbound and 0 inbound peers, reactors PEX ECHO",
        ),
        (
            {"seed_mode": True},
            ("PEX",),
            "to be a seed, at most 10 outbound and 40 inbound peers, reactor PEX",
        ),
    ],
    ids=["nothing", "a seed", "peers", "seed mode"],
)
def test_it_says_in_few_words_what_the_node_wants(
    tmp_path: Path, p2p: dict[str, Any], reactors: tuple[str, ...], text: str
) -> None:
    """An operator sees at a glance whether the right file was read."""
    assert wanted(node_config(tmp_path, p2p=p2p), reactors) == text


def test_of_many_reactors_some_are_named(tmp_path: Path) -> None:
    """The line stays one."""
    assert wanted(node_config(tmp_path), map(str, range(12))).endswith("8 9 and 2 more")


def test_it_says_where_the_node_is_reached(tmp_path: Path) -> None:
    """Also RPC and metrics, whose port the system may have chosen."""
    config = node_config(tmp_path, network="n", moniker="m")
    life = NodeLife("a" * 40, HomeLock(config.home, "a test"))
    try:
        life.address = f"{'a' * 40}@127.0.0.1:26656"
        with socket.create_server(("127.0.0.1", 0)) as server:
            life.http_listeners["rpc"] = [server]
            facts = start_facts(config, life, ("PEX",))
            life.told_also = (f"{'a' * 40}@[::1]:26656",)
            of_two = start_facts(config, life, ("PEX",))
            port = server.getsockname()[1]
    finally:
        life.release()
    assert (facts["address"], facts["network"], facts["moniker"]) == (life.address, "n", "m")
    assert facts["rpc"] == f"tcp://127.0.0.1:{port}"
    assert {"metrics", "also"}.isdisjoint(facts)
    assert of_two["also"] == f"{'a' * 40}@[::1]:26656"
