"""What is being broadcast, kept once for all peers of a host: each takes from it as its send queue has room.

A peer that is slower than others finds its place here, not in a queue of its own; what it has not taken within 10 s, or
before the log is full, it never gets.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, takewhile

from peerage.actors.peers.stream import Loop
from peerage.actors.transfer import BROADCAST_WINDOW
from peerage.wire.scheduler import FramedMessage

__all__ = ["BROADCAST_PATIENCE_S", "BroadcastFeed", "Broadcasts", "Listener"]

BROADCAST_PATIENCE_S = 10.0  # as long as CometBFT's broadcast waits per peer
LOG_MESSAGES = 4 * BROADCAST_WINDOW  # of a channel
TRIM_INTERVAL_S = 1.0  # between two looks for broadcasts that nobody needs any more
FRAMED_LIMIT = 32 * 1024  # bytes; cutting a longer message costs little for each of them, and memory counts

Message = bytes | bytearray | memoryview | FramedMessage


def _memory(message: Message) -> int:
    """Bytes that a message takes here."""
    return len(message) + (message.size if isinstance(message, FramedMessage) else 0)


class _Log:
    """One channel's messages, numbered from 0 on. `first` is the oldest one that is still here, `size` their bytes."""

    __slots__ = ("_deadlines", "_messages", "end", "first", "front", "listeners", "size")

    def __init__(self) -> None:
        self.first = self.end = 0
        self.front = 0  # what the quickest peer takes next
        self.size = 0
        self.listeners = 0
        self._messages: list[Message] = []
        self._deadlines: deque[tuple[float, int]] = deque()  # when those below this number are given up

    def add(self, message: Message, deadline: float) -> None:
        self._messages.append(message)
        self.size += _memory(message)
        self.end += 1
        if not self.listeners:
            self.forget(self.end)
            return
        self._deadlines.append((deadline, self.end))
        while self.end - self.first > LOG_MESSAGES:
            self.shrink()

    def shrink(self) -> None:
        """Give up the oldest quarter."""
        self.forget(self.first + max(1, (self.end - self.first) // 4))

    def from_(self, number: int, count: int) -> list[Message]:
        start = number - self.first
        return self._messages[start : start + count]

    def forget(self, until: int) -> None:
        """Let go of those below this number."""
        count = until - self.first
        if count > 0:
            self.size -= sum(map(_memory, self._messages[:count]))
            del self._messages[:count]
            self.first = until
            self.front = max(self.front, until)
            while self._deadlines and self._deadlines[0][1] <= until:
                self._deadlines.popleft()

    def expire(self, now: float) -> None:
        while self._deadlines and self._deadlines[0][0] <= now:
            self.forget(self._deadlines[0][1])


class Listener:
    """One peer's place in the channels that it knows. `is_behind` when there may be something to take."""

    __slots__ = ("_broadcasts", "_next", "is_behind", "wake")

    def __init__(self, broadcasts: Broadcasts, positions: dict[int, int], wake: Callable[[], object]) -> None:
        self._broadcasts = broadcasts
        self._next = positions
        self.wake = wake
        self.is_behind = False

    @property
    def channel_ids(self) -> Iterable[int]:
        return self._next

    def position(self, channel_id: int) -> int | None:
        """The number of the message it takes next; None for a channel that it does not know."""
        return self._next.get(channel_id)

    def take(
        self, channel_id: int, count: int, most_bytes: int = sys.maxsize
    ) -> tuple[Sequence[Message], int]:
        """The next messages of a channel, at most so many, and, behind the first one, so many bytes.

        Returns: them, and how many before them were given up because this peer took them too late.
        """
        log = self._broadcasts.logs[channel_id]
        at = self._next[channel_id]
        missed = max(0, log.first - at)
        messages = log.from_(at + missed, count)
        if len(messages) > 1 and sum(map(len, messages)) > most_bytes:
            ends = accumulate(map(len, messages))
            messages = messages[: max(1, sum(1 for _ in takewhile(most_bytes.__ge__, ends)))]
        at += missed + len(messages)
        self._next[channel_id] = at
        if at > log.front:
            log.front = at
            self._broadcasts.advanced(channel_id)
        return messages, missed

    def channels_behind(self) -> list[int]:
        """Channels with something to take. When there are none, `is_behind` becomes false."""
        logs = self._broadcasts.logs
        found = [channel_id for channel_id, at in self._next.items() if at < logs[channel_id].end]
        self.is_behind = bool(found)
        return found


class Broadcasts:
    """The broadcasts of one host.

    Args:
        max_payload: of a packet's data, in bytes.
        most_bytes: says how much memory may be taken, by all channels together; a single message may be larger.
        on_progress: told of a channel when its quickest peer has come a quarter of the window further, and of less when
            the log is trimmed.
    """

    def __init__(
        self,
        channel_ids: Iterable[int],
        max_payload: int,
        on_progress: Callable[[int], object] = lambda _channel_id: None,
        *,
        most_bytes: Callable[[], int],
    ) -> None:
        self.logs = {channel_id: _Log() for channel_id in channel_ids}
        self._max_payload = max_payload
        self._most_bytes = most_bytes
        self._on_progress = on_progress
        self._told = dict.fromkeys(self.logs, 0)
        self._listeners: dict[Listener, None] = {}

    def listen(self, channel_ids: Iterable[int], wake: Callable[[], object]) -> Listener:
        """A peer's place, at what comes from now on. Args: wake, called when there is something to take."""
        positions = {
            channel_id: self.logs[channel_id].end for channel_id in channel_ids if channel_id in self.logs
        }
        for channel_id in positions:
            self.logs[channel_id].listeners += 1
        listener = Listener(self, positions, wake)
        self._listeners[listener] = None
        return listener

    def leave(self, listener: Listener) -> None:
        """The peer is gone. Once for each."""
        del self._listeners[listener]
        for channel_id in listener.channel_ids:
            self.logs[channel_id].listeners -= 1

    def add(self, channel_id: int, message: bytes | bytearray | memoryview, now: float) -> None:
        """Take a message for everyone who knows the channel; on a channel that nobody has registered it goes nowhere."""
        log = self.logs.get(channel_id)
        if log is not None:
            is_cut = log.listeners > 0 and len(message) <= FRAMED_LIMIT
            framed = FramedMessage(channel_id, message, self._max_payload) if is_cut else message
            log.add(framed, now + BROADCAST_PATIENCE_S)
            self.advanced(channel_id)
            self._make_room()

    @property
    def size(self) -> int:
        """Bytes of memory that the messages take."""
        return sum(log.size for log in self.logs.values())

    def _make_room(self) -> None:
        """Give up the oldest of the channel that takes most, as long as all together take too much."""
        size, most = self.size, self._most_bytes()
        while size > most:
            channel_id, largest = max(self.logs.items(), key=lambda entry: entry[1].size)
            if largest.end - largest.first <= 1:
                return
            size -= largest.size
            largest.shrink()
            size += largest.size
            self.advanced(channel_id)

    def wake(self) -> None:
        """Tell the peers that something came."""
        for listener in self._listeners:
            listener.is_behind = True
            listener.wake()

    def trim(self, now: float) -> bool:
        """Let go of what is too old, and of what everyone has taken. Returns: whether something is left."""
        left = False
        for channel_id, log in self.logs.items():
            if log.first < log.end:
                log.expire(now)
                positions = [listener.position(channel_id) for listener in self._listeners]
                log.forget(min((at for at in positions if at is not None), default=log.end))
                left = left or log.first < log.end
            self.advanced(channel_id, step=1)  # a reactor whose other messages were lost waits for these few
        return left

    def unfinished(self, channel_id: int) -> int:
        """Messages of a channel that not even the quickest peer has taken."""
        log = self.logs[channel_id]
        return log.end - log.front

    def advanced(self, channel_id: int, step: int = BROADCAST_WINDOW // 4) -> None:
        """The quickest peer has come further. That is told when it is so many messages."""
        front = self.logs[channel_id].front
        if front - self._told[channel_id] >= step:
            self._told[channel_id] = front
            self._on_progress(channel_id)


class BroadcastFeed:
    """Takes the messages of reactors into a host's broadcasts, and keeps those free of what nobody needs any more.

    Args: broadcasts, of the host; loop, where the peers are woken at the end of the turn, and the trimming is done.
    """

    def __init__(self, broadcasts: Broadcasts, loop: Loop) -> None:
        self._broadcasts = broadcasts
        self._loop = loop
        self._so_far: dict[
            int, int
        ] = {}  # by channel, how many messages its reactor says that it has broadcast
        self._wake_due = False
        self._trim_due = False

    def add(
        self,
        channel_ids: Sequence[int],
        messages: Sequence[bytes | bytearray | memoryview],
        so_far: Mapping[int, int],
    ) -> None:
        """Take messages, each for the channel of the same place. Peers take them from the end of this turn on.

        Args: so_far, by channel, how many its reactor has broadcast by now; nothing from anyone who does not count.
        """
        self._so_far.update(so_far)
        now = self._loop.now()
        for channel_id, message in zip(channel_ids, messages, strict=True):
            self._broadcasts.add(channel_id, message, now)
        if not self._wake_due:
            self._wake_due = True
            self._loop.at_end_of_turn(self._wake)

    def granted(self, channel_id: int) -> int | None:
        """How many messages of a channel its reactor may have broadcast by now: a window ahead of the quickest peer.

        None for a channel whose reactor does not count.
        """
        so_far = self._so_far.get(channel_id)
        return None if so_far is None else so_far - self._broadcasts.unfinished(channel_id) + BROADCAST_WINDOW

    def _wake(self) -> None:
        self._wake_due = False
        self._broadcasts.wake()
        if not self._trim_due:
            self._trim()

    def _trim(self) -> None:
        self._trim_due = self._broadcasts.trim(self._loop.now())
        if self._trim_due:
            self._loop.call_later(TRIM_INTERVAL_S, self._trim)
