"""What an actor of a peer host was told at its start: the private key is in it, so the process's memory is closed first."""

from __future__ import annotations

from peerage.actors.context import PeerHostContext
from peerage.actors.private_memory import close_memory_of_host
from peerage.actors.runtime import ActorContext

__all__ = ["host_context"]


def host_context(runtime: ActorContext) -> PeerHostContext:
    """The context that the node gave this actor."""
    close_memory_of_host(runtime)
    context = runtime.extra
    assert isinstance(context, PeerHostContext)
    return context
