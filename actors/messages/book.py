"""What the address book tells those who let connections in, and what it is asked by those who have no book's code."""

from __future__ import annotations

from msgspec import Struct

from peerage.actors.discovery.book.bans import Ban

__all__ = ["BansChanged", "CountAddresses"]


class BansChanged(Struct, frozen=True):
    """address book → switch, PEX reactor: whose connections to refuse, and no longer to.

    Args:
        bans: new ones, and those that changed.
        lifted: subjects of those that are gone.
        whole: the bans are all there are; whatever was known before is void.
    """

    bans: tuple[Ban, ...]
    lifted: tuple[str, ...] = ()
    whole: bool = False


class CountAddresses(Struct, frozen=True):
    """node → address book: an ask. Answer: how many addresses it knows."""
