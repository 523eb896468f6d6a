"""What one actor owes to those that have written to it: acknowledgements for tells, answers to asks and to stops.

Every message that has reached an actor is settled exactly once, whatever becomes of it. A tell is acknowledged as handled or
as a dead letter, an ask is answered or refused, a request to stop is answered when the actor has ended. That is the
receiver's half of the promise *sent = handled + reported* (docs/topics/mailboxes.md): a message that was dropped here
without being settled would keep its place in the sender's window for good.
"""

from __future__ import annotations

from peerage.actors.runtime.host.answers import Answers, Asker
from peerage.actors.runtime.host.mailbox import Mailbox, messages_in
from peerage.actors.runtime.host.receipts import Receipts
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.handled_counts import DEAD, SETTLED
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.window import UnacknowledgedCounts

TELL, ASK, STOP = int(Kind.TELL), int(Kind.ASK), int(Kind.STOP)  # comparing enum members is slow


class Settlement:
    """Belongs to one actor's cell, and lives as long.

    Attributes: unacknowledged, by the address of the sender, the tells that were handled and not yet acknowledged. The cell
    reads this dictionary itself for each tell, because a call would cost a tenth of handling one.
    """

    __slots__ = ("_answers", "_name", "_port", "_receipts", "_ref", "_stop_asks", "unacknowledged")

    def __init__(self, port: Port, receipts: Receipts, answers: Answers, ref: ActorRef) -> None:
        self._port, self._receipts, self._answers, self._ref = port, receipts, answers, ref
        self._name = ref.name.encode()
        self._stop_asks: list[Asker] = []
        self.unacknowledged: dict[int, UnacknowledgedCounts] = {}

    def counts_for(self, source: int) -> UnacknowledgedCounts:
        """The counts of the sender at this address, made when it has not told this actor anything before."""
        counts = self.unacknowledged.get(source)
        if counts is None:
            counts = self.unacknowledged[source] = self._receipts.counts(source, self._name)
        return counts

    def settle(self, source: int, flags: int, size: int, dead: int, messages: int = 1) -> None:
        """Note tells as handled, or `dead` of them as dead letters. They are acknowledged when enough have gathered.

        Args: size, the bytes that they take in their sender's window; flags, of their frame (`envelope.py`).
        """
        counts, words = self.counts_for(source), self._receipts.words
        words[counts.entry + SETTLED] += messages
        if dead:
            words[counts.entry + DEAD] += dead
        self._receipts.settle(counts, flags, size, dead, messages)

    def unreadable(self, kind: int, flags: int, source: int, corr: int, size: int, error: Exception) -> None:
        """Settle a message that could not be unpickled. The actor goes on: it is the sender's message that is broken.

        An asker gets the error and can act on it, so that only tells are logged here.
        """
        if kind == ASK:
            self._answers.fail(source, corr, error)
            return
        if kind == TELL:
            self.settle(source, flags, size, 1)
        self._log_unreadable(error)

    def unreadable_in_batch(self, counts: UnacknowledgedCounts, error: Exception) -> None:
        """Note one message of a batch as a dead letter; the batch as a whole is settled by whoever handles it."""
        self._receipts.words[counts.entry + DEAD] += 1
        self._log_unreadable(error)

    def _log_unreadable(self, error: Exception) -> None:
        logger().error("message cannot be read", actor=self._ref.name, host=self._ref.host, error=repr(error))

    def asked_to_stop(self, source: int, corr: int) -> None:
        """Somebody waits for the actor's end, which several may have asked for."""
        self._stop_asks.append((source, corr))

    def refuse(self, mailbox: Mailbox) -> None:
        """The actor will handle nothing more: settle what waits in its mailbox, and acknowledge all that it has handled.

        It is not left to the timer of the receipts: senders that wait for room in a window see at once that nobody will
        make any. Requests to stop are kept for `answer_stops`.
        """
        for item in mailbox.items:
            kind, flags, source, corr, _sender, _body, _extras, size, _arrived = item
            if kind == TELL:
                messages = messages_in(item)
                self.settle(source, flags, size, messages, messages)
            elif kind == STOP and corr:
                self._stop_asks.append((source, corr))
        self._answers.refuse_all(self._name)
        mailbox.clear()
        for counts in self.unacknowledged.values():
            self._receipts.acknowledge(counts)

    def answer_stops(self) -> None:
        """All is over: answer those that have asked the actor to stop. To be called after the watchers have been told."""
        for source, corr in self._stop_asks:
            self._port.send(source, Kind.REPLY, corr, body=codec.dumps(None))
