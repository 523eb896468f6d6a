"""Probes: actors that keep what they are told, for a test to expect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peerage.actors.runtime import System
from peerage.testing import Probe


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """At the end every actor of these tests is gone."""
    yield
    System.current().shutdown()


def test_a_probe_takes_values_classes_and_predicates() -> None:
    """In the order in which messages came."""
    with Probe() as probe:
        for message in (1, "two", [3]):
            probe.ref.tell(message)
        assert probe.expect(1) == 1
        assert probe.expect(str) == "two"
        assert probe.expect(lambda message: message[0] == 3) == [3]
        probe.expect_nothing(0.01)


def test_a_probe_says_what_came_instead() -> None:
    """A wrong message, none, or one where none was expected."""
    with Probe() as probe:
        probe.ref.tell("first")
        probe.ref.tell("second")
        probe.expect("first")
        with pytest.raises(AssertionError, match=r"'second' came, 'other' was expected; before: \['first'\]"):
            probe.expect("other")
        with pytest.raises(AssertionError, match="no 'third' within"):
            probe.expect("third", timeout=0.01)
        probe.ref.tell("fourth")
        with pytest.raises(AssertionError, match="'fourth' came, nothing was expected"):
            probe.expect_nothing(10.0)


def test_a_probe_fishes_for_a_message() -> None:
    """Messages before it are skipped; the time is for all of them together."""
    with Probe() as probe:
        for number in range(5):
            probe.ref.tell(number)
        assert probe.fish(3) == 3
        with pytest.raises(AssertionError):
            probe.fish(3, timeout=0.01)


def test_a_probe_answers_and_has_the_name_it_is_given() -> None:
    """It can replace an actor that others know by name."""
    with Probe("oracle", answer=lambda message: message + 1) as probe:
        assert probe.ref.name == "oracle"
        assert probe.ref.ask(41, timeout=10.0) == 42
        probe.expect(41)


def test_a_probe_outside_its_with_is_no_actor() -> None:
    """Using it there is a mistake in the test, and raises at once."""
    with pytest.raises(RuntimeError, match="within its `with`"):
        _ = Probe().ref
