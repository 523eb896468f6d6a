"""A node's share of a crawl that several nodes do together: each address is visited by one of them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class CrawlShare:
    """Which IDs a node visits, until when. After that it visits all, as a node by itself does.

    An ID belongs to one of `among` places, by a hash with a key: whoever makes up IDs cannot choose who visits them.

    Args: place, its own, from 0; among, how many there are; 0: it visits nobody, because the others do not know yet that
        it is there; until, Unix seconds.
    """

    place: int = 0
    among: int = 1
    key: bytes = b""
    until: float = 0.0

    def covers(self, node_id: str, now: float) -> bool:
        """Whether this node is the one to visit that ID. Args: now, Unix seconds."""
        if now >= self.until or self.among == 1:
            return True
        if not self.among:
            return False
        digest = blake2b(node_id.encode("utf-8", "replace"), digest_size=8, key=self.key).digest()
        return int.from_bytes(digest, "big") % self.among == self.place


WHOLE = CrawlShare()
"""That of a node by itself."""


def nobody(until: float) -> CrawlShare:
    """The share of a node that waits to hear who visits whom."""
    return CrawlShare(0, 0, b"", until)
