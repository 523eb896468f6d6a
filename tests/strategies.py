"""Hypothesis strategies that several test modules share."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from peerage.wire.keys import NodeKey


def chunks(data: bytes, *, max_cuts: int = 12) -> st.SearchStrategy[list[bytes]]:
    """The same bytes, cut at random places into pieces, some of which may be empty."""
    cuts = st.lists(st.integers(0, len(data)), max_size=max_cuts)
    return cuts.map(lambda at: [data[a:b] for a, b in pairwise([0, *sorted(at), len(data)])])


node_keys = st.binary(min_size=32, max_size=32).map(NodeKey)
"""Any node key."""
