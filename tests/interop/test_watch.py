"""`peerage watch` beside four real validators: what it tells is what they committed.

More of it: `python -m tests.interop.watched_network`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.conftest import StartCometNode
from tests.interop.watched_network import watch_network

TRANSACTIONS = 120


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_transaction_is_told_once_whoever_dials(
    tmp_path: Path, comet_node: StartCometNode, go_version: str
) -> None:
    """None missing, none invented, hashes equal; and blocks are whole, with the votes of all four validators."""
    outcomes = watch_network(tmp_path, TRANSACTIONS, go_version)
    assert set(outcomes) == {"we dial", "they dial"}
    for outcome in outcomes.values():
        assert outcome.is_true, outcome
        assert outcome.count == TRANSACTIONS
        assert outcome.whole_heights
