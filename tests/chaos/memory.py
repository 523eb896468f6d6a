"""What the worst peers make a node hold: its resident memory against the formula of docs/topics/memory.md.

    python -m tests.chaos.memory [--budget MIB] [--peers N] [--rounds N]

Ten channels with CometBFT's defaults, in two reactors that consume nothing meanwhile. First one peer leaves messages
unfinished on all channels, fills the windows of both reactors and reads nothing of what they send and broadcast. It comes
again and again. Then many do so at once, beside an honest one, and others after them. At last all are gone.
Exit code 0: the memory was within the formula each time, the honest peer was served, and all was given back; 1: it was not.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from peerage import ChannelDescriptor, Envelope, Node, Reactor
from tests.bench.blocking_peer import BlockingPeer
from tests.chaos.footprint import memory_of
from tests.chaos.hoarders import (
    BROADCAST_SIZE,
    BROADCASTS,
    LONGEST,
    QUEUED,
    QUEUED_SIZE,
    Hoarder,
    HolderOfFive,
    HolderOfOtherFive,
)
from tests.nodes import HIGH, node_config, node_processes

MIB = 1024 * 1024
PATIENCE_S = 60.0
LOOK_S = 0.1
SETTLED_S = 2.0  # without growth
TOLERANCE = 1.1
CONNECTION = MIB // 4  # the allowance, the packets' buffers and the objects of a connection
WINDOW = 4 * MIB  # the default of peerage.receive_window
HOSTS = 2
REACTORS = (HolderOfFive, HolderOfOtherFive)
CAPACITIES = [{channel.id: channel.recv_message_capacity for channel in each.channels} for each in REACTORS]
OURS = "supervisor"  # it lives in the embedding process
WARM_S = 25.0  # freed memory is given back within twice ten seconds
GIVEN_BACK_S = 30.0


class EchoOfLongOnes(Reactor):
    """The honest peer's."""

    channels: ClassVar = (ChannelDescriptor(id=HIGH, priority=5, send_queue_capacity=10),)

    def receive(self, envelope: Envelope) -> None:
        envelope.source.send(envelope.channel_id, envelope.message)


class Watch:
    """The memory of a node's processes. Args: node, without peers; say, is told each figure."""

    def __init__(self, node: Node, say: Callable[[str], None]) -> None:
        self._node, self.say = node, say
        self.base = self.share()
        self.faults: list[str] = []
        say(f"without peers: {self.base / MIB:.0f} MiB")

    def share(self) -> int:
        """Bytes of all processes but this one, which has the peers; what they share is counted once."""
        processes = node_processes(self._node).items()
        return sum(memory_of(pid)[1] for name, pid in processes if name != OURS)

    def most(self, until: Callable[[], object]) -> int:
        """The most that is seen until that is true and nothing has grown for a while."""
        most, grown_at = 0, time.monotonic()
        deadline = grown_at + PATIENCE_S
        while time.monotonic() < deadline:
            now = self.share()
            if now > most + MIB:
                grown_at = time.monotonic()
            most = max(most, now)
            if until() and time.monotonic() - grown_at > SETTLED_S:
                break
            time.sleep(LOOK_S)
        return most

    def left(self) -> int:
        """What is there when memory has been given back, or has not within GIVEN_BACK_S."""
        deadline = time.monotonic() + GIVEN_BACK_S
        while (left := self.share()) > TOLERANCE * self.base and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        return left

    def judge(self, what: str, found: int, formula: int) -> None:
        """Note a fault if so many bytes are more than the formula, including what the node takes anyway, allows."""
        allowed = self.base + formula
        self.say(
            f"{what}: {found / MIB:.0f} MiB, by the formula {allowed / MIB:.0f}: {found / allowed:.2f} of it"
        )
        if found > TOLERANCE * allowed:
            self.faults.append(f"{what}: {found / MIB:.0f} MiB are more than {TOLERANCE} times the formula")


def of_one_peer(capacities: Sequence[Mapping[int, int]], longest: int) -> int:
    """The most that one peer's messages take, in bytes; docs/topics/memory.md.

    Args: capacities, by channel, those of one reactor after another; longest, bytes of the longest message.
    """
    unfinished = sum(sum(each.values()) for each in capacities)
    unsent = sum(map(len, capacities)) * (QUEUED + 1) * QUEUED_SIZE
    unconsumed = len(capacities) * (WINDOW + longest)
    broadcast = len(capacities) * BROADCASTS * BROADCAST_SIZE
    return unfinished + unsent + unconsumed + broadcast + CONNECTION + (1 + len(capacities)) * longest


