"""What a program changes at its node while that runs: who is connected, who is kept out, which settings count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.messages.steering import (
    ClosedPeer,
    ClosePeers,
    DropPersistent,
    Reconfigure,
    Reconfigured,
)
from peerage.config import Config
from peerage.wire.keys import NodeID, is_node_id, normal_id
from peerage.wire.remote_text import quoted

__all__ = ["SteeredNode"]

BAN_S = 24 * 3600.0  # Bitcoin Core's, as the command's
BY_THE_PROGRAM = "by the program"


class SteeredNode:
    """The part of `Node` that steers it. All of it raises NodeNotRunningError when the node does not run."""

    def disconnect(self, whom: str) -> tuple[NodeID, ...]:
        """End the connections of a node ID, an IP address, or an `IP:port`. Persistent peers are dialled again.

        Returns: the IDs of those that are being disconnected. Raises: ValueError, it is none of these.
        """
        closed: tuple[ClosedPeer, ...] = self._ask(ClosePeers(whom))
        return tuple(peer.id for peer in closed)

    def remove_persistent_peers(self, ids: Iterable[str]) -> tuple[NodeID, ...]:
        """Do not redial these any more; they stay connected.

        Returns: those that were persistent. Raises: ValueError, one is no node ID.
        """
        wanted = []
        for peer_id in ids:
            if not is_node_id(peer_id):
                raise ValueError(f"{quoted(peer_id)} is no node ID: 40 hexadecimal characters are expected")
            wanted.append(NodeID(normal_id(peer_id)))
        removed: tuple[NodeID, ...] = self._ask(DropPersistent(tuple(wanted)), part="supervisor")
        return removed

    def ban(self, subject: str, seconds: float = BAN_S, reason: str = BY_THE_PROGRAM) -> Ban:
        """Keep a node ID, an IP address or a network out for so long; its connections end. On disk when this returns.

        Raises: BanSubjectError, it is none of these.
        """
        ban: Ban = self._ask(BookCall(BadPeers.ban, (subject, seconds, reason)), part="addrbook")
        return ban

    def unban(self, subject: str) -> bool:
        """End a ban, and forget what counts against its subject. Returns: whether there was anything."""
        done: bool = self._ask(BookCall(Misbehaviour.forgive, (subject,)), part="addrbook")
        return done

    def reconfigure(self, config: Config) -> Reconfigured:
        """Be as this configuration says, as far as that goes while the node runs. `config` stays what it was made with.

        Returns: what has changed, and what counts only once the node is made anew.
        """
        done: Reconfigured = self._ask(Reconfigure(config), part="supervisor")
        return done

    def _ask(self, message: Any, timeout: float = 0.0, *, part: str = "") -> Any:
        """Ask a part of the node."""
        raise NotImplementedError
