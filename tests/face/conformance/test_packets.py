"""Packets."""

from __future__ import annotations

import pytest

from peerage.conformance import packets
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "a packet of an unknown kind",
        "a packet on a channel of nobody",
        "a packet of a byte more than may be",
        "a packet of the most bytes that may be",
        "a packet that is an HTTP request",
        "a message in 300 parts of a byte",
        "a hundred pings between two parts",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(packets.GROUP, name)) == []
