"""Ephemeral keys."""

from __future__ import annotations

import pytest

from peerage.conformance import key_exchange
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "the point 0",
        "the point p",
        "a key of 31 bytes",
        "a key of 64 bytes",
        "their own key",
        "a key with the top bit set",
        "a point in the other of its two forms",
        "a length beyond 64 bits",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(key_exchange.GROUP, name)) == []
