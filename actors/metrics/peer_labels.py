"""Which peers have series of their own: nobody, all, or as many as an operator's Prometheus can bear.

Peers come and go by thousands, and each one's ID is a label that no other has. What is not shown by ID is counted under
`other`, so that sums stay right. With `top:N`, N peers hold a slot; what a peer did before it got one stays in `other`, so
that no series ever shrinks.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

__all__ = ["MOST_PEERS", "PeerSlots", "most_peers"]

MOST_PEERS: Final = 2000  # twice the peers a node holds (design 2)
REVIEW_S: Final = 60.0
AHEAD: Final = 2.0  # a newcomer must have carried so many times more than whom it displaces
_TOP: Final = re.compile(r"top:([1-9][0-9]{0,3})")


def most_peers(text: str) -> int:
    """How many peers may be named. Args: text, `off`, `all` or `top:N`. Raises: ValueError, it is none of these."""
    if text == "off":
        return 0
    if text == "all":
        return MOST_PEERS
    found = _TOP.fullmatch(text)
    if found is None or int(found[1]) > MOST_PEERS:
        raise ValueError(f"found {text!r}, expected off, all or top:N with N from 1 to {MOST_PEERS}")
    return int(found[1])


class PeerSlots:
    """Who is named. With all of them named, nobody is ranked.

    Args: most, how many may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._is_ranked = 0 < most < MOST_PEERS
        self._holders: set[str] = set()
        self._carried: dict[str, float] = {}  # bytes, those of earlier periods less and less
        self._next_review = 0.0

    def has(self, peer_id: str) -> bool:
        """Whether this peer is named. It gets a slot now if one is free."""
        if self._most >= MOST_PEERS or peer_id in self._holders:
            return True
        if len(self._holders) >= self._most:
            return False
        self._holders.add(peer_id)
        return True

    def count(self, peer_id: str, size: float) -> None:
        """A peer has carried so many bytes."""
        if self._is_ranked:
            if peer_id not in self._carried and len(self._carried) >= 2 * MOST_PEERS:
                return
            self._carried[peer_id] = self._carried.get(peer_id, 0.0) + size

    def leave(self, peer_id: str) -> None:
        """A peer's series have been dropped, or are not to be seen: its slot is free."""
        self._holders.discard(peer_id)
        self._carried.pop(peer_id, None)

    def review(self, now: float) -> Collection[str]:
        """Once a minute: who has lost its slot to one that carries far more. Their series are to be dropped."""
        if not self._is_ranked or now < self._next_review:
            return ()
        self._next_review = now + REVIEW_S
        holders = sorted(self._holders, key=self._rank)
        others = sorted(self._carried.keys() - self._holders, key=self._rank, reverse=True)
        displaced: list[str] = []
        for weakest, strongest in zip(holders, others, strict=False):
            if self._rank(strongest) <= AHEAD * self._rank(weakest):
                break
            displaced.append(weakest)
            self._holders.remove(weakest)
            self._holders.add(strongest)
        self._carried = {peer: half for peer, size in self._carried.items() if (half := size / 2) >= 1.0}
        return displaced

    def _rank(self, peer_id: str) -> float:
        return self._carried.get(peer_id, 0.0)
