"""The transport of one peer host: accepts, dials, and keeps the list of the host's connections (reference 5).

Every connection is an actor of its own beside it, from its handshake on: none can hold up another, or the listener.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
from typing import Any

from peerage.actors.ban_filter import BanFilter
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.log_folding import Limits, LineFolding
from peerage.actors.messages import (
    BROADCAST,
    BROADCAST_WINDOW,
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
    KeepNotes,
    ListConnections,
    PeerInfo,
    RemovePeer,
    StopAccepting,
    StopPeer,
    SwitchNotes,
    TransportState,
)
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.peer import IntroducePeer, PeerActor
from peerage.actors.refusal import Refusal, RefusalReason
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
from peerage.actors.runtime.limits import Purpose, Room, lack_behind
from peerage.actors.runtime.log import get_logger

__all__ = ["TransportActor"]

log = get_logger("peerage.transport")

ACCEPT_RETRY_S = 0.2  # after a failed accept: the cause (descriptors, memory) may be gone
UNDECIDED_LIMIT = 64  # connections that wait for the switch's word before their handshake
ADMISSION_RETRY_S = (
    0.02  # while the switch is being restarted, which takes about 30 ms (tests/bench/recovery.py)
)
# A host with more connections lets the others be quicker, by so much for each, looking again and again whether one was.
BALANCE_STEP_S = 0.008
BALANCE_MAX_S = 0.05
BALANCE_LOOK_S = 0.001
BALANCE_SLACK = 4  # one more for so many that it has is no imbalance worth waiting for
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class TransportActor(ProcessActor):
    """One per peer host. Args: index, of this host among the node's; own_processes, a process for each peer."""

    def __init__(self, index: int, own_processes: bool = False) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context = context
        self._own_processes = own_processes
        self._broadcast_so_far: dict[int, int] = {}  # by the reactor of each channel, as it says
        metrics = MetricsReporter(self.runtime, context, self.actor_urn)
        self._shared = HostShared.of(context, metrics, self.runtime, self._schedule_grant)
        fds = self.runtime.fds
        self._load = LoadTable(fds["load"], index, context.names.peer_hosts)
        self._listener = socket.socket(fileno=fds["listen"]) if "listen" in fds else None
        self._accepting = False
        self._accept_failed = False
        self._room = Room(Purpose.STRANGERS)
        self._yields_until: float | None = None
        self._inbound = 0
        self._shut_out = BanFilter()
        self._undecided: dict[str, socket.socket] = {}
        self._connections: dict[ActorRef, ConnectionFacts] = {}
        self._stopping: list[Reply] = []
        self._stopped = False
        self._notes = SwitchNotes()
        self._lines = LineFolding(self.runtime.call_later, Limits(subject=5))
        self._incarnation = secrets.token_hex(4)
        self._count = 0

    def on_start(self) -> None:
        if self._listener is None:
            return
        self._listener.setblocking(False)
        self._learn_bans()
        if not self._context.hosts_admit_callers:  # the switch knows the bans too, and has the last word
            self._set_accepting(True)

    def _learn_bans(self) -> None:
        """If hosts admit callers, before anybody is let in."""
        question = BookCall(BanList.published)

        def learned(answer: Future[Any]) -> None:
            try:
                self._shut_out.update(BansChanged(tuple(answer.get(timeout=0)), whole=True))
            except ActorDeadError:
                self.runtime.call_later(ADMISSION_RETRY_S, self._learn_bans)
            else:
                self._set_accepting(True)

        self._context.names.addrbook.ask(question, block=False).then(learned)

    def on_stop(self) -> None:
        self._stop_accepting()
        self._shared.metrics.send()

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        """A fault of ours: switch and reactors take our connections for lost with us, so nothing may come from them."""
        self._stop_accepting()
        for ref in self._connections:
            ref.tell(StopPeer(f"peer host failed: {exception_value!r}", is_error=True), exempt=True)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Frames):
            if message.header[0] == BROADCAST:
                self._broadcast(message)
            return None
        if isinstance(message, Dial):
            return self._dial(message)
        if isinstance(message, ListConnections):
            return TransportState(self._known_to_switch(), self._notes)
        if isinstance(message, BansChanged):
            self._shut_out.update(message)
            return None
        if isinstance(message, KeepNotes):
            if message.notes.revision >= self._notes.revision:
                self._notes = message.notes
            return None
        if isinstance(message, AnnouncePeers):
            for ref in self._connections:
                ref.tell(IntroducePeer(message.reactor), exempt=True)
            return None
        if isinstance(message, GetPeerStatuses):
            return self._peer_statuses()
        if isinstance(message, StopAccepting):
            return self._stop_all(message)
        if isinstance(message, PeerInfo):
            self._connections[message.ref] = _with_peer(self._connections.get(message.ref), message)
            return None
        return None

    def on_down(self, ref: ActorRef, reason: DownReason) -> None:
        facts = self._connections.pop(ref, None)
        self._inbound -= facts is not None and not facts.is_outbound
        self._tell_load()
        if facts is not None and not (reason.kind == "normal" and self._is_caller(facts)):
            # Said again: a switch that has just rebuilt its table may have learned of this connection from us.
            ended = ConnectionEnded(facts, None, f"peer actor ended: {reason}", is_error=True)
            self._context.names.switch.tell(ended, exempt=True)
            if self._own_processes and reason.kind == "killed":  # nobody else is left to say it
                for name in self._context.names.reactors:
                    removal = RemovePeer(facts.connection, ended.reason)
                    self._context.names.reactor(name).tell(removal, exempt=True)
        if self._stopping and not self._connections:
            for reply in self._stopping:
                reply.set(None)
            self._stopping.clear()

    @property
    def _held(self) -> int:
        return len(self._connections) + len(self._undecided)

    def _known_to_switch(self) -> tuple[ConnectionFacts, ...]:
        """All but callers that were let in here: it hears of those that become peers, and of those that are refused."""
        return tuple(facts for facts in self._connections.values() if not self._is_caller(facts))

    def _is_caller(self, facts: ConnectionFacts) -> bool:
        return self._context.hosts_admit_callers and not facts.is_outbound and facts.peer is None

    def _tell_load(self) -> None:
        self._load.set(self._held, self._inbound)

    # --- broadcasting --------------------------------------------------------------------------------------------------

    def _broadcast(self, message: Frames) -> None:
        _kind, channels, totals = message.header
        self._shared.feed.add(channels, message.frames)
        self._broadcast_so_far.update(totals)
        if self._own_processes:
            for ref in self._connections:
                ref.tell(message, when_full=DROP)

    def _schedule_grant(self, channel_id: int) -> None:
        """Called in a peer's turn; the answer is ours."""
        self.runtime.call_soon(self._grant, channel_id)

    def _grant(self, channel_id: int) -> None:
        so_far = self._broadcast_so_far.get(channel_id)
        if so_far is not None:
            total = so_far - self._shared.broadcasts.unfinished(channel_id) + BROADCAST_WINDOW
            reactor = self._context.names.reactor(self._context.routes[channel_id])
            reactor.tell(Credits(self.actor_urn, {channel_id: total}), exempt=True)

    # --- accepting -----------------------------------------------------------------------------------------------------

    def _set_accepting(self, wanted: bool) -> None:
        if self._listener is None or wanted == self._accepting or (wanted and self._stopped):
            return
        self._accepting = wanted
        if wanted:
            self.runtime.add_reader(self._listener.fileno(), self._acceptable)
        else:
            self.runtime.remove_reader(self._listener.fileno())

    def _stop_accepting(self) -> None:
        self._stopped = True
        self._set_accepting(False)
        for sock in self._undecided.values():
            sock.close()
        self._inbound -= len(self._undecided)
        self._undecided.clear()

    def _acceptable(self) -> None:
        """Take one connection, unless another host has fewer: then let it be quicker for a moment."""
        if len(self._undecided) >= UNDECIDED_LIMIT:
            self._pause_accepting(ADMISSION_RETRY_S)
            return
        excess, now = self._load.excess(), self.runtime.now()
        if excess > self._held // BALANCE_SLACK:
            if self._yields_until is None:
                self._yields_until = now + min(excess * BALANCE_STEP_S, BALANCE_MAX_S)
            if now < self._yields_until:
                self._pause_accepting(BALANCE_LOOK_S)
                return
        self._yields_until = None
        self._accept()

    def _pause_accepting(self, seconds: float) -> None:
        self._set_accepting(False)
        self.runtime.call_later(seconds, self._set_accepting, True)

    def _accept(self) -> None:
        assert self._listener is not None
        if lack := self._room.take():
            self._out_of_resources(lack)
            return
        try:
            sock, address = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in _OUT_OF_RESOURCES:
                log.error("accept failed", cause=str(error))
            self._out_of_resources(lack_behind(error) or os.strerror(error.errno or 0))
            return
        if self._accept_failed:
            self._accept_failed = False
            log.info("accepting again")
        self._count += 1
        facts = ConnectionFacts(
            connection=f"{self.actor_urn}/{self._incarnation}-{self._count}",
            host=self.runtime.host_name,
            remote_ip=_plain_ip(address[0]),
            remote_port=address[1],
            is_outbound=False,
        )
        self._inbound += 1
        if self._context.hosts_admit_callers:
            self._judge(facts, sock)
            return
        self._undecided[facts.connection] = sock
        self._tell_load()
        self._ask_switch(facts)

    def _out_of_resources(self, cause: str) -> None:
        """Connections wait in the kernel; what the actors need to speak to each other is not taken for them."""
        if not self._accept_failed:
            self._accept_failed = True
            log.warning("accepting paused", cause=cause)
        self._pause_accepting(ACCEPT_RETRY_S)

    def _judge(self, facts: ConnectionFacts, sock: socket.socket) -> None:
        """Let a caller in, or not, as the switch would (see NodeContext.hosts_admit_callers)."""
        refusal = self._shut_out.refusal(ip=facts.remote_ip)
        limit = self._context.inbound_limit - (self._context.names.peer_hosts - 1)
        self._tell_load()
        if refusal is None and self._load.inbound() > limit:
            refusal = Refusal(
                RefusalReason.INBOUND_LIMIT, f"at most {self._context.inbound_limit} inbound connections"
            )
        if refusal is None:
            self._start_peer(facts, sock)
        else:
            self._turn_away(sock)
            self._context.names.switch.tell(ConnectionEnded(facts, refusal), exempt=True)

    def _turn_away(self, sock: socket.socket) -> None:
        sock.close()
        self._inbound -= 1
        self._tell_load()

    def _ask_switch(self, facts: ConnectionFacts) -> None:
        if facts.connection not in self._undecided:
            return
        answer = self._context.names.switch.ask(AdmitConnection(facts), block=False)
        answer.then(lambda future: self._on_verdict(facts, future))

    def _on_verdict(self, facts: ConnectionFacts, answer: Future[Any]) -> None:
        if facts.connection not in self._undecided:
            return
        try:
            refusal = answer.get(timeout=0)
        except ActorDeadError:
            self.runtime.call_later(ADMISSION_RETRY_S, self._ask_switch, facts)
            return
        sock = self._undecided.pop(facts.connection)
        if isinstance(refusal, Refusal):
            self._turn_away(sock)
        else:
            self._start_peer(facts, sock)

    # --- peers ---------------------------------------------------------------------------------------------------------

    def _dial(self, message: Dial) -> None:
        facts = ConnectionFacts(
            connection=message.connection,
            host=self.runtime.host_name,
            remote_ip=message.ip,
            remote_port=message.port,
            is_outbound=True,
            dialled_id=message.id,
            is_trial=message.is_trial,
        )
        if self._stopped:
            self._context.names.switch.tell(ConnectionEnded(facts, None, "stopping"), exempt=True)
            return
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
        except Exception as error:
            facts_of_it: dict[str, Any] = {"exc_info": error}
            if isinstance(error, StartLimitError):
                facts_of_it = {"cause": error.limit}
                if sock is not None:
                    self._out_of_resources(error.limit)
            self._lines.say(
                log.error, "peer did not start", "", {}, connection=facts.connection, **facts_of_it
            )
            if sock is not None:
                self._turn_away(sock)
            ended = ConnectionEnded(facts, None, f"peer did not start: {error}", is_error=True)
            self._context.names.switch.tell(ended, exempt=True)
            return
        self._connections[ref] = facts
        self._tell_load()
        self.runtime.watch(ref)

    def _peer_statuses(self) -> Any:
        running = [ref for ref, facts in self._connections.items() if facts.peer is not None]
        if not running:
            return ()
        reply = self.runtime.defer()
        statuses: list[Any] = []

        def collect(answer: Future[Any]) -> None:
            try:
                statuses.append(answer.get(timeout=0))
            except ActorDeadError:
                statuses.append(None)
            if len(statuses) == len(running):
                reply.set(tuple(status for status in statuses if status is not None))

        for ref in running:
            ref.ask(GetStatusOfPeer(), block=False).then(collect)
        return None

    def _stop_all(self, message: StopAccepting) -> Any:
        self._stop_accepting()
        if not self._connections:
            return None
        self._stopping.append(self.runtime.defer())
        for ref in self._connections:
            ref.ask(FlushStop(message.flush_timeout), block=False)
        return None


def _with_peer(facts: ConnectionFacts | None, info: PeerInfo) -> ConnectionFacts:
    return ConnectionFacts(
        connection=info.connection,
        host=info.host,
        remote_ip=info.remote_ip,
        remote_port=facts.remote_port if facts else 0,
        is_outbound=info.is_outbound,
        dialled_id=facts.dialled_id if facts else None,
        peer=info,
    )


def _plain_ip(ip: str) -> str:
    """An IPv4 address that came in on an IPv6 socket is the IPv4 address; a zone is dropped. Source: reference 1."""
    ip = ip.partition("%")[0]
    return ip.removeprefix("::ffff:") if "." in ip else ip
