"""Frames."""

from __future__ import annotations

import pytest

from peerage.conformance import sealed_frames
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "a bit of the seal changed",
        "length 1025",
        "a frame twice",
        "the other direction's key",
        "padding that is not zero",
        "a frame a byte at a time",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(sealed_frames.GROUP, name)) == []
