"""What a watcher tells a peer of itself: where it is, and never that it has anything."""

from __future__ import annotations

from peerage.watching import Follower, Place
from peerage.watching.following import BLOCK_WAIT_S, NEW_HEIGHT, NEW_ROUND


def place(height: int, round_: int = 0) -> Place:
    return Place(height, round_, 0)


def test_a_watcher_is_where_the_peer_is() -> None:
    """From the first word on."""
    assert Follower().at(place(7), 0, 0.0) == place(7)


def test_it_is_at_the_beginning_of_the_round_where_it_has_nothing_yet() -> None:
    """Later steps would say that it needs no votes any more."""
    assert (place(7).step, place(7, 2).step) == (NEW_HEIGHT, NEW_ROUND)


def test_further_steps_of_a_round_and_steps_back_are_told_nothing() -> None:
    """CometBFT would ignore it."""
    follower = Follower()
    follower.at(place(7, 1), 0, 0.0)
    assert follower.at(place(7, 1), 0, 1.0) is None
    assert follower.at(place(7), 0, 2.0) is None
    assert follower.at(place(6), 0, 3.0) is None


def test_the_next_round_is_followed_at_once() -> None:
    """Its proposal is sent to those who are in it."""
    follower = Follower()
    follower.at(place(7), 0, 0.0)
    assert follower.at(place(7, 1), 0, 1.0) == place(7, 1)


def test_the_next_height_is_followed_when_the_block_is_there() -> None:
    """Until then the peer sends the parts that are missing."""
    follower = Follower()
    follower.at(place(7), 6, 0.0)
    assert follower.at(place(8), 6, 1.0) is None
    assert follower.due(6, 1.1) is None
    assert follower.due(7, 1.2) == place(8)
    assert follower.due(7, 1.3) is None


def test_a_block_that_does_not_come_is_not_waited_for_long() -> None:
    """Transactions are for those who keep up."""
    follower = Follower()
    follower.at(place(7), 6, 0.0)
    follower.at(place(8), 6, 1.0)
    assert follower.at(place(9), 6, 2.0) is None
    assert follower.due(6, 1.0 + BLOCK_WAIT_S) == place(9)
