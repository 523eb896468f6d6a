"""Whether the reactors have handed over all they had accepted for a connection that is being closed gracefully."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from peerage.actors.messages import RemovePeer
from peerage.actors.peers.addressees import Addressees
from peerage.actors.peers.stream import Loop
from peerage.actors.runtime import Future

__all__ = ["Draining", "RemovalRound"]


class Draining:
    """What reactors still owe to a connection before it may be closed.

    Each reactor is asked to remove the peer, and answers with the number of messages that it has sent per channel since
    the connection began. The answer alone does not mean that they are here. It is handled at once, while messages wait
    for their turn in the peer actor's mailbox: under load it overtakes the last ones, although it was sent after them.
    So the connection is drained when the counts agree.

    Args: reactors, those that are asked.
    """

    def __init__(self, reactors: Iterable[str] = ()) -> None:
        self._unanswered = set(reactors)
        self._promised: dict[int, int] = {}

    def answered(self, reactor: str, sent: Mapping[int, int]) -> None:
        """A reactor has removed the peer; no message of it is sent after these.

        Args: sent, channel → messages, nothing from a reactor that has ended or did not know the peer.
        """
        self._unanswered.discard(reactor)
        self._promised.update(sent)

    def stop_waiting(self) -> None:
        """Some reactor takes too long: close with what has come."""
        self._unanswered.clear()
        self._promised.clear()

    def is_over(self, arrived: Mapping[int, int]) -> bool:
        """Whether nothing more will come.

        Args: arrived, channel → messages that its reactor had sent by the last one that came.
        """
        return not self._unanswered and all(
            arrived.get(channel_id, 0) >= sent for channel_id, sent in self._promised.items()
        )


class RemovalRound:
    """Asks every reactor to remove a peer, and says when all that they had accepted for it has come.

    Args:
        loop: keeps the time.
        addressees: has the reactors.
        connection: that ends.
        patience: seconds, then a reactor that has not answered is not waited for.
        on_change: called when it may be over.
    """

    def __init__(
        self,
        loop: Loop,
        addressees: Addressees,
        connection: str,
        patience: float,
        on_change: Callable[[], object],
    ) -> None:
        self._draining = Draining(addressees.reactors)
        self._on_change = on_change
        for name in addressees.reactors:
            answer = addressees.reactor(name).ask(RemovePeer(connection, ""), block=False, exempt=True)
            answer.then(partial(self._answered, name))
        loop.call_later(patience, self._stop_waiting)

    def is_over(self, arrived: Mapping[int, int]) -> bool:
        """As of Draining."""
        return self._draining.is_over(arrived)

    def _answered(self, reactor: str, answer: Future[Any]) -> None:
        try:
            sent = answer.get(timeout=0) or {}
        except Exception:  # it has ended, or cannot answer: either way nothing more comes from it
            sent = {}
        self._draining.answered(reactor, sent)
        self._on_change()

    def _stop_waiting(self) -> None:
        self._draining.stop_waiting()
        self._on_change()
