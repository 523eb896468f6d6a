"""Who gets an answer of his own, and who shares one."""

from __future__ import annotations

import math

from peerage.actors.discovery.manager.answer_selection import AnswerSelection
from peerage.actors.discovery.manager.effects import SelectAnswer
from peerage.actors.discovery.manager.events import Told
from peerage.actors.discovery.manager.settings import Pace
from tests.actors.discovery.manager.scene import AT, Scene, answer_to


def test_without_load_everybody_gets_an_answer_of_his_own() -> None:
    """With the bias that was asked for."""
    scene, got = Scene(), list[Told]()
    selection = AnswerSelection(scene.effects, scene.agenda, Pace())
    for bias in (30, 30, None):
        selection.select(bias, got.append)
    questions = scene.out()
    assert [each.bias for each in questions if isinstance(each, SelectAnswer)] == [30, 30, None]
    for number, question in enumerate(questions):
        answer_to(scene, question, bytes([number]))
    assert got == [b"\0", b"\1", b"\2"]


def test_under_load_those_who_ask_within_a_moment_share_one() -> None:
    """Also those who ask before it has come; the first behind it has another selected."""
    scene, got = Scene(), list[Told]()
    selection = AnswerSelection(scene.effects, scene.agenda, Pace(load_per_second=0))
    for _ in range(3):
        selection.select(None, got.append)
    assert scene.answer(b"one") == []
    assert got == [b"one"] * 3
    selection.select(None, got.append)
    assert (scene.out(), got[3:]) == ([], [b"one"])
    scene.pass_by(0.2)
    selection.select(None, got.append)
    assert (scene.answer(b"two"), got[4:]) == ([], [b"two"])


def test_what_others_gave_away_counts_as_load() -> None:
    """Until when an answer is shared is known of the one that is shared now, and of no other."""
    scene, got = Scene(), list[Told]()
    selection = AnswerSelection(scene.effects, scene.agenda, Pace(load_per_second=2))
    selection.count(30)  # nobody has asked here yet
    selection.select(30, got.append)
    scene.answer(b"alone")
    assert selection.shared_until(30, got[0]) == -math.inf
    for _ in range(2):
        selection.count(30)
    selection.select(30, got.append)
    scene.answer(b"shared")
    assert selection.shared_until(30, got[1]) == AT + 0.1
    assert selection.shared_until(30, got[0]) == selection.shared_until(None, got[1]) == -math.inf


def test_an_answer_that_does_not_come_is_asked_for_again() -> None:
    """By the next who asks a moment later; then all get that one."""
    scene, got = Scene(), list[Told]()
    selection = AnswerSelection(scene.effects, scene.agenda, Pace(load_per_second=0))
    selection.select(None, got.append)
    scene.out()
    scene.pass_by(0.2)
    selection.select(None, got.append)
    scene.answer(b"late")
    assert got == [b"late"] * 2
