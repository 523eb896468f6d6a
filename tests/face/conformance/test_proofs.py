"""Proofs of identity."""

from __future__ import annotations

import pytest

from peerage.conformance import proofs
from tests.face.conformance.model import is_caught


@pytest.mark.parametrize(
    "name",
    [
        "a signature of zeros",
        "the proof of another connection",
        "a whole handshake, replayed",
        "their own proof",
        "a key of secp256k1",
        "an unknown field",
        "not sealed",
    ],
)
def test_a_case_tells_a_node_that_keeps_the_rule_from_one_that_does_not(name: str) -> None:
    """The one passes, the other fails."""
    assert list(is_caught(proofs.GROUP, name)) == []
