"""The actors of one host, and what is known of those that were there before.

Reasons are kept after an end, because a watch may be under way while the actor ends. Its sender has started the actor and
wants to know how it ended; `noproc`, there is no such actor, would be true and of no use.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.system_messages import SystemMessage
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.watches import BEFORE_HOOKS

REMEMBERED_REASONS = 256  # of actors that have ended in a host that lives on
TOLD_REASONS = 32  # of them, when the host itself ends: every process of the system hears them

ActorRow = tuple[str, str, int, int, int, float, int]  # as `system.ActorStatistics`


class Residents:
    """Attributes: cells, the actors by name, the first started first: they stop in the reverse order.

    Args: send, a port's: `send(address, kind, correlation, body=…)`.
    """

    def __init__(self, send: Callable[..., object]) -> None:
        self._send = send
        self.cells: dict[bytes, ActorCell] = {}
        self._reasons: OrderedDict[bytes, DownReason] = OrderedDict()

    def forget(self, cell: ActorCell) -> None:
        """An actor is on its way out: its name may be used again."""
        self.cells.pop(cell.name, None)

    def note_end(self, name: bytes, reason: DownReason) -> None:
        """Remember why an actor has ended: somebody may just be asking to watch it."""
        self._reasons.pop(name, None)  # a name used again counts as new
        self._reasons[name] = reason
        while len(self._reasons) > REMEMBERED_REASONS:
            self._reasons.popitem(last=False)

    def last_ends(self) -> dict[str, DownReason]:
        """How the actors ended that ended last, for the host's goodbye: a watch that finds the whole host gone is answered
        from that (`HostTable.end_of`).
        """
        names = list(self._reasons)[-TOLD_REASONS:]
        return {name.decode(): self._reasons[name] for name in names}

    def on_watch(self, message: SystemMessage) -> None:
        """Somebody wants to be told of an actor's end. Whatever is known of it already is told at once."""
        source, number, target, body = message
        cell = self.cells.get(target)
        if cell is None:
            # A watch may cross its actor's end on the way: then the true reason is still known.
            reason = self._reasons.get(target) or DownReason("noproc", f"{target.decode()} not found")
            self._send(source, Kind.DOWN, number, body=codec.dumps(reason))
        elif body == BEFORE_HOOKS:
            cell.watchers.add_early((source, number))
        else:
            cell.watchers.add((source, number))

    def on_unwatch(self, message: SystemMessage) -> None:
        """Somebody does not want to be told any more."""
        if (cell := self.cells.get(message.target)) is not None:
            cell.watchers.discard((message.source, message.correlation))

    def statistics(self, host: str, pid: int) -> list[ActorRow]:
        """Returns: for each actor its name, host, pid, mailbox depth and bytes, age of the oldest message,
        messages handled.
        """
        now = time.monotonic()
        return [
            (
                cell.ref.name,
                host,
                pid,
                cell.mailbox.depth,
                cell.mailbox.size,
                cell.mailbox.oldest_age(now),
                cell.mailbox.handled,
            )
            for cell in self.cells.values()
        ]
