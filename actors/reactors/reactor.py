"""The base of every reactor: a protocol spoken with all peers on its own channels.

The grammar of calls (reference 7):

    reactor = on_start *peer on_stop
    peer    = init_peer add_peer *receive remove_peer

The calls for different peers are independent of each other. After a restart of the reactor the grammar begins anew, for
every peer that is connected then.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Any, ClassVar

from peerage.actors import transfer
from peerage.actors.context import NodeContext
from peerage.actors.events.teller import EventTeller
from peerage.actors.messages import (
    AnnouncePeers,
    Credits,
    MarkGood,
    PeerInfo,
    PeerStarted,
    RemovePeer,
)
from peerage.actors.metrics.families import message_type_label
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.reactors.async_hook_calls import AsyncHookCalls
from peerage.actors.reactors.consumption import Consumption
from peerage.actors.reactors.envelope import Decoding, Envelope
from peerage.actors.reactors.hook_calls import HookCalls
from peerage.actors.reactors.outboxes import Outboxes
from peerage.actors.reactors.own_metrics import check as check_metrics
from peerage.actors.reactors.own_metrics import families_of
from peerage.actors.reactors.peer_faults import PeerFaults
from peerage.actors.reactors.peer_handle import Peer, SerializableMessage, classes_of, message_bytes
from peerage.actors.runtime import DROP, ActorContext, ActorRef, DownReason, Frames, ProcessActor
from peerage.actors.transfer import BROADCAST_WINDOW
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeID

__all__ = ["Envelope", "Reactor"]

# News of one peer host come after newer ones of another by milliseconds. By the wall clock, which may be set: a longer time
# says nothing.
LATE_NEWS_S = 1.0
PEER_HOOKS = ("init_peer", "add_peer", "receive", "remove_peer", "handle")


class Reactor(ProcessActor):
    """The base class of reactors: derive from it, name your channels, and write `receive`. Everything else is optional.

    A reactor is an actor in a process of its own. It may compute or block for as long as it likes: the rest of the node is
    not affected until the window of this reactor's messages is full. An exception in a hook about a peer stops that peer for
    error, and nothing else.

    Hooks may be `async def`. Then those of different peers interleave wherever they await something. For one peer the order
    of the grammar stands, and of one of its channels one message is handled at a time, or `concurrency` of them.
    """

    hook_names = (*ProcessActor.hook_names, *PEER_HOOKS)
    awaited_hooks = (*ProcessActor.awaited_hooks, *PEER_HOOKS)
    channels: ClassVar[Sequence[ChannelDescriptor]] = ()
    concurrency: ClassVar[int] = 1

    # --- what an author writes -------------------------------------------------------------------------------------

    def init_peer(self, peer: Peer) -> Awaitable[None] | None:
        """Called first for a connection, once. Create the peer's state here; sending is not possible yet."""

    def add_peer(self, peer: Peer) -> Awaitable[None] | None:
        """Called when the connection runs. From now on sending is possible."""

    def receive(self, envelope: Envelope) -> Awaitable[None] | None:
        """Called for every message on one of this reactor's channels, in order per peer and channel."""

    def remove_peer(self, peer: Peer, reason: str) -> Awaitable[None] | None:
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
    def checkpoint_name(self) -> str:
        """The name that it was registered by: that of its actor is another one in each node of a process."""
        return self._reactor_name

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
        data = message_bytes(message, self._classes.get(channel_id))
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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_metrics(cls)

    # --- machinery ---------------------------------------------------------------------------------------------------

    def on_bound(self, ref: ActorRef[Any], runtime: ActorContext, stopped: threading.Event) -> None:
        """Runs before `__init__` and `on_start`, which are for the author."""
        super().on_bound(ref, runtime, stopped)
        self._peers_by_connection: dict[str, Peer] = {}
        self._connection_of: dict[NodeID, str] = {}
        self._classes = classes_of(self.channels)
        self._outboxes = Outboxes(self.runtime.at_end_of_turn)
        self._away: set[str] = set()  # transports that are down
        self.checkpoint_dir = self.node.config.home.data_dir / "checkpoints"
        self.metrics = MetricsReporter(self.runtime, self.node, self.actor_urn)
        EventTeller(self.runtime, self.node.event_hub)  # for its dead letters
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
        self.metrics.buffer.declare(families_of(type(self), self._reactor_name))
        self.runtime.call_soon(self._after_start)
        decodes = any(descriptor.message for descriptor in self.channels)
        self._faults = PeerFaults(self._reactor_name, self.node, self.runtime.call_later, decodes=decodes)
        decoding = Decoding(self.channels, self._count_received, self._faults.charge)
        parts = self, decoding, self._faults, self._consumption.add
        self._calls: HookCalls | AsyncHookCalls = (
            AsyncHookCalls(*parts, runtime=self.runtime, concurrency=self.concurrency)
            if self.has_async(*PEER_HOOKS)
            else HookCalls(*parts)
        )

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
        return self._calls.handle(message)

    def on_ending(self) -> None:
        self._calls.end()

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
        peer = Peer(info, outbox, self._classes)
        self._peers_by_connection[info.connection] = peer
        self._connection_of[info.id] = info.connection
        self._calls.meet(peer)

    def _remove(self, connection: str, reason: str) -> Any:
        """Returns: by channel, how many messages were sent in all, now or as a future; None for an unknown connection."""
        peer = self._peers_by_connection.pop(connection, None)
        if peer is None:
            return None
        del self._connection_of[peer.id]
        self._consumption.forget(connection)
        outbox = self._outboxes.get(connection)
        assert outbox is not None
        sent = outbox.sent()
        self._outboxes.drop(connection)
        was_stopped = not peer.is_running
        peer.mark_stopped()
        answer = self._calls.leave(peer, reason, sent, was_stopped=was_stopped)
        self.metrics.buffer.remove_peer(peer.id)
        return answer

    def _receive_batch(
        self, connection: str, places: Sequence[transfer.Place], frames: Sequence[Any]
    ) -> None:
        peer = self._peers_by_connection.get(connection)
        if peer is not None:
            self._calls.receive(peer, places, frames)

    def _count_received(self, message_type: str, size: int) -> None:
        if self.metrics.is_on:
            self.metrics.buffer.inc("p2p_message_receive_bytes_total", (message_type,), size)

    def _count_sent(self, message_type: str, size: int) -> None:
        if self.metrics.is_on:
            self.metrics.buffer.inc("p2p_message_send_bytes_total", (message_type,), size)
