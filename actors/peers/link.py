"""A connection after its handshake: sealed bytes on the socket, events and chunks of packets on the other side.

It reads within the receive rate, writes what is queued at the end of a turn, and keeps the connection's timers: pings, the
wait for a pong, the moment at which a rate limit lets bytes through again.

A turn takes in as many packets as take a millisecond or so to read. What is left of them is read in the next turns, before
the socket is, so that no peer holds up the others of its host (decision 0039).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from peerage.actors.metrics.families import channel_label
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.peers.bandwidth import NO_LIMITS, Bandwidths
from peerage.actors.peers.connector import CLOSED_BY_REMOTE
from peerage.actors.peers.memory_budget import Account
from peerage.actors.peers.phases import Phase, Phases
from peerage.actors.peers.send_queues import SendQueues
from peerage.actors.peers.stream import Cancellable, Loop, SocketStream, cause_of
from peerage.actors.peers.tcp_buffers import (
    loosen_receive_buffer,
    shorten_receive_buffer,
    shorten_send_buffer,
)
from peerage.wire.errors import EmptyPacketFloodError, RemoteError
from peerage.wire.multiplex import Event, MultiplexConnection
from peerage.wire.secret_connection import SecretConnection

__all__ = ["NOBODY", "Link", "LinkEvents"]

# Plaintext sealed at once: what is sealed and has no room in the socket cannot be overtaken any more. With 64 KiB an urgent
# message waits a sixth longer.
SEND_CHUNK = 32 * 1024
# Sent in a turn: then others have theirs, and messages of higher priority are heard of.
TURN_BYTES = 4 * SEND_CHUNK
LEAST_TICK_S = 0.001
# Who has taken nothing of what is sent to it for a while, and goes on sending, is heard at a tenth of its rate: its answers
# go nowhere. Not to read it at all would let two nodes wait for each other.
DEAF_S, DEAF_WEIGHT = 0.5, 10
MUCH_READ = 8192  # bytes at once: the remote may fill the kernel's buffer. Most newcomers never send so much


@dataclass(frozen=True, slots=True)
class LinkEvents:
    """What a link tells its owner.

    Args:
        written: the socket has taken what it would in this turn.
        closed: the connection is gone, or has to go, and why.
        broken: the remote broke a rule of the protocol, and which.
    """

    written: Callable[[], object]
    closed: Callable[[str], object]
    broken: Callable[[RemoteError], object]


def _ignore(_what: object = None) -> None:
    """When all is over."""


class _Counts:
    """What peers send to no purpose, for the metrics."""

    __slots__ = ("_metrics",)

    def __init__(self, metrics: MetricsReporter) -> None:
        self._metrics = metrics

    def flood(self, outcome: str) -> None:
        self._metrics.buffer.inc("p2p_packet_floods_total", (outcome,), 1)

    def unserved(self, packets: Mapping[int, int]) -> None:
        """Args: packets, by channel ID."""
        for channel_id, count in packets.items():
            self._metrics.buffer.inc("p2p_unserved_packets_total", (channel_label(channel_id),), count)


NOBODY = LinkEvents(_ignore, _ignore, _ignore)


class Link:
    """See the module's text.

    Args:
        loop: that runs it.
        phases: of the connection; packets go in and out only while they say so.
        stream: the socket.
        secret: open.
        connection: the packets, with their queues and timers.
        queues: what is to be sent.
        buffer: to read into, shared with the other connections of this host.
        recv_rate: bytes per second, 0 for no limit.
        account: of the memory that the connection takes; nothing is read while there is none.
        metrics: counts packets on channels that nobody here has, and floods of packets with little or no data.
        owner: is told what happens.
        received: takes the events of the remote's packets; may be replaced at any time.
        bandwidths: of the node, which this connection has its part in.

    Attribute: on_bytes, called once, with the next bytes of the remote, even if they are no whole frame.
    """

    def __init__(
        self,
        loop: Loop,
        phases: Phases,
        stream: SocketStream,
        secret: SecretConnection,
        connection: MultiplexConnection,
        queues: SendQueues,
        buffer: memoryview,
        recv_rate: float,
        account: Account,
        metrics: MetricsReporter,
        owner: LinkEvents,
        received: Callable[[list[Event]], object],
        bandwidths: Bandwidths = NO_LIMITS,
    ) -> None:
        self._loop = loop
        self._phases = phases
        self._stream = stream
        self._secret = secret
        self._connection = connection
        self._queues = queues
        self._buffer = buffer
        self._recv_rate = recv_rate
        self._account = account
        self._counts = _Counts(metrics)
        self._owner = owner
        self._receives, self._sends = bandwidths
        self.received = received
        self.on_bytes: Callable[[], object] | None = None
        self._timer: Cancellable | None = None
        self._pump_due = False
        self._reading_due = False  # what was left unread comes in the next turn
        self._stalled = False
        self._is_shortened = False  # the kernel's buffer
        self._chunk = SEND_CHUNK  # all of a turn, while the socket takes as much

    def start(self, leftover: bytes = b"", sealed: int = 0) -> None:
        """Read and write from here on.

        Args: leftover, what the remote has said before, behind its handshake; sealed, how many bytes it was on the way.
        """
        shorten_send_buffer(self._stream.sock)
        self._stream.drive(self._readable, self._writable)
        if leftover:
            self._receive(leftover, sealed, self._loop.now())

    def move_to(self, loop: Loop, owner: LinkEvents) -> None:
        """Run in another loop, and tell another owner, from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._stream.move_to(loop)
        self._loop, self._owner = loop, owner
        self._pump_due = False  # what the former loop calls yet finds nothing left to write
        self._reading_due = False
        if self._stream.is_reading:
            self._schedule_reading()
        self.schedule_pump()
        self.reschedule()

    def resume(self) -> None:
        """Read on, after a time in which nothing was read."""
        self._stream.set_reading(wanted=True)
        self._schedule_reading()

    def close(self) -> None:
        """Nothing is read or written any more.

        Whoever owns it is let go: what ends here would otherwise wait for the collector, or for the timer, in a circle.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._receives.forget(self)
        self._sends.forget(self)
        self._owner, self.received, self.on_bytes = NOBODY, _ignore, None

    # --- reading ----------------------------------------------------------------------------------------------------

    def _schedule_reading(self) -> None:
        """Go on in the next turn with what was left unread, unless reading has stopped meanwhile."""
        if self._connection.has_unread and not self._reading_due:
            self._reading_due = True
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._reading_due = False
        if self._stream.is_reading:
            self._readable()

    def _readable(self) -> None:
        if self._reading_due:  # first things first
            return
        buffer, now = self._buffer, self._loop.now()
        limit = len(buffer)
        if self._phases.carries_packets:
            if not self._account.may_read():
                return
            allowance = self._connection.receive_allowance(now)
            if allowance <= 0:
                if self._connection.is_flooded(now):
                    self._counts.flood("paused")
                self._stream.set_reading(wanted=False)
                self.reschedule()
                return
            if self._connection.has_unread:
                self._receive(b"", 0, now)
                return
            share = self._receives.allowance(self)
            if share <= 0:
                self._stream.set_reading(wanted=False)
                self._receives.wait(self, self._read_again)
                self.reschedule()
                return
            limit = min(limit, allowance, share)
        try:
            count = self._stream.read_into(buffer[:limit])
        except OSError as error:
            self._owner.closed(cause_of(error))
            return
        if count is None:
            return
        if count == 0:
            self._owner.closed(CLOSED_BY_REMOTE)
            return
        self._receives.spend(self, count)
        if self._phases.phase is Phase.CLOSING:  # read until the remote closes too, whatever it says
            return
        if count >= MUCH_READ and not self._is_shortened:
            self._is_shortened = True
            shorten_receive_buffer(self._stream.sock, self._recv_rate)
        begun = self._connection.take_begun()
        try:
            plaintext = self._secret.receive_data(buffer[:count], begun)
        except RemoteError as error:
            self._owner.broken(error)
            return
        if self.on_bytes is not None:
            on_bytes, self.on_bytes = self.on_bytes, None
            on_bytes()
        self._receive(plaintext, count, now, len(begun))

    def _read_again(self) -> None:
        """It is this connection's turn."""
        if self._phases.carries_packets and not self._stalled:
            self.resume()
        else:
            self._receives.forget(self)

    def _receive(self, plaintext: bytes, sealed: int, now: float, begun: int = 0) -> None:
        connection = self._connection
        weight = DEAF_WEIGHT if self._stream.has_unsent and self._stream.is_stuck(DEAF_S) else 1
        try:
            events = connection.receive_data(plaintext, now, sealed, weight, begun)
        except RemoteError as error:
            self._counts.unserved(connection.take_unserved())
            self._break(error)
            return
        if unserved := connection.take_unserved():
            self._counts.unserved(unserved)
        if events:  # most reads of a long message bring none
            self.received(events)
        self._note_memory()
        if connection.has_unread:
            self._schedule_reading()
        if connection.wants_to_write(now):
            self.schedule_pump()

    def _note_memory(self) -> None:
        unfinished, unsent = self._connection.held()
        self._account.holds(unfinished, unsent + self._queues.waiting)

    def break_off(self, reason: str) -> None:
        """End the connection, for a reason of ours."""
        if self._phases.carries_packets:
            self._owner.closed(reason)

    def _break(self, error: RemoteError) -> None:
        if isinstance(error, EmptyPacketFloodError):
            self._counts.flood("ended")
        self._owner.broken(error)

    def stall(self, stalled: bool) -> None:
        """Stop reading while a reactor has no room (design 4, *wait*) or memory is short, and read on when there is some."""
        if stalled is self._stalled or not self._phases.carries_packets:
            return
        self._stalled = stalled
        if stalled:
            loosen_receive_buffer(self._stream.sock)
            self._connection.pause_reading(self._loop.now())
        else:
            shorten_receive_buffer(self._stream.sock, self._recv_rate)
            self._connection.resume_reading(self._loop.now())
        self._stream.set_reading(wanted=not stalled)
        if not stalled:
            self._schedule_reading()
        self.reschedule()

    def limit_rates(self, send_rate: float, recv_rate: float) -> None:
        """Other limits from now on, bytes per second, 0 for none. What waited for the former ones goes on."""
        self._recv_rate = recv_rate
        now = self._loop.now()
        self._connection.send_limit.change(send_rate, now)
        self._connection.recv_limit.change(recv_rate, now)
        if not self._phases.carries_packets:
            return
        if self._is_shortened and not self._stalled:
            shorten_receive_buffer(self._stream.sock, recv_rate)
        if self._timer is not None:
            self._timer.cancel()
        self._tick()

    # --- writing ----------------------------------------------------------------------------------------------------

    @property
    def is_flushed(self) -> bool:
        """Whether the kernel has everything that was accepted for this peer."""
        return self._queues.is_empty and not self._stream.has_unsent

    def schedule_pump(self) -> None:
        """Write at the end of this turn, when all that came in it is queued: one system call carries it."""
        if not self._pump_due:
            self._pump_due = True
            self._loop.at_end_of_turn(self._pump)

    def schedule_pump_when_writable(self) -> None:
        """Something waits that any peer of this host may take: no hurry while the socket is full."""
        if not self._stream.is_writing:
            self.schedule_pump()

    def schedule_pump_later(self, seconds: float) -> None:
        """Look again soon whether all is sent, unless that is on its way already."""
        if not self._pump_due and not self._stream.is_writing:
            self._loop.call_later(seconds, self.schedule_pump)

    def ping(self) -> None:
        """Ask the remote for a sign of life, besides the regular pings."""
        self._connection.ping(self._loop.now())
        self.schedule_pump()

    def _pump(self) -> None:
        self._pump_due = False
        phases = self._phases
        if not phases.carries_packets:
            return
        stream, sends = self._stream, self._sends
        try:
            if stream.flush():
                left = TURN_BYTES
                while left >= SEND_CHUNK:
                    data = self._next_chunk(min(self._chunk, left, sends.allowance(self)))
                    if not data:
                        break
                    left -= len(data)
                    sealed = self._secret.seal(data)
                    sends.spend(self, len(sealed))
                    if not stream.send(sealed):
                        self._chunk = SEND_CHUNK
                        break
                else:
                    self._chunk = TURN_BYTES
                    self._loop.call_soon(self.schedule_pump)
        except OSError as error:
            self._owner.closed(cause_of(error))
            return
        if self._queues.fill() and not stream.is_writing:
            self._loop.call_soon(self.schedule_pump)
        self._note_memory()
        self.reschedule()
        self._owner.written()

    def _next_chunk(self, limit: int) -> bytes:
        """What to seal next. Args: limit, bytes; 0: the node's bandwidth is used up, only pings and pongs go out."""
        now = self._loop.now()
        if limit:
            return self._queues.next_chunk(now, limit)
        if not self._queues.is_empty:
            self._sends.wait(self, self.schedule_pump)
        return self._connection.data_to_send(now, 0)

    def _writable(self) -> None:
        if self._phases.carries_packets:
            self.schedule_pump()
            return
        try:
            self._stream.flush()
        except OSError as error:
            self._owner.closed(cause_of(error))

    # --- time -------------------------------------------------------------------------------------------------------

    def reschedule(self) -> None:
        """Have the timer ring at the connection's next deadline."""
        if not self._phases.carries_packets:
            return
        now = self._loop.now()
        # A full socket calls when it takes bytes again.
        due = self._connection.next_deadline(now, may_write=not self._stream.is_writing)
        if self._timer is not None:
            # An early wake-up is cheaper than a new timer per packet. A timer is a little later than the deadline it was
            # made for, by the time between two looks at the clock: without the tolerance none would ever be kept.
            if self._timer.when <= due + LEAST_TICK_S and not self._timer.cancelled:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(max(LEAST_TICK_S, due - now), self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self._phases.carries_packets:
            return
        now = self._loop.now()
        try:
            self._connection.tick(now)
        except RemoteError as error:
            self._break(error)
            return
        if not self._stalled and not self._stream.is_reading and self._connection.receive_allowance(now) > 0:
            self.resume()
        self._queues.fill()
        self.schedule_pump()
        self.reschedule()
