"""What travels between the watchers and whoever asks them."""

from __future__ import annotations

import pickle

from peerage.watching import ConsensusTaken, InBlock, MempoolTaken, SeenTransaction, Take


def test_all_of_it_travels() -> None:
    """Between processes, unchanged."""
    seen = SeenTransaction(bytes(32), 3, 1.0, "anna", 0.5, 2, 7)
    values = [
        Take(10),
        MempoolTaken([seen], 2, 1, 0, 0),
        ConsensusTaken([], 7, 0, 1, 2, 3, {"anna": 7}),
        InBlock(7, [(bytes(32), 3)]),
    ]
    assert pickle.loads(pickle.dumps(values)) == values
