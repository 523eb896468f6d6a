"""The last events of a node: all of them for its owner, and for everybody else those that tell of no private peer."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from peerage.actors.events.happenings import Happening, NodeEvent
from peerage.actors.events.messages import EventLine, EventLines, NextEvents
from peerage.actors.events.private_names import PrivateNames
from peerage.actors.events.rendering import render
from peerage.actors.events.ring import Ring

__all__ = ["EventLog"]


class EventLog:
    """See the module's text. Until `learn_private` is called, nobody but the owner is told anything.

    Args:
        epoch: tells this log's IDs from those of any other.
        node: moniker of the node.
        private: those of the configuration.
    """

    def __init__(self, epoch: str, node: str, private: PrivateNames) -> None:
        self._node = node
        self._private = private
        self._is_informed = False
        self._all, self._public = (
            Ring(epoch),
            Ring(f"{epoch}p"),
        )  # each with numbers of its own: no gap tells anything

    def add(self, at: float, what: Happening) -> None:
        """Something happened. Args: at, Unix seconds."""
        line = render(NodeEvent(self._all.next_id, at, self._node, what))
        self._all.add(line)
        if self._private.note(line):
            self._public.blank(self._private.are_in)
        if self._is_informed:
            self._publish(line)

    def learn_private(self, ids: Iterable[str]) -> None:
        """These are private too, those that were added while the node runs. What was told of them is not told again."""
        if self._private.add(ids):
            for line in self._all:
                self._private.note(line)
            self._public.blank(self._private.are_in)
        if not self._is_informed:
            self._is_informed = True
            for line in self._all:
                self._publish(line)

    def answer(self, question: NextEvents) -> EventLines:
        """What is there now."""
        ring = self._public if question.public else self._all
        return ring.after(question.after, question.last)

    def _publish(self, line: EventLine) -> None:
        if not self._private.are_in(line):
            self._public.add(replace(line, id=self._public.next_id))
