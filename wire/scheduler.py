"""The scheduler of outgoing messages: which channel sends next, and how its messages are cut into packets.

CometBFT picks the channel anew for each packet. Done literally, that choice costs more than the packet, so `write`
computes how many bytes the chosen channel could send before the choice would fall on another one, and lets it write
that much in one go. The packets on the wire are the same, in the same order: the tests compare it with a model that
chooses anew for each packet.

For the same reason headers are cached by data size, whole messages that fit one packet are written without a detour
through slices, and a message that goes to many peers is cut once (`FramedMessage`).

Source: reference 4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TypeAlias

from peerage.wire import accelerator
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import DuplicateChannelError
from peerage.wire.packet import (
    DEFAULT_MAX_PAYLOAD,
    MessageRun,
    eof_payload_limit,
    full_header,
    message_header,
    whole_message_middle,
)

__all__ = ["DECAY_INTERVAL_S", "FramedMessage", "OutgoingChannel", "Scheduler"]

DECAY_INTERVAL_S = 2.0  # reference 4
_DECAYED_TO_NOTHING = 200  # 0.8^200 of 2^63 is below 1, so further rounds would change nothing
_NO_BOUND = 2**63

_Bytes: TypeAlias = bytes | bytearray | memoryview


@cache
def _eof_headers_of(channel_id: int) -> dict[int, bytes]:  # noqa: ARG001  # the cache's key
    """The headers of this channel's packets with eof, by data size, filled as they are needed.

    All connections share them: 1000 peers with 1024 sizes each would take too much memory.
    """
    return {}


def _unchanging(message: _Bytes) -> bytes | memoryview:
    view = memoryview(message)
    return view.cast("B") if view.readonly and view.contiguous else bytes(view)


class FramedMessage:
    """A message and its packets, cut once for all the connections that send it.

    `before_last` is how many bytes of the packets precede the last packet.
    """

    __slots__ = ("before_last", "data", "packets", "size")

    def __init__(self, channel_id: int, message: _Bytes, max_payload: int = DEFAULT_MAX_PAYLOAD) -> None:
        """Args: message, copied only if it is mutable; max_payload, which all these connections must have in common."""
        self.data = message if type(message) is bytes else _unchanging(message)
        channel = OutgoingChannel(ChannelDescriptor(channel_id), 0, max_payload)
        channel.put(self.data)
        parts: list[_Bytes] = []
        channel.write(parts, _NO_BOUND, _NO_BOUND)
        self.packets = b"".join(parts)
        self.size = len(self.packets)
        last = sum(map(len, parts[-2:]))  # its header and its data
        self.before_last = self.size - last

    def __len__(self) -> int:
        """Bytes of the message."""
        return len(self.data)


class _QueuedRun:
    """Joined messages in a queue: those with the indexes from `first` to `last`, which begin at `at`."""

    __slots__ = ("at", "data", "first", "last", "sizes")

    def __init__(self, run: MessageRun, count: int) -> None:
        self.data, self.sizes = run.data, run.sizes
        self.at, self.first, self.last = 0, 0, count


_Queued: TypeAlias = bytes | memoryview | FramedMessage | _QueuedRun


class OutgoingChannel:
    """The queue of one channel, the message that it is sending, and how much it has sent lately."""

    __slots__ = (
        "_eof_headers",
        "_eof_limit",
        "_full_header",
        "_full_size",
        "_max_payload",
        "_message",
        "_middle",
        "_offset",
        "_queue",
        "capacity",
        "channel_id",
        "index",
        "priority",
        "queued",
        "recently_sent",
        "size",
        "started",
    )

    def __init__(self, descriptor: ChannelDescriptor, index: int, max_payload: int) -> None:
        self.channel_id = descriptor.id
        self.index = index
        self.priority = descriptor.priority
        self.capacity = descriptor.send_queue_capacity
        self.recently_sent = 0  # bytes of packets, decaying
        self.started = 0  # messages that have left the queue since the owner last set this to 0
        self.queued = 0  # messages in the queue, not counting the one being sent
        self.size = 0  # bytes of the messages in the queue and of the one being sent
        self._queue: deque[_Queued] = deque()
        # The message being sent; what comes before _offset has been written.
        self._message: memoryview | None = None
        self._offset = 0
        self._max_payload = max_payload
        self._eof_limit = eof_payload_limit(descriptor.id, max_payload)
        self._full_header = full_header(descriptor.id, max_payload)
        self._full_size = len(self._full_header) + max_payload
        self._eof_headers = _eof_headers_of(descriptor.id)
        self._middle = whole_message_middle(descriptor.id)

    @property
    def has_data(self) -> bool:
        """Whether a message is queued or partly sent; an empty message counts too."""
        return self._message is not None or bool(self._queue)

    @property
    def unsent(self) -> int:
        """Messages in the queue and the one being sent, if any."""
        return self.queued + (self._message is not None)

    def put(self, message: _Bytes) -> bool:
        """Queue a message. Returns: False when the queue is full.

        Args: message, copied only if it is mutable.
        """
        return self.put_many((message,)) == 1

    def put_many(self, messages: Sequence[_Bytes | FramedMessage]) -> int:
        """Queue messages in order, as many as there is room for. Returns: how many."""
        room = self.capacity - self.queued
        if room < len(messages):
            messages = messages[: max(0, room)]
        self._queue.extend(
            [
                each if type(each) is bytes or isinstance(each, FramedMessage) else _unchanging(each)
                for each in messages
            ]
        )
        self.queued += len(messages)
        self.size += sum(map(len, messages))
        return len(messages)

    def put_run(self, run: MessageRun) -> int:
        """Queue joined messages in order, as many as there is room for. Returns: how many."""
        if run.longest > self._eof_limit:
            return self.put_many([message.data for message in run.each()])
        count = min(run.messages, max(0, self.capacity - self.queued))
        if count:
            self._queue.append(_QueuedRun(run, count))
            self.queued += count
            self.size += len(run.data) if count == run.messages else sum(run.lengths[:count])
        return count

    def discard(self) -> None:
        """Let go of what is queued and of what is partly sent."""
        self._queue.clear()
        self._message = None
        self.queued = self.size = 0

    def write(self, parts: list[_Bytes], least: int, room: int, *, at_least_one: bool = False) -> int:
        """Append packets until `least` bytes are written, nothing is left, or the next packet would exceed `room`.

        The two limits differ: a packet that begins before `least` is written completely, while one that would end beyond
        `room` is not begun.

        Args: at_least_one, write the first packet even if it exceeds `room`.
        Returns: bytes written.
        """
        written = 0
        while written < least:
            forced = at_least_one and not written
            message = self._message
            if message is None:
                written += self._write_whole(parts, least - written, room - written, forced=forced)
                if written >= least or not self._queue:
                    break
                queued = self._queue[0]
                if isinstance(queued, _QueuedRun) or len(queued) <= self._eof_limit:
                    break
                message = self._start(queued)
                forced = at_least_one and not written
            left = len(message) - self._offset
            if left <= self._eof_limit:
                header = self._eof_headers.get(left) or self._eof_header(left)
                if written + len(header) + left > room and not forced:
                    break
                parts.append(header)
                parts.append(message[self._offset :])
                written += len(header) + left
                self.size -= len(message)
                self._message = None
                continue
            size = self._write_run(message, left, parts, least - written, room - written, forced=forced)
            written += size
            if not size:
                break
            if written + self._full_size > room and len(message) - self._offset > self._max_payload:
                break  # the next packet is a full one as well, and there is no room for it
        self.recently_sent += written
        return written

    def _write_whole(self, parts: list[_Bytes], least: int, room: int, *, forced: bool) -> int:
        """Write the next messages, as long as each fits one packet or is already framed and fits as a whole.

        Most gossip does. Joined messages are cut in one go, as far as each fits. Returns: bytes written.
        """
        written = 0
        queue, limit, headers, append = self._queue, self._eof_limit, self._eof_headers, parts.append
        while queue and written < least:
            message = queue[0]
            if type(message) is FramedMessage:
                total = message.size
                before_last = message.before_last
                # All of its packets are written at once, so this channel must still be the scheduler's choice when the
                # last one begins. And only a single packet may be forced past `room`, not a whole message.
                if before_last and (written + before_last >= least or written + total > room):
                    break
                if written + total > room and (written or not forced):
                    break
                append(message.packets)
                self.size -= len(message.data)
            elif isinstance(message, _QueuedRun):
                at = message.at
                packets, message.first, message.at = accelerator.cut_messages(
                    message.data,
                    at,
                    message.sizes,
                    before := message.first,
                    message.last,
                    self._middle,
                    least - written,
                    room - written,
                    forced and not written,
                )
                count = message.first - before
                self.queued -= count
                self.size -= message.at - at
                self.started += count
                written += len(packets)
                append(packets)
                if message.first < message.last:
                    break
                queue.popleft()
                continue
            else:
                size = len(message)
                if size > limit:
                    break
                header = headers.get(size) or self._eof_header(size)
                total = len(header) + size
                if written + total > room and (written or not forced):
                    break
                append(header)
                append(message)  # type: ignore[arg-type]  # narrowed by `type is` above
                self.size -= size
            queue.popleft()
            self.queued -= 1
            written += total
            self.started += 1
        return written

    def _eof_header(self, size: int) -> bytes:
        header = self._eof_headers[size] = message_header(self.channel_id, eof=True, size=size)
        return header

    def _start(self, queued: bytes | memoryview | FramedMessage) -> memoryview:
        """Take the next message from the queue, one that needs several packets."""
        self._queue.popleft()
        self.queued -= 1
        # A view, because its slices copy nothing.
        message = self._message = memoryview(queued.data if isinstance(queued, FramedMessage) else queued)
        self._offset = 0
        self.started += 1
        return message

    def _write_run(
        self, message: _Bytes, left: int, parts: list[_Bytes], least: int, room: int, *, forced: bool
    ) -> int:
        """Write as many packets without eof as are allowed in one go. Returns: bytes written."""
        payload = self._max_payload
        full = (left - 1) // payload
        if not full:
            # What is left would fill a packet exactly, but a full packet with eof is refused on this channel (see
            # eof_payload_limit). Sending one byte first leaves a rest that fits.
            header = message_header(self.channel_id, eof=False, size=1)
            if len(header) + 1 > room and not forced:
                return 0
            parts.append(header)
            parts.append(message[self._offset : self._offset + 1])
            self._offset += 1
            return len(header) + 1
        # `forced` counts as 1: at least one packet, even if there is no room for it.
        count = min(full, room // self._full_size, -(-least // self._full_size)) or forced
        start = self._offset
        self._offset = start + count * payload
        parts.append(accelerator.cut(self._full_header, message, start, payload, count))
        return count * self._full_size


class Scheduler:
    """All channels of a connection, and the choice between them.

    The next packet comes from the channel with the least recently_sent / priority among those that have data; among
    equals, from the one described first. The choice is made as if before each packet: several packets of one channel
    are written in one go only as far as the choice would have fallen on that channel each time.
    """

    def __init__(
        self, descriptors: Iterable[ChannelDescriptor], *, now: float, max_payload: int = DEFAULT_MAX_PAYLOAD
    ) -> None:
        """Raises: DuplicateChannelError."""
        self.channels: dict[int, OutgoingChannel] = {}
        for index, descriptor in enumerate(descriptors):
            if descriptor.id in self.channels:
                raise DuplicateChannelError(descriptor.id)
            self.channels[descriptor.id] = OutgoingChannel(descriptor, index, max_payload)
        self._ready: list[OutgoingChannel] = []  # the channels with data, in no particular order
        self._next_decay = now + DECAY_INTERVAL_S

    @property
    def size(self) -> int:
        """Bytes of all messages that are not wholly sent."""
        size = 0
        for channel in self._ready:  # one or none, as a rule: cheaper than sum
            size += channel.size
        return size

    @property
    def has_data(self) -> bool:
        """Whether any channel has something to send."""
        return bool(self._ready)

    def put(self, channel_id: int, message: _Bytes) -> bool:
        """Queue a message. Returns: False when the channel's queue is full or there is no such channel."""
        channel = self.channels.get(channel_id)
        if channel is None:
            return False
        return self._put(channel, (message,)) == 1

    def put_many(self, channel_id: int, messages: Sequence[_Bytes | FramedMessage]) -> int:
        """Queue messages of one channel in order, as many as there is room for. Returns: how many."""
        channel = self.channels.get(channel_id)
        return 0 if channel is None else self._put(channel, messages)

    def put_run(self, run: MessageRun) -> int:
        """Queue joined messages in order, as many as there is room for. Returns: how many."""
        channel = self.channels.get(run.channel_id)
        if channel is None:
            return 0
        was_idle = not channel.has_data
        count = channel.put_run(run)
        if was_idle and count:
            self._ready.append(channel)
        return count

    def _put(self, channel: OutgoingChannel, messages: Sequence[_Bytes | FramedMessage]) -> int:
        was_idle = not channel.has_data
        count = channel.put_many(messages)
        if was_idle and count:
            self._ready.append(channel)
        return count

    def discard(self) -> None:
        """Let go of everything that is to be sent: the connection has ended."""
        for channel in self.channels.values():
            channel.discard()
        self._ready.clear()

    def write(self, parts: list[_Bytes], room: int, now: float) -> int:
        """Append packets of at most `room` bytes in all; a single first packet may exceed that, so that progress is made.

        Returns: bytes written.
        """
        self.decay(now)
        written, ready = 0, self._ready
        while ready and written < room:
            channel, bound = self._choose(ready)
            left = room - written
            size = channel.write(parts, least := min(bound, left), left, at_least_one=not written)
            written += size
            if not channel.has_data:
                ready.remove(channel)
            elif size < least:  # its next packet has no room, and it would be the choice again
                break
        return written

    def decay(self, now: float) -> None:
        """Let the record of what was sent fade: times 0.8, cut to an integer, for every 2 s that have passed."""
        if now < self._next_decay:
            return
        rounds = int((now - self._next_decay) / DECAY_INTERVAL_S) + 1
        self._next_decay += rounds * DECAY_INTERVAL_S
        for channel in self.channels.values():
            for _ in range(min(rounds, _DECAYED_TO_NOTHING)):
                channel.recently_sent = int(channel.recently_sent * 0.8)

    def take_started(self) -> dict[int, int]:
        """Channel ID → messages that have left its queue since the last call, only for channels where some have."""
        started: dict[int, int] = {}
        for channel_id, channel in self.channels.items():
            if channel.started:
                started[channel_id] = channel.started
                channel.started = 0
        return started

    @staticmethod
    def _choose(ready: Sequence[OutgoingChannel]) -> tuple[OutgoingChannel, int]:
        """The channel to send from, and how many bytes it may send before the choice would fall on another one."""
        if len(ready) == 1:
            return ready[0], _NO_BOUND
        # a/b < c/d is compared as a*d < c*b: integers are exact and faster than division.
        best = ready[0]
        for channel in ready[1:]:
            mine, its = channel.recently_sent * best.priority, best.recently_sent * channel.priority
            if mine < its or (mine == its and channel.index < best.index):
                best = channel
        bound = _NO_BOUND
        for other in ready:
            if other is not best:
                limit, rest = divmod(other.recently_sent * best.priority, other.priority)
                if rest or best.index < other.index:
                    limit += 1  # `best` stays the choice up to this count, for a tie goes to the one described first
                bound = min(bound, limit - best.recently_sent)
        return best, max(bound, 1)
