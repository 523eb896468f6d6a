"""What a program asks its node, waiting and awaited."""

from __future__ import annotations

import asyncio

import pytest

from peerage.supervisors.node.errors import DialError
from peerage.wire.errors import AddressError
from tests.nodes import StartNode, wait_until

NOBODY = f"{'00' * 20}@127.0.0.1:1"


def test_a_dial_is_awaited(start_node: StartNode) -> None:
    """The peer, or the same error as from a dial that waits; the loop goes on meanwhile."""
    node, other = start_node(), start_node()

    async def main() -> None:
        refused = asyncio.ensure_future(node.dial_async(NOBODY))
        peer = await node.dial_async(other.address)
        assert peer.id == other.node_id
        assert [each.id for each in await node.peers_async()] == [other.node_id]
        with pytest.raises(DialError):
            await refused
        await node.dial_async(NOBODY, persistent=True)
        assert await node.remove_persistent_peers_async([NOBODY[:40]]) == (NOBODY[:40],)

    asyncio.run(main())


def test_dialling_in_the_background_waits_where_no_loop_runs_and_is_awaited_where_one_does(
    start_node: StartNode,
) -> None:
    """CometBFT's name is both; whoever does not await it, or awaits what has happened, loses nothing."""
    node, first, second = start_node(), start_node(), start_node()

    async def main() -> None:
        await node.dial_peers_async([first.address])
        with pytest.raises(AddressError, match="nonsense"):
            await node.dial_peers_async(["nonsense"])

    asyncio.run(main())
    done = node.dial_peers_async([second.address])

    async def afterwards() -> None:
        await done

    asyncio.run(afterwards())
    wait_until(lambda: {peer.id for peer in node.peers()} == {first.node_id, second.node_id})
