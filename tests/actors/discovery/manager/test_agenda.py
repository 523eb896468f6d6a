"""What is due, and in which order."""

from __future__ import annotations

import math

from peerage.actors.discovery.manager.agenda import Agenda, Moment


def test_things_are_done_in_the_order_of_their_time() -> None:
    """Those of one time in the order in which they were noted."""
    agenda, done = Agenda(Moment(10.0, 0.0)), list[str]()
    for seconds, name in ((2.0, "late"), (1.0, "early"), (1.0, "early, too"), (9.0, "not yet")):
        agenda.after(seconds, lambda name=name: done.append(name))  # type: ignore[misc]  # mypy takes no default for a lambda's argument
    agenda.now = Moment(12.0, 0.0)
    agenda.run_due()
    assert done == ["early", "early, too", "late"]
    assert len(agenda) == 1


def test_what_becomes_due_meanwhile_is_done_too() -> None:
    """Without another call."""
    agenda, done = Agenda(Moment(0.0, 0.0)), list[int]()
    agenda.after(0.0, lambda: agenda.after(0.0, lambda: done.append(1)))
    agenda.run_due()
    assert done == [1]


def test_the_deadline_is_that_of_the_first_thing_that_was_not_cancelled() -> None:
    """Infinity when there is none."""
    agenda = Agenda(Moment(10.0, 0.0))
    assert agenda.deadline == math.inf
    first, _second = agenda.after(1.0, lambda: None), agenda.after(2.0, lambda: None)
    assert agenda.deadline == 11.0
    agenda.cancel(first)
    assert agenda.deadline == 12.0
    assert len(agenda) == 1


def test_what_was_cancelled_is_not_done() -> None:
    """Cancelling it once more, or when it was done, changes nothing."""
    agenda, done = Agenda(Moment(0.0, 0.0)), list[int]()
    one, other = agenda.after(1.0, lambda: done.append(1)), agenda.after(1.0, lambda: done.append(2))
    agenda.cancel(one)
    agenda.now = Moment(1.0, 0.0)
    agenda.run_due()
    agenda.cancel(one)
    agenda.cancel(other)
    assert done == [2]


def test_a_unix_clock_that_is_set_back_delays_nothing() -> None:
    """Deadlines are monotonic; the parts that remember over restarts see the Unix time."""
    agenda, done = Agenda(Moment(0.0, 5000.0)), list[int]()
    agenda.after(1.0, lambda: done.append(1))
    agenda.now = Moment(1.0, 100.0)
    agenda.run_due()
    assert done == [1]
    assert agenda.clock() == 100.0
