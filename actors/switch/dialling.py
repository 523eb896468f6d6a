"""Dials: choose a peer host, tell it to dial, and report the outcome."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from msgspec.structs import replace

from peerage.actors.messages import ConnectionEnded, ConnectionFacts, Dial, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef
from peerage.actors.switch.admission import Bans
from peerage.actors.switch.filters import Filters
from peerage.actors.switch.name_records import NameRecords
from peerage.actors.switch.peer_table import PeerTable, Stage
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

HELD_LIMIT = 1024  # dials that wait for a peer host

# What speaks against one of a name's addresses, and not against the next one: nobody is there, or somebody else, or a filter
# of the operator does not like it.
OF_AN_ADDRESS = frozenset({RefusalReason.UNREACHABLE, RefusalReason.AUTH_FAILURE, RefusalReason.FILTERED})
# What would be the same at the next one.
OF_THE_PEER = frozenset({RefusalReason.DUPLICATE_ID, RefusalReason.SELF})

Answer = Callable[[Any], None]


class Hosts(Protocol):
    """The peer hosts."""

    @property
    def can_dial(self) -> bool: ...

    def least_loaded(self, load: Callable[[str], int]) -> ActorRef: ...


@dataclass(slots=True)
class _Round:
    """The addresses of one name, dialled one after the other as one dial. Attributes: until, when its time is over."""

    left: list[NetAddress]
    until: float
    answer: Answer | None
    is_trial: bool
    failed: list[tuple[ConnectionFacts, Refusal]] = field(default_factory=list)


class Dialler:
    """The dials of a node. Where a name has several addresses, a dial goes on with the next one when one is not to be
    reached, within the time of one dial.

    Args: records, the addresses that names have. ended, called with a dial that ended before a peer host was told of it;
        began, with each one that a host is told of.
    """

    def __init__(
        self,
        table: PeerTable,
        hosts: Hosts,
        bans: Bans,
        filters: Filters,
        records: NameRecords,
        *,
        now: Callable[[], float],
        ended: Callable[[ConnectionEnded], None],
        began: Callable[[ConnectionFacts], object] = lambda _facts: None,
    ) -> None:
        self._table, self._hosts, self._bans, self._filters = table, hosts, bans, filters
        self._records = records
        self._now, self._ended, self._began = now, ended, began
        self._rounds: dict[str, _Round] = {}  # by connection
        self._held: list[tuple[Callable[[], Refusal | None], Answer | None]] = []  # until a peer host is up

    def dial(
        self, address: NetAddress, answer: Answer | None = None, *, is_trial: bool = False
    ) -> Refusal | None:
        """Have a peer host dial; `answer` is called with the outcome. Returns: why it cannot; None when it is under way.

        A trial is of this address and no other.
        """
        others = [] if is_trial else self._records.others(address)
        until = self._now() + self._table.limits.dial_timeout
        return self._dial_next(_Round([address, *others], until, answer, is_trial))

    def _dial_next(self, round_: _Round) -> Refusal | None:
        """Dial the first of the addresses left that may be dialled. Returns: why none may."""
        first: Refusal | None = None
        while round_.left:
            address = round_.left[0]
            peer_id, ip = NodeID(str(address.id)), str(address.host)
            refusal = self._bans.refusal(peer_id, ip) or self._table.may_dial(peer_id, ip, address.port)
            if refusal is None and not self._hosts.can_dial:
                return self._hold(
                    partial(self.dial, address, round_.answer, is_trial=round_.is_trial), round_.answer
                )
            share = (round_.until - self._now()) / len(round_.left)
            round_.left.pop(0)
            if refusal is None:
                self._start(address, round_, share)
                return None
            first = first or refusal
            if refusal.reason in OF_THE_PEER:
                break
        return first

    def _start(self, address: NetAddress, round_: _Round, share: float) -> None:
        transport = self._hosts.least_loaded(lambda host: len(self._table.of_host(host)))
        is_alone = not round_.left and not round_.failed
        timeout = 0.0 if is_alone else share
        dial = Dial(f"dial {secrets.token_hex(8)}", address, round_.is_trial, timeout)
        facts = ConnectionFacts(
            connection=dial.connection,
            host=transport.host,
            remote_ip=str(address.host),
            remote_port=address.port,
            is_outbound=True,
            dialled_id=NodeID(str(address.id)),
            is_trial=dial.is_trial,
        )
        self._table.add(facts, self._now(), Stage.DIALLING)
        self._rounds[dial.connection] = round_

        def decided(refusal: Refusal | None) -> None:
            if dial.connection not in self._table.connections:
                return  # its host has ended, and the dial with it
            if refusal is None:
                transport.tell(dial, exempt=True)
                self._began(facts)
            else:
                self._ended(ConnectionEnded(facts, refusal, is_error=True))

        self._filters.judge_connection(facts, decided)

    def settle(self, connection: str, outcome: Any) -> None:
        """A dial has ended: report its outcome."""
        round_ = self._rounds.pop(connection, None)
        if round_ is None:
            return
        if isinstance(outcome, PeerInfo):
            self._records.answered(outcome.id, outcome.remote_ip)
        if round_.answer is not None:
            round_.answer(outcome)

    def refused(self, facts: ConnectionFacts, refusal: Refusal) -> tuple[ConnectionFacts, Refusal] | None:
        """A connection was refused. If it was dialled by a name that has more addresses, the next one is dialled.

        Returns: None, it goes on; otherwise what is to be said of it: a dial of several addresses has failed at all of them.
        """
        round_ = self._rounds.get(facts.connection)
        if round_ is not None:
            round_.failed.append((facts, refusal))
            if refusal.reason in OF_AN_ADDRESS and self._now() < round_.until and self._goes_on(round_):
                del self._rounds[facts.connection]
                return None
            facts, refusal = _in_all(round_.failed)
        self.settle(facts.connection, refusal)
        return facts, refusal

    def _goes_on(self, round_: _Round) -> bool:
        return bool(round_.left) and self._dial_next(round_) is None

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


def _in_all(failed: Sequence[tuple[ConnectionFacts, Refusal]]) -> tuple[ConnectionFacts, Refusal]:
    """How a dial has ended, by its last connection, with the words of all that only were not reached.

    They are sorted, and so is the address that is named: the same failure is told in the same words each time, whatever
    order name servers give, or the log would repeat it as something new.
    """
    facts, refusal = failed[-1]
    others = [(each, why) for each, why in failed if why.reason is RefusalReason.UNREACHABLE]
    if len(failed) == 1 or len(others) < len(failed):
        return facts, refusal
    others.sort(key=lambda other: other[0].socket_address)
    detail = "; ".join(f"{each.socket_address}: {why.detail}" for each, why in others)
    told = replace(facts, remote_ip=others[0][0].remote_ip, remote_port=others[0][0].remote_port)
    is_ours = all(why.is_ours for _, why in others)
    return told, Refusal(RefusalReason.UNREACHABLE, detail, is_ours=is_ours)


def not_dialled(address: NetAddress) -> ConnectionFacts:
    """Return the facts of a connection that is not even tried."""
    return ConnectionFacts(
        "", "", str(address.host), address.port, is_outbound=True, dialled_id=NodeID(str(address.id))
    )
