"""RPC and the parts of its node: who is asked what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peerage.actors.messages.steering import DropPersistent, GetPeerLists, PeerListsSnapshot
from peerage.actors.rpc.node_steering import NodeSteering, SteeringUnavailableError
from tests.actors.rpc.fake_steering import ANNA, FakeParts


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
