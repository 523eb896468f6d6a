"""The actors that a peer host writes to, looked up once."""

from __future__ import annotations

from peerage.actors.names import NodeNames
from peerage.actors.runtime import ActorRef

__all__ = ["Addressees"]


class Addressees:
    """Switch and reactors of a node, as NodeNames has them.

    Making a ref takes as long as telling it something, and each connection tells each of them several things.
    """

    __slots__ = ("_reactors", "reactors", "switch")

    def __init__(self, names: NodeNames) -> None:
        self.switch = names.switch
        self.reactors = names.reactors
        self._reactors = {name: names.reactor(name) for name in names.reactors}

    def reactor(self, name: str) -> ActorRef:
        """The reactor registered under `name`."""
        return self._reactors[name]
