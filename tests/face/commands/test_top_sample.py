"""One look at a node, and what has changed since the look before."""

from __future__ import annotations

import pytest

from peerage.commands.top_columns import ACTORS
from peerage.commands.top_sample import Sample
from tests.face.commands.top_answers import actor, actors, host, peers

BY_NAME = {column.order: column for column in ACTORS}


def test_rates_are_those_since_the_look_before() -> None:
    """Of processor time and of messages."""
    first = Sample.of(actors(100.0), peers(), None)
    later = actors(
        102.0,
        hosts=[host("node", 1), host("switch", 2, processor_time=1.5)],
        rows=[actor("node"), actor("switch", handled=110)],
    )
    second = Sample.of(later, peers(), first)
    assert [(row["cpu"], row["rate"]) for row in first.rows] == [(None, None)] * 2
    assert [(row["cpu"], row["rate"]) for row in second.rows] == [(0.0, 0.0), (0.25, 50.0)]
    assert (first.processes(None)[1], second.processes(first)) == (None, (2, 0.25, 2 << 20))


def test_a_restarted_actor_begins_anew() -> None:
    """Another process has the name: there is nothing to compare with."""
    first = Sample.of(actors(100.0), peers(), None)
    again = actors(101.0, hosts=[host("node", 1), host("switch", 3, processor_time=0.1)])
    second = Sample.of(again, peers(), first)
    assert [(row["cpu"], row["rate"]) for row in second.rows] == [(0.0, 0.0), (None, None)]


def test_hosts_in_threads_of_one_process_are_told_apart() -> None:
    """By the time of their own thread."""
    hosts = [host("node", 1, loop_time=0.1), host("switch", 1, loop_time=0.2)]
    sample = Sample.of(actors(hosts=hosts), peers(), None)
    assert [row["cpu_time"] for row in sample.rows] == [0.1, 0.2]
    assert sample.processes(None)[0] == 1


def test_actors_are_sorted_and_searched() -> None:
    """Or stand in the order of the tree."""
    rows = [actor("node", mailbox=1), actor("b", mailbox=3), actor("A", mailbox=2, state="waiting")]
    sample = Sample.of(actors(rows=rows), peers(), None)

    def names(order: str | None, *, descending: bool = False, wanted: str = "") -> list[str]:
        column = BY_NAME[order] if order else None
        found = sample.sorted_actors(column, descending=descending, wanted=wanted)
        return [row["name"] for row in found]

    assert names(None) == names("tree") == ["node", "b", "A"]
    assert names("mailbox", descending=True) == ["b", "A", "node"]
    assert names(None, wanted="WAIT") == ["A"]


@pytest.mark.parametrize("order", BY_NAME)
def test_every_column_sorts_whatever_is_missing(order: str) -> None:
    """A child that does not run has no process."""
    rows = [actor("node"), actor("gone", host="gone"), actor("node", host="x")]
    sample = Sample.of(actors(rows=rows), peers(), None)
    assert len(sample.sorted_actors(BY_NAME[order], descending=True, wanted="")) == 3


def test_silent_hosts_are_named_once() -> None:
    """Those of actors and those of peers."""
    answer = actors(hosts=[host("node", 1), host("peers-0", 2, answered=False)])
    assert Sample.of(answer, peers(silent=True), None).silent == ["peers-0"]
