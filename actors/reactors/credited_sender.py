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
GATHER_MESSAGES = 256
GATHER_BYTES = 64 * 1024

Data = bytes | memoryview
Pack = Callable[[Sequence[int], Sequence[Data], Mapping[int, int]], Frames]


class CreditedSender:
    """The sending end of a peer handle inside its reactor.

    Promises: the messages of all channels reach the peer actor in the order they were added. A message after a pause
    is sent at once. Messages in quick succession are sent together: at the end of the turn, or once there are 256 of them or
    64 KiB, or when one is added more than 1 ms after the first.

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
        self._used = dict.fromkeys(granted, 0)
        self._channels: list[int] = []
        self._frames: list[Data] = []
        self._size = 0
        self._last = 0.0

    def room(self, channel_id: int) -> int:
        """How many messages `add` will accept now."""
        return max(0, self._granted.get(channel_id, 0) - self._used.get(channel_id, 0))

    def grant(self, totals: Mapping[int, int]) -> None:
        """Take the new totals: per channel, how many messages may have been sent."""
        self._granted.update(totals)

    def add(self, channel_id: int, data: Data) -> bool:
        """Accept a message if there is a credit for it. Returns: whether there was."""
        used = self._used.get(channel_id)
        if used is None or self._granted[channel_id] <= used:
            return False
        self._used[channel_id] = used + 1
        now = time.monotonic()
        is_first = not self._frames
        self._channels.append(channel_id)
        self._frames.append(data)
        self._size += len(data)
        if now - self._last > QUICK_S or self._size >= GATHER_BYTES or len(self._frames) >= GATHER_MESSAGES:
            self._last = now
            self.flush()
        elif is_first:
            self._schedule()
        return True

    def flush(self) -> None:
        """Send the messages that are waiting."""
        if self._frames:
            self._tell(self.totals())

    def waiting(self, channel_id: int, data: Data, deadline: float) -> Frames:
        """A question that carries the waiting messages and, as the last one, a message that waits for room. See `settle`."""
        self._channels.append(channel_id)
        self._frames.append(data)
        message = transfer.waiting(tuple(self._channels), self._frames, self.sent(), deadline)
        self._clear()
        return message

    def settle(self, channel_id: int, answer: tuple[bool, int]) -> bool:
        """Take the answer to `waiting`: whether the last message was accepted, and the channel's new total."""
        accepted, total = answer
        if accepted:
            self._used[channel_id] += 1
        self._granted[channel_id] = total
        return accepted

    def totals(self) -> Frames:
        """A message that corrects the peer actor's counts: the totals so far, and the waiting messages."""
        message = self._pack(tuple(self._channels), self._frames, self.sent())
        self._clear()
        return message

    def sent(self) -> dict[int, int]:
        """How many messages were accepted, per channel."""
        return dict(self._used)

    def _clear(self) -> None:
        self._channels, self._frames, self._size = [], [], 0
