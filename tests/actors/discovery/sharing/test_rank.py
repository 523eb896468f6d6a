"""Which of two records of one ID says more."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.sharing.rank import UNTRIED, rank
from tests.actors.discovery.nodes import address
from tests.actors.discovery.sharing.records import rows

HEARD = KnownAddress(address(1), address(2), last_attempt=100)


def test_whoever_was_tried_says_more_than_whoever_was_heard_of() -> None:
    """Whenever that was: an address that nobody has tried has the time of hearing in its last try."""
    failed = replace(HEARD, attempts=1, last_attempt=5)
    assert rank(HEARD) == UNTRIED < rank(failed)


def test_a_success_says_more_than_a_later_failure_of_an_address_where_nobody_was_ever_reached() -> None:
    """That one may be wrong; two nodes may have been told different ones."""
    reached = replace(HEARD, last_attempt=5, last_success=5)
    failed = replace(HEARD, address=address(1, port=1), attempts=3, last_attempt=9)
    assert rank(reached) > rank(failed)


def test_of_two_that_know_of_the_same_success_the_later_try_says_more() -> None:
    """It failed, or it turned out to be of another network."""
    reached = replace(HEARD, last_attempt=5, last_success=5)
    assert rank(replace(reached, attempts=1, last_attempt=6)) > rank(reached)
    assert rank(replace(reached, incompatible=1, last_attempt=6)) > rank(reached)


def test_a_node_that_came_by_itself_as_one_of_ours_is_ours_again() -> None:
    """The time of the last try is the same: there was no dial."""
    other = replace(HEARD, incompatible=1, last_attempt=6, last_success=5)
    assert rank(replace(other, incompatible=0)) > rank(other)


@given(rows(), rows())
def test_two_records_of_the_same_rank_say_the_same(one: KnownAddress, other: KnownAddress) -> None:
    """So whichever is kept, all agree; who told it, and when, matters to nobody else."""
    if rank(one) == rank(other) != UNTRIED:
        assert replace(one, source=other.source) == other
