"""What arrives from one peer, on its way to the reactors: a window for each, and whether reading has to pause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from peerage.actors.peers.receive_window import ReceiveWindow
from peerage.actors.peers.traffic import Traffic
from peerage.actors.transfer import Place
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.multiplex import Event, MessageReceived, MessageRun, PongReceived

__all__ = ["Inbound", "WindowLimits"]


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """How much of one peer may wait for one reactor.

    Args:
        window: bytes that were handed over and are not consumed yet.
        spill_limit: bytes that may lie on disk.
        spill_directory: where.
    """

    window: int
    spill_limit: int
    spill_directory: Path | None = None


class Inbound:
    """The receiving half of one connection, as its reactors see it.

    Args:
        limits: of each reactor's window.
        traffic: counts what arrives.
        count_drops: told of a channel when one of its messages is dropped, by the policy that it has for a full window.
        on_pong: called when the remote has answered a ping.
        on_change: told whether a reactor has no room, with each change and with each message: stop reading, or read on.
    """

    def __init__(
        self,
        limits: WindowLimits,
        traffic: Traffic,
        *,
        count_drops: Callable[[int], None],
        on_pong: Callable[[], object],
        on_change: Callable[[bool], object],
    ) -> None:
        self._limits = limits
        self._traffic = traffic
        self._count_drops = count_drops
        self._on_pong = on_pong
        self._on_change = on_change
        self._windows: dict[str, ReceiveWindow] = {}
        self._window_of: dict[int, ReceiveWindow] = {}

    def add_reactor(
        self,
        name: str,
        channels: Sequence[ChannelDescriptor],
        hand_over: Callable[[Sequence[Place], Sequence[bytes | memoryview]], None],
    ) -> None:
        """Hand a reactor what arrives on its channels. Args: hand_over, takes the places and frames of a batch."""
        limits = self._limits
        descriptors = {descriptor.id: descriptor for descriptor in channels}
        window = ReceiveWindow(
            descriptors,
            hand_over,
            self._count_drops,
            limits.window,
            limits.spill_limit,
            limits.spill_directory,
        )
        self._windows[name] = window
        self._window_of.update(dict.fromkeys(descriptors, window))

    @property
    def size(self) -> int:
        """Bytes of memory that the reactors have not consumed."""
        return sum(window.size for window in self._windows.values())

    def serves(self, channel_id: int) -> bool:
        """Whether a reactor has this channel."""
        return channel_id in self._window_of

    def take(self, events: Sequence[Event]) -> None:
        """Hand over what a read of the socket brought."""
        window_of = self._window_of
        traffic = self._traffic if self._traffic.is_on else None
        for event in events:
            if type(event) is MessageReceived:
                channel_id, data = event
                if traffic is not None:
                    traffic.received(channel_id, len(data))
                window_of[channel_id].add(channel_id, data)
            elif type(event) is MessageRun:
                channel_id = event.channel_id
                if traffic is not None:
                    traffic.received(channel_id, len(event.data))
                window_of[channel_id].add_run(event)
            elif type(event) is PongReceived:
                self._on_pong()
        for window in self._windows.values():
            window.flush()
        self._check_room()

    def consumed(self, reactor: str, size: int, messages: int) -> None:
        """A reactor is done with so many bytes and messages."""
        window = self._windows.get(reactor)
        if window is not None:
            window.consumed(size, messages)
            self._check_room()

    def restart(self, reactor: str) -> None:
        """A reactor was restarted: what its predecessor held is lost with it."""
        self._windows[reactor].reset()
        self._check_room()

    def close(self) -> dict[str, int]:
        """Give back what no reactor has got. Returns: by reactor, bytes that it has and has not consumed."""
        unconsumed = {name: window.unconsumed for name, window in self._windows.items()}
        for window in self._windows.values():
            window.close()
        self._on_pong = self._on_change = _ignore
        return unconsumed

    def _check_room(self) -> None:
        self._on_change(any(window.is_full() for window in self._windows.values()))


def _ignore(*_: object) -> None:
    """When all is over."""
