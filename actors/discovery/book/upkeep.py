"""What is wrong with the addresses of a book, and which of them are better taken out. Rules only.

dead            the book's own rule of whom to replace first: never answered in three tries, not heard of for a week …
not routable    nobody can dial it, where only routable addresses are wanted
invalid         it has no valid ID, IP or port
self            our own ID
private         an ID that must not spread
banned          the ID is kept out; an IP address that is, may come back
replaced        another ID has answered at its place later
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.known_address import (
    MAX_TRIES_WITHOUT_SUCCESS,
    MISSING_AFTER,
    RECENT_TRY,
    Entry,
    KnownAddress,
)
from peerage.actors.discovery.book.timestamps import DAY, NEVER
from peerage.wire.errors import AddressError
from peerage.wire.ip_ranges import IPAddress

__all__ = ["CleaningRule", "Fault", "Finding", "Judge", "why_dead"]


class Fault(Enum):
    """What may be wrong. The values are shown to operators."""

    DAMAGED = "damaged"
    INVALID = "invalid"
    OWN = "self"
    PRIVATE = "private"
    BANNED = "banned"
    NOT_ROUTABLE = "not routable"
    REPLACED = "replaced"
    DEAD = "dead"
    CHOSEN = "chosen"
    """Nothing is wrong: the operator's rule names it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. Args: id, of the entry, empty when it is about no entry that can be read."""

    fault: Fault
    what: str
    detail: str
    id: str = ""


def why_dead(row: KnownAddress, now: int) -> str:
    """Why nobody would miss this address, in words; empty if it may be of use. Args: now, Unix nanoseconds."""
    if not Entry.of(row, row.kind).is_bad(now):
        return ""
    if row.incompatible:
        return "its node is of another network"
    if row.last_attempt == NEVER:
        return "it was never dialled, and nobody says when it was heard of"
    if now - row.last_attempt > MISSING_AFTER:
        what = (
            "it has been neither dialled nor heard of" if row.last_success == NEVER else "it has not answered"
        )
        return f"{what} for {(now - row.last_attempt) // DAY} days"
    if row.last_success == NEVER:
        assert row.attempts >= MAX_TRIES_WITHOUT_SUCCESS
        return f"it has never answered, {row.attempts} tries"
    days = (now - row.last_success) // DAY
    return f"it has not answered for {days} days, {row.attempts} tries"


class Judge:
    """Judges rows. Args: strict, whether addresses must be routable; own, private, IDs; bans, the book's."""

    def __init__(
        self,
        now: int,
        *,
        strict: bool,
        own: Collection[str] = (),
        private: Collection[str] = (),
        bans: Iterable[Ban] = (),
    ) -> None:
        self._now, self._strict, self._own, self._private = now, strict, own, private
        self._banned = frozenset(ban.subject for ban in bans)  # those that are over, too: see BanList.holds

    def findings(self, rows: Collection[KnownAddress]) -> Iterator[Finding]:
        """All that is wrong with each row, the gravest alone, in the order of the rows.

        Who is dead is judged as of the moment when the book last learned anything: a node that was switched off for a month
        has not lost everybody.
        """
        latest = max((row.last_attempt for row in rows), default=NEVER)
        as_of = min(self._now, latest + RECENT_TRY)
        last: dict[tuple[IPAddress, int], KnownAddress] = {}
        for row in rows:
            place = row.address.host, row.address.port
            if row.last_success != NEVER and (
                place not in last or row.last_success > last[place].last_success
            ):
                last[place] = row
        for row in rows:
            found = self._fault(row, last.get((row.address.host, row.address.port)), as_of)
            if found is not None:
                yield Finding(found[0], str(row.address), found[1], row.id)

    def _fault(
        self, row: KnownAddress, answered_last: KnownAddress | None, as_of: int
    ) -> tuple[Fault, str] | None:
        try:
            row.address.validate()
        except AddressError as error:
            return Fault.INVALID, str(error)
        if row.id in self._own:
            return Fault.OWN, "it is this node's own ID"
        if row.id in self._private:
            return Fault.PRIVATE, "p2p.private_peer_ids names it"
        if row.id in self._banned:
            return Fault.BANNED, "its ID is banned"
        if self._strict and not row.address.routable:
            return Fault.NOT_ROUTABLE, "p2p.addr_book_strict is set, and no node of the Internet can dial it"
        if answered_last is not None and answered_last.id != row.id:
            return Fault.REPLACED, f"{answered_last.id} has answered there later"
        dead = why_dead(row, as_of)
        return (Fault.DEAD, dead) if dead else None


@dataclass(frozen=True, slots=True)
class CleaningRule:
    """Which addresses an operator wants out. A row goes if any of it names it.

    Args:
        failed: this many failed tries since the last success.
        older_than: no answer for so many nanoseconds; of those that never answered, neither tried nor heard of.
        unroutable: those that no node of the Internet can dial.
        other_network: those whose nodes are of another network.
        networks: those of these networks.
    """

    failed: int | None = None
    older_than: int | None = None
    unroutable: bool = False
    other_network: bool = False
    networks: tuple[IPv4Network | IPv6Network, ...] = field(default=())

    def __bool__(self) -> bool:
        return self != CleaningRule()

    def findings(self, rows: Iterable[KnownAddress], now: int) -> Iterator[Finding]:
        """Those that go, each with the first reason that holds."""
        for row in rows:
            reason = self._reason(row, now)
            if reason:
                yield Finding(Fault.CHOSEN, str(row.address), reason, row.id)

    def _reason(self, row: KnownAddress, now: int) -> str:
        if self.failed is not None and row.attempts >= self.failed:
            return f"{row.attempts} failed tries"
        seen = row.last_attempt if row.last_success == NEVER else row.last_success
        if self.older_than is not None and seen == NEVER:
            return "never answered, heard of or tried"
        if self.older_than is not None and now - seen > self.older_than:
            what = "never answered, heard of or tried" if row.last_success == NEVER else "answered"
            return f"{what} {(now - seen) // DAY} days ago"
        if self.unroutable and not row.address.routable:
            return "not routable"
        if self.other_network and row.incompatible:
            return "of another network"
        for network in self.networks:
            if row.address.host in network:
                return f"of {network}"
        return ""
