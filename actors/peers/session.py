"""An open connection: packets of the remote to the reactors' windows, messages of the reactors to the socket.

It puts together the parts that a connection has from the end of its handshake on. When one begins and ends, and who is told
of that, is the peer actor's affair.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from peerage.actors import transfer
from peerage.actors.context import NodeContext
from peerage.actors.messages import Consumed
from peerage.actors.peers.broadcasts import Listener
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.inbound import Inbound
from peerage.actors.peers.link import Link, LinkEvents
from peerage.actors.peers.phases import Phase, Phases
from peerage.actors.peers.register import Place
from peerage.actors.peers.send_queues import Answer, SendQueues
from peerage.actors.peers.stream import Deadline, Loop, SocketStream
from peerage.actors.peers.traffic import Traffic
from peerage.actors.runtime import Frames, Reply
from peerage.wire.keys import NodeID
from peerage.wire.multiplex import Event, Figures, MessageRun, MultiplexConnection
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PEX_CHANNEL
from peerage.wire.secret_connection import SecretConnection
from peerage.wire.status import ConnectionStatus

__all__ = ["HandOver", "Probes", "Session"]

TRAFFIC_INTERVAL_S = 1.0
LOOK_AGAIN_S = 0.005  # whether all is sent, before a graceful close

HandOver = Callable[[str, Sequence[transfer.Place], Sequence[bytes | memoryview]], None]


class Probes:
    """Those who want to know whether the remote is still alive."""

    def __init__(self) -> None:
        self._replies: list[Reply] = []

    def __bool__(self) -> bool:
        return bool(self._replies)

    def add(self, reply: Reply) -> None:
        """One more."""
        self._replies.append(reply)

    def answer(self, *, is_alive: bool) -> None:
        """Tell all of them."""
        replies, self._replies = self._replies, []
        for reply in replies:
            reply.set(is_alive)


class Session:
    """See the module's text.

    Args:
        loop: that runs it.
        context: of the node.
        phases: of the connection, moved by the owner.
        shared: of the host.
        stream: the socket.
        secret: open.
        theirs: what the remote says of itself.
        owner: is told what happens.
        hand_over: takes (reactor, places, frames) of what arrived.
        probes: answered with the next bytes that arrive.
    """

    def __init__(
        self,
        loop: Loop,
        context: NodeContext,
        phases: Phases,
        shared: HostShared,
        stream: SocketStream,
        secret: SecretConnection,
        theirs: NodeInfo,
        owner: LinkEvents,
        hand_over: HandOver,
        probes: Probes,
    ) -> None:
        self._loop = loop
        self._context = context
        self._phases = phases
        self._shared = shared
        self._theirs = theirs
        self._hand_over = hand_over
        self._peer_id: NodeID | None = None
        self._place: Place | None = None
        self.last_use = -math.inf
        """When a reactor other than peer exchange has consumed a message of the peer, by the loop's clock."""
        self._listener: Listener | None = None
        self._probes = probes
        self._is_full = self._is_held_up = False  # a reactor has no room; memory is short
        self._account = shared.budget.open(self._hold_up, self._end_for_memory)
        self._traffic = Traffic(shared.metrics)
        self._traffic_due = Deadline(loop)
        p2p, settings = context.config.p2p, context.config.peerage
        self._connection = MultiplexConnection(
            context.channels,
            now=loop.now(),
            max_packet_msg_payload_size=p2p.max_packet_msg_payload_size,
            send_rate=p2p.send_rate,
            recv_rate=p2p.recv_rate,
            flush_throttle=p2p.flush_throttle_timeout,
            ping_interval=settings.ping_interval,
            pong_timeout=settings.pong_timeout,
            remote_channels=theirs.channels,
            joins_messages=True,
        )
        self.left_behind: Mapping[str, int] = {}
        """By reactor, bytes that it has not consumed, when the connection has ended."""
        self.queues = SendQueues(self._connection, context.routes, self._traffic, shared.count_drops)
        self.inbound = Inbound(
            shared.window_limits,
            self._traffic,
            count_drops=shared.count_drops,
            on_pong=self._on_pong,
            on_change=self._note_windows,
        )
        self.link = Link(
            loop,
            phases,
            stream,
            secret,
            self._connection,
            self.queues,
            shared.buffer,
            p2p.recv_rate,
            self._account,
            shared.metrics,
            owner,
            self.inbound.take,
            shared.bandwidths,
        )

    # --- beginning --------------------------------------------------------------------------------------------------

    def move_to(self, loop: Loop, owner: LinkEvents, hand_over: HandOver, probes: Probes) -> None:
        """Belong to somebody else from now on, before the remote is a peer. Args: as of the constructor."""
        self._loop, self._hand_over, self._probes = loop, hand_over, probes
        self._traffic_due = Deadline(loop)
        self.link.move_to(loop, owner)

    def serve(self, peer_id: NodeID, place: Place | None = None) -> None:
        """The remote is a peer now: make a window for each reactor, and listen to what is broadcast.

        Args: place, in the register of the hosts, where it is noted how near and how useful the peer is.
        """
        self._peer_id, self._place = peer_id, place
        context = self._context
        self._listener = self._shared.broadcasts.listen(
            self._theirs.channels, self.link.schedule_pump_when_writable
        )
        self.queues.listen(self._listener)
        for reactor in context.names.reactors:
            channels = [each for each in context.channels if context.routes[each.id] == reactor]
            self.inbound.add_reactor(reactor, channels, self._to(reactor))
        if self._traffic.is_on:
            self._traffic_due.set(TRAFFIC_INTERVAL_S, self._report_traffic)

    def start(self, leftover: bytes) -> None:
        """Read from here on, and ping for whoever asked for it meanwhile. Args: leftover, plaintext behind the handshake."""
        self.link.start(leftover)
        self.probe()
        self.link.reschedule()  # there is nothing to write yet, unless the probe has seen to that

    def resume(self, heard: Sequence[Event]) -> None:
        """As `start`, after a while at a seed's door. Args: heard, what the remote said there."""
        self.link.received = self.inbound.take  # the door has heard until now
        self.link.resume()
        self.inbound.take(heard)
        self.probe()
        self.link.schedule_pump()

    def introduce_all(self) -> tuple[tuple[int, int], ...]:
        """All reactors begin. Returns: the credits that they begin with."""
        return self.queues.introduce(each.id for each in self._context.channels)

    def introduce(self, reactor: str) -> tuple[tuple[int, int], ...]:
        """A reactor begins, or begins anew. Returns: the credits that it begins with."""
        return self.queues.introduce(
            each.id for each in self._context.channels if self._context.routes[each.id] == reactor
        )

    # --- sending ----------------------------------------------------------------------------------------------------

    def send(self, message: Frames, defer: Callable[[], Answer]) -> tuple[bool, int] | None:
        """Take messages of a reactor. Args: defer, called when the last one has to wait for its answer.

        Returns: the answer, if one is due and can be given now.
        """
        frames = message.frames
        places, so_far, deadline = transfer.outgoing(message)
        if self._phases.carries_packets:
            self.queues.arrived.update(so_far)
            paid = len(frames) - (deadline is not None)
            for parcel in transfer.parcels(places[:paid], frames[:paid]):
                if isinstance(parcel, MessageRun):
                    self.queues.put_paid_run(parcel)
                else:
                    self.queues.put_paid(parcel.channel_id, (parcel.data,))
            self.link.schedule_pump()
        if deadline is not None:
            channel_id = places[-1]
            assert isinstance(channel_id, int)
            return self._send_waiting(channel_id, frames[-1], deadline, defer)
        return None

    def _send_waiting(
        self, channel_id: int, data: Any, deadline: float, defer: Callable[[], Answer]
    ) -> tuple[bool, int] | None:
        if self._phases.phase is not Phase.RUNNING or not self.inbound.serves(channel_id):
            return False, 0
        answer = self.queues.offer(channel_id, data)
        if answer is not None:
            return answer
        seconds = deadline - self._loop.now()
        if seconds <= 0 or not self.queues.may_wait(channel_id):
            return False, self.queues.grant(channel_id)
        self.queues.wait(channel_id, data, defer(), partial(self._loop.call_later, seconds))
        return None

    def answer(self, channel_id: int, message: bytes) -> None:
        """Send one message to a remote that is no peer."""
        self._connection.try_send(channel_id, message)
        self.link.schedule_pump()

    def consumed(self, message: Consumed) -> None:
        """A reactor is done with some of what came. The peer was useful then, unless it only talked of addresses."""
        self.inbound.consumed(message.reactor, message.size, message.messages)
        if message.reactor != self._context.routes.get(PEX_CHANNEL):
            self.last_use = self._loop.now()
            if self._place is not None:
                self._place.note_use()

    # --- signs of life ----------------------------------------------------------------------------------------------

    def probe(self) -> None:
        """Ping for those who asked, and take the next bytes for the answer; without effect before this is a peer."""
        if self._probes and self._phases.phase is Phase.RUNNING:
            self.link.on_bytes = self._show_life
            self.link.ping()

    def _show_life(self) -> None:
        self._probes.answer(is_alive=True)

    def _note_windows(self, is_full: bool) -> None:
        self._is_full = is_full
        self._account.waits(self.inbound.size)
        self.link.stall(is_full or self._is_held_up)

    def _hold_up(self, held_up: bool) -> None:
        self._is_held_up = held_up
        self.link.stall(held_up or self._is_full)

    def _end_for_memory(self, reason: str) -> None:
        # In a turn of our own: the budget belongs to the host.
        self._loop.call_soon(self.link.break_off, reason)

    def _on_pong(self) -> None:
        round_trip = self._connection.round_trip
        if round_trip is not None and self._peer_id is not None:
            if self._place is not None:
                self._place.note_latency(round_trip)
            if self._traffic.is_on:
                self._traffic.round_trip(self._peer_id, round_trip)

    def status(self) -> ConnectionStatus:
        """The connection at this moment."""
        return self._connection.status(self._loop.now(), time.time())

    def figures(self) -> tuple[Figures, int]:
        """For those who watch the node: figures of the packets, and bytes that reactors have not consumed."""
        return self._connection.figures(self._loop.now()), self.inbound.size

    # --- the end ----------------------------------------------------------------------------------------------------

    def close_entrance(self) -> None:
        """Before a graceful end: what was broadcast until now is still sent."""
        self.queues.take_rest_of_broadcasts()
        self._stop_listening()

    def look_again(self) -> None:
        """Not everything is sent yet."""
        self.link.schedule_pump_later(LOOK_AGAIN_S)

    def close(self) -> None:
        """Refuse whoever waits, give back what is held."""
        if self._peer_id is not None and self._traffic.is_on:
            self._traffic.report(self._peer_id, self._connection, self._loop.now())
            self._traffic.gone(self._peer_id)
        self._traffic_due.cancel()
        self._stop_listening()
        self.left_behind = self.inbound.close()
        self.queues.close()
        self._account.close()
        self.link.close()

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._shared.broadcasts.leave(listener)

    def _report_traffic(self) -> None:
        if self._phases.carries_packets and self._peer_id is not None:
            self._traffic.report(self._peer_id, self._connection, self._loop.now())
            self._traffic_due.set(TRAFFIC_INTERVAL_S, self._report_traffic)

    def _to(self, reactor: str) -> Callable[[Sequence[transfer.Place], Sequence[bytes | memoryview]], None]:
        hand_over = self._hand_over
        return lambda places, frames: hand_over(reactor, places, frames)
