"""What an operator does to the book: addresses given by hand, taken out, or united with what another book knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from peerage.actors.discovery.book.additions import ANOTHER_NETWORK, NO_ROOM, Added, Outcome
from peerage.actors.discovery.book.address_rules import AddressRules
from peerage.actors.discovery.book.anchors import Anchors
from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.known_address import Entry, Kind, KnownAddress, same_place
from peerage.actors.discovery.book.moves import Moves
from peerage.actors.discovery.book.tally import Tally
from peerage.actors.discovery.book.timestamps import NEVER
from peerage.actors.discovery.book.verdicts import Verdicts
from peerage.actors.discovery.errors import AddressRefusedError
from peerage.wire.keys import NodeID, normal_id
from peerage.wire.net_address import NetAddress

__all__ = ["Curation", "united"]


class Curation:
    """Args: add, the book's own way to hear of an address; the others, its parts."""

    def __init__(
        self,
        entries: Entries,
        rules: AddressRules,
        *,
        verdicts: Verdicts,
        moves: Moves,
        anchors: Anchors,
        touched: TouchedIDs,
        add: Callable[[NetAddress | None, NetAddress | None], Outcome],
    ) -> None:
        self._entries, self._rules, self._verdicts = entries, rules, verdicts
        self._moves, self._anchors, self._touched, self._add = moves, anchors, touched, add

    def add_given(self, addresses: Iterable[NetAddress]) -> Added:
        """Hear of addresses that the operator names, each as if its node had told it.

        An ID that is known at another place is tried at this one, and moves there once a handshake has proved it.
        """
        added = again = alone = 0
        refused = Tally()
        for address in addresses:
            try:
                outcome = self._add(address, address)
            except AddressRefusedError as error:
                refused.add(error.reason, str(address))
                continue
            added += outcome is Outcome.ADDED
            again += outcome is Outcome.SEEN_AGAIN
            alone += outcome is Outcome.LEFT_ALONE
        return Added(added, again, alone, refused.counts(), left_out=refused.by_reason())

    def remove_all(self, node_ids: Iterable[str]) -> tuple[NodeID, ...]:
        """Forget these IDs, as anchors too. Returns: those that were known."""
        removed = []
        for node_id in map(normal_id, node_ids):
            entry = self._entries.get(node_id)
            if entry is not None:
                self._entries.drop(entry)
                removed.append(node_id)
        self._anchors.forget(removed)
        return tuple(removed)

    def merge(self, rows: Iterable[KnownAddress]) -> Added:
        """See `AddrBook.merge`."""
        return self._take(rows, unites=False)

    def unite(self, rows: Iterable[KnownAddress]) -> Added:
        """Take what another book knew, as `AddrBook.merge` does, and the better history of each ID that is known here.

        Nobody has to go for it: an ID that only the other book has proved becomes old if there is room. Addresses
        of nodes of another network are refused: they are none of ours, and a file does not say since when.
        Returns: as `merge`; `seen_again` are the IDs whose history became better.
        """
        return self._take(rows, unites=True)

    def _take(self, rows: Iterable[KnownAddress], *, unites: bool) -> Added:
        added = bettered = alone = 0
        refused = Tally()
        for row in rows:
            try:
                self._rules.check(row.address, row.source)
            except AddressRefusedError as error:
                refused.add(error.reason, str(row.address))
                continue
            entry = self._entries.get(row.id)
            if unites and row.incompatible:
                refused.add(ANOTHER_NETWORK, str(row.address))
            elif entry is not None:
                better = unites and self._better(entry, row)
                bettered, alone = bettered + better, alone + (not better)
            elif self._entries.take_in(row):
                added += 1
            else:
                refused.add(NO_ROOM, str(row.address))
        return Added(added, bettered, alone, refused.counts(), left_out=refused.by_reason())

    def _better(self, entry: Entry, theirs: KnownAddress) -> bool:
        """Give an entry what another book knows better. Returns: whether that is anything."""
        ours = entry.known()
        best = united(ours, theirs)
        may_move = same_place(best.address, ours.address) or self._rules.may_move_to(best.address)
        if not may_move:  # then nothing that was found out there counts
            return False
        becomes_old = entry.kind is Kind.NEW and best.kind is Kind.OLD
        becomes_old = becomes_old and not self._entries.old.is_full(self._entries.old_bucket(entry))
        if replace(best, kind=entry.kind) == ours and not becomes_old:
            return False
        if not same_place(best.address, ours.address):
            self._moves.forget(entry)
            self._entries.move(entry, best.address)
        self._verdicts.leave(entry)
        entry.attempts, entry.last_attempt, entry.next_try = best.attempts, best.last_attempt, best.next_try
        entry.last_success, entry.latency, entry.last_ban = best.last_success, best.latency, best.last_ban
        entry.incompatible = best.incompatible
        self._verdicts.note(entry)
        if becomes_old and not self._entries.old.is_full(self._entries.old_bucket(entry)):
            self._entries.promote(entry)
        self._touched.add(theirs.id)
        return True


def united(ours: KnownAddress, theirs: KnownAddress) -> KnownAddress:
    """What two books know of one ID together: the later success and where it was, and the tries of who tried last.

    Buckets and source are ours.
    """
    success = theirs if theirs.last_success > ours.last_success else ours
    tried = theirs if _last_try(theirs) > _last_try(ours) else ours
    proved_ours = success is theirs and success.last_success > ours.last_attempt
    is_elsewhere = not same_place(success.address, ours.address)
    return replace(
        ours,
        address=success.address,
        kind=max(ours.kind, theirs.kind),
        attempts=tried.attempts,
        last_attempt=max(tried.last_attempt, ours.last_attempt),
        last_success=success.last_success,
        last_ban=max(ours.last_ban, theirs.last_ban),
        latency=success.latency or (0 if is_elsewhere else ours.latency),
        next_try=tried.next_try,
        moved=None if is_elsewhere else ours.moved,
        incompatible=0 if proved_ours else ours.incompatible,
    )


def _last_try(known: KnownAddress) -> int:
    """When it was last dialled; NEVER, if it was not: the last try is when it was heard of then."""
    return known.last_attempt if known.attempts or known.last_success != NEVER else NEVER
