"""NodeInfo, field by field."""

from __future__ import annotations

import pytest

from peerage.conformance import node_infos
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "none, for ever",
        "of 10,241 bytes",
        "of 10,240 bytes",
        "another ID than the key's",
        "another network",
        "the right network, then another",
        "17 channels",
        "16 channels",
        "block version 12",
        "an address with port 65536",
        "a moniker of a line break",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(node_infos.GROUP, name)) == []
