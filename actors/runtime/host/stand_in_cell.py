"""A cell whose actor handles nothing itself: it stands for one elsewhere, and its mailbox is a mirror of that one's.

What has come stays in this mailbox after it was forwarded, until the other end says that it is handled. So everything that
hangs on a mailbox is as if the actor lived here: its senders' windows are full while it is slow, and its depth and the age
of its oldest message are the true ones. When it is lost, what it had not handled is counted as dead letters, asks fail, and
whoever waits for its stop is told.
"""

from __future__ import annotations

from typing import Any, Protocol

from peerage.actors.runtime.host.cell import TURN_MESSAGES, ActorCell
from peerage.actors.runtime.host.mailbox import FLAGS, KIND, SIZE, SOURCE, Item, messages_in
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.ref import ActorRef

TELL, STOP = int(Kind.TELL), int(Kind.STOP)


class Forwarder(Protocol):
    """The actor of such a cell."""

    def forward(self, cell: StandInCell, item: Item) -> None:
        """Send a message to the actor that is meant. It must neither wait nor read more of the message than it needs."""

    def gone(self, reason: DownReason) -> None:
        """The cell has ended, however that came. Called after everybody was told."""


class StandInCell(ActorCell):
    """Attributes: forwarded, how many of the first messages in the mailbox were forwarded and are not known to be handled;
    credit, tells that are known to be handled and belong to a batch that is not, as a whole.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.forwarded = self.credit = 0

    def run(self, left: int = TURN_MESSAGES) -> None:
        """As a cell's: forward what has come. All of it, since that takes less than handling one message does."""
        self.queued = False
        if self.busy or self.ended:
            return
        items = self.mailbox.items
        self.enter()
        try:
            while self.forwarded < len(items) and not self.ended:
                # From the right end, which is near: in the middle of a deque an index is looked for.
                item = items[self.forwarded - len(items)]
                self.forwarded += 1
                self.forwarder.forward(self, item)
        except BaseException as error:
            self.fail(error)
        finally:
            self.leave()

    @property
    def forwarder(self) -> Forwarder:
        """The actor."""
        return self.actor  # type: ignore[return-value]  # only such actors have a cell of this class

    def leave(self) -> None:
        """As a cell's: but what was forwarded gives it nothing to do."""
        forwarded = len(self.mailbox.items) == self.forwarded
        if forwarded:
            self.queued, queued = True, self.queued  # which is all that the cell looks at
            super().leave()
            self.queued = queued
        else:
            super().leave()

    def settled(self, tells: int = 0) -> None:
        """The other end says that this many more tells are handled, or are its dead letters: they leave the mailbox.

        With them go the asks and other messages in between: these were answered meanwhile, or are owed an answer as ever.
        """
        self.credit += tells
        mailbox, items = self.mailbox, self.mailbox.items
        while self.forwarded and items and not self.ended:
            item = items[0]
            kind, messages = item[KIND], messages_in(item)
            # A request to stop is answered by the end, which finds it here.
            if kind == STOP or (kind == TELL and messages > self.credit):
                return
            items.popleft()
            self.forwarded -= 1
            mailbox.size -= item[SIZE]
            mailbox.depth -= messages
            mailbox.handled += messages
            if kind == TELL:
                self.credit -= messages
                self._settlement.settle(item[SOURCE], item[FLAGS], item[SIZE], 0, messages)

    def _end_with(self, owner: ActorRef[Any]) -> None:
        """As a cell's: but the actor is elsewhere, and is asked to stop there."""
        self.owner = None
        body = codec.dumps(DownReason("shutdown", f"linked to {owner}, which has ended"))
        self._port.send(self._port.address, STOP, target=self.name, body=body)

    def end(self, reason: DownReason) -> None:
        """As a cell's; then its actor is told, also one whose start has failed."""
        if self.ended:
            return
        actor: Any = self.instance
        super().end(reason)
        actor.gone(reason)
