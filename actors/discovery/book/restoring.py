"""What a store or a file kept comes back into a book. What cannot be is left out, and said in a line each."""

from __future__ import annotations

from collections.abc import Iterable

from peerage.actors.discovery.book.address_rules import AddressRules
from peerage.actors.discovery.book.bans import Ban, BanList
from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.errors import BanSubjectError

__all__ = ["restore_bans", "restore_rows"]


def restore_bans(bans: Iterable[Ban], banned: BanList) -> list[str]:
    """Returns: a line for each that was left out."""
    faults: list[str] = []
    for ban in bans:
        try:
            banned.restore(ban)
        except BanSubjectError as error:
            faults.append(f"ban left out: {error}")
    return faults


def restore_rows(
    rows: Iterable[KnownAddress], entries: Entries, rules: AddressRules, touched: TouchedIDs, *, stored: bool
) -> list[str]:
    """Rows keep their buckets where those are possible; the others are placed anew.

    Args: stored, whether the rows come from where changes are written: then only what has to be changed is touched.
    Returns: a line for each row that was left out.
    """
    faults: list[str] = []
    for row in rows:
        node_id = row.address.id
        if node_id in entries:
            faults.append(f"{node_id} stands in the book twice, the later one is left out: {row.address}")
        elif not rules.may_return(row.address):
            faults.append(f"banned, private or our own: {row.address}")
            touched.add(node_id)
        else:
            entries.restore(row, stored=stored)
    return faults
