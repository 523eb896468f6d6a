"""The message that is arriving on one channel, while its parts come in."""

from __future__ import annotations

__all__ = ["PARTS_PER_JOIN", "IncomingMessage"]

# 4096 took 3 ms at once, and in a flood all channels come to it together.
PARTS_PER_JOIN = 512


class IncomingMessage:
    """The message that is arriving on one channel. An unserved channel collects nothing: its packets are dropped."""

    __slots__ = ("capacity", "channel_id", "is_unserved", "join_at", "joined", "length", "parts")

    def __init__(self, channel_id: int, capacity: int, is_unserved: bool = False) -> None:
        self.channel_id = channel_id
        self.capacity = capacity
        self.is_unserved = is_unserved
        self.clear()

    def clear(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0
        self.joined = 0  # how many of the parts, from the first on, are already joined ones
        self.join_at = PARTS_PER_JOIN

    def join_parts(self) -> None:
        """Join the latest parts into one.

        A bytes object costs about 50 bytes besides its content. Without this, a peer that sends a message byte by byte
        would make us hold 50 times the message's size.
        """
        self.parts[self.joined :] = [b"".join(self.parts[self.joined :])]
        self.joined += 1
        self.join_at = self.joined + PARTS_PER_JOIN
