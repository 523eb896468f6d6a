"""The multiplexed connection: messages on many channels, in both directions over one stream, kept alive by pings.

It does no I/O. Plaintext goes in and events come out; messages go in and plaintext comes out. It reads no clock either:
the owner passes the time to every call, in seconds of any clock that never goes back, and calls `tick` at
`next_deadline`. So the same code runs under sockets, in tests with a fake clock, and in simulations.

Three timers interact here, and most of the care goes into what happens while the owner is not reading because a reactor
is full (`pause_reading`): the remote's pongs then lie unread in the socket, so our pong timer must not run; and the
remote's pings lie unread too, so we send pongs unasked, or the remote would take us for dead.

Source: reference 4; design 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from peerage.wire.channel import ChannelDescriptor
from peerage.wire.empty_packets import EmptyPacketBudget
from peerage.wire.errors import (
    ConnectionSettingError,
    EmptyPacketFloodError,
    PongTimeoutError,
    RemoteError,
)
from peerage.wire.packet import (
    DEFAULT_MAX_PAYLOAD,
    PING,
    PONG,
    Event,
    MessageReceived,
    MessageRun,
    PingReceived,
    PongReceived,
)
from peerage.wire.packet_reader import CALL_COST, PacketReader
from peerage.wire.rate import FlowMeter, TokenBucket
from peerage.wire.scheduler import FramedMessage, Scheduler
from peerage.wire.status import ChannelStatus, ConnectionStatus

__all__ = [
    "BULK_READ",
    "Event",
    "Figures",
    "MessageReceived",
    "MessageRun",
    "MultiplexConnection",
    "PingReceived",
    "PongReceived",
]

DEFAULT_RATE = 5_120_000  # bytes per second, reference 4: send_rate and recv_rate
PING_INTERVAL_S, PONG_TIMEOUT_S = 60.0, 45.0  # reference 4
FLUSH_THROTTLE_S = 0.1  # reference 4: flush_throttle_timeout
UNASKED_PONG_INTERVAL_S = 20.0  # design 4: while we are not reading; the remote gives up after 45 s
# On a network with a shorter pong timeout this interval shrinks in proportion.
_UNASKED_SHARE = UNASKED_PONG_INTERVAL_S / PONG_TIMEOUT_S

_LATE_S = 1.0  # a deadline noticed later than this means that we were asleep, not that the remote was silent
# A sealed frame takes about as long to open, however little it carries, as a fifth of its bytes of ordinary packets to read.
_SEALED_PER_BYTE = 5
BULK_READ = 128 * 1024  # bytes; of long messages as many take no longer to read than a call's worth of others
_LEAST_READ = 4096  # bytes: less is not worth a system call, so the allowance may be overdrawn up to this

_Bytes: TypeAlias = bytes | bytearray | memoryview
# Round trip, rates of sending and receiving (bytes per second), bytes sent and received, seconds since the last byte, and
# the queues that are not empty: channel, messages, capacity.
Figures: TypeAlias = tuple[float | None, float, float, int, int, float, tuple[tuple[int, int, int], ...]]


class MultiplexConnection:
    """The channels, pings and limits of one connection.

    Promises: the messages of a channel go out, and come out at the other end, whole and in order. What waits to be sent
    is bounded by the capacities of the channels' queues, partly received messages by the channels' message capacities.
    An error of the remote is final: every later `receive_data` and `tick` raises it again.
    """

    def __init__(
        self,
        channels: Sequence[ChannelDescriptor],
        *,
        now: float,
        max_packet_msg_payload_size: int = DEFAULT_MAX_PAYLOAD,
        send_rate: float = DEFAULT_RATE,
        recv_rate: float = DEFAULT_RATE,
        ping_interval: float = PING_INTERVAL_S,
        pong_timeout: float = PONG_TIMEOUT_S,
        flush_throttle: float = FLUSH_THROTTLE_S,
        remote_channels: Iterable[int] = (),
        joins_messages: bool = False,
    ) -> None:
        """A connection that begins now.

        Args:
            channels: the channels of all reactors, each ID once.
            now: the time.
            max_packet_msg_payload_size: most data bytes in a packet, sent or received; at least 1.
            send_rate: bytes of packets per second, 0 for no limit.
            recv_rate: the same for what arrives.
            ping_interval: seconds from ping to ping.
            pong_timeout: seconds from ping to pong.
            flush_throttle: seconds. Messages are never held back: the owner collects whatever one turn of its loop
                produces. Only the answers to a flood of pings wait this long, so that they can share a frame.
            remote_channels: IDs that the remote announced. Packets on those that are not in `channels` are dropped and
                counted, and count against the receive rate; a packet on a channel that neither side has is an error.
            joins_messages: report whole messages of one channel that follow each other as one `MessageRun`.

        Raises: DuplicateChannelError, ConnectionSettingError.
        """
        if max_packet_msg_payload_size < 1:
            raise ConnectionSettingError("max_packet_msg_payload_size", max_packet_msg_payload_size)
        self._scheduler = Scheduler(channels, now=now, max_payload=max_packet_msg_payload_size)
        capacities = {descriptor.id: descriptor.recv_message_capacity for descriptor in channels}
        self._reader = PacketReader(
            capacities, max_packet_msg_payload_size, remote_channels, joins_messages=joins_messages
        )
        self.take_begun = self._reader.take_begun
        """What it gives goes in front of what `receive_data` gets next; without a call of it, that joins the two itself."""
        self.send_limit = TokenBucket(send_rate, now)  # both may be changed at any time
        self.recv_limit = TokenBucket(recv_rate, now)
        self._send_meter = FlowMeter(now)
        self._recv_meter = FlowMeter(now)
        self._began = now
        self._ping_interval = ping_interval
        self._pong_timeout = pong_timeout
        self._flush_throttle = flush_throttle
        self._empty_packets = EmptyPacketBudget(now)
        self._most_read = CALL_COST
        self.error: RemoteError | None = None
        """Why the connection is over; None while it is not."""
        self._ping_due = False  # a ping is to be written
        self._ping_at = now + ping_interval
        self._pinged_at: float | None = None  # when we sent the ping whose pong is still missing
        self._pong_deadline: float | None = None  # None while we are not reading: pongs could not be seen
        self._pong_due = False
        self._pong_gate = now  # until then a pong is only sent along with other data
        self._unasked_interval = min(UNASKED_PONG_INTERVAL_S, pong_timeout * _UNASKED_SHARE)
        self._unasked_pong_at: float | None = None  # set only while we are not reading
        self._unasked_pong_left_at: float | None = None  # its value when reading last resumed
        self._resumed_at = now
        self.round_trip: float | None = None
        """Seconds between the latest answered ping and its pong; None before the first."""

    # --- receiving ---

    @property
    def has_unread(self) -> bool:
        """Whether `receive_data` is to be called again, with what arrives next or with nothing.

        A call takes in as much as takes about a millisecond. What slow packets are left over waits here: let others have
        their turn, and look at `receive_allowance` first.
        """
        return self._reader.has_unread

    def receive_data(
        self, data: _Bytes, now: float, sealed: int = 0, weight: int = 1, begun: int = 0
    ) -> list[Event]:
        """Take plaintext that arrived, cut anywhere.

        Pings are answered by the next `data_to_send`. The receive rate is charged the bytes, or the work if it is more.

        Args: sealed, bytes of the frames that it came in, which are charged for if they hold little or nothing; weight, how
            many times all of this is charged; begun, how many bytes of `take_begun` stand in front.
        Returns: what happened, in order; if `has_unread` is set, not all of it. If these events are followed by a violation
            of the protocol, or are a flood of packets with little or no data, the connection is over even so: `error` is
            set, and the next call of this method or of `tick`, which is then due at once, raises it.
        Raises: PacketError, MalformedMessageError, MessageTooLongError, PongTimeoutError.
        """
        if self.error is not None:
            raise self.error
        reader = self._reader
        try:
            events = reader.feed(data)
        finally:
            self.error = reader.error
        size, cost = len(data) - begun, reader.cost
        self._recv_meter.update(size, now)
        if 2 * cost < size:
            self._most_read = BULK_READ
        elif cost <= size:
            self._most_read = CALL_COST
        # The next read may be as costly: let it take no more than fits into one call. A small one tells nothing.
        elif reader.has_unread:
            self._most_read = _LEAST_READ
        elif size >= _LEAST_READ:
            self._most_read = max(_LEAST_READ, CALL_COST * size // cost)
        if reader.pings or reader.pongs or reader.empty:
            self._on_empty_packets(now)
        self.recv_limit.spend(max(size, cost, sealed // _SEALED_PER_BYTE) * weight)
        return events

    def _on_empty_packets(self, now: float) -> None:
        reader = self._reader
        empty = reader.pings + reader.pongs + reader.empty
        if reader.pings:
            self._pong_due = True
        if reader.pongs:
            empty -= self._pinged_at is not None  # one was asked for
            if self._pinged_at is not None:
                self.round_trip = now - self._pinged_at
            self._pinged_at = self._pong_deadline = None
        if empty:
            try:
                self._empty_packets.spend(empty, now)
            except EmptyPacketFloodError as flood:
                self.error = self.error or flood

    def take_unserved(self) -> Mapping[int, int]:
        """Packets dropped since the last call. Returns: channel ID → packets, only for channels where some were."""
        taken = self._reader.unserved
        if taken:
            self._reader.unserved = {}
        return taken

    def receive_allowance(self, now: float) -> int:
        """Bytes that may be read from the socket now; 0 for none at the moment, nor what is unread (`has_unread`).

        That is what the receive rate allows, at most what one call of `receive_data` takes in, and nothing for a while
        after a flood of packets with little or no data.
        """
        allowance = self.recv_limit.allowance(now)
        if not allowance or self.is_flooded(now):
            return 0
        return min(max(allowance, _LEAST_READ), self._most_read)

    def is_flooded(self, now: float) -> bool:
        """Whether reading pauses, because the remote sends too many packets with little or no data."""
        return not self._empty_packets.may_read(now)

    def pause_reading(self, now: float) -> None:
        """The owner stops reading because a reactor has no room.

        Until `resume_reading` the pong timer rests, since pongs are not read either, and we send a pong every 20 s,
        unasked, to tell the remote that we are alive. (Where the pong timeout is shorter than 45 s, the interval is
        shorter in proportion.)
        """
        if self._unasked_pong_at is not None:
            return
        due = now + self._unasked_interval
        if self._unasked_pong_left_at is not None and now - self._resumed_at < self._unasked_interval:
            # The reactor takes a little now and then, so reading resumes and pauses all the time. The remote's ping may
            # still lie behind megabytes of unread data, so the interval runs on instead of beginning anew.
            due = max(now, self._unasked_pong_left_at)
        self._unasked_pong_at = due
        self._pong_deadline = None

    def resume_reading(self, now: float) -> None:
        """The owner reads again. A pong that we wait for gets its full time anew, since much data may lie before it."""
        if self._unasked_pong_at is not None:
            self._unasked_pong_left_at, self._unasked_pong_at = self._unasked_pong_at, None
            self._resumed_at = now
            if self._pinged_at is not None:
                self._pong_deadline = now + self._pong_timeout

    # --- sending ---

    def try_send(self, channel_id: int, data: _Bytes) -> bool:
        """Queue a message.

        Args: data, of any size, 0 included; copied only if it is mutable.
        Returns: False when the channel's queue is full, there is no such channel, or the connection is over.
        """
        return self.error is None and self._scheduler.put(channel_id, data)

    def try_send_many(self, channel_id: int, messages: Sequence[_Bytes | FramedMessage]) -> int:
        """Queue messages of one channel in order, as `try_send` does. Returns: how many, from the first on."""
        return self._scheduler.put_many(channel_id, messages) if self.error is None else 0

    def try_send_run(self, run: MessageRun) -> int:
        """Queue joined messages, as `try_send_many` does. Returns: how many, from the first on."""
        return self._scheduler.put_run(run) if self.error is None else 0

    def queue_room(self, channel_id: int) -> int:
        """How many more messages the channel's queue takes; 0 if there is no such channel."""
        channel = self._scheduler.channels.get(channel_id)
        return channel.capacity - channel.queued if channel is not None else 0

    def queue_capacity(self, channel_id: int) -> int:
        """How many messages the channel's queue takes; 0 if there is no such channel."""
        channel = self._scheduler.channels.get(channel_id)
        return 0 if channel is None else channel.capacity

    def take_started(self) -> dict[int, int]:
        """Messages that have left their queue since the last call, each of which freed a place in it.

        Returns: channel ID → messages, only for channels where some have.
        """
        return self._scheduler.take_started()

    def data_to_send(self, now: float, limit: int) -> bytes:
        """Plaintext to write now: pongs and pings first, then packets of the channels whose turn it is.

        Args: limit, bytes; only a single packet that is larger exceeds it.
        Returns: b"" when there is nothing to write, or nothing within the send rate.
        """
        scheduler = self._scheduler
        allowance = self.send_limit.allowance(now) if scheduler.has_data and self.error is None else 0
        parts: list[_Bytes] = []
        # A pong rides along with other data for free. Without any, pongs are at least flush_throttle apart, or each ping
        # of a flood would cost us a whole frame of 1044 bytes.
        if self._pong_due and (allowance or now >= self._pong_gate):
            parts.append(PONG)
            self._pong_due = False
            self._pong_gate = now + self._flush_throttle
        if self._ping_due:
            parts.append(PING)
            self._ping_due = False
        size = len(PING) * len(parts)
        if allowance:
            size += scheduler.write(parts, min(limit, allowance) - size, now)
        if not parts:
            return b""
        self.send_limit.spend(size)
        self._send_meter.update(size, now)
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

    def wants_to_write(self, now: float) -> bool:
        """Whether to call `data_to_send` and to look at `next_deadline` again, after something was received.

        Also true for a pong that still has to wait for its time, and for an error that `tick` will raise.
        """
        if self._ping_due or self._pong_due or self.error is not None:
            return True
        return self._scheduler.has_data and self.send_limit.allowance(now) > 0

    @property
    def flushed(self) -> bool:
        """Whether nothing is queued or partly sent."""
        return not self._scheduler.has_data

    def ping(self, now: float) -> None:
        """Send a ping besides the regular ones. Its pong is awaited like those of the others."""
        self._ping_due = True
        # A ping while another is unanswered does not start the timer anew: the remote owes the earlier pong.
        if self._pinged_at is None:
            self._pinged_at = now
            if self._unasked_pong_at is None:
                self._pong_deadline = now + self._pong_timeout

    # --- memory ---

    def held(self) -> tuple[int, int]:
        """What the connection holds, which may be asked in every turn.

        Returns: bytes of messages that have begun to arrive; of those that wait to be sent, or are sent partly.
        """
        return self._reader.unfinished, self._scheduler.size

    def discard(self) -> None:
        """Let go of unfinished messages and of those that are queued: nothing is read or written any more.

        Whoever still refers to the connection, a cycle of objects that waits for the garbage collector for example, keeps
        no more than its counters.
        """
        self._reader.discard()
        self._scheduler.discard()

    # --- time ---

    def next_deadline(self, now: float, *, may_write: bool = True) -> float:
        """When to call `tick` at the latest, and `data_to_send` after it.

        Covers the next ping, the pong timers, and the moment at which a rate limit lets bytes through again.

        Args: may_write, whether what is due to be written can be; if not, there is nothing to wake up for it.
        """
        if self.error is not None:
            return now
        due = self._ping_at
        if self._pong_deadline is not None:
            due = min(due, self._pong_deadline)
        if self._unasked_pong_at is not None:
            due = min(due, self._unasked_pong_at)
        # While we are not reading, an allowance to read is nothing to wake up for. While we are, it takes both of them.
        if self._unasked_pong_at is None:
            resumes_at, paused_until = self.recv_limit.resumes_at(), self._empty_packets.paused_until
            if paused_until is not None:
                resumes_at = max(paused_until, resumes_at or paused_until)
            if resumes_at is not None:
                due = min(due, resumes_at)
        if may_write:
            if self._pong_due:
                due = min(due, self._pong_gate)
            resumes_at = self.send_limit.resumes_at()
            if resumes_at is not None and self._scheduler.has_data:
                due = min(due, resumes_at)
        return max(due, now)

    def tick(self, now: float) -> None:
        """Do what is due: queue a ping or an unasked pong, or notice that a pong is missing.

        May be called at any time; it does nothing that is not due.

        Raises: PongTimeoutError; the error that `receive_data` found after its last events.
        """
        if self.error is not None:
            raise self.error
        if self._pong_deadline is not None and now >= self._pong_deadline:
            if now - self._pong_deadline > _LATE_S:
                # The process was held up, so the pong may lie in the socket unread: let the owner read first, once.
                self._pong_deadline = now + _LATE_S
            else:
                self.error = PongTimeoutError(self._pong_timeout)
                raise self.error
        if now >= self._ping_at:
            self._ping_at = now + self._ping_interval
            self.ping(now)
        if self._unasked_pong_at is not None and now >= self._unasked_pong_at:
            self._unasked_pong_at = now + self._unasked_interval
            self._pong_due = True
            self._pong_gate = now

    def status(self, now: float, wall: float | None = None) -> ConnectionStatus:
        """A snapshot of the connection.

        Args: wall, seconds since 1970 at `now`; needed unless the clock passed in counts from 1970 itself.
        """
        wall = now if wall is None else wall
        self._scheduler.decay(now)
        return ConnectionStatus(
            duration=now - self._began,
            send_monitor=self._send_meter.status(now, wall),
            recv_monitor=self._recv_meter.status(now, wall),
            channels=tuple(
                ChannelStatus(
                    id=channel.channel_id,
                    send_queue_capacity=channel.capacity,
                    send_queue_size=channel.unsent,
                    priority=channel.priority,
                    recently_sent=channel.recently_sent,
                )
                for channel in self._scheduler.channels.values()
            ),
            round_trip=self.round_trip,
        )

    def figures(self, now: float) -> Figures:
        """What is wanted of a thousand connections every second, at a fifth of the cost of `status`."""
        send_rate, sent, send_idle = self._send_meter.brief(now)
        recv_rate, received, recv_idle = self._recv_meter.brief(now)
        queues: tuple[tuple[int, int, int], ...] = ()
        if self._scheduler.has_data:
            channels = self._scheduler.channels.values()
            queues = tuple(
                [(each.channel_id, each.unsent, each.capacity) for each in channels if each.unsent]
            )
        idle = min(send_idle, recv_idle)
        return self.round_trip, send_rate, recv_rate, sent, received, idle, queues
