"""Nodes that dial."""

from __future__ import annotations

import pytest

from peerage.conformance import dialled
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "another ID than the dialled one",
        "silence",
        "the signature of another key",
        "NodeInfo of another network",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(dialled.GROUP, name)) == []
