"""The outboxes of a reactor: one for each connected peer, and one for each peer host that it broadcasts to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from peerage.actors import transfer
from peerage.actors.messages import Credits
from peerage.actors.reactors.credited_sender import CreditedSender
from peerage.actors.runtime import Frames


class Outboxes:
    """Outboxes by the name of a connection or a transport. Args: at_end_of_turn, schedules a function for then."""

    def __init__(self, at_end_of_turn: Callable[[Callable[[], None]], object]) -> None:
        self._at_end_of_turn = at_end_of_turn
        self._outboxes: dict[str, CreditedSender] = {}

    def get(self, name: str) -> CreditedSender | None:
        """Return the outbox with this name, if there is one."""
        return self._outboxes.get(name)

    def open_for_peer(
        self,
        connection: str,
        tell: Callable[[Frames], None],
        credits_: Mapping[int, int],
        count: Callable[[type, int], None],
    ) -> CreditedSender:
        """Make one for a new peer. Args: credits_, by channel; count, as in CreditedSender."""
        outbox = CreditedSender(tell, partial(self._flush_later, connection), credits_, count)
        self._outboxes[connection] = outbox
        return outbox

    def open_for_host(
        self, transport: str, tell: Callable[[Frames], None], window: Mapping[int, int]
    ) -> CreditedSender:
        """Make one for broadcasts. Args: window, by channel, how many messages they may be ahead of the fastest peer."""
        outbox = CreditedSender(tell, partial(self._flush_later, transport), window, pack=transfer.broadcast)
        self._outboxes[transport] = outbox
        return outbox

    def grant(self, message: Credits) -> None:
        """Take new totals of credits."""
        outbox = self._outboxes.get(message.connection)
        if outbox is not None:
            outbox.grant(message.totals)

    def drop(self, name: str) -> None:
        """Drop an outbox and its credits. Its waiting messages are still sent: the receiver may be up by now."""
        outbox = self._outboxes.pop(name, None)
        if outbox is not None:
            outbox.flush()

    def _flush_later(self, name: str) -> None:
        self._at_end_of_turn(partial(self._flush, name))

    def _flush(self, name: str) -> None:
        outbox = self._outboxes.get(name)
        if outbox is not None:
            outbox.flush()
