"""Seed mode: whom to visit."""

from __future__ import annotations

from peerage.actors.discovery.manager.seed_crawl import CRAWL_PERIOD_S, MAX_STAY_S, Crawler, Stay
from tests.actors.discovery.nodes import Clock, address, node_id


def test_nobody_is_visited_twice_within_two_minutes() -> None:
    """However often it is selected."""
    clock = Clock()
    crawler = Crawler(clock=clock)
    assert crawler.due([address(1), address(2), address(1)]) == [address(1), address(2)]
    clock.pass_by(119.0)
    assert crawler.due([address(1), address(3)]) == [address(3)]
    clock.pass_by(1.0)
    assert crawler.due([address(1), address(3)]) == [address(1)]


def test_a_clock_set_back_stops_no_crawl() -> None:
    """Everybody is due then."""
    clock = Clock()
    crawler = Crawler(clock=clock)
    crawler.due([address(1)])
    clock.pass_by(-3600.0)
    assert crawler.due([address(1)]) == [address(1)]


def test_who_stayed_for_the_wait_period_has_to_go() -> None:
    """28 hours, persistent peers excepted."""
    stays = [
        Stay(node_id(1), MAX_STAY_S),
        Stay(node_id(2), MAX_STAY_S - 1.0),
        Stay(node_id(3), MAX_STAY_S, persistent=True),
    ]
    assert Crawler(clock=Clock()).overstayed(stays) == [node_id(1)]
    assert Crawler(clock=Clock(), max_stay=60.0).overstayed(stays) == [node_id(1), node_id(2)]


def test_records_older_than_a_day_are_forgotten() -> None:
    """Their addresses have left the book."""
    clock = Clock()
    crawler = Crawler(clock=clock)
    crawler.due([address(1)])
    clock.pass_by(24 * 3600.0)
    crawler.due([address(2)])
    assert crawler.forget_old() == 0
    clock.pass_by(CRAWL_PERIOD_S)
    assert crawler.forget_old() == 1
    assert len(crawler) == 1
