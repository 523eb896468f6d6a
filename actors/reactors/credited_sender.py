"""What a reactor sends to one peer, or to all of a host: credits that answer at once, and messages that travel together.

Credits are totals, not steps: the receiver, a peer actor or a transport, says how many messages of a channel the reactor
may have sent since it began, the reactor says how many it has. A total that is lost, doubled or late is put right by the
next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from peerage.actors import transfer
from peerage.actors.runtime import Frames

__all__ = ["CreditedSender"]

QUICK_S = 0.001  # messages that follow each other sooner than this travel together
GATHER_MESSAGES = 256
GATHER_BYTES = 64 * 1024

Data = bytes | memoryview
Pack = Callable[[Sequence[int], Sequence[Data], Mapping[int, int]], Frames]


class CreditedSender:
    """The sending end of a peer handle inside its reactor.

    Promises: the messages of all channels reach the peer actor in the order they were added. A message that comes after a
    pause is told at once; those in quick succession wait until the turn ends, 256 are gathered, 64 KiB, or 1 ms is over at
    the next one.

    Args:
        tell: sends to the peer actor.
        schedule: has `flush` called at the end of the turn.
        granted: channel → messages that may be sent from now on.
        count: told of every message that has a class, and its bytes (for the metrics).
        pack: makes what is told of channels, messages and totals.
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
        """How many messages `add` will take now."""
        return max(0, self._granted.get(channel_id, 0) - self._used.get(channel_id, 0))

    def grant(self, totals: Mapping[int, int]) -> None:
        """The peer actor tells how many messages may have been sent, per channel."""
        self._granted.update(totals)

    def add(self, channel_id: int, data: Data) -> bool:
        """Take a message if there is a credit for it."""
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
        """Tell what has gathered."""
        if self._frames:
            self._tell(self.totals())

    def waiting(self, channel_id: int, data: Data, deadline: float) -> Frames:
        """A question that carries what has gathered and, last, a message that waits for room. See `settle`."""
        self._channels.append(channel_id)
        self._frames.append(data)
        message = transfer.waiting(tuple(self._channels), self._frames, self.sent(), deadline)
        self._clear()
        return message

    def settle(self, channel_id: int, answer: tuple[bool, int]) -> bool:
        """Take the answer to `waiting`: whether it was accepted, and the channel's new total."""
        accepted, total = answer
        if accepted:
            self._used[channel_id] += 1
        self._granted[channel_id] = total
        return accepted

    def totals(self) -> Frames:
        """What puts the peer actor's count right: sent so far, and what has gathered."""
        message = self._pack(tuple(self._channels), self._frames, self.sent())
        self._clear()
        return message

    def sent(self) -> dict[int, int]:
        """How many messages have been taken, per channel."""
        return dict(self._used)

    def _clear(self) -> None:
        self._channels, self._frames, self._size = [], [], 0
