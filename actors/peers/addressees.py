"""The actors that a peer host writes to, looked up once, and what all reactors are to hear soon."""

from __future__ import annotations

from typing import Any

from peerage.actors.names import NodeNames
from peerage.actors.runtime import ActorRef

__all__ = ["Addressees"]


class Addressees:
    """Switch and reactors of a node, as NodeNames has them.

    Making a ref takes as long as telling it something, and each connection tells each of them several things.

    Who came and who went is gathered for a moment, for each reactor is woken by it (`SwitchNews` says when that is over).
    Whoever takes the ref of a reactor to tell it something else has it told all of that before, so the order holds.
    """

    __slots__ = ("_gathered", "_reactors", "reactors", "switch")

    def __init__(self, names: NodeNames) -> None:
        self.switch = names.switch
        self.reactors = names.reactors
        self._reactors = {name: names.reactor(name) for name in names.reactors}
        self._gathered: list[Any] = []

    def reactor(self, name: str) -> ActorRef:
        """The reactor registered under `name`."""
        if self._gathered:
            self.flush()
        return self._reactors[name]

    def gather(self, message: object) -> None:
        """Tell all reactors, soon. Args: message, packed, for it is told to several."""
        self._gathered.append(message)

    def flush(self) -> None:
        """Tell them what has gathered, outside their windows: it is little, and none of it may be lost."""
        messages, self._gathered = self._gathered, []
        if not messages:
            return
        for ref in self._reactors.values():
            if len(messages) == 1:
                ref.tell(messages[0], exempt=True)
            else:
                ref.tell_many(messages, exempt=True)
