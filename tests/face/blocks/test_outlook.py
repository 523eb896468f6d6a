"""Whether more can come, by what the peers say to have."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from peerage.blocks.outlook import Outlook, outlook


@dataclass(frozen=True)
class Said:
    """Of the peers together, while block 5 is waited for."""

    reach: int
    highest: int
    lowest: int | None
    all_have_said: bool = True
    next: int = 5


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(9, 9, 1), Outlook.WORKING),
        (Said(6, 6, 1), Outlook.WORKING),
        (Said(5, 5, 1), Outlook.TIP),
        (Said(0, 4, 1), Outlook.TIP),
        (Said(0, 9, 7), Outlook.PRUNED),
        (Said(0, 0, None), Outlook.NOBODY),
        (Said(0, 9, 1), Outlook.NOBODY),
        (Said(0, 0, None, all_have_said=False), Outlook.WORKING),
    ],
)
def test_what_is_to_be_expected(said: Said, expected: Outlook) -> None:
    """The next block alone is not enough: the one after it proves it. Somebody may have said that it has the next one, and
    then that it has not (the last but one).
    """
    assert outlook(said) is expected
