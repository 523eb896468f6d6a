"""What each actor of a node is called, and how to reach it: names outlive processes."""

from __future__ import annotations

from dataclasses import dataclass

from peerage.actors.runtime import ActorRef

__all__ = ["NodeNames"]


@dataclass(frozen=True, slots=True)
class NodeNames:
    """The names of one node's actors; each is also the name of the host it runs in.

    Args:
        prefix: tells nodes in one embedding process apart ("" for a process's only node).
        reactors: the reactors' names in registration order.
        peer_hosts: how many peer hosts there are, at least 1.
    """

    prefix: str
    reactors: tuple[str, ...]
    peer_hosts: int

    def of(self, name: str) -> str:
        """The full name of a part of this node."""
        return f"{self.prefix}{name}"

    @property
    def supervisor(self) -> ActorRef:
        """The root of the supervision tree."""
        return ActorRef.to(self.of("supervisor"))

    @property
    def addrbook(self) -> ActorRef:
        return ActorRef.to(self.of("addrbook"))

    @property
    def switch(self) -> ActorRef:
        return ActorRef.to(self.of("switch"))

    @property
    def metrics(self) -> ActorRef:
        return ActorRef.to(self.of("metrics"))

    @property
    def events(self) -> ActorRef:
        """The event hub, in the process of RPC."""
        return ActorRef.to(self.of("rpc/events"), self.of("rpc"))

    @property
    def program(self) -> ActorRef:
        """The inbox of the embedding program, in a thread of its process: there if some reactor is a relay."""
        return ActorRef.to(self.of("program"))

    def reactor(self, name: str) -> ActorRef:
        """The reactor registered under `name`."""
        return ActorRef.to(self.of(f"reactor-{name}"))

    def transport(self, index: int) -> ActorRef:
        """The transport of the peer host with this index."""
        return ActorRef.to(self.of(f"peers-{index}"))

    @property
    def transports(self) -> tuple[ActorRef, ...]:
        return tuple(self.transport(index) for index in range(self.peer_hosts))
