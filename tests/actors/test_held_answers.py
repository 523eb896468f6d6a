"""Answers that wait for a disk."""

from __future__ import annotations

from typing import Any

from peerage.actors.held_answers import HeldAnswers


class Asker:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def set(self, value: Any = None) -> None:
        self.heard.append(value)

    def set_exception(self, error: BaseException) -> None:
        self.heard.append(error)


def test_answers_are_given_in_the_order_of_the_questions() -> None:
    """Once each."""
    asker, held = Asker(), HeldAnswers()
    for number in range(3):
        held.hold(asker, number, 0.0)
    assert asker.heard == []
    held.release()
    held.release()
    assert asker.heard == [0, 1, 2]


def test_nobody_waits_for_ever_and_no_flood_is_kept() -> None:
    """Who has waited longest is told no, and why."""
    asker, held, why = Asker(), HeldAnswers(most=2, longest=10.0), OSError("full")
    for number in range(5):
        held.hold(asker, number, float(number))
    assert held.refuse_overdue(5.0, why) == 3
    assert len(held) == 2
    assert held.refuse_overdue(12.9, why) == 0
    assert held.refuse_overdue(13.0, why) == 1
    held.release()
    assert asker.heard == [why, why, why, why, 4]


def test_who_waits_for_less_hears_why_before_his_time_is_over() -> None:
    """Wherever he stands in the line."""
    patient, hasty, held, why = Asker(), Asker(), HeldAnswers(longest=25.0), OSError("full")
    held.hold(patient, "yes", 0.0, 30.0)
    held.hold(hasty, "yes", 0.0, 5.0)
    assert held.refuse_overdue(3.4, why) == 0
    assert held.refuse_overdue(3.5, why) == 1
    assert (patient.heard, hasty.heard) == ([], [why])
    held.release()
    assert (patient.heard, hasty.heard) == (["yes"], [why])