def of_the_node(budget: int, peers: int) -> int:
    """The most that all peers' messages take, in bytes."""
    return budget + peers * CONNECTION + (HOSTS + len(REACTORS)) * LONGEST


def measure(budget: int, peers: int, rounds: int, say: Callable[[str], None]) -> list[str]:
    """Do all of it. Args: budget, bytes. Returns: what did not hold, a line each."""
    with tempfile.TemporaryDirectory(prefix="memory-") as directory, contextlib.ExitStack() as stack:
        standstill = Path(directory, "standstill")
        reactors = {each.__name__: (each, str(standstill)) for each in REACTORS}
        node = stack.enter_context(
            Node(
                node_config(Path(directory, "home"), peerage={"peer_hosts": HOSTS, "peer_memory": budget}),
                {"ECHO": EchoOfLongOnes, **reactors},
            )
        )
        _warm_up(node)
        watch = Watch(node, say)
        standstill.touch()
        with Hoarder(node.address, CAPACITIES) as hoarder:
            found = watch.most(hoarder.is_done.is_set)
            watch.judge("one peer on all channels", found, of_one_peer(CAPACITIES, LONGEST))
        standstill.unlink()
        watch.judge("when it is gone", watch.left(), 0)
        found = _again(watch, node, rounds)
        watch.judge(f"one after the other, {rounds} times", found, of_one_peer(CAPACITIES, LONGEST))
        watch.judge("when they are gone", watch.left(), 0)
        standstill.touch()
        _all_at_once(watch, node, budget, peers)
        found = _again(watch, node, rounds)
        watch.judge(f"then {rounds} one after the other", found, of_the_node(budget, 1))
        standstill.unlink()
        watch.judge("when all are gone", watch.left(), 0)
        return watch.faults


def _warm_up(node: Node) -> None:
    """Have all processes done once what they will do: each host has a peer, and the reactor a long message."""
    with contextlib.ExitStack() as stack:
        for peer in [stack.enter_context(BlockingPeer(node.address, PATIENCE_S)) for _ in range(2 * HOSTS)]:
            _echo(peer, bytes(LONGEST))
    time.sleep(WARM_S)


def _again(watch: Watch, node: Node, rounds: int) -> int:
    found = 0
    for _ in range(rounds):
        with Hoarder(node.address, CAPACITIES):
            found = max(found, watch.most(lambda: True))
    return found


def _all_at_once(watch: Watch, node: Node, budget: int, peers: int) -> None:
    with contextlib.ExitStack() as stack:
        honest = stack.enter_context(BlockingPeer(node.address, PATIENCE_S))
        hoarders = [stack.enter_context(Hoarder(node.address, CAPACITIES)) for _ in range(peers)]
        found = watch.most(lambda: True)
        began = time.monotonic()
        is_served = _echo(honest, bytes(LONGEST))
        took = time.monotonic() - began
        found = max(found, watch.most(lambda: True))
        watch.judge(f"{peers} of them at once", found, of_the_node(budget, peers))
        ended = sum(not hoarder.is_at_it for hoarder in hoarders)
        watch.say(
            f"{ended} of them were ended; the honest peer's {LONGEST / MIB:.0f} MiB came back in {took:.1f} s"
        )
        if not is_served:
            watch.faults.append("the honest peer's message did not come back")


def _echo(peer: BlockingPeer, message: bytes) -> bool:
    try:
        peer.send(HIGH, message)
        while message not in (heard := peer.receive(PATIENCE_S)):  # among broadcasts
            if not heard:
                return False
        return True
    except OSError:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.memory", description=__doc__)
    parser.add_argument("--budget", type=int, default=512, help="peerage.peer_memory, in MiB (default: 512)")
    parser.add_argument("--peers", type=int, default=8, help="hoarders at once (default: 8)")
    parser.add_argument("--rounds", type=int, default=6, help="times that one comes again (default: 6)")
    chosen = parser.parse_args(arguments)
    faults = measure(chosen.budget * MIB, chosen.peers, chosen.rounds, lambda line: print(line, flush=True))
    for fault in faults:
        print(f"FAULT: {fault}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
