"""Counting a peer's bytes by channel, for CometBFT's per-peer metrics (reference 11)."""

from __future__ import annotations

from peerage.actors.metrics.families import channel_label
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.wire.multiplex import MultiplexConnection

__all__ = ["Traffic"]


class Traffic:
    """The bytes that one connection carried since the last report. Counts nothing if no metrics are served.

    Args: reporter, of the peer host.
    """

    def __init__(self, reporter: MetricsReporter) -> None:
        self._reporter = reporter
        self._received: dict[int, int] = {}
        self._sent: dict[int, int] = {}

    @property
    def is_on(self) -> bool:
        return self._reporter.is_on

    def received(self, channel_id: int, size: int) -> None:
        """A message arrived."""
        self._received[channel_id] = self._received.get(channel_id, 0) + size

    def sent(self, channel_id: int, size: int) -> None:
        """A message was queued."""
        self._sent[channel_id] = self._sent.get(channel_id, 0) + size

    def report(self, peer_id: str, connection: MultiplexConnection, now: float) -> None:
        """Move the counts to the metrics, and measure the send queues."""
        buffer = self._reporter.buffer
        for counts, name in (
            (self._received, "p2p_peer_receive_bytes_total"),
            (self._sent, "p2p_peer_send_bytes_total"),
        ):
            for channel_id, size in counts.items():
                buffer.inc(name, (peer_id, channel_label(channel_id)), size)
            counts.clear()
        pending = sum(channel.send_queue_size for channel in connection.status(now).channels)
        buffer.set("p2p_peer_pending_send_bytes", (peer_id,), float(pending))

    def round_trip(self, peer_id: str, seconds: float) -> None:
        """A pong came."""
        self._reporter.buffer.set("p2p_peer_round_trip_seconds", (peer_id,), seconds)
        self._reporter.buffer.observe("p2p_round_trip_seconds", (), seconds)

    def gone(self, peer_id: str) -> None:
        """The peer left."""
        self._reporter.buffer.peer_gone(peer_id)
