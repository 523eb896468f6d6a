"""Pings and pongs."""

from __future__ import annotations

from peerage.conformance import liveness
from tests.face.conformance.model import Kind, ending, is_caught


def test_a_node_that_answers_pings_passes() -> None:
    """And one that hangs up does not."""
    assert list(is_caught(liveness.GROUP, "500 pings at once")) == []


def test_a_node_that_waits_for_ever_for_a_pong_fails() -> None:
    """It does not even ask."""
    assert ending(Kind.FORGIVING, liveness.GROUP, "no pong, for ever").wrong == "ended was expected"
