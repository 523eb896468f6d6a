"""What an actor of a peer host was told at its start. The private key is in it, so the process's memory is closed."""

from __future__ import annotations

from peerage.actors.context import PeerHostContext
from peerage.actors.private_memory import close_memory_of_host
from peerage.actors.runtime import ActorContext

__all__ = ["host_context"]


def host_context(runtime: ActorContext) -> PeerHostContext:
    """The context that the node gave this actor; nobody else looks into its process from then on."""
    context = runtime.extra
    assert isinstance(context, PeerHostContext)
    if context.config.peerage.private_memory:
        close_memory_of_host(runtime)
    return context
