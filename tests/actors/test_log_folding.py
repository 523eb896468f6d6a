"""How many lines strangers can cause."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.log_folding import (
    FLOOD,
    MOST_SUBJECTS,
    WINDOW_S,
    Limits,
    LineFolding,
    Repeats,
    folded_count,
    prefix_of,
)
from tests.fake_clock import FakeClock

NORMAL = Limits()


class Clock:
    """Timers that go off when told to."""

    def __init__(self) -> None:
        self.due: list[Callable[[], object]] = []

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        assert seconds == WINDOW_S
        self.due.append(function)

    def window_ends(self) -> None:
        due, self.due = self.due, []
        for function in due:
            function()


class Lines:
    """A folding, and what it has written since it was last asked."""

    def __init__(self, limits: Limits = NORMAL) -> None:
        self.clock = Clock()
        self.folding = LineFolding(self.clock.call_later, limits)
        self._written: list[tuple[str, dict[str, Any]]] = []

    def tell(self, event: str, **facts: Any) -> None:
        self._written.append((event, facts))

    def say(self, subject: object, group: str = "g", event: str = "peer refused") -> bool:
        return self.folding.say(self.tell, event, subject, {"prefix": group}, remote=subject)

    def written(self) -> list[tuple[str, dict[str, Any]]]:
        written, self._written = self._written, []
        return written


def test_the_first_line_of_a_subject_is_written_and_the_others_are_counted() -> None:
    """At the end of the window one line says how many more there were, and the next window begins anew."""
    lines = Lines()
    assert [lines.say("a") for _ in range(135)] == [True] + [False] * 134
    assert lines.written() == [("peer refused", {"remote": "a"})]
    lines.clock.window_ends()
    (told,) = lines.written()
    assert told == ("peer refused", {"prefix": "g", "more": 134, "detail": "… 134 more in 60 s"})
    assert lines.say("a")


def test_many_subjects_of_one_group_share_its_lines() -> None:
    """A flood from one prefix costs as much from 65,536 addresses as from a few."""
    lines = Lines(Limits(subject=1, group=5, total=60))
    for number in range(65_536):
        lines.say(number)
    assert len(lines.written()) == 5
    lines.clock.window_ends()
    assert [facts["more"] for _event, facts in lines.written()] == [65_531]


def test_many_groups_share_the_total_and_one_line_tells_of_the_rest() -> None:
    """A flood from everywhere is bounded too, in lines and in what is kept."""
    lines = Lines(Limits(subject=1, group=5, total=60))
    for number in range(10_000):
        lines.say(number, group=str(number))
    assert len(lines.written()) == 60
    assert len(lines.folding._groups) == len(lines.folding._of_subject) == 60
    lines.clock.window_ends()
    assert lines.written() == [
        ("peer refused", {"more": 9940, "detail": "… 9940 more from elsewhere in 60 s"})
    ]


def test_other_events_and_groups_have_lines_of_their_own() -> None:
    """What is folded is what is alike."""
    lines = Lines()
    assert lines.say("a")
    assert lines.say("a", group="h")
    assert lines.say("a", event="dial failed")
    assert not lines.say("a")


def test_nothing_is_said_of_a_window_in_which_nothing_was_left_out() -> None:
    """And a quiet node waits for nothing."""
    lines = Lines()
    lines.say("a")
    lines.written()
    lines.clock.window_ends()
    assert lines.written() == []
    assert lines.clock.due == []


def test_an_actor_that_stops_says_what_is_left() -> None:
    """At once; the timer that goes off later finds nothing to say."""
    lines = Lines()
    lines.say("a")
    lines.say("a")
    lines.written()
    lines.folding.close()
    assert lines.written() == [("peer refused", {"prefix": "g", "more": 1, "detail": "… 1 more"})]
    lines.clock.window_ends()
    assert lines.written() == []


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("gh")), max_size=200), st.integers(1, 5))
def test_every_line_is_written_or_counted(told: list[tuple[int, str]], most: int) -> None:
    """None is lost, whatever the order."""
    lines = Lines(Limits(subject=1, group=most, total=2 * most - 1))
    for subject, group in told:
        lines.say(subject, group)
    written = len(lines.written())
    assert written <= 2 * most - 1
    lines.clock.window_ends()
    assert written + sum(facts["more"] for _event, facts in lines.written()) == len(told)


def test_prefixes_are_those_of_the_address_book() -> None:
    """/16 of IPv4, /32 of IPv6; what is no IP address is a group of its own."""
    assert prefix_of("203.0.113.7") == prefix_of("203.0.1.1") == "203.0.0.0/16"
    assert prefix_of("2001:4860:1::1") == prefix_of("2001:4860:2::1") == "2001:4860::"
    assert prefix_of("127.0.0.1") == "127.0.0.0/16"
    assert prefix_of("") == ""


@pytest.mark.parametrize(("left_out", "lines_told"), [(FLOOD - 1, 0), (FLOOD, 1)])
def test_lines_that_need_not_be_written_are_told_of_if_they_are_a_flood(
    left_out: int, lines_told: int
) -> None:
    """Somebody who calls now and then is no news, one who calls all the time is."""
    lines = Lines()
    for _ in range(left_out):
        lines.folding.leave_out(lines.tell, "peer refused", {"prefix": "g"})
    lines.clock.window_ends()
    assert [facts["more"] for _event, facts in lines.written()] == [left_out] * lines_told


def test_floods_from_everywhere_that_need_not_be_written_fill_no_table() -> None:
    """What is beyond the groups of a window is counted in one."""
    lines = Lines()
    for number in range(100 * NORMAL.total):
        lines.folding.leave_out(lines.tell, "peer refused", {"prefix": str(number)})
    lines.clock.window_ends()
    assert [facts["more"] for _event, facts in lines.written()] == [99 * NORMAL.total]


def test_what_does_not_change_is_said_again_after_growing_pauses() -> None:
    """With how many it stands for, in the end once an hour."""
    clock = FakeClock()
    repeats = Repeats(clock.now)
    said = []
    for minute in range(8 * 60):
        if (more := repeats.due("a")) is not None:
            said.append((minute, more))
        clock.pass_by(60.0)
    assert said[:4] == [(0, 0), (10, 9), (30, 19), (70, 39)]
    assert {later - earlier for (earlier, _), (later, _) in pairwise(said[3:])} == {60}


def test_another_outcome_is_news_and_begins_the_pauses_anew() -> None:
    """Also one that there was before."""
    repeats = Repeats(FakeClock().now)
    outcomes = ["one", "one", "two", "one"]
    assert [repeats.due("a", outcome) for outcome in outcomes] == [0, None, 0, 0]
    repeats.forget("a")
    repeats.forget("nobody")
    assert repeats.due("a", "one") == 0


def test_of_so_many_subjects_the_last_are_remembered() -> None:
    """Strangers may be any number of them."""
    repeats = Repeats(FakeClock().now)
    for number in range(MOST_SUBJECTS + 1):
        repeats.due(number)
    assert [repeats.due(number) for number in (1, MOST_SUBJECTS, 0)] == [None, None, 0]


def test_a_line_says_how_many_were_left_out_if_any() -> None:
    """Most of them stand for themselves alone."""
    assert (folded_count(0), folded_count(3)) == ({}, {"more": 3})
