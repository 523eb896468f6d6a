"""Whether more blocks can come, by what the peers say to have."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

__all__ = ["Outlook", "outlook"]


class Outlook(Enum):
    """What is to be expected."""

    WORKING = "blocks are on their way, or may be"
    TIP = "nobody has the block that would prove the next one"
    PRUNED = "nobody has the next block, but later ones"
    NOBODY = "nobody has anything"


class Standing(Protocol):
    """What is known of the peers: see `peerage.blocks.fetcher.Fetched`."""

    @property
    def next(self) -> int: ...
    @property
    def reach(self) -> int: ...
    @property
    def highest(self) -> int: ...
    @property
    def lowest(self) -> int | None: ...
    @property
    def all_have_said(self) -> bool: ...


def outlook(standing: Standing) -> Outlook:
    """What is to be expected."""
    if not standing.all_have_said:
        return Outlook.WORKING
    if standing.lowest is None:
        return Outlook.NOBODY
    if standing.reach > standing.next:
        return Outlook.WORKING
    if standing.lowest > standing.next:
        return Outlook.PRUNED
    if standing.reach == standing.next or standing.highest < standing.next:
        return Outlook.TIP
    return Outlook.NOBODY
