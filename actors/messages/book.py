"""What the address book tells those who let connections in."""

from __future__ import annotations

from dataclasses import dataclass

from peerage.actors.discovery.book.bans import Ban

__all__ = ["BansChanged"]


@dataclass(frozen=True, slots=True)
class BansChanged:
    """address book → switch, PEX reactor: whose connections to refuse, and no longer to.

    Args:
        bans: new ones, and those that changed.
        lifted: subjects of those that are gone.
        whole: the bans are all there are; whatever was known before is void.
    """

    bans: tuple[Ban, ...]
    lifted: tuple[str, ...] = ()
    whole: bool = False
