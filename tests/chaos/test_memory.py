"""What peers make a node hold is bounded by the formula of docs/topics/memory.md, and given back when they are gone.

`python -m tests.chaos.memory` does the same with CometBFT's sizes, and with many peers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest

from peerage import ChannelDescriptor
from peerage.supervisors.node.node import ReactorSpec
from tests.bench.blocking_peer import BlockingPeer
from tests.chaos.hoarders import QUEUED, Hoarder, Holder
from tests.chaos.isolation import EchoOnHigh
from tests.chaos.memory import MIB, TOLERANCE, Watch, of_one_peer
from tests.nodes import HIGH, NodeLog, StartNode, node_processes, wait_until

PATIENCE_S = 60.0
LONGEST = 4 * MIB


def _channels(first: int) -> Sequence[ChannelDescriptor]:
    return tuple(
        ChannelDescriptor(id=first + number, send_queue_capacity=QUEUED, recv_message_capacity=LONGEST)
        for number in range(5)
    )


class One(Holder):
    channels: ClassVar = _channels(0x60)


class Two(Holder):
    channels: ClassVar = _channels(0x68)


class Echo(EchoOnHigh):
    channels: ClassVar = (ChannelDescriptor(id=HIGH, recv_message_capacity=LONGEST),)


CAPACITIES = [dict.fromkeys((channel.id for channel in each.channels), LONGEST) for each in (One, Two)]


def _reactors(standstill: Path) -> dict[str, ReactorSpec]:
    return {"ECHO": Echo, "ONE": (One, str(standstill)), "TWO": (Two, str(standstill))}


def _echo(peer: BlockingPeer, message: bytes) -> None:
    assert peer.send(HIGH, message)
    while message not in peer.receive(PATIENCE_S):
        pass


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_worst_peer_on_all_channels_takes_what_the_formula_says_and_it_is_given_back(
    start_node: StartNode, tmp_path: Path
) -> None:
    """Unfinished messages, windows, queues and broadcasts at once; the reactors stand still."""
    standstill = tmp_path / "standstill"
    standstill.touch()
    node = start_node(_reactors(standstill), peerage={"peer_hosts": 1, "receive_window": MIB})
    with BlockingPeer(node.address, PATIENCE_S) as peer:
        _echo(peer, bytes(LONGEST))
    watch = Watch(node, lambda _line: None)
    with Hoarder(node.address, CAPACITIES) as hoarder:
        most = watch.most(hoarder.is_done.is_set)
    assert hoarder.is_done.is_set()
    assert most - watch.base > 10 * LONGEST  # else it has not done its worst
    watch.judge("the worst peer", most, of_one_peer(CAPACITIES, LONGEST))
    assert watch.faults == []
    standstill.unlink()
    wait_until(lambda: watch.share() < TOLERANCE * watch.base, PATIENCE_S)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_peers_that_use_up_the_budget_are_ended_and_an_honest_one_is_served(
    start_node: StartNode, node_log: NodeLog, tmp_path: Path
) -> None:
    """Each of them may hold more than there is for all. A message of the largest channel comes through all the same."""
    node = start_node(_reactors(tmp_path / "no standstill"), peerage={"peer_memory": 12 * LONGEST})
    processes = node_processes(node)
    with ExitStack() as stack:
        honest = stack.enter_context(BlockingPeer(node.address, PATIENCE_S))
        hoarders = [stack.enter_context(Hoarder(node.address, CAPACITIES)) for _ in range(3)]
        _echo(honest, bytes(LONGEST))
        wait_until(lambda: not any(each.is_at_it for each in hoarders), PATIENCE_S)
        _echo(honest, bytes(LONGEST))
        assert not any(each.is_done.is_set() for each in hoarders)
        for each in hoarders:
            stopped = node_log.wait_for("peer stopped", peer=each.key.node_id)
            assert stopped["reason"].startswith("memory is short: ")
        assert honest.key.node_id in {peer.id for peer in node.peers()}
    assert node_processes(node) == processes
    assert node_log.faults() == []
