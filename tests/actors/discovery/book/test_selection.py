"""Sizes of selections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.selection import new_and_old, selection_size
from tests.wire.vectors import load

CASES = load("addrbook_summary")["selection_sizes"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['new']}+{case['old']}")
def test_selections_have_the_size_of_cometbfts(case: dict[str, object]) -> None:
    """Vector selection_sizes; where CometBFT takes one address that nobody wants, we take none."""
    new, old = case["new"], case["old"]
    assert isinstance(new, int)
    assert isinstance(old, int)
    assert selection_size(new + old) == case["selection"]
    biased = case["biased_new_old"]
    assert isinstance(biased, dict)
    for percent, (theirs_new, theirs_old) in biased.items():
        ours_new, ours_old = new_and_old(new, old, int(percent))
        assert ours_new + ours_old == case["selection"]
        unwanted_new = ours_new == 0 and theirs_new == 1
        unwanted_old = ours_old == 0 and theirs_old == 1
        assert ours_new == theirs_new or unwanted_new
        assert ours_old == theirs_old or unwanted_old or (unwanted_new and ours_old == theirs_old + 1)


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(-50, 200))
def test_a_biased_selection_is_as_large_as_an_unbiased_one(new: int, old: int, percent: int) -> None:
    """And takes of no kind more than there are."""
    chosen_new, chosen_old = new_and_old(new, old, percent)
    assert 0 <= chosen_new <= new
    assert 0 <= chosen_old <= old
    assert chosen_new + chosen_old == selection_size(new + old)
