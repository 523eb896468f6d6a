"""Two connections to one ID: which of them stays.

When both sides dial at the same moment, each may have admitted a different connection first. If each refused its second one,
none would be left. So the first connection is pinged, and has to give a sign of life: a remote answers on the connection
that it admitted. Whatever it sends is such a sign, since its pong may stand behind megabytes of other data.

    the first speaks       it stays
    the first ends         the second is admitted: the remote has closed the first
    the first is silent    if it is old, it is dead; if both are young, the one dialled by the lower ID stays, on both sides

The side that keeps its first connection says so after a second, the other one waits for five: the first connection of that
side ends as soon as the second is refused here. So two dials that cross each other are settled in a second, and nobody who
is only slow has to yield.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from peerage.actors.loss import LossReason
from peerage.actors.messages import AdmitPeer, ProbePeer, StopPeer
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorDeadError, Future, Timer
from peerage.actors.switch.peer_table import Connection, PeerTable
from peerage.wire.keys import NodeID

YOUNG_S = 10.0  # a connection younger than this may be one of two that cross each other
PROOF_S = 5.0  # how long the first connection may be silent; 1 s was too short for a host under load
KEEP_S = 1.0  # the same, if it stays anyway

Answer = Callable[[Any], None]


class Duplicates:
    """The contests that are under way.

    Args: admit, called with the message and its reply when the second one has won, and the name of the first.
    """

    def __init__(
        self,
        own_id: NodeID,
        table: PeerTable,
        *,
        now: Callable[[], float],
        call_later: Callable[..., Timer],
        admit: Callable[[AdmitPeer, Answer, str], None],
    ) -> None:
        self._own_id, self._table = own_id, table
        self._now, self._call_later, self._admit = now, call_later, admit
        self._rivals: dict[str, list[Callable[[], None]]] = {}  # by the name of the first connection

    def settle(self, message: AdmitPeer, existing: Connection, reply: Answer) -> None:
        """Admit the second connection in place of the existing one, or answer with its refusal."""
        dialled_by_lower = existing.is_outbound == (self._own_id < message.id)
        stays = dialled_by_lower and self._now() - existing.since < YOUNG_S
        is_settled = False

        def settle(*, keep_existing: bool) -> None:
            nonlocal is_settled
            if not is_settled:
                is_settled = True
                timer.cancel()
                self._decide(message, existing, reply, keep_existing=keep_existing)

        def answered(answer: Future[Any]) -> None:
            try:
                alive = bool(answer.get(timeout=0))
            except ActorDeadError:
                alive = False
            if alive:
                settle(keep_existing=True)

        timer = self._call_later(KEEP_S if stays else PROOF_S, partial(settle, keep_existing=stays))
        self._rivals.setdefault(existing.facts.connection, []).append(partial(settle, keep_existing=False))
        if existing.ref is not None:
            existing.ref.ask(ProbePeer(), block=False).then(answered)

    def ended(self, connection: str) -> None:
        """A connection has ended. If it was in a contest, the other one has won."""
        for rival in self._rivals.pop(connection, []):
            rival()

    def _decide(
        self, message: AdmitPeer, existing: Connection, reply: Answer, *, keep_existing: bool
    ) -> None:
        if message.facts.connection not in self._table.connections:
            reply(Refusal(RefusalReason.STOPPING, "closed in the meantime"))
            return
        current = self._table.rival_of(message.id, message.facts.connection)
        if current is not None and (keep_existing or current is not existing):
            reply(Refusal(RefusalReason.DUPLICATE_ID, f"{message.id} is connected already"))
            return
        if current is not None and current.ref is not None:
            stop = StopPeer(
                "replaced by a newer connection of the same ID", is_error=False, loss=LossReason.REPLACED
            )
            current.ref.tell(stop, exempt=True)
            self._table.give_way(current)
        self._admit(message, reply, existing.facts.connection)
