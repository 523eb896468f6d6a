"""Inbound peers on their way into the book."""

from __future__ import annotations

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.manager.arrivals import Arrivals
from peerage.actors.discovery.manager.effects import AskBook, Heard
from peerage.actors.discovery.manager.settings import Pace
from tests.actors.discovery.manager.scene import Scene
from tests.actors.discovery.nodes import address, book


def test_each_is_told_at_once() -> None:
    """The next who asks may want to know of it. Whoever reports no address is not told."""
    scene = Scene()
    arrivals = Arrivals(scene.effects, scene.agenda, Pace())
    arrivals.note(None)
    arrivals.note(address(1))
    assert scene.out() == [AskBook(AddrBook.add_each, ([address(1)],))]


def test_under_load_those_of_a_moment_are_told_together() -> None:
    """In one question."""
    scene = Scene()
    arrivals = Arrivals(scene.effects, scene.agenda, Pace(load_per_second=2))
    for number in range(5):
        arrivals.note(address(number))
    assert len(scene.out()) == 2
    assert scene.pass_by(0.1) == [AskBook(AddrBook.add_each, ([address(2), address(3), address(4)],))]
    assert scene.pass_by(1.0) == []


def test_the_operator_hears_what_became_of_them() -> None:
    """Of no peer in particular."""
    scene = Scene()
    Arrivals(scene.effects, scene.agenda, Pace()).note(address(1))
    added = book().add_each([address(1)])
    assert scene.answer(added) == [Heard(None, added)]
