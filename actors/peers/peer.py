"""One connection to one node, from the TCP socket to the reactors: an actor in a peer host.

    DIALLING → HANDSHAKE → ADMISSION → RUNNING → DRAINING → CLOSING → (ended)
               (accepted connections begin here)
    at a seed:   HANDSHAKE → CALLING → ADMISSION, or at once DRAINING

A caller at a seed, who asks for addresses right after the handshake, is answered and hung up on without having been a peer:
no reactor but PEX hears of it, which takes a fifth of the messages. Who says something else, or nothing, becomes a peer.

Whatever ends it, in any state: the socket is closed, the switch is told once, and so is every reactor that had heard of
the peer.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from itertools import groupby
from typing import Any

from peerage.actors.ban_filter import ShutOut
from peerage.actors.context import NodeContext
from peerage.actors.messages import (
    BROADCAST,
    RECEIVE,
    SEND_WAIT,
    AddPeer,
    Admission,
    AdmitPeer,
    CallerAsks,
    CallerLeft,
    ConnectionEnded,
    ConnectionFacts,
    Consumed,
    Credits,
    FlushStop,
    GetPeerValue,
    GetStatusOfPeer,
    InitPeer,
    PeerInfo,
    PeerStarted,
    PeerStatus,
    ProveAlive,
    RemovePeer,
    SetPeerValue,
    StopPeer,
    Tried,
)
from peerage.actors.metrics.families import channel_label
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.peers.broadcasts import Broadcasts, Listener
from peerage.actors.peers.draining import Draining
from peerage.actors.peers.handshake import Handshake, HandshakeRefusedError
from peerage.actors.peers.receive_window import Delivery
from peerage.actors.peers.tcp_buffers import (
    loosen_receive_buffer,
    shorten_receive_buffer,
    shorten_send_buffer,
)
from peerage.actors.peers.traffic import Traffic
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorDeadError, ActorRef, Frames, Future, ProcessActor, Reply, Timer
from peerage.actors.runtime.limits import Purpose, lack_of_descriptors
from peerage.actors.runtime.log import get_logger
from peerage.wire.errors import RemoteError
from peerage.wire.keys import NodeID
from peerage.wire.multiplex import Event, MessageReceived, MultiplexConnection, PongReceived
from peerage.wire.pex import PEX_CHANNEL, PexRequest
from peerage.wire.secret_connection import SecretConnection

__all__ = ["TRIM_INTERVAL_S", "PeerActor", "Scratch", "broadcasts_of"]

log = get_logger("peerage.peer")

ADMISSION_RETRY_S = (
    0.02  # while the switch is being restarted, which takes about 30 ms (tests/bench/recovery.py)
)
SEND_CHUNK = 64 * 1024  # plaintext sealed at once: what is sealed cannot be overtaken any more
CHUNKS_PER_TURN = 4  # then others of this host have their turn, and messages of higher priority are heard of
READS_PER_TURN = 1
BACKLOG_LIMIT = 64  # messages beyond a channel's queue that waiting sends may hold
TRIM_INTERVAL_S = 1.0  # between two looks for broadcasts that nobody needs any more
CLOSE_LIMIT_S = 0.5  # for the remote to read the last of it, when all is sent
DRAIN_LIMIT_S = 1.0  # for the reactors to hear of the end before a graceful close
TRAFFIC_INTERVAL_S = 1.0
CALLER_PATIENCE_S = 2.0  # then who called a seed and did not ask becomes a peer
CALLER_REQUEST = PexRequest().encode()
CALLER_WAIT_S = 30.0  # for its answer: a caller may have to wait for its turn
CALLER_FLUSH_S = 10.0  # for a caller to take its answer, as for a message to find room
VALUES_LIMIT = 1024  # keys that reactors may keep per connection
# Dials that fail so say nothing of the remote.
_OUR_LACK = {
    errno.EADDRNOTAVAIL,
    errno.EMFILE,
    errno.ENETDOWN,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
}


class _State(Enum):
    DIALLING = "dialling"
    HANDSHAKE = "handshake"
    CALLING = "calling"
    ADMISSION = "admission"
    RUNNING = "running"
    DRAINING = "draining"
    CLOSING = "closing"
    ENDED = "ended"


class Scratch:
    """What the peers of one host share: a buffer to read into, counters for the metrics, and what is being broadcast."""

    def __init__(self, metrics: MetricsReporter, broadcasts: Broadcasts, size: int = 64 * 1024) -> None:
        self.buffer = memoryview(bytearray(size))
        self.metrics = metrics
        self.broadcasts = broadcasts


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message that found its channel's queue full. Equal to none but itself: comparing megabytes takes time."""

    data: Any
    reply: Reply | None  # None: it was paid for, or is the rest of what was broadcast; nobody waits


