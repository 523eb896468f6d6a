"""From a connection to one reactor: batches, a window in bytes, and what to do when it is full (design 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from peerage.actors.peers.spill import SpillQueue
from peerage.actors.transfer import WINDOW_MESSAGES, Place
from peerage.wire.channel import ChannelDescriptor, WhenFull
from peerage.wire.packet import MessageRun

__all__ = ["MESSAGE_COST", "WINDOW_MESSAGES", "ReceiveWindow"]

MESSAGE_COST = 128  # bytes that a message takes besides its own, in the lists of whoever holds it


class ReceiveWindow:
    """What is on the way from one peer to one reactor.

    Promises: messages of a channel reach `hand_over` in order; never more than the window is unconsumed, but for what
    had been read from the socket before the connection was asked to stop reading, and a single larger message.

    Args:
        channels: the reactor's descriptors, by ID.
        hand_over: sends (places, frames) to the reactor, see transfer.py.
        on_drop: told of every message that the policy *drop newest* gave up.
        window: bytes the reactor may have unconsumed.
        spill_limit: bytes that may lie on disk.
        spill_directory: where they lie.
    """

    def __init__(
        self,
        channels: Mapping[int, ChannelDescriptor],
        hand_over: Callable[[Sequence[Place], Sequence[bytes | memoryview]], None],
        on_drop: Callable[[int], None],
        window: int,
        spill_limit: int,
        spill_directory: Path | None = None,
    ) -> None:
        self._policies = {channel_id: descriptor.when_full for channel_id, descriptor in channels.items()}
        self._hand_over = hand_over
        self._on_drop = on_drop
        self._window = window
        self._spill_limit = spill_limit
        self._spill_directory = spill_directory
        self._unconsumed = 0
        self._unconsumed_messages = 0
        self._held: list[tuple[int, bytes]] = []  # read already, policy wait: at most one read of the socket
        self._held_size = 0
        self._spill: SpillQueue | None = None
        self._places: list[Place] = []
        self._frames: list[bytes | memoryview] = []

    @property
    def unconsumed(self) -> int:
        """Bytes of memory that the reactor was handed and has not consumed."""
        return self._unconsumed + self._unconsumed_messages * MESSAGE_COST

    @property
    def size(self) -> int:
        """The same, and of what waits for room."""
        return self.unconsumed + self._held_size + len(self._held) * MESSAGE_COST

    def is_full(self) -> bool:
        """Whether messages are held back that must be delivered and have no other place: stop reading."""
        return bool(self._held)

    def add(self, channel_id: int, data: bytes) -> None:
        """Take one message that arrived."""
        if (
            self._held
            or self._spill
            or self._unconsumed >= self._window
            or self._unconsumed_messages >= WINDOW_MESSAGES
        ):
            self._set_aside(channel_id, data)
            return
        # As `_has_room` and `_append`: here passes every message (performance.md, small).
        self._places.append(channel_id)
        self._frames.append(data)
        self._unconsumed += len(data)
        self._unconsumed_messages += 1

    def add_run(self, run: MessageRun) -> None:
        """Take joined messages that arrived. They stay joined if there is room for all of them."""
        size, messages = self._unconsumed + len(run.data), self._unconsumed_messages + run.messages
        if self._held or self._spill or size > self._window or messages > WINDOW_MESSAGES:
            for channel_id, data in run.each():
                self.add(channel_id, data)
            return
        self._places.append(run[:2])
        self._frames.append(run.data)
        self._unconsumed, self._unconsumed_messages = size, messages

    def flush(self) -> None:
        """Hand over what has gathered, as one batch."""
        if self._places:
            places, frames = self._places, self._frames
            self._places, self._frames = [], []
            self._hand_over(places, frames)

    def consumed(self, size: int, messages: int) -> None:
        """The reactor is done with so much: deliver what waited."""
        self._unconsumed = max(0, self._unconsumed - size)
        self._unconsumed_messages = max(0, self._unconsumed_messages - messages)
        while self._spill and self._has_room():
            self._append(*self._spill.pop())
        if not self._spill:
            held, self._held, self._held_size = self._held, [], 0
            for index, (channel_id, data) in enumerate(held):
                if not self._has_room():
                    self._held = held[index:]
                    self._held_size = sum(len(message) for _channel, message in self._held)
                    break
                self._append(channel_id, data)
        self.flush()

    def reset(self) -> None:
        """The reactor is a new one: what its predecessor had is gone with it."""
        self._unconsumed = self._unconsumed_messages = 0
        self.consumed(0, 0)

    def close(self) -> None:
        """Give back what lies on disk, and what the reactor had no room for."""
        self._held, self._places, self._frames = [], [], []
        self._unconsumed = self._unconsumed_messages = self._held_size = 0
        if self._spill is not None:
            self._spill.close()
            self._spill = None

    def _has_room(self) -> bool:
        return self._unconsumed < self._window and self._unconsumed_messages < WINDOW_MESSAGES

    def _append(self, channel_id: int, data: bytes) -> None:
        self._places.append(channel_id)
        self._frames.append(data)
        self._unconsumed += len(data)
        self._unconsumed_messages += 1

    def _set_aside(self, channel_id: int, data: bytes) -> None:
        policy = self._policies[channel_id]
        if policy is WhenFull.DROP_NEWEST:
            self._on_drop(channel_id)
            return
        if policy is not WhenFull.SPILL or self._held or not self._push(channel_id, data):
            self._held.append((channel_id, data))
            self._held_size += len(data)

    def _push(self, channel_id: int, data: bytes) -> bool:
        """Spill a message. Returns: whether there is a place for it: else the connection waits, as with *wait*."""
        if self._spill is None:
            try:
                self._spill = SpillQueue(self._spill_limit, self._spill_directory)
            except OSError:  # the disk is full or read-only, or the directory is gone
                return False
        return self._spill.push(channel_id, data)
