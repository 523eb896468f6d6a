"""Which of two records of one ID says more: the rule by which books that share what they know agree.

Records are compared as wholes by one total order, so it does not matter in which order, or how often, they arrive: whoever
has heard all of them holds the same one.

    later success  >  later try  >  still ours  >  more failures      and, so that there is a winner, the rest

A success outranks every failure that came before it, and every failure of an address at which nobody was ever reached: two
nodes may have been told different addresses of one ID. An address that nobody has tried has the lowest rank, whenever it was
heard of: between two such, the one that is there stays.
"""

from __future__ import annotations

from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.timestamps import NEVER

Rank = tuple[int, int, int, int, int, int, str]
UNTRIED: Rank = (0, 0, 0, 0, 0, 0, "")


def rank(row: KnownAddress) -> Rank:
    """How much a record says: the greater says more."""
    if not row.attempts and not row.incompatible and row.last_success == NEVER:
        return UNTRIED
    return (
        row.last_success,
        row.last_attempt,
        -row.incompatible,
        row.attempts,
        row.next_try,
        row.latency,
        row.address.dial_string,
    )


def no_later_than(row: KnownAddress, now: int) -> bool:
    """Whether all that a record says has happened. A clock that runs ahead must not win until others catch up."""
    return row.last_success <= now and row.last_attempt <= now
