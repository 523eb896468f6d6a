"""Dials: choose a peer host, tell it to dial, and report the outcome."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from peerage.actors.messages import ConnectionEnded, ConnectionFacts, Dial
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.actors.switch.admission import Bans
from peerage.actors.switch.filters import Filters
from peerage.actors.switch.peer_table import PeerTable, Stage
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

HELD_LIMIT = 1024  # dials that wait for a peer host

Answer = Callable[[Any], None]


class Hosts(Protocol):
    """The peer hosts."""

    @property
    def can_dial(self) -> bool: ...

    def least_loaded(self, load: Callable[[str], int]) -> ActorRef: ...


class Dialler:
    """The dials of a node.

    Args: ended, called with a dial that ended before a peer host was told of it; began, with each one that a host is told
        of.
    """

    def __init__(
        self,
        table: PeerTable,
        hosts: Hosts,
        bans: Bans,
        filters: Filters,
        *,
        now: Callable[[], float],
        ended: Callable[[ConnectionEnded], None],
        began: Callable[[ConnectionFacts], object] = lambda _facts: None,
    ) -> None:
        self._table, self._hosts, self._bans, self._filters = table, hosts, bans, filters
        self._now, self._ended, self._began = now, ended, began
        self._waiting: dict[str, list[Answer]] = {}  # for the outcome, by connection
        self._held: list[tuple[Callable[[], Refusal | None], Answer | None]] = []  # until a peer host is up

    def dial(
        self, address: NetAddress, answer: Answer | None = None, *, is_trial: bool = False
    ) -> Refusal | None:
        """Have a peer host dial; `answer` is called with the outcome. Returns: why it cannot; None when it is under way."""
        peer_id, ip = NodeID(str(address.id)), str(address.host)
        refusal = self._bans.refusal(peer_id, ip) or self._table.may_dial(peer_id, ip, address.port)
        if refusal is not None:
            return refusal
        if not self._hosts.can_dial:
            return self._hold(partial(self.dial, address, answer, is_trial=is_trial), answer)
        transport = self._hosts.least_loaded(lambda host: len(self._table.of_host(host)))
        dial = Dial(f"dial {secrets.token_hex(8)}", address, is_trial)
        facts = ConnectionFacts(
            connection=dial.connection,
            host=transport.host,
            remote_ip=ip,
            remote_port=address.port,
            is_outbound=True,
            dialled_id=peer_id,
            is_trial=is_trial,
        )
        self._table.add(facts, self._now(), Stage.DIALLING)
        if answer is not None:
            self._waiting.setdefault(dial.connection, []).append(answer)

        def decided(refusal: Refusal | None) -> None:
            if dial.connection not in self._table.connections:
                return  # its host has ended, and the dial with it
            if refusal is None:
                transport.tell(dial, exempt=True)
                self._began(facts)
            else:
                self._ended(ConnectionEnded(facts, refusal, is_error=True))

        self._filters.judge_connection(facts, decided)
        return None

    def settle(self, connection: str, outcome: Any) -> None:
        """A dial has ended: report its outcome."""
        for answer in self._waiting.pop(connection, []):
            answer(outcome)

    def release(self) -> None:
        """Make the dials that had to wait, spread over the peer hosts."""
        held, self._held = self._held, []
        for dial, answer in held:
            refusal = dial()
            if refusal is not None and answer is not None:
                answer(refusal)

    def _hold(self, dial: Callable[[], Refusal | None], answer: Answer | None) -> Refusal | None:
        if len(self._held) >= HELD_LIMIT:
            return Refusal(RefusalReason.UNREACHABLE, "no peer host is up", is_ours=True)
        self._held.append((dial, answer))
        return None


def not_dialled(address: NetAddress) -> ConnectionFacts:
    """Return the facts of a connection that is not even tried."""
    return ConnectionFacts(
        "", "", str(address.host), address.port, is_outbound=True, dialled_id=NodeID(str(address.id))
    )
