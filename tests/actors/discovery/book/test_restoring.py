"""actors/discovery/book/restoring.py: what comes back into a book, and what is said of the rest."""

from __future__ import annotations

import random

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bans import Ban
from peerage.wire.net_address import NetAddress

ANNA, BERT = (NetAddress(letter * 40, f"127.0.0.{number}", 1) for number, letter in enumerate("ab", 1))


def book() -> AddrBook:
    return AddrBook(clock=lambda: 1e9, rng=random.Random(1), strict=False, key="0" * 24)


def test_rows_come_back_and_what_cannot_be_is_left_out_in_a_line_each() -> None:
    """A second row of an ID, a row of a banned one, a ban of nobody."""
    full = book()
    for address in (ANNA, BERT):
        full.add(address, ANNA)
    rows = list(full.addresses())
    again = book()
    banned = Ban(BERT.id, "for a test", 2 * 10**18, 1)
    faults = again.restore([*rows, rows[0]], [banned, Ban("nobody", "", 2 * 10**18, 1)])
    assert [row.address for row in again.addresses()] == [ANNA]
    assert [fault.partition(":")[0].split(" ", 1)[-1] for fault in faults] == [
        "left out",
        "private or our own",
        "stands in the book twice, the later one is left out",
    ]