class PeerActor(ProcessActor):
    """See the module's text.

    Args: facts, who is dialled or was accepted; sock, None when `facts` is to be dialled; scratch, of its host, None in a
        process of its own; shut_out, who is banned, as far as its host knows.
    """

    is_passing = True  # the switch logs what becomes of connections

    def __init__(
        self,
        facts: ConnectionFacts,
        sock: socket.socket | None,
        scratch: Scratch | None = None,
        shut_out: ShutOut | None = None,
    ) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context = context
        self._facts = facts
        self._scratch = scratch or Scratch(
            MetricsReporter(self.runtime, context, self.actor_urn), broadcasts_of(context)
        )
        self._traffic = Traffic(self._scratch.metrics)
        self._sock = sock if sock is not None or facts.is_outbound else _passed_socket(self.runtime.fds)
        self._state = _State.DIALLING if facts.is_outbound else _State.HANDSHAKE
        refusal_of = (shut_out or ShutOut()).refusal
        self._handshake = Handshake(context.node_key, context.node_info, facts.dialled_id, refusal_of)
        self._began, self._latency = self.runtime.now(), 0.0
        self._deadline: Timer | None = None
        self._timer: Timer | None = None
        self._writing = False
        self._reading = False
        self._pump_due = False
        self._out = memoryview(b"")
        self._secret: SecretConnection
        self._mconn: MultiplexConnection
        self._info: PeerInfo | None = None
        self._caller_asked = False
        self._heard: list[Event] | None = None  # of a caller, before it was taken for a peer
        self._deliveries: dict[str, Delivery] = {}
        self._delivery_of: dict[int, Delivery] = {}
        self._waiting: dict[int, deque[_Waiting]] = {}
        self._listener: Listener | None = None
        self._trim_due = False
        self._sent_by_reactor: dict[int, int] = {}  # channel → what its reactor says that it has sent
        self._granted: dict[int, int] = {}  # channel → how many it has been told that it may have sent
        self._proofs: list[Reply] = []
        self._values: dict[str, Any] = {}
        self._flush_replies: list[Reply] = []
        self._draining = Draining()
        self._stalled = False

    # --- life ------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        if self._facts.is_outbound:
            self._dial()
        else:
            assert self._sock is not None
            self._sock.setblocking(False)
            self._begin_handshake()

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        """A fault of ours: this connection pays for it, and no other."""
        self._close(f"internal error: {exception_value!r}", is_error=True)

    def on_stop(self) -> None:
        self._close("", is_error=False)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Frames):
            return self._on_frames(message)
        if isinstance(message, Consumed):
            return self._on_consumed(message)
        if isinstance(message, StopPeer):
            return self._end(message.reason, is_error=message.is_error)
        if isinstance(message, ProveAlive):
            return self._prove_alive()
        if isinstance(message, FlushStop):
            return self._flush_stop(message.timeout)
        if isinstance(message, GetStatusOfPeer):
            return self._status()
        if isinstance(message, GetPeerValue):
            return self._values.get(message.key)
        if isinstance(message, SetPeerValue):
            if message.key in self._values or len(self._values) < VALUES_LIMIT:
                self._values[message.key] = message.value
            return None
        if isinstance(message, IntroducePeer):
            return self._introduce(message.reactor)
        return None

    def _lives(self) -> bool:
        """Whether packets may still come and go."""
        return self._state in {_State.RUNNING, _State.DRAINING}

    # --- dialling and handshake --------------------------------------------------------------------------------------

    def _dial(self) -> None:
        facts = self._facts
        timeout = self._context.config.p2p.dial_timeout
        if self._context.config.p2p.test_dial_fail:
            self._refuse(Refusal(RefusalReason.UNREACHABLE, "test_dial_fail is set"))
            return
        if lack := lack_of_descriptors(1, Purpose.STRANGERS):
            self._refuse(Refusal(RefusalReason.UNREACHABLE, lack, is_ours=True))
            return
        family = socket.AF_INET6 if ":" in facts.remote_ip else socket.AF_INET
        try:
            self._sock = socket.socket(family, socket.SOCK_STREAM)
            self._sock.setblocking(False)
            code = self._sock.connect_ex((facts.remote_ip, facts.remote_port))
        except OSError as error:
            is_ours = error.errno in _OUR_LACK
            self._refuse(Refusal(RefusalReason.UNREACHABLE, str(error), is_ours=is_ours))
            return
        if code not in {0, errno.EINPROGRESS}:
            refusal = Refusal(RefusalReason.UNREACHABLE, os.strerror(code), is_ours=code in _OUR_LACK)
            self._refuse(refusal)
            return
        self._deadline = self.runtime.call_later(
            timeout, self._refuse, Refusal(RefusalReason.UNREACHABLE, f"dial timeout of {timeout:g} s")
        )
        self.runtime.add_writer(self._sock.fileno(), self._connected)

    def _connected(self) -> None:
        assert self._sock is not None
        self.runtime.remove_writer(self._sock.fileno())
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._refuse(Refusal(RefusalReason.UNREACHABLE, os.strerror(code)))
            return
        if self._sock.getsockname() == self._sock.getpeername():  # TCP's simultaneous open with oneself
            detail = "nobody listens there: the connection leads back to its own socket"
            self._refuse(Refusal(RefusalReason.UNREACHABLE, detail))
            return
        self._begin_handshake()

    def _begin_handshake(self) -> None:
        assert self._sock is not None
        self._state = _State.HANDSHAKE
        if self._deadline is not None:
            self._deadline.cancel()
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shorten_send_buffer(self._sock)
        timeout = self._context.config.p2p.handshake_timeout
        self._deadline = self.runtime.call_later(timeout, self._handshake_timed_out, timeout)
        self._set_reading(True)
        self._readable()  # what has come already is answered along with our first word, in one system call
        if self._state is _State.HANDSHAKE:
            self._write_handshake()

    def _handshake_timed_out(self, seconds: float) -> None:
        if self._state in {_State.ADMISSION, _State.CALLING}:
            self._refuse(Refusal(RefusalReason.FILTER_TIMEOUT, f"no admission within {seconds:g} s"))
        else:
            self._refuse(self._handshake.timed_out(seconds).refusal)

    def _write_handshake(self) -> None:
        data = self._handshake.data_to_send()
        if data:
            self._out = memoryview(bytes(self._out) + data)
        self._write_out()

    def _on_handshake_data(self, data: memoryview) -> None:
        try:
            done = self._handshake.receive_data(data)
        except HandshakeRefusedError as error:
            self._write_handshake()  # the remote may be owed its half, so that it learns the same
            if self._state is _State.HANDSHAKE:
                self._refuse(error.refusal)
            return
        self._write_handshake()
        if not done or self._state is not _State.HANDSHAKE:
            return
        self._latency = self.runtime.now() - self._began
        if self._facts.is_trial:
            self._close("", is_error=False, tried=Tried(self._latency))
            self.stop()
        elif self._context.answers_callers and not self._facts.is_outbound:
            self._receive_caller()
        else:
            self._seek_admission()

    def _seek_admission(self) -> None:
        self._state = _State.ADMISSION
        self._set_reading(False)
        self._ask_admission()

    def _ask_admission(self) -> None:
        if self._state is not _State.ADMISSION:
            return
        remote_id, theirs = self._handshake.remote_id, self._handshake.theirs
        assert remote_id is not None
        assert theirs is not None
        question = AdmitPeer(self._facts, remote_id, theirs, self.actor_ref)
        self._context.names.switch.ask(question, block=False).then(self._on_admission)

    def _on_admission(self, answer: Future[Any]) -> None:
        if self._state is not _State.ADMISSION:
            return
        try:
            verdict = answer.get(timeout=0)
        except ActorDeadError:
            self.runtime.call_later(ADMISSION_RETRY_S, self._ask_admission)
            return
        if isinstance(verdict, Refusal):
            self._refuse(verdict)
        else:
            self._start(verdict)

    def _refuse(self, refusal: Refusal) -> None:
        self._close(str(refusal), is_error=True, refusal=refusal)
        self.stop()

    # --- running -----------------------------------------------------------------------------------------------------

    def _start(self, admission: Admission) -> None:
        theirs, remote_id = self._handshake.theirs, self._handshake.remote_id
        assert theirs is not None
        assert remote_id is not None
        assert self._sock is not None
        if self._deadline is not None:
            self._deadline.cancel()
        heard = self._heard
        if heard is None:
            self._open()
        facts = self._facts
        self._info = PeerInfo.of(
            facts,
            remote_id,
            theirs,
            self.actor_ref,
            admission,
            since=time.time(),
            latency=self._latency if facts.is_outbound else 0.0,
        )
        self._facts = replace(facts, peer=self._info)
        self._state = _State.RUNNING
        self._listener = self._scratch.broadcasts.listen(theirs.channels, self._hear_broadcast)
        for name in self._context.names.reactors:
            self._make_delivery(name)
            self._introduce(name)
        self._context.names.switch.tell(PeerStarted(self._info), exempt=True)
        ActorRef.to(facts.host).tell(self._info, exempt=True)
        leftover = self._handshake.leftover
        del self._handshake
        self._set_reading(True)
        if heard is None:
            self._on_plaintext(leftover)
        else:
            self._on_events(heard)
        self._ping_for_proof()
        self._schedule_pump()
        if self._traffic.is_on:
            self.runtime.call_later(TRAFFIC_INTERVAL_S, self._report_traffic)

    def _open(self) -> None:
        """Speak packets from here on."""
        p2p = self._context.config.p2p
        theirs = self._handshake.theirs
        assert theirs is not None
        assert self._sock is not None
        shorten_receive_buffer(self._sock, p2p.recv_rate)
        self._secret = self._handshake.secret
        self._mconn = MultiplexConnection(
            self._context.channels,
            now=self.runtime.now(),
            max_packet_msg_payload_size=p2p.max_packet_msg_payload_size,
            send_rate=p2p.send_rate,
            recv_rate=p2p.recv_rate,
            flush_throttle=p2p.flush_throttle_timeout,
            ping_interval=self._context.config.peerage.ping_interval,
            pong_timeout=self._context.config.peerage.pong_timeout,
            remote_channels=theirs.channels,
        )

    # --- a caller at a seed --------------------------------------------------------------------------------------------

    def _receive_caller(self) -> None:
        self._state = _State.CALLING
        self._open()
        self._heard = []
        self.runtime.call_later(CALLER_PATIENCE_S, self._take_for_peer)
        self._on_caller_says(self._handshake.leftover)

    def _on_caller_says(self, plaintext: bytes) -> None:
        """The first message decides; what comes behind a request is not heard any more (reference 8)."""
        assert self._heard is not None
        try:
            events = self._receive(plaintext) if plaintext else []
        except RemoteError as error:
            self._refuse(Refusal(RefusalReason.AUTH_FAILURE, str(error)))
            return
        if self._mconn.wants_to_write(self.runtime.now()):
            self._schedule_pump()  # it may ping us while it waits for its turn
        if self._caller_asked:
            return
        self._heard += events
        first = next((event for event in self._heard if type(event) is MessageReceived), None)
        if first is None:
            return
        if first.channel_id == PEX_CHANNEL and first.data == CALLER_REQUEST:
            self._caller_asked = True
            self._pass_on_request()
        else:
            self._take_for_peer()

    def _take_for_peer(self) -> None:
        if self._state is _State.CALLING and not self._caller_asked:
            self._seek_admission()

    def _pass_on_request(self) -> None:
        if self._state is not _State.CALLING:
            return
        theirs = self._handshake.theirs
        assert theirs is not None
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.runtime.call_later(CALLER_WAIT_S, self._handshake_timed_out, CALLER_WAIT_S)
        question = CallerAsks(
            NodeID(theirs.id), theirs.listen_addr, self._facts.connection, self._facts.remote_ip
        )
        reactor = self._context.names.reactor(self._context.routes[PEX_CHANNEL])
        reactor.ask(question, block=False).then(self._on_answer_for_caller)

    def _on_answer_for_caller(self, answer: Future[Any]) -> None:
        if self._state is not _State.CALLING:
            return
        try:
            verdict = answer.get(timeout=0)
        except ActorDeadError:
            self.runtime.call_later(ADMISSION_RETRY_S, self._pass_on_request)
            return
        if isinstance(verdict, Refusal):
            self._refuse(verdict)
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._state = _State.DRAINING
        self.runtime.call_later(CALLER_FLUSH_S, self._end, "", False)
        self._mconn.try_send(PEX_CHANNEL, verdict)
        self._schedule_pump()

    # --- running, continued --------------------------------------------------------------------------------------------

    def _report_traffic(self) -> None:
        if self._lives() and self._info is not None:
            self._traffic.report(self._info.id, self._mconn, self.runtime.now())
            self.runtime.call_later(TRAFFIC_INTERVAL_S, self._report_traffic)

    def _make_delivery(self, reactor: str) -> None:
        ref = self._context.names.reactor(reactor)
        channels = {d.id: d for d in self._context.channels if self._context.routes[d.id] == reactor}
        connection = self._facts.connection

        def hand_over(channel_ids: Any, messages: Any) -> None:
            ref.tell(Frames((RECEIVE, connection, channel_ids), messages), exempt=True)

        settings = self._context.config.peerage
        delivery = Delivery(
            channels,
            hand_over,
            self._count_drop,
            settings.receive_window,
            settings.spill_limit,
            self._context.config.home.data_dir,
        )
        self._deliveries[reactor] = delivery
        self._delivery_of.update(dict.fromkeys(channels, delivery))

    def _count_drop(self, channel_id: int, messages: int = 1) -> None:
        if messages:
            self._scratch.metrics.buffer.inc(
                "p2p_dropped_messages_total", (channel_label(channel_id),), messages
            )

    def _introduce(self, reactor: str) -> None:
        """Tell a reactor of this peer: at the start, and again when the reactor is a new one."""
        if self._state is not _State.RUNNING or self._info is None:
            return
        ref = self._context.names.reactor(reactor)
        own = [d.id for d in self._context.channels if self._context.routes[d.id] == reactor]
        self._sent_by_reactor.update(dict.fromkeys(own, 0))
        credits_ = tuple((channel_id, self._mconn.queue_room(channel_id)) for channel_id in own)
        self._granted.update(credits_)
        ref.tell(InitPeer(replace(self._info, credits=credits_)), exempt=True)
        ref.tell(AddPeer(self._facts.connection), exempt=True)
        self._deliveries[reactor].reset()
        self._after_delivery()

    def _readable(self) -> None:
        assert self._sock is not None
        buffer = self._scratch.buffer
        for _ in range(READS_PER_TURN):
            limit = len(buffer)
            if self._lives():
                allowance = self._mconn.receive_allowance(self.runtime.now())
                if allowance <= 0:
                    self._set_reading(False)
                    self._reschedule()
                    return
                limit = min(limit, allowance)
            try:
                count = self._sock.recv_into(buffer[:limit])
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._on_closed(os.strerror(error.errno) if error.errno else str(error))
                return
            if count == 0:
                self._on_closed("the remote closed the connection")
                return
            if self._state is _State.HANDSHAKE:
                self._on_handshake_data(buffer[:count])
            elif self._state is not _State.CLOSING:
                self._on_sealed(buffer[:count])
            if not self._reading or count < limit:
                return

    def _on_closed(self, detail: str) -> None:
        if self._state is _State.HANDSHAKE:
            self._refuse(self._handshake.receive_eof().refusal)
        elif self._state is _State.RUNNING:
            self._end(detail, is_error=True)
        else:  # we were leaving anyway
            self._end("", is_error=False)

    def _on_sealed(self, data: memoryview) -> None:
        try:
            plaintext = self._secret.receive_data(data)
        except RemoteError as error:
            self._end(str(error), is_error=True)
            return
        if self._state is _State.CALLING:
            self._on_caller_says(plaintext)
        else:
            self._on_plaintext(plaintext)

    def _on_plaintext(self, plaintext: bytes) -> None:
        if not plaintext:
            return
        try:
            events = self._receive(plaintext)
        except RemoteError as error:
            self._end(str(error), is_error=True)
            return
        self._on_events(events)

    def _receive(self, plaintext: bytes) -> list[Event]:
        """Raises: RemoteError."""
        try:
            return self._mconn.receive_data(plaintext, self.runtime.now())
        finally:
            for channel_id, packets in self._mconn.take_unserved().items():
                self._scratch.metrics.buffer.inc(
                    "p2p_unserved_packets_total", (channel_label(channel_id),), packets
                )

    def _on_events(self, events: list[Event]) -> None:
        delivery_of = self._delivery_of
        traffic = self._traffic if self._traffic.is_on else None
        for event in events:
            if type(event) is MessageReceived:
                channel_id, data = event
                if traffic is not None:
                    traffic.received(channel_id, len(data))
                delivery_of[channel_id].add(channel_id, data)
            elif type(event) is PongReceived:
                self._on_pong()
        for delivery in self._deliveries.values():
            delivery.flush()
        self._after_delivery()
        if self._mconn.wants_to_write(self.runtime.now()):
            self._schedule_pump()

    def _after_delivery(self) -> None:
        """Read on, or not: a reactor's full window stops the whole connection (design 4, *wait*)."""
        full = any(delivery.is_full() for delivery in self._deliveries.values())
        if full == self._stalled or self._state is not _State.RUNNING:
            return
        self._stalled = full
        assert self._sock is not None
        if full:
            loosen_receive_buffer(self._sock)
            self._mconn.pause_reading(self.runtime.now())
            self._set_reading(False)
        else:
            shorten_receive_buffer(self._sock, self._context.config.p2p.recv_rate)
            self._mconn.resume_reading(self.runtime.now())
            self._set_reading(True)
        self._reschedule()

    def _on_consumed(self, message: Consumed) -> None:
        delivery = self._deliveries.get(message.reactor)
        if delivery is not None and self._state is not _State.ENDED:
            delivery.consumed(message.size, message.messages)
            self._after_delivery()

    # --- sending -----------------------------------------------------------------------------------------------------

    def _on_frames(self, message: Frames) -> Any:
        header, frames = message.header, message.frames
        kind = header[0]
        channels = header[1]
        if kind == BROADCAST:
            self._broadcast(channels, frames)
            return None
        if self._lives():
            self._sent_by_reactor.update(header[2])
            at = 0
            for channel_id, run in groupby(channels[: len(frames) - (kind == SEND_WAIT)]):
                end = at + len(list(run))
                self._queue_paid(channel_id, frames[at:end])
                at = end
            self._schedule_pump()
        if kind == SEND_WAIT:
            return self._send_wait(channels[-1], frames[-1], header[3])
        return None

    def _broadcast(self, channels: Sequence[int], messages: Sequence[Any]) -> None:
        """In a process of its own, where the transport's broadcasts are out of reach."""
        now, broadcasts = self.runtime.now(), self._scratch.broadcasts
        for channel_id, data in zip(channels, messages, strict=True):
            broadcasts.add(channel_id, data, now)
        broadcasts.wake()
        if not self._trim_due:
            self._trim_broadcasts()

    def _trim_broadcasts(self) -> None:
        self._trim_due = self._scratch.broadcasts.trim(self.runtime.now())
        if self._trim_due:
            self.runtime.call_later(TRIM_INTERVAL_S, self._trim_broadcasts)

    def _hear_broadcast(self) -> None:
        """Something is being broadcast (called in the transport's turn): write in our own, now or when the socket can."""
        if not self._writing:
            self._schedule_pump()

    def _take_broadcasts(self, listener: Listener) -> bool:
        """Move what is being broadcast into the channels' queues, as far as there is room behind what waits already.

        Returns: whether there was any.
        """
        channels = listener.channels_behind()
        for channel_id in channels:
            room = 0 if self._waiting.get(channel_id) else self._mconn.queue_room(channel_id)
            if room:
                messages, missed = listener.take(channel_id, room)
                self._mconn.try_send_many(channel_id, messages)
                self._count_drop(channel_id, missed)
                if self._traffic.is_on:
                    self._traffic.sent(channel_id, sum(map(len, messages)))
        return bool(channels)

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._scratch.broadcasts.leave(listener)

    def _take_rest(self) -> None:
        """Before the end: what was broadcast until now is still sent, what comes later is not."""
        if self._listener is not None:
            for channel_id in self._listener.channels_behind():
                messages, missed = self._listener.take(channel_id, sys.maxsize)
                self._count_drop(channel_id, missed)
                for data in messages:
                    self._wait(channel_id, _Waiting(data, None))
            self._stop_listening()
            self._fill_queues()

    def _send_wait(self, channel_id: int, data: Any, deadline: float) -> Any:
        if self._state is not _State.RUNNING or channel_id not in self._delivery_of:
            return False, 0
        waiting = self._waiting.get(channel_id)
        if not waiting and self._queue(channel_id, data):
            self._schedule_pump()
            return self._accepted(channel_id)
        if deadline <= time.time() or (waiting is not None and len(waiting) >= BACKLOG_LIMIT):
            return False, self._grant(channel_id)
        reply = self.runtime.defer()
        entry = _Waiting(data, reply)
        self._wait(channel_id, entry)
        self.runtime.call_later(max(0.0, deadline - time.time()), self._give_up, channel_id, entry)
        return None

    def _queue_paid(self, channel_id: int, messages: Sequence[Any]) -> None:
        """Put messages into their channel's queue. A credit was paid for each: room was promised."""
        queued = 0 if self._waiting.get(channel_id) else self._mconn.try_send_many(channel_id, messages)
        if self._traffic.is_on:
            self._traffic.sent(channel_id, sum(map(len, messages[:queued])))
        for data in messages[queued:]:  # another sender sits on the room for a moment
            self._wait(channel_id, _Waiting(data, None))

    def _queue(self, channel_id: int, data: Any) -> bool:
        """Put a message into its channel's queue, if there is room."""
        if not self._mconn.try_send_many(channel_id, (data,)):
            return False
        if self._traffic.is_on:
            self._traffic.sent(channel_id, len(data))
        return True

    def _wait(self, channel_id: int, entry: _Waiting) -> None:
        self._waiting.setdefault(channel_id, deque()).append(entry)

    def _accepted(self, channel_id: int) -> tuple[bool, int]:
        self._sent_by_reactor[channel_id] = self._sent_by_reactor.get(channel_id, 0) + 1
        return True, self._grant(channel_id)

    def _grant(self, channel_id: int) -> int:
        total = self._granted[channel_id] = self._total(channel_id)
        return total

    def _total(self, channel_id: int) -> int:
        """How many messages of this channel its reactor may have sent by now (see Outbox)."""
        return self._sent_by_reactor.get(channel_id, 0) + self._mconn.queue_room(channel_id)

    def _give_up(self, channel_id: int, entry: _Waiting) -> None:
        queue = self._waiting.get(channel_id)
        if queue is not None and entry in queue:
            queue.remove(entry)
            if entry.reply is not None:
                entry.reply.set((False, self._grant(channel_id)))

    def _fill_queues(self) -> None:
        """Move what waited into the channels' queues, as places become free."""
        for channel_id, queue in list(self._waiting.items()):
            while queue and self._queue(channel_id, queue[0].data):
                entry = queue.popleft()
                if entry.reply is not None:
                    entry.reply.set(self._accepted(channel_id))
            if not queue:
                del self._waiting[channel_id]

    def _give_credits(self) -> None:
        started = self._mconn.take_started()
        if not started:
            return
        if self._waiting:
            self._fill_queues()
        by_reactor: dict[str, dict[int, int]] = {}
        for channel_id in started:
            # What was broadcast has left its place too: that is no news to a reactor that has sent nothing.
            if self._total(channel_id) > self._granted.get(channel_id, 0):
                totals = by_reactor.setdefault(self._context.routes[channel_id], {})
                totals[channel_id] = self._grant(channel_id)
        for reactor, totals in by_reactor.items():
            credits_ = Credits(self._facts.connection, totals)
            self._context.names.reactor(reactor).tell(credits_, exempt=True)

    def _schedule_pump(self) -> None:
        """Write at the end of this turn, when all that came in it is queued (one system call carries it)."""
        if not self._pump_due:
            self._pump_due = True
            self.runtime.at_end_of_turn(self._pump)

    def _pump(self) -> None:
        self._pump_due = False
        if not self._lives():
            return
        for _ in range(CHUNKS_PER_TURN):
            if not (self._write_out() and self._lives()):
                break
            data = self._next_chunk()
            if not data:
                break
            self._out = memoryview(self._secret.seal(data))
        else:
            self.runtime.call_soon(self._schedule_pump)
        if not self._lives():
            return
        if self._info is not None:
            self._give_credits()
        self._reschedule()
        self._check_drained()

    def _next_chunk(self) -> bytes:
        """What to seal next. Broadcasts may go through a queue that is far smaller than a chunk."""
        now, listener = self.runtime.now(), self._listener
        if listener is None or not listener.is_behind:
            return self._mconn.data_to_send(now, SEND_CHUNK)
        parts: list[bytes] = []
        left, is_behind = SEND_CHUNK, True
        while is_behind and left > 0:
            is_behind = self._take_broadcasts(listener)
            part = self._mconn.data_to_send(now, left)
            if not part:
                break
            parts.append(part)
            left -= len(part)
            if self._waiting:
                self._fill_queues()
        return b"".join(parts)

    def _write_out(self) -> bool:
        """Write what is sealed. Returns: whether all of it is with the kernel now."""
        if not self._out:
            return True
        if self._sock is None:
            return False
        try:
            count = self._sock.send(self._out)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError as error:
            self._out = memoryview(b"")
            self._on_closed(os.strerror(error.errno) if error.errno else str(error))
            return False
        self._out = self._out[count:]
        self._set_writing(bool(self._out))
        return not self._out

    def _writable(self) -> None:
        if self._lives():
            self._schedule_pump()
        else:
            self._write_out()

    # --- time ----------------------------------------------------------------------------------------------------------

    def _reschedule(self) -> None:
        if not self._lives():
            return
        due = self._mconn.next_deadline(self.runtime.now())
        if self._timer is not None:
            if self._timer.when <= due and not self._timer.cancelled:
                return  # an early wake-up is cheaper than a new timer per packet
            self._timer.cancel()
        self._timer = self.runtime.call_later(max(0.001, due - self.runtime.now()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self._lives():
            return
        now = self.runtime.now()
        try:
            self._mconn.tick(now)
        except RemoteError as error:
            self._end(str(error), is_error=True)
            return
        if not self._reading and not self._stalled and self._mconn.receive_allowance(now) > 0:
            self._set_reading(True)
        if self._waiting:
            self._fill_queues()
        self._schedule_pump()
        self._reschedule()

    def _prove_alive(self) -> Any:
        if self._state in {_State.DRAINING, _State.CLOSING, _State.ENDED}:
            return False
        self._proofs.append(self.runtime.defer())
        self._ping_for_proof()
        return None

    def _ping_for_proof(self) -> None:
        if self._proofs and self._state is _State.RUNNING:
            self._mconn.ping(self.runtime.now())
            self._schedule_pump()

    def _on_pong(self) -> None:
        round_trip = self._mconn.round_trip
        if round_trip is not None and self._info is not None and self._traffic.is_on:
            self._traffic.round_trip(self._info.id, round_trip)
        proofs, self._proofs = self._proofs, []
        for reply in proofs:
            reply.set(True)

    def _status(self) -> PeerStatus | None:
        if self._info is None or not self._lives():
            return None
        return PeerStatus(self._info, self._mconn.status(self.runtime.now(), time.time()))

    # --- the end -------------------------------------------------------------------------------------------------------

    def _flush_stop(self, timeout: float) -> Any:
        """Graceful end: reactors hear of it first, so that what they had already sent is still sent (design 4)."""
        if self._state not in {_State.RUNNING, _State.DRAINING, _State.CLOSING}:
            self._end("", is_error=False)
            return None
        self._flush_replies.append(self.runtime.defer())
        if self._state is not _State.RUNNING:
            return None
        self._state = _State.DRAINING
        self._take_rest()
        self.runtime.call_later(timeout, self._end, "", False)
        names = self._context.names
        self._draining = Draining(names.reactors)
        for name in names.reactors:
            removal = RemovePeer(self._facts.connection, "")
            answer = names.reactor(name).ask(removal, block=False, exempt=True)
            answer.then(partial(self._on_removed, name))
        self.runtime.call_later(min(DRAIN_LIMIT_S, timeout), self._stop_waiting_for_reactors)
        self._check_drained()
        return None

    def _on_removed(self, reactor: str, answer: Future[Any]) -> None:
        try:
            sent = answer.get(timeout=0) or {}
        except Exception:  # it has ended, or cannot answer: either way nothing more comes from it
            sent = {}
        self._draining.answered(reactor, sent)
        self._check_drained()

    def _stop_waiting_for_reactors(self) -> None:
        self._draining.stop_waiting()
        self._check_drained()

    def _check_drained(self) -> None:
        if self._state is not _State.DRAINING or not self._draining.is_over(self._sent_by_reactor):
            return
        if self._waiting or self._out or not self._mconn.flushed:
            self._schedule_pump_later()
            return
        self._shut()

    def _shut(self) -> None:
        """All is with the kernel: say so, and read on until the remote closes too.

        Closing at once would reset the connection if it sends meanwhile, and throw away what it has not read yet.
        """
        assert self._sock is not None
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:  # it has gone already
            self._end("", is_error=False)
            return
        self._state = _State.CLOSING
        self.runtime.call_later(CLOSE_LIMIT_S, self._end, "", False)
        self._set_reading(True)

    def _schedule_pump_later(self) -> None:
        if not self._pump_due and not self._writing:
            self.runtime.call_later(0.005, self._schedule_pump)

    def _end(self, reason: str, is_error: bool) -> None:
        self._close(reason, is_error=is_error)
        self.stop()

    def _close(
        self, reason: str, is_error: bool, refusal: Refusal | None = None, tried: Tried | None = None
    ) -> None:
        if self._state is _State.ENDED:
            return
        was, self._state = self._state, _State.ENDED
        if self._sock is not None:
            self._set_reading(False)
            self._set_writing(False)
            self.runtime.remove_writer(self._sock.fileno())
            self._sock.close()
            self._sock = None
        if self._info is not None and self._traffic.is_on:
            self._traffic.report(self._info.id, self._mconn, self.runtime.now())
            self._traffic.gone(self._info.id)
        self._stop_listening()
        for delivery in self._deliveries.values():
            delivery.close()
        for queue in self._waiting.values():
            for entry in queue:
                if entry.reply is not None:
                    entry.reply.set((False, 0))
        for reply in self._proofs:
            reply.set(False)
        for reply in self._flush_replies:
            reply.set(None)
        if was in {_State.DIALLING, _State.HANDSHAKE, _State.ADMISSION} and tried is None:
            refusal = refusal or Refusal(RefusalReason.STOPPING, reason)
        elif was is _State.RUNNING:
            for name in self._context.names.reactors:
                removal = RemovePeer(self._facts.connection, reason)
                self._context.names.reactor(name).tell(removal, exempt=True)
        elif was is _State.CALLING and self._caller_asked and refusal is None:
            remote_id = self._handshake.remote_id
            assert remote_id is not None
            reactor = self._context.names.reactor(self._context.routes[PEX_CHANNEL])
            reactor.tell(CallerLeft(remote_id, self._facts.connection), exempt=True)
        was_answered = self._caller_asked and refusal is None
        if not (was_answered and self._context.hosts_admit_callers):  # else the switch never heard of it
            ended = ConnectionEnded(self._facts, refusal, reason, is_error, tried)
            self._context.names.switch.tell(ended, exempt=True)

    # --- descriptors ---------------------------------------------------------------------------------------------------

    def _set_reading(self, wanted: bool) -> None:
        if self._sock is not None and wanted != self._reading:
            self._reading = wanted
            if wanted:
                self.runtime.add_reader(self._sock.fileno(), self._readable)
            else:
                self.runtime.remove_reader(self._sock.fileno())

    def _set_writing(self, wanted: bool) -> None:
        if self._sock is not None and wanted != self._writing:
            self._writing = wanted
            if wanted:
                self.runtime.add_writer(self._sock.fileno(), self._writable)
            else:
                self.runtime.remove_writer(self._sock.fileno())


@dataclass(frozen=True, slots=True)
class IntroducePeer:
    """transport → peer: this reactor is new, tell it of you."""

    reactor: str


def broadcasts_of(context: NodeContext, on_progress: Callable[[int], object] = lambda _: None) -> Broadcasts:
    """Those of a host of this node."""
    max_payload = context.config.p2p.max_packet_msg_payload_size
    return Broadcasts((descriptor.id for descriptor in context.channels), max_payload, on_progress)


def _passed_socket(fds: Any) -> socket.socket:
    return socket.socket(fileno=fds["sock"])
