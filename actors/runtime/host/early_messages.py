"""What comes for the actors of a host before the one is there that the host was made for.

Everybody hears of a host when its actor is about to be started. To read the start message takes a while, because that
imports the actor's class; whoever sends in that moment would find nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.inbox import Handler

__all__ = ["EarlyMessages"]

FOR_ACTORS: Final = (
    Kind.TELL,
    Kind.TELL_IF_THERE,
    Kind.ASK,
    Kind.ASK_UNTIL,
    Kind.CANCEL,
    Kind.STOP,
    Kind.WATCH,
    Kind.UNWATCH,
)


class EarlyMessages:
    """Takes the place of the handlers of messages that are for actors, until `hand_over`.

    Nothing here bounds the messages: each sender's window does, as for a mailbox.

    Args: handlers, of a port, by kind; nobody else replaces those for actors.
    """

    def __init__(self, handlers: list[Handler]) -> None:
        self._handlers = handlers
        self._real = {kind: handlers[kind] for kind in FOR_ACTORS}
        self._kept: list[tuple[Handler, Sequence[Any]]] = []
        for kind, handle in self._real.items():
            handlers[kind] = partial(self._keep, handle)

    def _keep(self, handle: Handler, *message: Any) -> None:
        self._kept.append((handle, message))

    def hand_over(self) -> None:
        """The actor is there, or will not be: what was kept is handled now, in its order. Later calls have no effect."""
        for kind, handle in self._real.items():
            self._handlers[kind] = handle
        self._real.clear()
        kept, self._kept = self._kept, []
        for handle, message in kept:
            handle(*message)
