"""What a connection tells of itself: the values behind `net_info`.

Source: reference 11; `vectors/net_info.json`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ChannelStatus", "ConnectionStatus", "FlowStatus"]


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """One direction of a connection.

    Rates are bytes per second, times seconds. A sample is taken about every 100 ms in which there is
    something to count or someone looks; `bytes` and the rates are as of the last one.
    """

    start: float
    """Seconds since 1970."""
    bytes: int
    samples: int
    inst_rate: int
    """Of the last sample."""
    cur_rate: int
    """Average of the samples, the latest weighing most."""
    avg_rate: int
    """Since the start."""
    peak_rate: int
    """Largest of the samples."""
    duration: float
    """From start to the last sample."""
    idle: float
    """Since the last byte."""
    bytes_rem: int = 0
    """CometBFT's meter can measure a transfer of known size; a connection has none: always 0, as the next."""
    time_rem: float = 0.0
    progress: int = 0
    active: bool = True


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One channel's send queue."""

    id: int
    send_queue_capacity: int
    """Messages."""
    send_queue_size: int
    """Messages, the one being sent included: it may be one more than the capacity."""
    priority: int
    recently_sent: int
    """Bytes of packets, x 0.8 every 2 s."""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """A connection at one moment."""

    duration: float
    """Seconds since it began."""
    send_monitor: FlowStatus
    recv_monitor: FlowStatus
    channels: tuple[ChannelStatus, ...]
    """In the order in which they were described."""
