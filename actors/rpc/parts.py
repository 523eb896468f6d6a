"""The parts of a node that /readyz asks whether they answer."""

from __future__ import annotations

from peerage.actors.context import NodeContext
from peerage.actors.runtime import ActorRef

__all__ = ["parts_of"]


def parts_of(context: NodeContext) -> dict[str, ActorRef]:
    """All parts but RPC itself, by the names that they have in the supervision tree, which come first to last to start.

    Those that accept connections are `peers-0` and so on.
    """
    names = context.names
    parts = {"supervisor": names.supervisor, "addrbook": names.addrbook, "switch": names.switch}
    if context.config.instrumentation.prometheus:
        parts["metrics"] = names.metrics
    parts |= {f"reactor-{name}": names.reactor(name) for name in names.reactors}
    return {**parts, **{f"peers-{index}": ref for index, ref in enumerate(names.transports)}}
