"""Who visits whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.sharing.crawl_share import WHOLE, CrawlShare, nobody
from tests.actors.discovery.nodes import node_id


@given(st.integers(0, 2**160 - 1), st.integers(1, 9), st.binary(max_size=16))
def test_each_id_has_one_visitor(number: int, among: int, key: bytes) -> None:
    """However many share the crawl."""
    shares = [CrawlShare(place, among, key, until=10.0) for place in range(among)]
    assert sum(share.covers(node_id(number), 9.0) for share in shares) == 1


def test_the_parts_are_about_as_large() -> None:
    """And those of another key are others: nobody can make up IDs for one visitor."""
    ids = [node_id(number) for number in range(1000)]
    parts = [
        {each for each in ids if CrawlShare(place, 3, b"key", 10.0).covers(each, 0.0)} for place in range(3)
    ]
    assert all(250 < len(part) < 420 for part in parts)
    assert {each for each in ids if CrawlShare(0, 3, b"other", 10.0).covers(each, 0.0)} != parts[0]


def test_a_share_ends_and_then_all_is_visited() -> None:
    """As by a node by itself, which has all from the start."""
    share = CrawlShare(0, 2, b"", until=10.0)
    other = next(each for each in map(node_id, range(99)) if not share.covers(each, 9.0))
    assert share.covers(other, 10.0)
    assert WHOLE.covers(other, 0.0)


def test_whoever_waits_for_a_share_visits_nobody_for_that_time() -> None:
    """It does not wait for ever."""
    waiting = nobody(10.0)
    assert not any(waiting.covers(node_id(number), 9.0) for number in range(9))
    assert waiting.covers(node_id(1), 10.0)
