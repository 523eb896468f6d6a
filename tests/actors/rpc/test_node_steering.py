"""RPC and the parts of its node: who is asked what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peerage.actors.messages.steering import (
    DescribeNode,
    DropPersistent,
    GetPeerLists,
    NodeDescription,
    PeerListsSnapshot,
)
from peerage.actors.rpc.node_steering import NodeSteering, SteeringUnavailableError
from peerage.config import Config
from tests.actors.rpc.fake_steering import ANNA, BERT, FakeParts


def test_each_question_goes_to_the_part_that_knows() -> None:
    parts = FakeParts({GetPeerLists: PeerListsSnapshot((), (), ()), DropPersistent: ()})

    async def ask() -> None:
        steering = parts.steering()
        await steering.lists()
        await steering.remove((ANNA,))
        await steering.addresses()

    asyncio.run(ask())
    assert [name for name, _ in parts.asked] == ["switch", "supervisor", "addrbook"]


def test_a_service_without_a_node_says_so() -> None:
    """An RPC actor that a program has started by itself."""

    async def ask(_message: Any, _whom: Any, _name: str) -> Any:
        raise AssertionError

    with pytest.raises(SteeringUnavailableError, match="belongs to no node"):
        asyncio.run(NodeSteering(ask, None, hide_private=True).lists())


def test_peers_that_were_made_private_while_it_ran_are_hidden_in_the_settings() -> None:
    """The configuration names them as persistent still."""
    config = Config(network="test", p2p={"persistent_peers": f"{ANNA}@10.0.0.1:1,{BERT}@10.0.0.2:1"})
    lists = PeerListsSnapshot((), (), (ANNA,))
    parts = FakeParts({GetPeerLists: lists, DescribeNode: NodeDescription(1, 2.0, config, ())})
    hidden, whole = (
        asyncio.run(parts.steering(hide_private=hide_private).settings())["p2p.persistent_peers"][0]
        for hide_private in (True, False)
    )
    assert hidden == (f"{BERT}@10.0.0.2:1",)
    assert len(whole) == 2
