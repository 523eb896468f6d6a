"""The transport of one peer host: accepts, dials, and keeps the list of the host's connections (reference 5).

Every connection is an actor of its own beside it, from its handshake on: none can hold up another, or the listener.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from peerage.actors import transfer
from peerage.actors.ban_filter import BanFilter
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.log_folding import Limits, LineFolding
from peerage.actors.messages import (
    AdmitConnection,
    AnnouncePeers,
    BansChanged,
    ConnectionEnded,
    ConnectionFacts,
    Credits,
    Dial,
    FlushStop,
    GetPeerStatuses,
    GetStatusOfPeer,
    IntroducePeer,
    KeepNotes,
    ListConnections,
    PeerInfo,
    PeerStatus,
    RemovePeer,
    StopAccepting,
    StopPeer,
    SwitchNotes,
    TransportState,
)
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.peers.accepting import Acceptor
from peerage.actors.peers.admission import Question
from peerage.actors.peers.connection_list import ConnectionList
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.inbound_limit import InboundLimit
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.peer import PeerActor
from peerage.actors.refusal import Refusal
from peerage.actors.runtime import (
    DROP,
    HERE,
    PROCESS,
    ActorDeadError,
    ActorRef,
    DownReason,
    Frames,
    Future,
    ProcessActor,
    Reply,
    StartLimitError,
)
from peerage.actors.runtime.limits import Purpose, Room
from peerage.actors.runtime.log import get_logger

__all__ = ["TransportActor"]

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
        AnnouncePeers: "_announce_peers",
        GetPeerStatuses: "_get_peer_statuses",
        StopAccepting: "_stop_all",
    }

    def __init__(self, index: int, own_processes: bool = False) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context = context
        self._own_processes = own_processes
        metrics = MetricsReporter(self.runtime, context, self.actor_urn)
        self._shared = HostShared.of(
            context, metrics, self.runtime, partial(self.runtime.call_soon, self._grant)
        )
        fds = self.runtime.fds
        load = LoadTable(fds["load"], index, context.names.peer_hosts)
        self._shut_out = BanFilter()
        self._inbound_limit = InboundLimit(
            self._shut_out, load, context.inbound_limit, context.names.peer_hosts
        )
        self._connections = ConnectionList(load, admits_seed_requests=context.hosts_admit_seed_requests)
        self._acceptor = Acceptor(
            self.runtime,
            socket.socket(fileno=fds["listen"]) if "listen" in fds else None,
            load,
            Room(Purpose.STRANGERS),
            held=lambda: len(self._connections),
            undecided=lambda: self._connections.undecided,
            on_accepted=self._accepted,
        )
        self._stopping: list[Reply] = []
        self._notes = SwitchNotes()
        self._lines = LineFolding(self.runtime.call_later, Limits(subject=5))
        self._incarnation = secrets.token_hex(4)
        self._count = 0

    def on_start(self) -> None:
        if not self._acceptor.listens:
            return
        Question(self.runtime, self._context.names.addrbook, BookCall(BanList.published), self._learned_bans)
        if (
            not self._context.hosts_admit_seed_requests
        ):  # the switch knows the bans too, and has the last word
            self._acceptor.start()

    def _learned_bans(self, bans: Any) -> None:
        """Where hosts let connections in by themselves, none is let in before this."""
        self._shut_out.update(BansChanged(tuple(bans), whole=True))
        self._acceptor.start()

    def on_stop(self) -> None:
        self._stop_accepting()
        self._acceptor.close()
        self._shared.metrics.send()

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        """A fault of ours: switch and reactors take our connections for lost with us, so nothing may come from them."""
        self._stop_accepting()
        for ref in self._connections:
            ref.tell(StopPeer(f"peer host failed: {exception_value!r}", is_error=True), exempt=True)

    def on_unlisted(self, message: Any) -> None:
        """Messages of strangers mean nothing here."""

    def on_down(self, ref: ActorRef, reason: DownReason) -> None:
        facts = self._connections.ended(ref)
        if facts is not None and not (reason.kind == "normal" and self._connections.is_seed_request(facts)):
            # The actor has said it already. A switch that has just rebuilt its table may have learned of this connection
            # from us only after that.
            ended = ConnectionEnded(facts, None, f"peer actor ended: {reason}", is_error=True)
            self._tell_switch(ended)
            if self._own_processes and reason.kind == "killed":  # nobody else is left to say it
                for name in self._context.names.reactors:
                    removal = RemovePeer(facts.connection, ended.reason)
                    self._context.names.reactor(name).tell(removal, exempt=True)
        if self._stopping and not self._connections.has_actors:
            for reply in self._stopping:
                reply.set(None)
            self._stopping.clear()

    # --- broadcasting --------------------------------------------------------------------------------------------------

    def _broadcast(self, message: Frames) -> None:
        if transfer.kind_of(message) != transfer.BROADCAST:
            return
        channel_ids, so_far, _deadline = transfer.outgoing(message)
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

    # --- accepting -----------------------------------------------------------------------------------------------------

    def _accepted(self, sock: socket.socket, ip: str, port: int) -> None:
        self._count += 1
        facts = ConnectionFacts(
            connection=f"{self.actor_urn}/{self._incarnation}-{self._count}",
            host=self.runtime.host_name,
            remote_ip=ip,
            remote_port=port,
            is_outbound=False,
        )
        self._connections.accepted(facts, sock)
        if self._context.hosts_admit_seed_requests:
            refusal = self._inbound_limit.refusal(facts)
            if refusal is not None:
                self._tell_switch(ConnectionEnded(facts, refusal))
            self._decided(facts, refusal)
        else:
            question = AdmitConnection(facts)
            Question(self.runtime, self._context.names.switch, question, partial(self._decided, facts))

    def _decided(self, facts: ConnectionFacts, refusal: Refusal | None) -> None:
        sock = self._connections.decided(facts.connection)
        if sock is None:  # we have stopped accepting meanwhile
            return
        if refusal is None:
            self._start_peer(facts, sock)
        else:
            self._connections.turn_away(sock)

    def _stop_accepting(self) -> None:
        self._acceptor.stop()
        self._connections.turn_away_undecided()

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
        )
        if self._acceptor.is_stopped:
            self._tell_switch(ConnectionEnded(facts, None, "stopping"))
        else:
            self._start_peer(facts, None)

    def _start_peer(self, facts: ConnectionFacts, sock: socket.socket | None) -> None:
        name = f"peer {facts.connection}"
        try:
            if self._own_processes:
                fds = {} if sock is None else {"sock": sock.fileno()}
                starter = PeerActor.options(name=name, place=PROCESS, fds=fds, extra=self._context)
                ref = starter.start(facts, None, None, self._shut_out)
                if sock is not None:
                    sock.close()
            else:
                starter = PeerActor.options(name=name, place=HERE, extra=self._context, by_reference=True)
                ref = starter.start(facts, sock, self._shared, self._shut_out)
        except Exception as error:  # whatever it is, one connection pays for it
            self._did_not_start(facts, sock, error)
        else:
            self._connections.running(ref, facts)
            self.runtime.watch(ref)

    def _did_not_start(self, facts: ConnectionFacts, sock: socket.socket | None, error: Exception) -> None:
        cause: dict[str, Any] = {"exc_info": error}
        if isinstance(error, StartLimitError):
            cause = {"cause": error.limit}
            if sock is not None:
                self._acceptor.out_of_resources(error.limit)
        self._lines.say(log.error, "peer did not start", "", {}, connection=facts.connection, **cause)
        if sock is not None:
            self._connections.turn_away(sock)
        self._tell_switch(ConnectionEnded(facts, None, f"peer did not start: {error}", is_error=True))

    def _became_peer(self, info: PeerInfo) -> None:
        self._connections.became_peer(info)

    def _announce_peers(self, message: AnnouncePeers) -> None:
        for ref in self._connections:
            ref.tell(IntroducePeer(message.reactor), exempt=True)

    def _get_peer_statuses(self, _message: GetPeerStatuses) -> tuple[PeerStatus, ...] | None:
        peers = self._connections.peers()
        if not peers:
            return ()
        reply = self.runtime.defer()
        answers: list[PeerStatus | None] = []

        def collect(answer: Future[PeerStatus | None]) -> None:
            try:
                answers.append(answer.get(timeout=0))
            except ActorDeadError:  # it has ended meanwhile
                answers.append(None)
            if len(answers) == len(peers):
                reply.set(tuple(status for status in answers if status is not None))

        for ref in peers:
            ref.ask(GetStatusOfPeer(), block=False).then(collect)
        return None

    def _stop_all(self, message: StopAccepting) -> None:
        self._stop_accepting()
        if self._connections.has_actors:
            self._stopping.append(self.runtime.defer())
            for ref in self._connections:
                ref.tell(FlushStop(message.flush_timeout), if_there=True)

    # --- the switch ----------------------------------------------------------------------------------------------------

    def _tell_switch(self, message: ConnectionEnded) -> None:
        self._context.names.switch.tell(message, exempt=True)

    def _list_connections(self, _message: ListConnections) -> TransportState:
        return TransportState(self._connections.known_to_switch(), self._notes)

    def _bans_changed(self, message: BansChanged) -> None:
        self._shut_out.update(message)

    def _keep_notes(self, message: KeepNotes) -> None:
        if message.notes.revision >= self._notes.revision:
            self._notes = message.notes
