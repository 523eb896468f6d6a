"""Floods of tiny and empty packets: they cost their senders' connections, and nobody else anything (decision 0039)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import ClassVar

import pytest

from peerage import ChannelDescriptor, Envelope, Reactor
from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.discovery.book.offences import Offence
from tests.bench.blocking_peer import BlockingPeer
from tests.chaos.flooders import LITTLE_DATA, MESSAGES, FloodingPeer
from tests.chaos.isolation import EchoOnHigh
from tests.nodes import HIGH, LOW, NodeLog, StartNode, node_processes, wait_until

PATIENCE_S = 60.0
RATE = 5_120_000


class Deaf(Reactor):
    """Takes what comes, and does nothing."""

    channels: ClassVar = (ChannelDescriptor(id=LOW, priority=1),)

    def receive(self, envelope: Envelope) -> None:
        return


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_peers_beside_floods_of_every_kind_are_served_and_those_with_little_data_end(
    start_node: StartNode, node_log: NodeLog
) -> None:
    """One peer host for all: an honest peer's messages come back, no process is killed for hanging, and who sends
    packets with little or no data is thrown out for that reason, which counts against it."""
    node = start_node({"ECHO": EchoOnHigh, "DEAF": Deaf}, p2p={"recv_rate": RATE}, peerage={"peer_hosts": 1})
    processes = node_processes(node)
    with contextlib.ExitStack() as stack:
        honest = stack.enter_context(BlockingPeer(node.address, PATIENCE_S))

        def flooders(kinds: Mapping[str, bytes]) -> dict[str, FloodingPeer]:
            return {
                kind: stack.enter_context(FloodingPeer(node.address, packets))
                for kind, packets in kinds.items()
            }

        little, messages = flooders(LITTLE_DATA), flooders(MESSAGES)
        little["a byte in each frame"] = stack.enter_context(
            FloodingPeer(node.address, LITTLE_DATA["a byte"], in_crumbs=True)
        )
        number = 0
        while not all(each.is_thrown_out for each in little.values()):
            number += 1
            assert honest.send(HIGH, b"%d" % number)
            assert honest.receive(PATIENCE_S) == [b"%d" % number]
        for flooder in little.values():
            stopped = node_log.wait_for("peer stopped", peer=flooder.key.node_id)
            assert "packets with little or no data" in stopped["reason"]
        scores = BookClient(node.names.addrbook)
        floods = {each.key.node_id for each in little.values()}
        wait_until(lambda: {each.subject for each in scores.call(Misbehaviour.offenders)} == floods)
        assert {each.last for each in scores.call(Misbehaviour.offenders)} == {Offence.PACKET_FLOOD}
        staying = {honest.key.node_id, *(each.key.node_id for each in messages.values())}
        wait_until(lambda: {peer.id for peer in node.peers()} == staying)
        assert number > 0
    assert node_processes(node) == processes
    assert node_log.faults() == []
