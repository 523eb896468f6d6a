"""actors/metrics/peer_labels.py: who is named in metrics."""

from __future__ import annotations

import pytest

from peerage.actors.metrics.peer_labels import AHEAD, MOST_PEERS, REVIEW_S, PeerSlots, most_peers
from peerage.config.errors import ConfigError
from peerage.config.sections import PeerageConfig


@pytest.mark.parametrize(
    ("text", "most"), [("off", 0), ("all", MOST_PEERS), ("top:1", 1), ("top:50", 50), ("top:2000", 2000)]
)
def test_labels_are_a_number_of_peers(text: str, most: int) -> None:
    """The configuration takes the same."""
    assert most_peers(text) == most
    assert PeerageConfig(peer_labels=text).peer_labels == text


@pytest.mark.parametrize(
    "text", ["", "none", "top", "top:", "top:0", "top:-1", "top:2001", "top:1e3", "Off", "top: 5"]
)
def test_anything_else_is_refused_by_both(text: str) -> None:
    with pytest.raises(ValueError, match="expected off, all or top:N"):
        most_peers(text)
    with pytest.raises(ConfigError):
        PeerageConfig(peer_labels=text)


def test_first_come_are_named_until_they_leave() -> None:
    """As many as there are slots; one that leaves makes room at once."""
    slots = PeerSlots(2)
    assert [slots.has(peer) for peer in "abca"] == [True, True, False, True]
    slots.leave("a")
    assert [slots.has(peer) for peer in "cab"] == [True, False, True]


def test_nobody_is_named_or_everybody() -> None:
    """Nobody is ranked then."""
    for most, named in ((0, False), (MOST_PEERS, True)):
        slots = PeerSlots(most)
        slots.count("a", 1e9)
        assert slots.has("a") is named
        assert slots.review(1000.0) == ()


def test_peer_that_carries_far_more_takes_the_weakest_slot() -> None:
    """Once a minute; a little more is not enough, so that series do not come and go."""
    slots = PeerSlots(2)
    for peer, size in (("a", 100), ("b", 1000), ("c", 100 * AHEAD), ("d", 100 * AHEAD + 1)):
        slots.has(peer)
        slots.count(peer, size)
    assert slots.review(0.0) == ["a"]
    assert [slots.has(peer) for peer in "abcd"] == [False, True, False, True]
    slots.count("a", 1e9)
    assert slots.review(REVIEW_S - 1) == ()
    assert slots.review(REVIEW_S) == ["d"]
    assert [slots.has(peer) for peer in "abcd"] == [True, True, False, False]


def test_what_was_long_ago_counts_less_and_less() -> None:
    """Until nothing is kept of it."""
    slots = PeerSlots(1)
    slots.has("a")
    slots.count("a", 1000)
    for minute in range(12):
        assert slots.review(minute * REVIEW_S) == []
    slots.count("b", 1)
    assert slots.review(100 * REVIEW_S) == ["a"]


def test_those_that_are_ranked_are_bounded() -> None:
    """IDs cost nothing, whoever sends them."""
    slots = PeerSlots(1)
    for number in range(3 * MOST_PEERS):
        slots.count(str(number), 5.0)
    assert len(slots._carried) == 2 * MOST_PEERS
