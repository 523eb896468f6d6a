"""Before the handshake."""

from __future__ import annotations

import pytest

from peerage.conformance import opening
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "silence",
        "half of the key, then silence",
        "whatever they send, sent back",
        "the hello of HTTP GET",
        "random bytes",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(opening.GROUP, name)) == []
