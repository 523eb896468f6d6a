"""Which connections are admitted: bans, limits, duplicates, filters, before and after the handshake (reference 3 and 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.messages import Admission, AdmitPeer, ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal
from peerage.actors.runtime import Timer
from peerage.actors.switch.duplicates import Duplicates
from peerage.actors.switch.filters import Filters
from peerage.actors.switch.peer_table import PeerTable

Answer = Callable[[Any], None]


class Bans(Protocol):
    """The bans that the address book has published."""

    def refusal(self, peer_id: str | None = None, ip: str | None = None) -> Refusal | None: ...


class Gate:
    """Decides on connections and peers.

    Attribute: duplicates, which must be told when a connection has ended.
    Args: refused, called with each connection that is refused before its handshake.
    """

    def __init__(
        self,
        table: PeerTable,
        bans: Bans,
        filters: Filters,
        *,
        now: Callable[[], float],
        call_later: Callable[..., Timer],
        refused: Callable[[ConnectionFacts, Refusal], None],
    ) -> None:
        self._table, self._bans, self._filters = table, bans, filters
        self._now, self._refused = now, refused
        self.duplicates = Duplicates(
            table.limits.own_id, table, now=now, call_later=call_later, admit=self._let_in
        )

    def admit_connection(self, facts: ConnectionFacts, answer: Answer) -> None:
        """Before the handshake of an accepted connection. Answer: a Refusal, or None."""
        refusal = self._bans.refusal(ip=facts.remote_ip) or self._table.admit_connection(facts)
        if refusal is not None:
            self._refused(facts, refusal)
            answer(refusal)
            return
        self._table.add(facts, self._now())

        def decided(refusal: Refusal | None) -> None:
            if refusal is not None:
                self._table.remove(facts.connection)
                self._refused(facts, refusal)
            answer(refusal)

        self._filters.judge_connection(facts, decided)

    def admit_peer(self, message: AdmitPeer, answer: Answer) -> None:
        """After the handshake. Answer: an Admission, or a Refusal."""
        facts = message.facts
        if facts.connection not in self._table.connections:
            self._table.add(facts, self._now())
        refusal = self._bans.refusal(message.id) or self._table.admit_peer(facts, message.id)
        existing = self._table.rival_of(message.id, facts.connection)
        if refusal is not None:
            answer(refusal)
        elif existing is not None:
            self.duplicates.settle(message, existing, answer)
        else:
            self._let_in(message, answer)

    def _let_in(self, message: AdmitPeer, answer: Answer, *beside: str) -> None:
        """Admit the connection for its ID, unless a filter refuses the peer. Args: beside, other connections of that ID."""
        facts = message.facts
        self._table.admit(facts, message.id, message.ref, self._now())
        table = self._table
        admission = Admission(message.id in table.persistent, message.id in table.unconditional, beside)
        info = PeerInfo.of(facts, message.id, message.node_info, message.ref, admission)
        self._filters.judge_peer(info, lambda refusal: answer(refusal or admission))
