"""What a reactor keeps of each peer, for as long as the peer is connected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from peerage.actors.reactors.peer_handle import Peer

__all__ = ["PeerStates"]

S = TypeVar("S")


class PeerStates(Generic[S]):
    """A state for each peer of a reactor, written as an attribute of its class: `seen = PeerStates(SeenState)`.

    `self.seen[peer]` is the peer's own, made when it is first asked for. It is there in `init_peer` already, in
    `remove_peer` still, and dropped after that: a node that connects again begins anew. A restart of the reactor keeps none.

    Args: make, makes one, without arguments: a class, usually a dataclass.
    """

    def __init__(self, make: Callable[[], S]) -> None:
        self._make = make

    def __getitem__(self, peer: Peer) -> S:
        """Raises: KeyError, when the peer has left, or is not one of this reactor's own."""
        states: dict[object, Any] | None = peer.states
        if states is None:
            raise KeyError(f"{peer} has left, and so has its state")
        if self not in states:
            states[self] = self._make()
        return cast("S", states[self])
