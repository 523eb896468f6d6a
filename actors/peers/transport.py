"""The transport of one peer host: accepts, dials, and keeps the list of the host's connections (reference 5).

Every connection that is a peer, or dialled, is an actor of its own beside it: none can hold up another, or the listener.
Newcomers have none: they are at the entrance (`entrance.py`). Who comes in is decided in `host_gate.py`, and by the switch
where it is asked.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from peerage.actors import transfer
from peerage.actors.asked_table import AskedTable
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.events.teller import EventTeller
from peerage.actors.log_folding import Limits, LineFolding
from peerage.actors.loss import LossReason
from peerage.actors.memory_pressure import MemoryPressure, RoomForStrangers
from peerage.actors.messages import (
    AnnouncePeers,
    BansChanged,
    ConnectionEnded,
    ConnectionFacts,
    Credits,
    Dial,
    EvictPeers,
    FlushStop,
    GetPeerFigures,
    GetPeerStatuses,
    IntroducePeer,
    KeepNotes,
    ListConnections,
    PeerFigures,
    PeerInfo,
    PeerStatus,
    RemovePeer,
    StopAccepting,
    StopPeer,
    TransportState,
)
from peerage.actors.messages.steering import ApplyConfig
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.peers.admission import Question
from peerage.actors.peers.bandwidth import Bandwidths
from peerage.actors.peers.bandwidth_table import BandwidthTable
from peerage.actors.peers.connection_list import ConnectionList
from peerage.actors.peers.entrance import Entrance, EntranceEvents
from peerage.actors.peers.host_context import host_context
from peerage.actors.peers.host_gate import HostGate
from peerage.actors.peers.host_shared import HostShared, Residents
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.memory_budget import MemoryBudget
from peerage.actors.peers.memory_table import MemoryTable
from peerage.actors.peers.newcomers import Arrival
from peerage.actors.peers.peer import PeerActor
from peerage.actors.peers.peer_figures import Figured, PeerBoard, ask_statuses, row_of
from peerage.actors.peers.register import Place
from peerage.actors.peers.shedding import Shedding
from peerage.actors.peers.standing_answers import StandingAnswers
from peerage.actors.runtime import (
    DROP,
    HERE,
    PROCESS,
    ActorRef,
    DownReason,
    Frames,
    ProcessActor,
    Reply,
    StartLimitError,
)
from peerage.actors.runtime.log import get_logger
from peerage.wire.pex import PEX_CHANNEL

__all__ = ["TransportActor"]

LISTEN = "listen-"  # how the descriptors of the listening sockets are called, with a number

log = get_logger("peerage.transport")


class TransportActor(ProcessActor):
    """One per peer host. Args: index, of this host among the node's; own_processes, a process for each peer."""

    receives: ClassVar[Mapping[type, str]] = {
        Frames: "_broadcast",
        Dial: "_dial",
        PeerInfo: "_became_peer",
        ListConnections: "_list_connections",
        BansChanged: "_bans_changed",
        KeepNotes: "_keep_notes",
        ApplyConfig: "_apply_config",
        AnnouncePeers: "_announce_peers",
        GetPeerStatuses: "_get_peer_statuses",
        GetPeerFigures: "_get_peer_figures",
        EvictPeers: "_evicted",
        StopAccepting: "_stop_all",
    }

    def __init__(self, index: int, own_processes: bool = False) -> None:
        super().__init__()
        context = host_context(self.runtime)
        self._context, self._switch = context, context.names.switch
        self._index, self._own_processes = index, own_processes
        metrics = MetricsReporter(self.runtime, context, self.actor_urn)
        EventTeller(self.runtime, context.event_hub)  # for its dead letters
        fds, hosts = self.runtime.fds, context.names.peer_hosts
        budget = MemoryBudget(MemoryTable(fds["memory"], index, hosts), self.runtime)
        self._shared = HostShared.of(
            context,
            metrics,
            self.runtime,
            budget,
            partial(self.runtime.call_soon, self._grant),
            Residents(self._became_peer, self._resident_ended),
            Bandwidths.of(BandwidthTable(fds["bandwidth"], index, hosts), self.runtime),
        )
        memory = MemoryPressure()
        self._shedding = Shedding(self.runtime, memory, budget.shrink_to, speaks=index == 0)
        load = LoadTable(fds["load"], index, hosts)
        self._board = PeerBoard()
        self._rates: tuple[int, int] | None = None  # once they have been changed
        self._gate = HostGate(context, fds["register"], index, self._evict, self._shared.news)
        if "asked" in fds:  # at a seed
            pex = context.routes[PEX_CHANNEL]
            self._shared.standing_answers = StandingAnswers(
                self.runtime,
                AskedTable(fds["asked"]),
                lambda node_id: self._gate.bans.refusal(node_id) is not None,
                lambda callers: self._shared.addressees.reactor(pex).tell(callers, exempt=True),
                context.config.p2p.max_packet_msg_payload_size,
            )
        self._connections = ConnectionList(load)
        self._entrance = Entrance(
            self.runtime,
            self.actor_urn,
            self.runtime.host_name,
            context,
            self._shared,
            self._gate,
            self._connections,
            [socket.socket(fileno=fd) for name, fd in fds.items() if name.startswith(LISTEN)],
            load,
            RoomForStrangers(memory),
            EntranceEvents(
                accepted=self._start_peer,
                arrived=lambda facts, arrival: self._start_peer(facts, arrival.place, arrival=arrival),
                ended=self._check_stopped,
            ),
            own_processes=own_processes,
        )
        self._neighbours = PeerActor.options(place=HERE, extra=context, by_reference=True)
        self._stopping: list[Reply] = []
        self._lines = LineFolding(self.runtime.call_later, Limits(subject=5))

    def on_start(self) -> None:
        if self._entrance.acceptor.listens:
            book = self._context.names.addrbook
            Question(self.runtime, book, BookCall(BanList.published), self._gate.learn_bans)
            self._entrance.acceptor.start()
        self._shedding.look()

    def on_stop(self) -> None:
        self._entrance.stop()
        self._entrance.newcomers.drop()
        if self._shared.standing_answers is not None:
            self._shared.standing_answers.flush()
        self._shared.news.flush()
        self._entrance.acceptor.close()
        self._shared.metrics.send()

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        """A fault of ours: switch and reactors take our connections for lost with us, so nothing may come from them."""
        self._entrance.stop()
        self._entrance.newcomers.drop()
        for ref in self._connections:
            why = f"peer host failed: {exception_value!r}"
            ref.tell(StopPeer(why, is_error=True, loss=LossReason.HOST_ENDED), exempt=True)

    def on_unlisted(self, message: Any) -> None:
        """Messages of strangers mean nothing here."""

    def on_down(self, ref: ActorRef, reason: DownReason) -> None:
        facts = self._connections.ended(ref)
        if facts is not None:
            self._entrance.settled(facts.connection)
            # The actor has said it already, unless it was killed. A switch that has just rebuilt its table may have learned
            # of this connection from us only after that.
            loss = LossReason.HOST_ENDED if reason.kind == "killed" else LossReason.INTERNAL_ERROR
            ended = ConnectionEnded(facts, None, f"peer actor ended: {reason}", is_error=True, loss=loss)
            self._shared.news.tell(ended)
            if reason.kind == "killed":  # nobody else is left to say it
                for name in self._context.names.reactors:
                    removal = RemovePeer(facts.connection, ended.reason)
                    self._context.names.reactor(name).tell(removal, exempt=True)
        self._check_stopped()

    def _resident_ended(self, ref: ActorRef) -> None:
        """The same of an actor in this host, which has told everybody."""
        self._board.remove(ref)
        facts = self._connections.ended(ref)
        if facts is not None:
            self._entrance.settled(facts.connection)
        self._check_stopped()

    def _check_stopped(self) -> None:
        if self._stopping and not self._connections.has_actors and not self._entrance.newcomers:
            for reply in self._stopping:
                reply.set(None)
            self._stopping.clear()

    # --- broadcasting --------------------------------------------------------------------------------------------------

    def _broadcast(self, message: Frames) -> None:
        if transfer.kind_of(message) != transfer.BROADCAST:
            return
        channel_ids, so_far = transfer.of_broadcast(message)
        self._shared.feed.add(channel_ids, message.frames, so_far)
        if self._own_processes:
            for ref in self._connections:
                ref.tell(message, when_full=DROP)

    def _grant(self, channel_id: int) -> None:
        """A channel's quickest peer has come further: tell the reactor how many messages it may broadcast."""
        total = self._shared.feed.granted(channel_id)
        if total is not None:
            reactor = self._context.names.reactor(self._context.routes[channel_id])
            reactor.tell(Credits(self.actor_urn, {channel_id: total}), exempt=True)

    # --- peers ---------------------------------------------------------------------------------------------------------

    def _dial(self, message: Dial) -> None:
        address = message.address
        facts = ConnectionFacts(
            connection=message.connection,
            host=self.runtime.host_name,
            remote_ip=str(address.host),
            remote_port=address.port,
            is_outbound=True,
            dialled_id=address.id,
            is_trial=message.is_trial,
            dial_timeout=message.timeout,
        )
        if self._entrance.acceptor.is_stopped:
            self._shared.news.tell(ConnectionEnded(facts, None, "stopping"))
        else:
            self._start_peer(facts, self._gate.note_dial(facts))

    def _start_peer(
        self,
        facts: ConnectionFacts,
        place: Place | None,
        sock: socket.socket | None = None,
        arrival: Arrival | None = None,
    ) -> None:
        name = f"peer {facts.connection}"
        try:
            if self._own_processes:
                fds = {} if sock is None else {"sock": sock.fileno()}
                starter = PeerActor.options(name=name, place=PROCESS, fds=fds, extra=self._context)
                ref = starter.start(facts, shut_out=self._gate.bans)
                if sock is not None:
                    sock.close()
            else:
                self._connections.starting()
                ref = self._neighbours.named(name).start(facts, arrival, place, self._shared, self._gate.bans)
        except Exception as error:  # whatever it is, one connection pays for it
            if arrival is not None:
                arrival.stream.close()
            if sock is not None:
                sock.close()
            if place is not None:
                place.leave()
            self._entrance.settled(facts.connection)
            self._did_not_start(facts, error)
        else:
            self._connections.running(ref, facts, place)
            if self._own_processes:
                self.runtime.watch(ref)

    def _did_not_start(self, facts: ConnectionFacts, error: Exception) -> None:
        cause: dict[str, Any] = {"exc_info": error}
        if isinstance(error, StartLimitError):
            cause = {"cause": error.limit}
            if not facts.is_outbound:
                self._entrance.acceptor.out_of_resources(error.limit)
        self._lines.say(log.error, "peer did not start", "", {}, connection=facts.connection, **cause)
        self._switch.tell(
            ConnectionEnded(facts, None, f"peer did not start: {error}", is_error=True), exempt=True
        )

    def _became_peer(self, info: PeerInfo, connection: Figured | None = None) -> None:
        if connection is not None:
            if self._rates is not None:  # it may have been made before they changed
                connection.link.limit_rates(*self._rates)
            self._board.add(info, connection)
        self._connections.became_peer(info)
        self._entrance.settled(info.connection)

    def _evict(self, host: int) -> None:
        """A newcomer here has got the place of a peer of this host or another."""
        if host == self._index:
            self._evicted()
        else:
            self._switch.tell(EvictPeers(host), exempt=True)

    def _evicted(self, _message: EvictPeers | None = None) -> None:
        for ref in self._connections.given_away():
            why = "evicted: a newcomer has its place"
            ref.tell(StopPeer(why, is_error=False, loss=LossReason.EVICTED), exempt=True)

    def _announce_peers(self, message: AnnouncePeers) -> None:
        for ref in self._connections:
            ref.tell(IntroducePeer(message.reactor), exempt=True)

    def _get_peer_statuses(self, _message: GetPeerStatuses) -> None:
        ask_statuses(self._connections.peers(), self.runtime.defer().set)

    def _get_peer_figures(self, _message: GetPeerFigures) -> PeerFigures | None:
        refusals = self._shared.news.refusals.rows()
        if not self._own_processes:
            return PeerFigures(tuple(self._board.rows()), refusals)
        reply = self.runtime.defer()

        def answer(statuses: tuple[PeerStatus, ...]) -> None:
            reply.set(PeerFigures(tuple(map(row_of, statuses)), refusals))

        ask_statuses(self._connections.peers(), answer)
        return None

    def _stop_all(self, message: StopAccepting) -> None:
        self._entrance.stop()
        self._entrance.newcomers.stop()
        if self._connections.has_actors or self._entrance.newcomers:
            self._stopping.append(self.runtime.defer())
            for ref in self._connections:
                ref.tell(FlushStop(message.flush_timeout), if_there=True)

    # --- what a switch, or its successor, wants to know ----------------------------------------------------------------

    def _list_connections(self, _message: ListConnections) -> TransportState:
        self._evicted()  # its predecessor may have died with the news
        return TransportState(self._connections.facts(), self._gate.notes, self._gate.is_informed)

    def _bans_changed(self, message: BansChanged) -> None:
        self._gate.bans.update(message)

    def _apply_config(self, message: ApplyConfig) -> None:
        """Connections that are made from now on are as this says; the rates are those of all."""
        before, p2p = self._context.config.p2p, message.config.p2p
        self._context = replace(self._context, config=message.config)
        if (before.send_rate, before.recv_rate) != (p2p.send_rate, p2p.recv_rate):
            self._rates = p2p.send_rate, p2p.recv_rate
            self._board.limit_rates(*self._rates)
        self._gate.configure(self._context)
        self._entrance.newcomers.context = self._context

    def _keep_notes(self, message: KeepNotes) -> None:
        self._gate.keep(message.notes)
