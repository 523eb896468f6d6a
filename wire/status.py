"""The status of a connection: the figures that `net_info` reports.

Source: reference 11; `vectors/net_info.json`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ChannelStatus", "ConnectionStatus", "FlowStatus"]


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """The figures of one direction of a connection.

    Rates are in bytes per second, times in seconds. A sample is taken about every 100 ms in which bytes flow or someone
    asks for the figures; `bytes` and the rates are as of the last sample.
    """

    start: float
    """Seconds since 1970."""
    bytes: int
    samples: int
    inst_rate: int
    """Rate of the last sample."""
    cur_rate: int
    """Average of the samples; the latest weigh most."""
    avg_rate: int
    """Average since the start."""
    peak_rate: int
    """Rate of the fastest sample."""
    duration: float
    """From the start to the last sample."""
    idle: float
    """Time since the last byte."""
    bytes_rem: int = 0
    """Always 0, like the next two. CometBFT's meter can follow a transfer of known size; a connection has no size."""
    time_rem: float = 0.0
    progress: int = 0
    active: bool = True


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """The send queue of one channel."""

    id: int
    send_queue_capacity: int
    """Messages."""
    send_queue_size: int
    """Messages, including the one being sent: so this may exceed the capacity by one."""
    priority: int
    recently_sent: int
    """Bytes of packets, times 0.8 every 2 s."""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """A snapshot of a connection."""

    duration: float
    """Seconds since it began."""
    send_monitor: FlowStatus
    recv_monitor: FlowStatus
    channels: tuple[ChannelStatus, ...]
    """In the order in which they were declared."""
    round_trip: float | None = None
    """Seconds between the latest answered ping and its pong; None before the first."""
