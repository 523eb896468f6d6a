"""What the peers of one host share: a buffer to read into, counters for the metrics, and what is being broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from peerage.actors.context import NodeContext
from peerage.actors.metrics.families import channel_label
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.peers.broadcasts import BroadcastFeed, Broadcasts
from peerage.actors.peers.stream import Loop

__all__ = ["HostShared"]

BUFFER_BYTES = 64 * 1024


class HostShared:
    """One per peer host; a peer in a process of its own has one for itself."""

    def __init__(self, metrics: MetricsReporter, broadcasts: Broadcasts, feed: BroadcastFeed) -> None:
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.metrics = metrics
        self.broadcasts = broadcasts
        self.feed = feed

    @classmethod
    def of(
        cls,
        context: NodeContext,
        metrics: MetricsReporter,
        loop: Loop,
        on_progress: Callable[[int], object] = lambda _channel_id: None,
    ) -> Self:
        """What the peers of a host of this node share. Args: on_progress, as in Broadcasts."""
        channel_ids = (descriptor.id for descriptor in context.channels)
        max_payload = context.config.p2p.max_packet_msg_payload_size
        broadcasts = Broadcasts(channel_ids, max_payload, on_progress)
        return cls(metrics, broadcasts, BroadcastFeed(broadcasts, loop))

    def count_drops(self, channel_id: int, messages: int = 1) -> None:
        """Messages of a channel were given up."""
        if messages:
            self.metrics.buffer.inc("p2p_dropped_messages_total", (channel_label(channel_id),), messages)
