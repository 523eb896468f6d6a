"""Peer exchange."""

from __future__ import annotations

import pytest

from peerage.conformance import pex_answers
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "addresses that nobody asked for",
        "no addresses, and nobody asked",
        "50 requests at once",
        "a request",
        "an answer",
        "two answers to one request",
        "an answer with an address with port 65536",
        "an answer with an address with port 0",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(pex_answers.GROUP, name)) == []
