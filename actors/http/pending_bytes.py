"""What all clients together may have sent of requests that are not answered yet.

A limit for each request is not enough: 900 clients that each send a megabyte of head, slowly, would have a gigabyte kept for
them. The first bytes of a request are not counted, so that ordinary requests are served while others fill the rest.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FREE_BYTES", "PendingBytes", "Share"]

FREE_BYTES: Final = 16 * 1024  # of each request; the head of a browser's has some 2 KiB


class PendingBytes:
    """Of one server. Args: most, bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0


class Share:
    """What one connection has of it."""

    def __init__(self, pending: PendingBytes) -> None:
        self._pending = pending
        self._received = self._counted = 0

    def take(self, size: int) -> bool:
        """So many bytes of the request have come. Returns: False, when there is no room for them."""
        return self.hold(self._received + size)

    def hold(self, size: int) -> bool:
        """So many bytes are kept now, more or fewer than before. Returns: False, when there is no room for them."""
        self._received = size
        more = max(0, size - FREE_BYTES) - self._counted
        if self._pending.taken + more > self._pending.most:
            return False
        self._counted += more
        self._pending.taken += more
        return True

    def give_back(self) -> None:
        """The request is answered, or the connection has ended."""
        self._pending.taken -= self._counted
        self._received = self._counted = 0
