"""The last events: bounded, and each listener goes on from where it was."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from peerage.actors.events.messages import EventLine
from peerage.actors.events.rendering import render
from peerage.actors.events.ring import MOST_IN_ANSWER, Ring
from tests.actors.events.parts import came, event


def filled(count: int, **bounds: int) -> Ring:
    ring = Ring("e", **bounds)
    for number in range(1, count + 1):
        ring.add(replace(render(event(came(number))), id=ring.next_id))
    return ring


def numbers(lines: tuple[EventLine, ...]) -> list[int]:
    return [int(line.id.rpartition("-")[2]) for line in lines]


def test_a_new_listener_gets_all_and_then_what_comes_behind() -> None:
    ring = filled(3)
    answer = ring.after(None)
    assert (numbers(answer.lines), answer.missed) == ([1, 2, 3], 0)
    assert ring.after(answer.cursor) == replace(answer, lines=())
    ring.add(replace(render(event(came())), id=ring.next_id))
    assert numbers(ring.after(answer.cursor).lines) == [4]


@pytest.mark.parametrize(("last", "found"), [(0, []), (2, [2, 3]), (9, [1, 2, 3])])
def test_a_new_listener_may_want_fewer(last: int, found: list[int]) -> None:
    answer = filled(3).after(None, last)
    assert numbers(answer.lines) == found
    assert answer.cursor.endswith("3")


def test_a_slow_listener_is_told_how_many_it_missed() -> None:
    answer = filled(10, most_events=4).after("e-000000000003")
    assert (numbers(answer.lines), answer.missed) == ([7, 8, 9, 10], 3)


def test_bytes_are_bounded_too() -> None:
    assert 1 <= len(filled(100, most_bytes=4000)) < 10


@pytest.mark.parametrize(
    "strange", ["", "other-000000000002", "e-", "e-x", "e--1", "e-²", f"e-{'9' * 4000}", "e"]
)
def test_an_id_of_another_hub_or_of_nobody_means_all(strange: str) -> None:
    assert numbers(filled(3).after(strange).lines) == [1, 2, 3]


def test_an_id_that_is_yet_to_come_means_what_comes_next() -> None:
    answer = filled(3).after("e-000000000099")
    assert (answer.lines, answer.missed) == ((), 0)
    assert answer.cursor == "e-000000000003"


def test_many_are_told_in_parts() -> None:
    ring, found, cursor = filled(MOST_IN_ANSWER + 50), list[int](), None
    while lines := (answer := ring.after(cursor)).lines:
        found += numbers(lines)
        cursor = answer.cursor
    assert found == list(range(1, MOST_IN_ANSWER + 51))


def test_what_may_not_be_seen_any_more_is_gone_and_not_missed() -> None:
    ring = filled(4)
    ring.blank(lambda line: line.address.startswith("192.0.2.2:"))
    answer = ring.after("e-000000000001")
    assert (numbers(answer.lines), answer.missed) == ([3, 4], 0)
