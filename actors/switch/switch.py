"""The switch: which peers are connected, which may connect, and which are redialled (reference 6).

It holds no connections, and no state that the peer hosts could not tell its successor. When it is killed and restarted, it
rebuilds its table from the transports, and the rest of the node does not notice.

    AdmitConnection, AdmitPeer ──> Gate ──> Filters, Duplicates ─╮
    DialPeer, TryAddress … ──> Resolver ──> Dialler ─────────────┼──> PeerTable
    ConnectionEnded ──> Redials ──> Resolver ──> Dialler         │
    up and down of transports ──> PeerHosts ──> PeerLists ───────╯
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from peerage.actors.addrbook import own_address
from peerage.actors.ban_filter import BanFilter, stop_for_ban
from peerage.actors.blocking_calls import Background
from peerage.actors.book_client import BookClient
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.events.connections import ConnectionEvents
from peerage.actors.events.teller import EventTeller
from peerage.actors.messages import (
    AdmitConnection,
    AdmitPeer,
    BansChanged,
    Charge,
    ConnectionEnded,
    ConnectionFacts,
    CountPeers,
    DialPeer,
    DialPeersAsync,
    EvictPeers,
    GetPeers,
    GetPrivatePeers,
    KeepNotes,
    MarkGood,
    NodeStops,
    PeerStarted,
    PeerStatus,
    PrivatePeers,
    SwitchNotes,
    TransportState,
    TryAddress,
)
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.name_lookups import NameLookups
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import DROP, ActorDeadError, ActorRef, DownReason, ProcessActor, Timeout
from peerage.actors.runtime.log import get_logger
from peerage.actors.snapshot import (
    DialPeers,
    DialSeeds,
    GetNetInfo,
    GetStatus,
    NetInfoSnapshot,
    StatusSnapshot,
)
from peerage.actors.switch.admission import Gate
from peerage.actors.switch.connection_log import ConnectionLog
from peerage.actors.switch.dialling import Dialler, not_dialled
from peerage.actors.switch.filters import ConnectionFilter, Filters, PeerFilter
from peerage.actors.switch.hidden_in_logs import PrivatePeersInLogs
from peerage.actors.switch.keeping import Keeping
from peerage.actors.switch.list_news import ListNews
from peerage.actors.switch.peer_lists import PeerLists
from peerage.actors.switch.peer_table import Stage
from peerage.actors.switch.rebuild import REBUILD_TIMEOUT_S, PeerHosts
from peerage.actors.switch.redial import Redials
from peerage.actors.switch.resolver import Resolver
from peerage.actors.switch.status_round import collect_statuses
from peerage.actors.switch.steering import STEERED, Steering, table_of
from peerage.wire.net_address import AddressError, NetAddress, id_in

__all__ = ["ConnectionFilter", "PeerFilter", "SwitchActor"]

log = get_logger("peerage.switch")

DIAL_SPREAD_S = 3.0  # reference 6: dial_peers_async dials each after a random 0..3 s
HELD_S = 1.0  # the same for one lost with its peer host: a peer that crashes our hosts has to wait


class SwitchActor(ProcessActor):
    """See the module's text.

    Args:
        connection_filters: each is called with a connection before its handshake, and returns why to refuse it, or None.
        peer_filters: each is called with a peer after its handshake, and returns the same.
    """

    receives: ClassVar[Mapping[type, str]] = {
        AdmitConnection: "_admit_connection",
        AdmitPeer: "_admit_peer",
        PeerStarted: "_peer_started",
        ConnectionEnded: "_connection_ended",
        BansChanged: "_bans_changed",
        DialPeer: "_dial_peer",
        TryAddress: "_try_address",
        DialPeersAsync: "_dial_peers_async",
        DialSeeds: "_dial_for_rpc",
        DialPeers: "_dial_for_rpc",
        **dict.fromkeys(STEERED, "_steer"),
        GetPrivatePeers: "_look_up",
        GetPeers: "_look_up",
        CountPeers: "_look_up",
        GetStatus: "_look_up",
        GetNetInfo: "_get_net_info",
        MarkGood: "_pass_on",
        EvictPeers: "_pass_on",
        NodeStops: "_pass_on",
    }

    def __init__(
        self, connection_filters: tuple[ConnectionFilter, ...] = (), peer_filters: tuple[PeerFilter, ...] = ()
    ) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context = context
        p2p, now, call_later = context.config.p2p, self.runtime.now, self.runtime.call_later
        self._table = table_of(context.node_id, context.config)
        self._rng = random.Random()  # noqa: S311 - spreads dials, guards nothing
        self._book = BookClient(context.names.addrbook)
        self._bans = BanFilter()
        self._metrics = MetricsReporter(self.runtime, context, self.actor_urn)
        self._metrics.gauge("p2p_peers", (), lambda: float(len(self._table.peers())))
        self._lines = ConnectionLog(
            log, call_later, self._table, now=now, wanted=map(id_in, p2p.seeds), seed_mode=p2p.seed_mode
        )
        self._events = ConnectionEvents(EventTeller(self.runtime, context.event_hub))
        self._background = Background(self.runtime)
        self._resolver = Resolver(
            NameLookups(), call_threadsafe=self.runtime.call_threadsafe, call_later=call_later
        )
        metrics = context.names.metrics if self._metrics.is_on else None
        logs = PrivatePeersInLogs(context.names.prefix, self.runtime.send_errands, self._table)
        self._news = ListNews(self._table, context.names.addrbook, metrics, context.event_hub, logs)
        self._lists = PeerLists(
            self._table,
            p2p.persistent_peers,
            keep=self._keep_notes,
            tell_private=lambda: self._news.tell(self._lists.notes),
        )
        run, limit = self._background.run, context.config.peerage.filter_timeout
        filters = Filters(connection_filters, peer_filters, run=run, call_later=call_later, timeout=limit)
        self._gate = Gate(
            self._table, self._bans, filters, now=now, call_later=call_later, refused=self._report_refusal
        )
        self._hosts = PeerHosts(
            context.names.transports,
            life_of=self.runtime.life_of,
            call_later=call_later,
            merge=self._merge,
            heard=self._seek_persistent,
            ready=lambda: self._dialler.release(),  # noqa: PLW0108 - it is made below
        )
        self._keeping = Keeping(self._hosts.transports, call_later)
        self._dialler = Dialler(
            self._table,
            self._hosts,
            self._bans,
            filters,
            self._resolver.records,
            now=now,
            ended=self._connection_ended,
            began=self._events.dialled,
        )
        self._redials = Redials(
            self._table,
            p2p.persistent_peers_max_dial_period,
            self._rng,
            call_later=call_later,
            resolver=self._resolver,
            dial=self._dialler.dial,
            not_resolved=self._lines.not_resolved,
            gave_up=self._events.gave_up,
        )
        self._steering = Steering(
            self._table,
            self._lists,
            self._news,
            self._keeping,
            self._redials,
            seek=self._seek_persistent,
            defer=self.runtime.defer,
        )

    # --- life ------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        # Learn the bans before admitting any connection. A book that is being restarted publishes them when it is back.
        with suppress(ActorDeadError, Timeout):
            bans = self._context.names.addrbook.ask(BookCall(BanList.published), timeout=REBUILD_TIMEOUT_S)
            self._bans_changed(BansChanged(tuple(bans or ()), whole=True))
        # Before they are asked: one that tells its connections and ends before we look again is heard of all the same.
        for transport in self._hosts.transports:
            self.runtime.follow(
                transport,
                on_up=partial(self._hosts.came_up, transport),
                on_down=partial(self._host_ended, transport),
            )
        self._hosts.rebuild()
        self._seek_persistent()

    def on_stop(self) -> None:
        self._metrics.send()
        self._events.close()
        self._lines.close()
        self._background.close()
        self._resolver.close()

    def on_unlisted(self, message: Any) -> Any:
        """Answer messages that are not in `receives` with None."""

    def _host_ended(self, transport: ActorRef, reason: DownReason) -> None:
        """A peer host has ended, and so have its connections."""
        self._hosts.went_down(transport)
        for connection in self._table.of_host(transport.host):
            if connection.stage is Stage.RUNNING and self.runtime.now() - connection.since >= HELD_S:
                self._redials.forget(str(connection.id))  # for a reason on our side: redial at once
            self._connection_ended(connection.ended_with_host(f"peer host {transport.host} ended: {reason}"))

    def _merge(self, transport: ActorRef, state: TransportState) -> None:
        """A transport tells its connections, and the notes that it has stored for the switch."""
        for facts in state.connections:
            if facts.connection not in self._table.connections:
                self._table.add(facts, self.runtime.now())
        if self._lists.merge(state.notes):
            for other in self._hosts.up - {transport}:
                other.tell(KeepNotes(self._lists.notes), exempt=True)
        elif state.notes.revision < self._lists.notes.revision or not state.was_told:
            # A new transport waits for the notes. It stores them, too, for the others may all be gone one day.
            transport.tell(KeepNotes(self._lists.notes), exempt=True)

    def _keep_notes(self, notes: SwitchNotes) -> None:
        """Store what was added at run time in the transports, which admit peers by it, so that it survives this process."""
        self._keeping.spread(notes)
        self._news.tell_trusted(notes)

    # --- admission -----------------------------------------------------------------------------------------------------

    def _bans_changed(self, message: BansChanged) -> None:
        """Apply the new bans, and stop the connected peers that they match."""
        if message.whole:  # the book has just started, and knows only the IDs of the configuration
            self._news.tell(self._lists.notes)
        for connection in self._table.concerned_by(self._bans.update(message)):
            refusal = self._bans.refusal(connection.id, connection.facts.remote_ip)
            if refusal is not None and connection.ref is not None:
                connection.ref.tell(stop_for_ban(refusal), exempt=True)

    def _admit_connection(self, message: AdmitConnection) -> None:
        self._gate.admit_connection(message.facts, self.runtime.defer().set)

    def _admit_peer(self, message: AdmitPeer) -> None:
        self._gate.admit_peer(message, self.runtime.defer().set)

    # --- the life of connections ---------------------------------------------------------------------------------------

    def _peer_started(self, message: PeerStarted) -> None:
        info = message.info
        self._table.started(info, self.runtime.now())
        refusal = self._bans.refusal(info.id, info.remote_ip)
        if refusal is not None:  # banned while its peer host let it in
            info.ref.tell(stop_for_ban(refusal), exempt=True)
        self._news.tell_host(info)
        self._redials.pause(info.id)
        self._dialler.settle(info.connection, info)
        if info.is_outbound:
            self._metrics.buffer.inc("p2p_dials_total", ("connected",))
        self._lines.added(info)
        self._events.connected(info)

    def _connection_ended(self, message: ConnectionEnded) -> None:
        facts = message.facts
        connection = self._table.remove(facts.connection)
        self._gate.duplicates.ended(facts.connection)
        charge = Charge.of(message)
        if charge is not None:
            self._context.names.addrbook.tell(charge, when_full=DROP)  # strangers cause them
        if facts.is_outbound and message.refusal is not None:
            self._metrics.buffer.inc("p2p_dials_total", (str(message.refusal.reason),))
        if message.tried is not None:
            self._metrics.buffer.inc("p2p_dials_total", ("tried",))
            self._dialler.settle(facts.connection, message.tried)
        elif message.refusal is not None:
            self._refused(facts, message.refusal)
        elif connection is not None and (peer := facts.peer or connection.info) is not None:
            self._metrics.buffer.inc("p2p_losses_total", (str(message.loss),))
            self._events.lost(peer, message)
            self._lines.stopped(peer, message.reason)
            if message.is_error and peer.id in self._table.persistent:
                self._redials.lost(peer, self.runtime.now() - connection.since)

    def _refused(self, facts: ConnectionFacts, refusal: Refusal) -> None:
        """A connection did not become a peer."""
        if (told := self._dialler.refused(facts, refusal)) is None:
            return  # the next address of its name is dialled
        facts, refusal = told
        self._report_refusal(facts, refusal)
        if not facts.is_outbound or facts.dialled_id is None:
            return
        peer_id = facts.dialled_id
        if refusal.reason is RefusalReason.SELF:
            # The address is our own: tell the book, which drops it. The peer we wanted is not there, so a persistent one is
            # not redialled. Source: reference 6.
            address = NetAddress(self._context.node_id, facts.remote_ip, facts.remote_port)
            self._book.tell(AddrBook.add_our_address, address)
            if self._lists.drop_persistent(peer_id):
                self._redials.forget(peer_id)
        if peer_id in self._table.persistent:
            if refusal.speaks_otherwise:
                self._redials.let_be(peer_id)
            self._redials.seek(peer_id, [self._table.persistent[peer_id]])

    def _report_refusal(self, facts: ConnectionFacts, refusal: Refusal) -> None:
        self._metrics.buffer.inc("p2p_refusals_total", (str(refusal.reason),))
        self._events.refused(facts, refusal)
        self._lines.refused(facts, refusal)

    # --- dialling ------------------------------------------------------------------------------------------------------

    def _dial_peer(self, message: DialPeer) -> None:
        reply = self.runtime.defer()

        def resolved(result: NetAddress | Exception) -> None:
            if isinstance(result, Exception):
                reply.set_exception(result)
                return
            if message.persistent:
                self._lists.add_persistent([str(message.address)])
            refusal = self._dialler.dial(result, reply.set if message.wait else None)
            if refusal is not None:
                self._report_refusal(not_dialled(result), refusal)
            if refusal is not None or not message.wait:
                reply.set(refusal)

        if isinstance(message.address, NetAddress):
            resolved(message.address)
        else:
            self._resolver.parse(message.address, resolved)

    def _try_address(self, message: TryAddress) -> None:
        reply = self.runtime.defer()
        address = message.address
        refusal = self._dialler.dial(address, reply.set, is_trial=True)
        if refusal is not None:
            self._report_refusal(not_dialled(address), refusal)
            reply.set(refusal)

    def _dial_for_rpc(self, message: DialSeeds | DialPeers) -> None:
        dial = DialPeersAsync(tuple(message.addresses))
        if isinstance(message, DialPeers):
            flags = message.persistent, message.unconditional, message.private
            dial = DialPeersAsync(tuple(message.addresses), *flags)
        self._lines.want(map(id_in, dial.addresses))
        self._dial_peers_async(dial)

    def _dial_peers_async(self, message: DialPeersAsync) -> None:
        """Those with an IP address are taken at once, the others as their names resolve. A name that does not is logged and
        skipped; any other parse error fails the call. Source: reference 6.
        """
        reply = self.runtime.defer()

        def take(*addresses: tuple[str, NetAddress]) -> None:
            others = [(text, address) for text, address in addresses if address.id != self._context.node_id]
            if not others:
                return
            if message.persistent:
                self._lists.add_persistent([text for text, _ in others])
            self._book.tell(AddrBook.add_all, [address for _, address in others], own_address(self._context))
            self._rng.shuffle(others)
            for _, address in others:
                self.runtime.call_later(self._rng.random() * DIAL_SPREAD_S, self._dial_or_seek, address)

        try:
            addresses = self._resolver.parse_all(message.addresses, take)
        except AddressError as error:
            reply.set_exception(error)
            return
        ids = [peer_id for peer_id in map(id_in, message.addresses) if peer_id != self._context.node_id]
        if message.unconditional:
            self._lists.add_unconditional(ids)
        if message.private:
            self._lists.add_private(ids)  # before the book has them, which would tell others
        take(*addresses)
        self._keeping.when_kept(reply.set)

    def _dial_or_seek(self, address: NetAddress) -> None:
        persistent = self._table.persistent.get(str(address.id))
        if persistent is not None:
            self._redials.seek(str(address.id), [persistent])
        else:
            self._dialler.dial(address)

    def _seek_persistent(self) -> None:
        """Redial new persistent peers, once it is known which peers are connected.

        If a host that has not answered yet holds such a peer, the peer would refuse a second connection, and that one would
        have replaced the first in our table.
        """
        if self._hosts.is_one_silent:
            return
        for text in self._lists.new_persistent():
            peer_id = id_in(text)
            if self._table.of_id(peer_id) is None and self._table.dialling(peer_id) is None:
                self._redials.seek(peer_id, [text])

    def _steer(self, message: Any) -> Any:
        return self._steering.serve(message)

    # --- questions -------------------------------------------------------------------------------------------------------

    def _look_up(self, question: GetPeers | CountPeers | GetPrivatePeers | GetStatus) -> Any:
        """What is known here."""
        match question:
            case GetPeers():
                return self._table.peers()
            case CountPeers():
                return self._table.num_peers()
            case GetPrivatePeers():
                return PrivatePeers(frozenset(self._table.private))
            case GetStatus():
                return StatusSnapshot(self._context.node_info, self._context.public_key)

    def _get_net_info(self, _message: GetNetInfo) -> None:
        """Ask every peer host for the state of its connections. Hosts that do not answer are left out."""
        reply = self.runtime.defer()

        def answer(statuses: Sequence[PeerStatus]) -> None:
            peers, context = self._table.snapshots(statuses), self._context
            reply.set(NetInfoSnapshot(True, context.external_address, peers, context.external_addresses_also))

        collect_statuses(self._hosts.transports, self.runtime.call_later, answer)

    def _pass_on(self, message: MarkGood | EvictPeers | NodeStops) -> None:
        """What somebody else has to know."""
        match message:
            case MarkGood(peer_id):
                self._book.tell(AddrBook.mark_good, peer_id)
            case EvictPeers(host):
                self._context.names.transport(host).tell(message, exempt=True)
            case NodeStops():
                self._lines.node_stops()
