"""What is counted around a handler."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.host import handler_times
from peerage.actors.runtime.host.handler_times import BUCKETS, NOTHING, OTHER, Handled, HandlerTimes, Row

REF: ActorRef[Any] = ActorRef("a", class_path="m:A", system="s")


def fail(_message: Any) -> None:
    raise ValueError("boom")


def test_messages_failures_and_time_are_counted() -> None:
    """An exception goes on as it was."""
    times = HandlerTimes()
    good, bad = times.around(REF, lambda message: message), times.around(REF, fail)
    assert [good(number) for number in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="boom"):
        bad(0)
    (row,) = times.read().values()
    assert (row.handled, row.failed, sum(row.buckets)) == (4, 1, 4)
    assert row.seconds > 0


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (BUCKETS[0], 0), (0.0002, 1), (10.0, len(BUCKETS) - 1), (11.0, len(BUCKETS))],
)
def test_a_time_counts_in_one_bucket(seconds: float, bucket: int) -> None:
    """Up to the bound, the bound included."""
    row = Row()
    row.add(seconds)
    assert row.read().buckets.index(1) == bucket


def test_counts_add_up() -> None:
    """Of several hosts, and of those that have ended."""
    one = Handled(2, 1, 0.5, (2, *NOTHING.buckets[1:]))
    assert NOTHING.plus(one) == one
    assert one.plus(one) == Handled(4, 2, 1.0, (4, *NOTHING.buckets[1:]))


def test_a_host_that_has_ended_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts in threads come and go. And the next system of a process uses the same serials again, for others."""
    host = ("s", 7)
    monkeypatch.setattr(handler_times, "_host_key", lambda: host)
    times = HandlerTimes()
    times.around(REF, str)(0)
    assert len(times.read()) == 1
    host = ("t", 7)
    assert times.read() == {}
    times.around(REF, str)(0)
    host = ("s", 7)
    assert times.read() == {}


def test_classes_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes that are made at runtime, without end, share a row."""
    monkeypatch.setattr(handler_times, "MOST_CLASSES", 2)
    times = HandlerTimes()
    for name in "abcd":
        times.around(ActorRef(name, class_path=f"m:{name}", system="s"), str)(0)
    assert {path: row.handled for path, row in times.read().items()} == {"m:a": 1, "m:b": 1, OTHER: 2}
