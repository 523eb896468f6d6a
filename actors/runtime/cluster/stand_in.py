"""An actor that stands for one elsewhere: its messages are forwarded over a link, and what comes back is given on."""

from __future__ import annotations

from typing import ClassVar, Protocol

from peerage.actors.runtime.actor import ProcessActor
from peerage.actors.runtime.host.mailbox import Item
from peerage.actors.runtime.host.stand_in_cell import StandInCell
from peerage.actors.runtime.mail.exit_reason import DownReason


class Link(Protocol):
    """The way to the other end, where the actor is known by a key."""

    def stands_in(self, key: bytes, cell: StandInCell) -> None:
        """From now on this cell is the actor's stand-in."""

    def forward(self, key: bytes, cell: StandInCell, item: Item) -> None:
        """Send a message to it."""

    def forget(self, key: bytes) -> None:
        """The stand-in has ended."""


class StandIn(ProcessActor):
    """Args: link, to the other end; key, of the actor there."""

    cell_class: ClassVar[type[StandInCell]] = StandInCell

    def __init__(self, link: Link, key: bytes) -> None:
        self._link, self._key = link, key

    def forward(self, cell: StandInCell, item: Item) -> None:
        """As `Forwarder.forward`."""
        self._link.forward(self._key, cell, item)

    def gone(self, reason: DownReason) -> None:
        """As `Forwarder.gone`."""
        self._link.forget(self._key)
