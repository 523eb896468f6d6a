"""Who gets an answer of his own, and who shares one."""

from __future__ import annotations

from peerage.actors.discovery.manager.answer_selection import AnswerSelection
from peerage.actors.discovery.manager.effects import SelectAnswer
from peerage.actors.discovery.manager.events import Told
from peerage.actors.discovery.manager.settings import Pace
from tests.actors.discovery.manager.scene import Scene, answer_to


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
