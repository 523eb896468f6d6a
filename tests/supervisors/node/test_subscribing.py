"""What a program hears from its node unasked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog

from peerage import ChannelDescriptor, Node
from peerage.actors.runtime import System
from peerage.supervisors.node.errors import UnknownChannelError
from tests.nodes import HIGH, EchoReactor, StartNode, node_config


def test_two_lines_bring_a_message_to_a_task(start_node: StartNode, tmp_path: Path) -> None:
    """Subscribed before the start, so that nothing is missed; it ends with the node."""
    other = start_node()

    async def main() -> list[bytes]:
        node = Node(node_config(tmp_path / "home"), channels=[ChannelDescriptor(id=HIGH)], name="two/")
        found, messages = [], node.messages(HIGH)
        async with node:
            await node.dial_async(other.address)
            node.broadcast(HIGH, b"hello")
            found.append((await messages.get_async()).message)
        found += [envelope.message async for envelope in messages]
        return found

    assert asyncio.run(main()) == [b"hello"]


def test_a_node_without_relays_has_no_messages_for_the_program(start_node: StartNode) -> None:
    """It says what to do."""
    node = start_node({"ECHO": EchoReactor})
    with pytest.raises(UnknownChannelError, match="channel 0x50 come to the program; those that come: none"):
        node.messages(HIGH)


def test_the_end_is_told_to_all_who_want_to_hear_it(node_system: System, tmp_path: Path) -> None:
    """Whatever one of them raises."""
    node = Node(node_config(tmp_path), name="ending/")
    told = []

    def fail() -> None:
        raise RuntimeError("a mistake of the program's")

    node.on_end(fail)
    node.on_end(lambda: told.append("told"))
    with structlog.testing.capture_logs() as lines:
        with node:
            pass
        while not told:  # in a thread of the node's
            pass
    assert [line["kind"] for line in lines if line["event"] == "callback raised"] == ["end"]
