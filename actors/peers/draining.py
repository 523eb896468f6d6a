"""Whether the reactors have handed over all they had accepted for a connection that is being closed gracefully."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["Draining"]


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
