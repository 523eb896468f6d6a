"""What a reactor sends to one peer, or to all peers of a host: credits, so that it knows at once whether there is room, and
batches of messages.

Credits are totals, not increments: the receiver, a peer actor or a transport, says how many messages of a channel the
reactor may have sent since the beginning; the reactor says how many it has sent. So a total that is lost, repeated or late
does no harm: the next one corrects it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from peerage.actors import transfer
from peerage.actors.runtime import Frames

__all__ = ["CreditedSender"]

QUICK_S = 0.001  # messages that follow each other faster than this are sent together
# In a stream of messages the sender itself is kept waiting for milliseconds, by a busy machine or for room. A message after
# such a wait is not alone and need not go at once; what has gathered may wait a little for the rest of its batch.
STREAM_S = 0.01  # after a full batch, or a wait for room
GATHER_S = 0.004
GATHER_MESSAGES = 256
GATHER_BYTES = 64 * 1024
LEAST_WEIGHT = GATHER_BYTES // GATHER_MESSAGES  # what a message counts at least: one sum keeps both bounds
UNLOOKED = (
    15  # small messages that follow one of the same channel without a look at the clock, or at anything else
)

Data = bytes | memoryview
Pack = Callable[[Sequence[int], Sequence[Data], Mapping[int, int]], Frames]


class CreditedSender:
    """The sending end of a peer handle inside its reactor.

    Promises: the messages of all channels reach the peer actor in the order they were added. A message after a pause
    is sent at once. Messages in quick succession are sent together: at the end of the turn, or once there are 256 of them or
    64 KiB (a message counts as 256 bytes at least), or when 4 ms are over, which is checked with every sixteenth message.

    Args:
        tell: sends to the peer actor.
        schedule: schedules `flush` for the end of the turn.
        granted: channel → how many messages may be sent to begin with.
        count: called with every message that has a class, and its size, for the metrics.
        pack: makes the mailbox message from channels, messages and totals.
    """

    def __init__(
        self,
        tell: Callable[[Frames], None],
        schedule: Callable[[], None],
        granted: Mapping[int, int],
        count: Callable[[type, int], None] = lambda _class, _size: None,
        *,
        pack: Pack = transfer.sent,
    ) -> None:
        self.count = count
        self._pack = pack
        self._tell = tell
        self._schedule = schedule
        self._granted = dict(granted)
        self._left = dict(
            granted
        )  # of those, how many messages have not been taken; negative when grants shrink
        self._channels: list[int] = []
        self._frames: list[Data] = []
        self._weight = 0
        # The quick way: so many more small messages of this channel are appended, and accounted for afterwards.
        self._channel = -1
        self._unlooked = self._unlooked_from = 0
        self._append = self._frames.append
        self._quick_until = 0.0  # a message that comes later, when nothing has gathered, is told at once
        self._until = 0.0  # the same; when something has gathered, until it is told with the next message

    def room(self, channel_id: int) -> int:
        """How many messages `add` will accept now."""
        self._account()
        return max(0, self._left.get(channel_id, 0))

    def grant(self, totals: Mapping[int, int]) -> None:
        """Take the new totals: per channel, how many messages may have been sent."""
        self._account()
        for channel_id, total in totals.items():
            self._grant(channel_id, total)

    def _grant(self, channel_id: int, total: int) -> None:
        before = self._granted.get(channel_id, 0)
        self._granted[channel_id] = total
        self._left[channel_id] = self._left.get(channel_id, 0) + total - before

    def add(self, channel_id: int, data: Data) -> bool:
        """Accept a message if there is a credit for it. Returns: whether there was."""
        unlooked = self._unlooked
        if unlooked and channel_id == self._channel and len(data) <= LEAST_WEIGHT:
            self._unlooked = unlooked - 1
            self._append(data)
            return True
        self._account()
        left = self._left.get(channel_id, 0)
        if left <= 0:
            return False
        self._left[channel_id] = left - 1
        self._channels.append(channel_id)
        self._frames.append(data)
        weight = self._weight = self._weight + max(len(data), LEAST_WEIGHT)
        now = time.monotonic()
        if weight >= GATHER_BYTES:
            self._quick_until = now + STREAM_S
            self.flush()
        elif now > self._until:
            self._quick_until = now + QUICK_S
            self.flush()
        else:
            if len(self._frames) == 1:
                self._until = now + GATHER_S
                self._schedule()
            self._channel = channel_id
            room = (GATHER_BYTES - weight - 1) // LEAST_WEIGHT  # the one that fills the batch is looked at
            self._unlooked = self._unlooked_from = min(left - 1, room, UNLOOKED)
        return True

    def _account(self) -> None:
        """Account for the messages that were appended without a look."""
        taken = self._unlooked_from - self._unlooked
        if taken:
            self._left[self._channel] -= taken
            self._channels += [self._channel] * taken
            self._weight += taken * LEAST_WEIGHT
        self._unlooked = self._unlooked_from = 0

    def flush(self) -> None:
        """Send the messages that are waiting."""
        if self._frames:
            self._tell(self.totals())

    def waiting(self, channel_id: int, data: Data, deadline: float) -> Frames:
        """A question that carries the waiting messages and, as the last one, a message that waits for room. See `settle`."""
        self._account()
        self._channels.append(channel_id)
        self._frames.append(data)
        message = transfer.waiting(tuple(self._channels), self._frames, self.sent(), deadline)
        self._clear()
        return message

    def settle(self, channel_id: int, answer: tuple[bool, int]) -> bool:
        """Take the answer to `waiting`: whether the last message was accepted, and the channel's new total."""
        accepted, total = answer
        self._account()
        self._grant(channel_id, total)
        if accepted:
            self._left[channel_id] -= 1
        if not self._frames:
            self._quick_until = self._until = time.monotonic() + STREAM_S
        return accepted

    def totals(self) -> Frames:
        """A message that corrects the peer actor's counts: the totals so far, and the waiting messages."""
        self._account()
        message = self._pack(tuple(self._channels), self._frames, self.sent())
        self._clear()
        return message

    def sent(self) -> dict[int, int]:
        """How many messages were accepted, per channel."""
        self._account()
        left = self._left
        return {channel_id: total - left[channel_id] for channel_id, total in self._granted.items()}

    def _clear(self) -> None:
        self._channels, self._frames, self._weight = [], [], 0
        self._append = self._frames.append
        self._until = self._quick_until
