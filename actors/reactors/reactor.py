"""The base of every reactor: a protocol spoken with all peers on its own channels.

The grammar of calls (reference 7):

    reactor = on_start *peer on_stop
    peer    = init_peer add_peer *receive remove_peer

The calls for different peers are independent of each other. After a restart of the reactor the grammar begins anew, for
every peer that is connected then.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

from peerage.actors import transfer
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.events.teller import EventTeller
from peerage.actors.log_folding import Limits, LineFolding
from peerage.actors.messages import (
    AnnouncePeers,
    Charge,
    Credits,
    MarkGood,
    PeerInfo,
    PeerStarted,
    RemovePeer,
)
from peerage.actors.metrics.families import message_type_label
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.reactors.consumption import Consumption
from peerage.actors.reactors.outboxes import Outboxes
from peerage.actors.reactors.peer_handle import Peer, SerializableMessage, message_bytes
from peerage.actors.runtime import DROP, ActorContext, ActorRef, DownReason, Frames, ProcessActor
from peerage.actors.runtime.log import get_logger
from peerage.actors.transfer import BROADCAST_WINDOW
from peerage.wire import accelerator
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import RemoteError
from peerage.wire.keys import NodeID
from peerage.wire.remote_text import shown

__all__ = ["Envelope", "Reactor"]

log = get_logger("peerage.reactor")

# Per minute: a remote may know how to make a reactor raise.
FAULT_LINES = Limits(subject=1, group=60, total=60)
# News of one peer host come after newer ones of another by milliseconds. By the wall clock, which may be set: a longer time
# says nothing.
LATE_NEWS_S = 1.0


class Envelope(NamedTuple):
    """One message from a peer. A plain tuple, since there may be a quarter of a million per second.

    Args:
        source: the peer that sent it.
        message: bytes, or an object of the channel descriptor's `message` class.
    """

    source: Peer
    channel_id: int
    message: Any


class Reactor(ProcessActor):
    """The base class of reactors: derive from it, name your channels, and write `receive`. Everything else is optional.

    A reactor is an actor in a process of its own. It may compute or block for as long as it likes: the rest of the node is
    not affected until the window of this reactor's messages is full. An exception in a hook about a peer stops that peer for
    error, and nothing else. All hooks are plain functions: an `async def` raises a TypeError when the class is created.
    """

    hook_names = (*ProcessActor.hook_names, "init_peer", "add_peer", "receive", "remove_peer", "handle")
    channels: ClassVar[Sequence[ChannelDescriptor]] = ()

    # --- what an author writes -------------------------------------------------------------------------------------

    def init_peer(self, peer: Peer) -> None:
        """Called first for a connection, once. Create the peer's state here; sending is not possible yet."""

    def add_peer(self, peer: Peer) -> None:
        """Called when the connection runs. From now on sending is possible."""

    def receive(self, envelope: Envelope) -> None:
        """Called for every message on one of this reactor's channels, in order per peer and channel."""

    def remove_peer(self, peer: Peer, reason: str) -> None:
        """Called last for a connection; `reason` is "" after a graceful stop."""

    def handle(self, message: Any) -> Any:
        """Called for any other message that was told or asked to this actor. Its result is the answer."""

    # --- what an author may use ------------------------------------------------------------------------------------

    @property
    def node(self) -> NodeContext:
        """The node this reactor belongs to."""
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        return context

    @property
    def peers(self) -> dict[str, Peer]:
        """Connected peers by ID: those between `init_peer` and `remove_peer`."""
        return {peer.id: peer for peer in self._peers_by_connection.values()}

    @property
    def switch(self) -> ActorRef:
        return self.node.names.switch

    def broadcast(
        self, channel_id: int, message: bytes | bytearray | memoryview | SerializableMessage
    ) -> bool:
        """Send to every peer that knows the channel, as far as it has room within 10 s. Never waits.

        It takes one mailbox message per peer host, however many peers there are, and everything that is broadcast in one
        turn of this actor is sent together. The fastest peer sets the pace: a message that is 1024 ahead of it is refused. A
        slower peer misses the messages that it has no room for.

        Returns: False when the message was refused for the peers of some host. Later ones may be accepted again.
        """
        data = message_bytes(message)
        accepted = True
        for transport in self.node.names.transports:
            outbox = self._outboxes.get(transport.name) or self._outboxes.open_for_host(
                transport.name,
                partial(transport.tell, when_full=DROP),
                {descriptor.id: BROADCAST_WINDOW for descriptor in self.node.channels},
            )
            accepted = outbox.add(channel_id, data) and accepted
        return accepted

    def mark_peer_as_good(self, peer: Peer) -> None:
        """The peer did something useful: its address moves up in the address book."""
        self.switch.tell(MarkGood(peer.id))

    # --- machinery ---------------------------------------------------------------------------------------------------

    def on_bound(self, ref: ActorRef[Any], runtime: ActorContext, stopped: threading.Event) -> None:
        """Runs before `__init__` and `on_start`, which are for the author."""
        super().on_bound(ref, runtime, stopped)
        self._peers_by_connection: dict[str, Peer] = {}
        self._connection_of: dict[NodeID, str] = {}
        self._outboxes = Outboxes(self.runtime.at_end_of_turn)
        self._away: set[str] = set()  # transports that are down
        self.metrics = MetricsReporter(self.runtime, self.node, self.actor_urn)
        EventTeller(self.runtime, self.node.event_hub)  # for its dead letters
        self._fault_lines = LineFolding(self.runtime.call_later, FAULT_LINES)
        self._reactor_name = next(
            (
                name
                for name in self.node.names.reactors
                if self.node.names.reactor(name).name == self.actor_urn
            ),
            self.actor_urn,
        )
        self._consumption = Consumption(
            self._reactor_name, self.node.config.peerage.receive_window, self.runtime.call_later
        )
        self.runtime.call_soon(self._after_start)
        self._decoders = {
            descriptor.id: descriptor.message for descriptor in self.channels if descriptor.message
        }

    def _after_start(self) -> None:
        """Runs after `on_start`: ask the peer hosts to introduce the peers that they have."""
        for transport in self.node.names.transports:
            if self.runtime.life_of(transport) is None:
                self._away.add(transport.name)
            self.runtime.follow(
                transport,
                on_up=partial(self._host_came_up, transport),
                on_down=partial(self._host_ended, transport),
            )

    def _host_came_up(self, transport: ActorRef[Any]) -> None:
        """A peer host is up: ask it to introduce the peers that it has."""
        if transport.name in self._away:
            self._away.discard(transport.name)
            self._outboxes.drop(transport.name)  # what was broadcast in the meantime was lost
        transport.tell(AnnouncePeers(self._reactor_name), if_there=True)

    def _host_ended(self, transport: ActorRef[Any], reason: DownReason) -> None:
        """A peer host has ended, and its peers are gone."""
        for connection, peer in list(self._peers_by_connection.items()):
            if peer.info.host == transport.host:
                self._remove(connection, f"peer host ended: {reason}")
        self._outboxes.drop(transport.name)
        self._away.add(transport.name)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Frames):
            if transfer.kind_of(message) == transfer.RECEIVE:
                return self._receive_batch(*transfer.source_and_places(message), message.frames)
        elif isinstance(message, Credits):
            self._outboxes.grant(message)
            return None
        elif isinstance(message, PeerStarted):
            return self._add(message.info)
        elif isinstance(message, RemovePeer):
            return self._remove(message.connection, message.reason)
        return self.handle(message)

    def _add(self, info: PeerInfo) -> None:
        if info.connection in self._peers_by_connection:
            # Announced twice: once when it connected, once because this reactor asked. The peer's count of credits was
            # reset.
            known = self._outboxes.get(info.connection)
            assert known is not None
            info.ref.tell(known.totals(), exempt=True)
            return
        before = self._connection_of.get(info.id)
        if before is not None:
            if 0.0 < self._peers_by_connection[before].info.since - info.since < LATE_NEWS_S:
                return  # late news of another host: this one had ended when the one that we know began
            # Its end has not been reported yet, but remove_peer must come before the next init_peer.
            self._remove(before, "replaced by a new connection")
        ours = {descriptor.id for descriptor in self.channels}.intersection(info.node_info.channels)
        outbox = self._outboxes.open_for_peer(
            info.connection,
            partial(info.ref.tell, exempt=True),
            {channel: places for channel, places in info.credits if channel in ours},
            lambda message_class, size: self._count_sent(message_type_label(message_class), size),
        )
        peer = Peer(info, outbox)
        self._peers_by_connection[info.connection] = peer
        self._connection_of[info.id] = info.connection
        self._guarded(peer, "init_peer", self.init_peer, peer)
        if peer.is_running:
            self._guarded(peer, "add_peer", self.add_peer, peer)

    def _remove(self, connection: str, reason: str) -> dict[int, int] | None:
        """Returns: by channel, how many messages were sent in all; None for an unknown connection."""
        peer = self._peers_by_connection.pop(connection, None)
        if peer is None:
            return None
        del self._connection_of[peer.id]
        self._consumption.forget(connection)
        outbox = self._outboxes.get(connection)
        assert outbox is not None
        sent = outbox.sent()
        self._outboxes.drop(connection)
        peer.mark_stopped()
        try:
            self.remove_peer(peer, reason)
        except Exception as error:
            self._tell_fault("remove_peer raised", peer, "remove_peer", error)
        self.metrics.buffer.remove_peer(peer.id)
        return sent

    def _receive_batch(
        self, connection: str, places: Sequence[transfer.Place], frames: Sequence[Any]
    ) -> None:
        peer = self._peers_by_connection.get(connection)
        if peer is None:
            return
        size = messages = 0
        receive, decoders, new = self.receive, self._decoders, tuple.__new__
        envelopes: Sequence[Envelope]
        for place, frame in zip(places, frames, strict=True):
            size += len(frame)
            if isinstance(place, int):
                envelopes = (new(Envelope, (peer, place, frame if type(frame) is bytes else bytes(frame))),)
            else:
                channel_id, sizes = place
                envelopes = accelerator.split_messages(frame, sizes, Envelope, (peer, channel_id))
            messages += len(envelopes)
            for envelope in envelopes:
                if not peer._is_running:  # noqa: SLF001 - stopped, perhaps while handling this batch: the rest is dropped
                    break
                try:
                    receive(self._decoded(envelope) if decoders else envelope)
                except Exception as error:
                    self._stop_for_error(peer, "receive", error)
        self._consumption.add(peer.info, size, messages)

    def _decoded(self, envelope: Envelope) -> Envelope:
        decoder = self._decoders.get(envelope.channel_id)
        if decoder is None:
            return envelope
        self._count_received(message_type_label(decoder), len(envelope.message))
        try:
            return envelope._replace(message=decoder.FromString(envelope.message))
        except Exception:
            self._charge(envelope.source, Offence.UNDECODABLE_MESSAGE)
            raise

    def _count_received(self, message_type: str, size: int) -> None:
        if self.metrics.is_on:
            self.metrics.buffer.inc("p2p_message_receive_bytes_total", (message_type,), size)

    def _count_sent(self, message_type: str, size: int) -> None:
        if self.metrics.is_on:
            self.metrics.buffer.inc("p2p_message_send_bytes_total", (message_type,), size)

    def _guarded(self, peer: Peer, hook: str, function: Any, *args: Any) -> None:
        try:
            function(*args)
        except Exception as error:
            self._stop_for_error(peer, hook, error)

    def _charge(self, peer: Peer, offence: Offence) -> None:
        """Have it counted against a peer."""
        charge = Charge(offence, peer.info.id, peer.info.remote_ip)
        self.node.names.addrbook.tell(charge, when_full=DROP)

    def _stop_for_error(self, peer: Peer, hook: str, error: Exception) -> None:
        if _is_the_peers(
            error, decodes=bool(self._decoders)
        ):  # no fault of ours: the line of its end says it
            self._charge(peer, Offence.UNDECODABLE_MESSAGE)
        else:
            self._tell_fault("reactor raised, peer stopped", peer, hook, error)
        peer.stop(f"reactor {self._reactor_name}: {hook} raised {type(error).__name__}: {shown(str(error))}")

    def _tell_fault(self, event: str, peer: Peer, hook: str, error: Exception) -> None:
        common = {"reactor": self._reactor_name, "hook": hook}
        about = peer.info.connection
        self._fault_lines.say(log.error, event, about, common, **common, peer=peer.id, exc_info=error)


def _is_the_peers(error: Exception, *, decodes: bool) -> bool:
    """Whether it means that the peer sent what nobody could read. Args: decodes, whether protobuf may have raised it."""
    if not decodes:
        return isinstance(error, RemoteError)
    from google.protobuf.message import DecodeError  # here alone: reactors without protobuf start without it

    return isinstance(error, (RemoteError, DecodeError))
