"""Messages that PEX cannot take."""

from __future__ import annotations

import pytest

from peerage.conformance import messages
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "a byte longer than PEX takes",
        "for PEX, empty",
        "for PEX, cut off",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(messages.GROUP, name)) == []
