"""At a seed's door: whether a remote that has just connected wants addresses and nothing else.

Most nodes that connect to a seed ask for addresses and leave. They are answered and hung up on without having been peers,
which takes a fifth of the messages between actors. A remote that says something else, or nothing, becomes a peer.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from peerage.wire.multiplex import Event, MessageReceived, MessageRun
from peerage.wire.pex import PEX_CHANNEL, PexRequest

__all__ = ["FirstMessage", "SeedDoor"]

_REQUEST = PexRequest().encode()


class FirstMessage(Enum):
    """What the first message of a remote was."""

    REQUEST = "a request for addresses"
    OTHER = "something else"


class SeedDoor:
    """Listens to a remote until the first message has come. Source: reference 8."""

    __slots__ = ("asked", "heard")

    def __init__(self) -> None:
        self.asked = False
        """Whether it was a request. What comes behind a request is not heard."""
        self.heard: list[Event] = []
        """All that was said so far, for the peer that the remote may become."""

    def hear(self, events: Sequence[Event]) -> FirstMessage | None:
        """Take what the remote said. Returns: what its first message is; None before it has come, and after a request."""
        if self.asked:
            return None
        for event in events:
            self.heard += event.each() if type(event) is MessageRun else (event,)
        first = next((event for event in self.heard if type(event) is MessageReceived), None)
        if first is None:
            return None
        self.asked = first.channel_id == PEX_CHANNEL and first.data == _REQUEST
        return FirstMessage.REQUEST if self.asked else FirstMessage.OTHER
