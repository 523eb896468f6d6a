"""Killing the processes of a started node one by one, each time until it is back in full."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.echo import CHANNEL
from tests.chaos.started_node import StartedNode, eventually, make_home
from tests.interop.gopeer import GoPeer

BACK_IN_S = 5.0
HELD_S = 1.5


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: whose, and after how many seconds the node was back in full."""

    name: str
    seconds: float


class Patient:
    """A started node with a persistent peer built from CometBFT."""

    def __init__(self, node: StartedNode, peer: GoPeer) -> None:
        self.node, self.peer = node, peer
        eventually(self.is_connected, 10.0)
        self.names = sorted(node.processes().values())

    def is_connected(self) -> bool:
        """Whether JSON-RPC answers and shows the peer, and the peer has us."""
        return self.peer.id in self.node.peers() and self.node.node_id in self.peer.peers()

    def is_back(self) -> bool:
        """Whether every process is there, and the peer is connected."""
        return sorted(self.node.processes().values()) == self.names and self.is_connected()

    def kill(self, name: str) -> Kill:
        """SIGKILL the process of this name and wait until the node is back. Raises: AssertionError.

        A connection that was lost as soon as it stood is redialled later (reference 6): this one has stood for a while.
        """
        eventually(lambda: self.node.peer_age(self.peer.id) >= HELD_S, 5.0)
        pid = self.node.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        try:
            seconds = eventually(lambda: pid not in self.node.processes() and self.is_back(), BACK_IN_S)
        except AssertionError as error:
            there = sorted(self.node.processes().values())
            text = f"{name} killed: not back within {BACK_IN_S:g} s; lives: {self.node.lives()}, processes: {there}"
            raise AssertionError(f"{text}\n{self.node.log()[-4000:]}") from error
        return Kill(name, seconds)

    def check_echo(self) -> None:
        """Have a message come back through our reactor."""
        self.peer.reset()
        self.peer.send_numbered(self.node.node_id, CHANNEL, 1, 1000)
        assert self.peer.expect(self.node.node_id, CHANNEL, 1, 5.0)


@contextmanager
def patient(home: Path, peer: GoPeer) -> Iterator[Patient]:
    """Start a node whose persistent peer is `peer`."""
    make_home(home)
    with StartedNode(home, p2p__persistent_peers=peer.address) as node:
        yield Patient(node, peer)


def kill_for(seconds: float, every: float) -> list[Kill]:
    """Kill one process after the other, one each `every` seconds, for so long. Raises: AssertionError."""
    kills: list[Kill] = []
    options = {"network": "test", "channels": [{"id": CHANNEL, "priority": 5}]}
    with (
        tempfile.TemporaryDirectory() as home,
        GoPeer(**options) as peer,  # type: ignore[arg-type]  # as PeerOptions
        patient(Path(home), peer) as node,
    ):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            name = node.names[len(kills) % len(node.names)]
            kills.append(node.kill(name))
            print(f"{name:16} back in full after {kills[-1].seconds:.2f} s", flush=True)
            time.sleep(max(0.0, began + every - time.monotonic()))
        node.check_echo()
        assert node.node.lives()
        code, took = node.node.stop()
        print(f"{len(kills)} kills; stopped with exit code {code} in {took:.2f} s")
        assert code == 0
    return kills
