"""How many addresses an answer holds, and how many of them are new."""

from __future__ import annotations

SELECTION_PERCENT = 23  # reference 9
MIN_SELECTION = 32  # reference 9, or all when there are fewer
MAX_SELECTION = 250  # reference 9; as many as fit the channel's 64,000 bytes


def selection_size(size: int) -> int:
    """How many addresses an answer holds, of a book of this size. Source: reference 9."""
    return min(MAX_SELECTION, max(min(MIN_SELECTION, size), size * SELECTION_PERCENT // 100))


def new_and_old(new: int, old: int, percent_new: int) -> tuple[int, int]:
    """How many new and how many old addresses a biased selection holds.

    Args: how many of each there are; the wanted share of new ones in percent, cut to 0..100.
    Source: reference 9. CometBFT takes one of a kind even when none is wanted.
    """
    total = selection_size(new + old)
    percent = max(0, min(100, percent_new))
    wanted_new = max((percent * total + 50) // 100, total - old)
    chosen_new = min(wanted_new, new)
    return chosen_new, min(total - chosen_new, old)
