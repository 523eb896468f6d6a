"""The peers of the node under chaos: built from CometBFT, half of them dialled by the node, half dialling it."""

from __future__ import annotations

import contextlib
from typing import Any, Self

from tests.chaos.links import Link
from tests.chaos.plan import PEERS
from tests.chaos.reactors import CAPACITY, PUSH, SPILL, STORE
from tests.interop.gopeer import DEFAULT_VERSION, GoPeer

__all__ = ["SixPeers"]

DIALLED = PEERS // 2
PRIORITIES = {STORE: 5, PUSH: 3, SPILL: 1}


class SixPeers:
    """Started in two halves, for the node's address is needed in between. Use it as a context manager.

    Between the node and each of them is a link that can be cut. The first one's has a name for an address.

    Attributes: all, the peers; links, theirs in the same order.
    """

    def __init__(self, seed: int, version: str = DEFAULT_VERSION) -> None:
        self._seed = seed
        self._options: Any = {
            "version": version,
            "channels": [
                {"id": channel, "priority": priority, "send_queue_capacity": CAPACITY}
                for channel, priority in PRIORITIES.items()
            ],
            "echo": True,
            "echo_channels": [PUSH],
            "max_num_outbound_peers": 0,
            "addr_book_strict": False,
        }
        self.all: list[GoPeer] = []
        self.links: list[Link] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for index in range(DIALLED):
            self._start(pex=True)
            peer = self.all[-1]
            name = "127.0.0.1" if index else "localhost"
            self._link(peer.address.partition("@")[2], name)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def ids(self) -> set[str]:
        return {peer.id for peer in self.all}

    def knows(self, peer: str) -> bool:
        """Whether this ID is one of them."""
        return peer in self.ids

    @property
    def to_be_dialled(self) -> list[str]:
        """The addresses of the first half."""
        return [
            f"{peer.id}@{link.address}" for peer, link in zip(self.all, self.links[:DIALLED], strict=False)
        ]

    def dial(self, address: str) -> None:
        """Start the other half: each dials the node and, when it loses it, dials it again.

        They speak no peer exchange: who dials asks for addresses on every connection, and who comes back at once and asks
        again is banned as too eager, for a minute at first.
        """
        node_id, _, where = address.partition("@")
        for _ in range(PEERS - DIALLED):
            link = self._link(where)
            self._start(pex=False, persistent_peers=[f"{node_id}@{link.address}"])

    def connected(self) -> dict[str, bool]:
        """By ID, whether it has the node."""
        return {
            peer.id: len(peer.history("peer_added")) > len(peer.history("peer_removed")) for peer in self.all
        }

    def _link(self, where: str, name: str = "127.0.0.1") -> Link:
        host, _, port = where.rpartition(":")
        link = self._stack.enter_context(Link((host, int(port)), name))
        self.links.append(link)
        return link

    def _start(self, **options: Any) -> None:
        peer = GoPeer(**self._options, **options, key_seed=f"chaos {self._seed} {len(self.all)}")
        self.all.append(self._stack.enter_context(peer))
