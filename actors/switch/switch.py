"""The switch: who is connected, who may be, who is dialled again (reference 6).

It holds no connection and no state that the peer hosts could not tell its successor: killed and restarted, it rebuilds
its table from the transports, and nobody else notices.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from peerage.actors.addrbook import AddressBook, BookCall, own_address
from peerage.actors.ban_filter import ShutOut
from peerage.actors.blocking_calls import Background, resolve_host
from peerage.actors.context import NodeContext
from peerage.actors.messages import (
    AddPersistent,
    AddPrivate,
    AddUnconditional,
    Admission,
    AdmitConnection,
    AdmitPeer,
    BansChanged,
    ConnectionEnded,
    ConnectionFacts,
    CountPeers,
    Dial,
    DialPeer,
    DialPeersAsync,
    GetPeers,
    GetPeerStatuses,
    GetPrivatePeers,
    KeepNotes,
    ListConnections,
    MarkGood,
    PeerInfo,
    PeerStarted,
    PeerStatus,
    PrivatePeers,
    ProveAlive,
    StopPeer,
    SwitchNotes,
    TransportState,
    Tried,
    TryAddress,
)
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import (
    ActorDeadError,
    ActorRef,
    DownReason,
    Future,
    ProcessActor,
    Reply,
    Timeout,
    Timer,
)
from peerage.actors.runtime.log import get_logger
from peerage.actors.snapshot import (
    DialPeers,
    DialSeeds,
    GetNetInfo,
    GetStatus,
    NetInfoSnapshot,
    StatusSnapshot,
)
from peerage.actors.switch.connection_log import ConnectionLog
from peerage.actors.switch.peer_table import Connection, PeerLimits, PeerTable, Stage
from peerage.actors.switch.redial_schedule import ReconnectSchedule
from peerage.wire.keys import NodeID, is_node_id, normal_id
from peerage.wire.net_address import AddressLookupError, NetAddress, id_in, no_names
from peerage.wire.remote_text import quoted, shown

__all__ = ["ConnectionFilter", "PeerFilter", "SwitchActor"]

log = get_logger("peerage.switch")

DIAL_SPREAD_S = 3.0  # reference 6: dial_peers_async dials each after a random 0..3 s
REBUILD_TIMEOUT_S = 1.0  # a transport that says nothing in this time is asked again later
STATUS_TIMEOUT_S = 2.0  # of a question to all peer hosts: one that hangs is left out
WATCH_AGAIN_S = 0.05
ALL_UP_S = 0.3  # between the first peer host's start and the last one's
HELD_LIMIT = 1024  # dials that wait for a peer host
YOUNG_S = 10.0  # a connection younger than this may be one of two that cross each other
YOUNG_PROOF_S = 1.0  # how long it may take to prove that the remote keeps it
OLD_PROOF_S = 3.0
STABLE_S = 5.0  # a persistent peer lost sooner is not redialled at once again and again
HELD_S = 1.0  # likewise one lost with its peer host: whoever crashes our hosts has to wait

ConnectionFilter = Callable[[ConnectionFacts], "str | None"]
PeerFilter = Callable[[PeerInfo], "str | None"]


@dataclass(slots=True)
class _Reconnect:
    schedule: ReconnectSchedule
    addresses: list[str]  # cycled through
    timer: Timer | None = None
    said: str = ""  # the last refusal as incompatible that was logged


@dataclass(slots=True)
class _Dials:
    """Who waits for a dial's outcome."""

    waiters: dict[str, list[Reply]] = field(default_factory=dict)

    def settle(self, connection: str, outcome: PeerInfo | Tried | Refusal) -> None:
        for reply in self.waiters.pop(connection, []):
            reply.set(outcome)


class SwitchActor(ProcessActor):
    """See the module's text.

    Args:
        connection_filters: each sees a connection before its handshake and returns why it is refused, or None.
        peer_filters: each sees a peer after its handshake, likewise.
    """

    def __init__(
        self, connection_filters: tuple[ConnectionFilter, ...] = (), peer_filters: tuple[PeerFilter, ...] = ()
    ) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context = context
        p2p = context.config.p2p
        self._connection_filters = connection_filters
        self._peer_filters = peer_filters
        self._table = PeerTable(
            PeerLimits(context.node_id, p2p.max_num_inbound_peers, p2p.allow_duplicate_ip)
        )
        self._table.unconditional.update(p2p.unconditional_peer_ids)
        self._table.private.update(p2p.private_peer_ids)
        self._configured = tuple(p2p.persistent_peers)
        self._said_ours = False
        self._rng = random.Random()  # noqa: S311 - spreads dials, guards nothing
        self._dials = _Dials()
        self._up: set[ActorRef] = set()  # transports that live, as far as we know
        self._silent: set[ActorRef] = set()  # those that live and have not said whom they hold
        self._held: list[
            tuple[Callable[[], Refusal | None], Reply | None]
        ] = []  # dials that wait for transports
        self._all_up = False  # all were once, or we have waited long enough for the last
        self._reconnects: dict[str, _Reconnect] = {}
        self._rivals: dict[str, list[Callable[[], None]]] = {}  # who waits for a connection to prove itself
        self._notes = SwitchNotes()
        self._book = AddressBook(context.names.addrbook)
        self._shut_out = ShutOut()
        self._metrics = MetricsReporter(self.runtime, context, self.actor_urn)
        self._metrics.gauge("p2p_peers", (), lambda: float(len(self._table.peers())))
        self._lines = ConnectionLog(log, self.runtime.call_later, seed_mode=p2p.seed_mode)
        self._background = Background(self.runtime)
        self._handlers: dict[type, Callable[[Any], Any]] = {
            AdmitConnection: self._admit_connection,
            AdmitPeer: self._admit_peer,
            PeerStarted: self._peer_started,
            ConnectionEnded: self._connection_ended,
            BansChanged: self._bans_changed,
            DialPeer: self._dial_peer,
            TryAddress: self._try_address,
            DialPeersAsync: self._dial_peers_async,
            DialSeeds: lambda message: self._dial_peers_async(DialPeersAsync(tuple(message.addresses))),
            DialPeers: lambda message: self._dial_peers_async(
                DialPeersAsync(
                    tuple(message.addresses), message.persistent, message.unconditional, message.private
                )
            ),
            AddPersistent: self._add_persistent_peers,
            AddUnconditional: self._add_unconditional,
            AddPrivate: self._add_private,
            GetPrivatePeers: lambda _message: PrivatePeers(frozenset(self._table.private)),
            GetPeers: lambda _message: self._table.peers(),
            CountPeers: lambda _message: self._table.num_peers(),
            MarkGood: self._mark_good,
            GetNetInfo: self._get_net_info,
            GetStatus: self._get_status,
        }

    # --- life ------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        self._learn_bans()
        self._rebuild()
        for transport in self._context.names.transports:
            self.runtime.watch(transport)
        self._seek_persistent()

    def on_stop(self) -> None:
        self._metrics.send()
        self._lines.close()
        self._background.close()

    def on_receive(self, message: Any) -> Any:
        handler = self._handlers.get(type(message))
        return handler(message) if handler is not None else None

    def on_down(self, ref: ActorRef, reason: DownReason) -> None:
        """A peer host ended, or is not there yet: its connections are gone. Its successor is watched in turn."""
        self._up.discard(ref)
        for connection in self._table.of_host(ref.host):
            if connection.stage is Stage.RUNNING and self.runtime.now() - connection.since >= HELD_S:
                self._forget_reconnecting(str(connection.id))  # our fault: tried again at once
            detail = f"peer host {ref.host} ended: {reason}"
            refusal = None if connection.stage is Stage.RUNNING else Refusal(RefusalReason.STOPPING, detail)
            self._connection_ended(ConnectionEnded(connection.facts, refusal, detail, is_error=True))
        self.runtime.call_later(WATCH_AGAIN_S, self._watch_again, ref)

    def _watch_again(self, transport: ActorRef) -> None:
        self.runtime.watch(transport)
        transport.ask(ListConnections(), block=False).then(partial(self._merge_late, transport))

    def _rebuild(self) -> None:
        """Learn from the transports what a predecessor knew."""
        answers = [
            (transport, transport.ask(ListConnections(), block=False))
            for transport in self._context.names.transports
        ]
        deadline = time.monotonic() + REBUILD_TIMEOUT_S
        for transport, answer in answers:
            try:
                self._merge(transport, answer.get(timeout=max(0.0, deadline - time.monotonic())))
            except ActorDeadError:
                continue  # the node is starting, or that host is: it has no connections
            except Timeout:
                self._silent.add(transport)
                answer.then(partial(self._merge_late, transport))

    def _learn_bans(self) -> None:
        """Before anybody is let in. A book that is being restarted tells them by itself when it is back."""
        with suppress(ActorDeadError, Timeout):
            bans = self._context.names.addrbook.ask(BookCall("shut_out"), timeout=REBUILD_TIMEOUT_S)
            self._bans_changed(BansChanged(tuple(bans or ()), whole=True))

    def _merge_late(self, transport: ActorRef, answer: Future[Any]) -> None:
        self._silent.discard(transport)
        with suppress(ActorDeadError):
            self._merge(transport, answer.get(timeout=0))
        self._seek_persistent()

    def _merge(self, transport: ActorRef, state: TransportState) -> None:
        """A transport lives, and says what it holds."""
        self._up.add(transport)
        for facts in state.connections:
            if facts.connection not in self._table.connections:
                self._table.add(facts, self.runtime.now())
        if state.notes.revision > self._notes.revision:
            self._notes = state.notes
            self._table.unconditional |= state.notes.unconditional
            self._table.private |= state.notes.private
            self._tell_private()
            for other in self._up - {transport}:
                other.tell(KeepNotes(self._notes), exempt=True)
        elif (
            state.notes.revision < self._notes.revision
        ):  # a new one: it must know when all others have been replaced
            transport.tell(KeepNotes(self._notes), exempt=True)
        if len(self._up) == len(self._context.names.transports):
            self._release_held()
        else:
            self.runtime.call_later(ALL_UP_S, self._release_held)

    def _release_held(self) -> None:
        """Dial what had to wait, spread over the peer hosts."""
        self._all_up = True
        held, self._held = self._held, []
        for dial, reply in held:
            refusal = dial()
            if refusal is not None and reply is not None:
                reply.set(refusal)

    # --- admission -----------------------------------------------------------------------------------------------------

    def _bans_changed(self, message: BansChanged) -> None:
        """Keep the book's word, and part with whom it hits: he may have come back before it was here."""
        if message.whole:  # it has just started, and knows the private IDs of the file alone
            self._tell_private()
        for subject in self._shut_out.update(message):
            connection = self._table.of_id(subject)
            refusal = self._shut_out.refusal(subject) if connection is not None else None
            if refusal is not None and connection is not None and connection.ref is not None:
                connection.ref.tell(StopPeer(str(refusal), is_error=True), exempt=True)

    def _admit_connection(self, message: AdmitConnection) -> Any:
        facts = message.facts
        refusal = self._shut_out.refusal(ip=facts.remote_ip) or self._table.admit_connection(facts)
        if refusal is not None:
            self._report_refusal(facts, refusal)
            return refusal
        self._table.add(facts, self.runtime.now())
        reply = self.runtime.defer()

        def decided(refusal: Refusal | None) -> None:
            if refusal is not None:
                self._table.remove(facts.connection)
                self._report_refusal(facts, refusal)
            reply.set(refusal)

        self._filter(
            [partial(connection_filter, facts) for connection_filter in self._connection_filters], decided
        )
        return None

    def _admit_peer(self, message: AdmitPeer) -> None:
        facts = message.facts
        reply = self.runtime.defer()
        if facts.connection not in self._table.connections:
            self._table.add(facts, self.runtime.now())
        refusal = self._shut_out.refusal(message.id) or self._table.admit_peer(facts, message.id)
        existing = self._table.of_id(message.id)
        if refusal is not None:
            reply.set(refusal)
        elif existing is not None and existing.facts.connection != facts.connection:
            self._settle_duplicate(message, existing, reply)
        else:
            self._filter_peer(message, reply)

    def _filter_peer(self, message: AdmitPeer, reply: Reply) -> None:
        facts = message.facts
        self._table.admit(facts, message.id, message.ref, self.runtime.now())
        admission = Admission(message.id in self._table.persistent, message.id in self._table.unconditional)
        info = PeerInfo.of(facts, message.id, message.node_info, message.ref, admission)
        calls = [partial(peer_filter, info) for peer_filter in self._peer_filters]
        self._filter(calls, lambda refusal: reply.set(refusal or admission))

    def _settle_duplicate(self, message: AdmitPeer, existing: Connection, reply: Reply) -> None:
        """Two connections to one ID: keep the one that the remote keeps.

        When both sides dial at the same moment each may have admitted the other connection first; if each refused its
        second, none would be left. So the first has to prove itself by an answered ping: a remote answers on the
        connection that it admitted. If the remote takes it away instead, the second is admitted. Silence on the first
        for long: of two young ones the dial of the lower ID stays (on both sides the same one), an old one is dead.
        """
        facts = message.facts
        young = self.runtime.now() - existing.since < YOUNG_S
        settled = False

        def settle(*, keep_existing: bool) -> None:
            nonlocal settled
            if settled:
                return
            settled = True
            timer.cancel()
            current = self._table.of_id(message.id)
            if facts.connection not in self._table.connections:
                reply.set(Refusal(RefusalReason.STOPPING, "closed meanwhile"))
                return
            if current is not None and (keep_existing or current is not existing):
                reply.set(Refusal(RefusalReason.DUPLICATE_ID, f"{message.id} is connected already"))
                return
            if current is not None and current.ref is not None:
                current.ref.tell(
                    StopPeer("replaced by a newer connection of the same ID", is_error=False), exempt=True
                )
                current.id = None  # its end is on the way; the ID belongs to the other one from here on
            self._filter_peer(message, reply)

        def silent() -> None:
            dialled_by_lower = existing.is_outbound == (self._context.node_id < message.id)
            settle(keep_existing=young and dialled_by_lower)

        def answered(answer: Future[Any]) -> None:
            try:
                alive = bool(answer.get(timeout=0))
            except ActorDeadError:
                alive = False
            if alive:
                settle(keep_existing=True)

        timer = self.runtime.call_later(YOUNG_PROOF_S if young else OLD_PROOF_S, silent)
        self._rivals.setdefault(existing.facts.connection, []).append(partial(settle, keep_existing=False))
        if existing.ref is not None:
            existing.ref.ask(ProveAlive(), block=False).then(answered)

    def _filter(
        self, calls: Sequence[Callable[[], str | None]], done: Callable[[Refusal | None], None]
    ) -> None:
        """Run filters side by side in threads; the first word against, or the end of the time, decides."""
        if not calls:
            done(None)
            return
        left = len(calls)
        settled = False

        def decide(refusal: Refusal | None) -> None:
            nonlocal settled
            if not settled:
                settled = True
                timer.cancel()
                done(refusal)

        def one(result: str | Exception | None) -> None:
            nonlocal left
            left -= 1
            if result is not None:
                decide(Refusal(RefusalReason.FILTERED, shown(str(result))))
            elif left == 0:
                decide(None)

        seconds = self._context.config.peerage.filter_timeout
        timeout = Refusal(RefusalReason.FILTER_TIMEOUT, f"no verdict within {seconds:g} s")
        timer = self.runtime.call_later(seconds, decide, timeout)
        for call in calls:
            self._background.run(call, one)

    # --- the life of connections ---------------------------------------------------------------------------------------

    def _peer_started(self, message: PeerStarted) -> None:
        info = message.info
        self._table.started(info, self.runtime.now())
        self._stop_reconnecting(info.id)
        self._dials.settle(info.connection, info)
        if info.is_outbound:
            self._metrics.buffer.inc("p2p_dials_total", ("connected",))
        self._lines.added(info, is_persistent=info.id in self._table.persistent)

    def _connection_ended(self, message: ConnectionEnded) -> None:
        connection = self._table.remove(message.facts.connection)
        for rival in self._rivals.pop(message.facts.connection, []):
            rival()
        facts = message.facts
        if facts.is_outbound and (message.refusal is not None):
            self._metrics.buffer.inc("p2p_dials_total", (str(message.refusal.reason),))
        if message.tried is not None:
            self._metrics.buffer.inc("p2p_dials_total", ("tried",))
            self._dials.settle(facts.connection, message.tried)
            return
        if message.refusal is not None:
            self._dials.settle(facts.connection, message.refusal)
            self._report_refusal(facts, message.refusal)
            if message.refusal.reason is RefusalReason.SELF:
                self._forget_self(facts)
            if facts.is_outbound and facts.dialled_id in self._table.persistent:
                state = self._reconnects.get(str(facts.dialled_id))
                if state is not None and message.refusal.speaks_otherwise:
                    state.schedule.let_be()
                self._reconnect(str(facts.dialled_id), [self._table.persistent[str(facts.dialled_id)]])
            return
        if connection is None or facts.peer is None:
            return
        peer = facts.peer
        self._lines.stopped(peer, message.reason, is_persistent=peer.id in self._table.persistent)
        if message.is_error and peer.id in self._table.persistent:
            if self.runtime.now() - connection.since >= STABLE_S:
                self._forget_reconnecting(peer.id)
            addresses = [self._table.persistent[peer.id]]
            if not peer.is_outbound and _is_dialable(peer.node_info.listen_addr):
                addresses.insert(0, f"{peer.id}@{peer.node_info.listen_addr.rpartition('://')[2]}")
            self._reconnect(peer.id, addresses)

    def _report_refusal(self, facts: ConnectionFacts, refusal: Refusal) -> None:
        self._metrics.buffer.inc("p2p_refusals_total", (str(refusal.reason),))
        state = self._reconnects.get(str(facts.dialled_id))
        is_known = False
        if state is not None and refusal.speaks_otherwise:
            is_known, state.said = state.said == str(refusal), str(refusal)
        is_persistent = facts.dialled_id in self._table.persistent
        self._lines.refused(facts, refusal, is_persistent=is_persistent, is_known=is_known)

    def _forget_self(self, facts: ConnectionFacts) -> None:
        """A dial led to ourselves: the place leaves the book and is known as ours. Source: reference 6.

        Whoever was dialled there is somewhere else, if anywhere: a persistent peer is sought no more.
        """
        if facts.is_outbound and facts.dialled_id is not None:
            address = NetAddress(self._context.node_id, facts.remote_ip, facts.remote_port)
            self._book.tell("add_our_address", address)
            text = self._table.persistent.pop(facts.dialled_id, None)
            if text is not None:
                self._forget_reconnecting(facts.dialled_id)
                self._configured = tuple(each for each in self._configured if each != text)
                log.warning("a persistent peer's address is our own, and is left out", address=text)

    # --- dialling ------------------------------------------------------------------------------------------------------

    def _dial_peer(self, message: DialPeer) -> None:
        reply = self.runtime.defer()

        def resolved(result: NetAddress | Exception) -> None:
            if isinstance(result, Exception):
                reply.set_exception(result)
                return
            if message.persistent:
                self._add_persistent([message.address])
            refusal = self._dial(result, reply if message.wait else None)
            if refusal is not None:
                self._report_no_dial(result, refusal)
            if refusal is not None or not message.wait:
                reply.set(refusal)

        self._background.run(partial(NetAddress.parse, message.address, resolve_host), resolved)

    def _try_address(self, message: TryAddress) -> Refusal | None:
        reply = self.runtime.defer()
        address = NetAddress.parse(message.address, no_names)
        refusal = self._dial(address, reply, is_trial=True)
        if refusal is not None:
            self._report_no_dial(address, refusal)
            reply.set(refusal)
        return None

    def _report_no_dial(self, address: NetAddress, refusal: Refusal) -> None:
        facts = ConnectionFacts(
            "", "", str(address.host), address.port, is_outbound=True, dialled_id=NodeID(str(address.id))
        )
        self._report_refusal(facts, refusal)

    def _dial(
        self, address: NetAddress, reply: Reply | None = None, *, is_trial: bool = False
    ) -> Refusal | None:
        """Have a peer host dial. Returns: why not, None when it is under way."""
        peer_id, ip = NodeID(str(address.id)), str(address.host)
        refusal = self._shut_out.refusal(peer_id, ip) or self._table.may_dial(peer_id, ip, address.port)
        if refusal is not None:
            return refusal
        if not self._up or not self._all_up:  # the node is starting: its peer hosts come last
            return self._hold(partial(self._dial, address, reply, is_trial=is_trial), reply)
        loads = {
            transport: len(self._table.of_host(transport.host))
            for transport in self._context.names.transports
            if transport in self._up
        }
        transport = min(loads, key=lambda ref: loads[ref])
        dial = Dial(f"dial {secrets.token_hex(8)}", peer_id, ip, address.port, is_trial)
        facts = ConnectionFacts(
            connection=dial.connection,
            host=transport.host,
            remote_ip=ip,
            remote_port=address.port,
            is_outbound=True,
            dialled_id=peer_id,
            is_trial=is_trial,
        )
        self._table.add(facts, self.runtime.now(), Stage.DIALLING)
        if reply is not None:
            self._dials.waiters.setdefault(dial.connection, []).append(reply)

        def decided(refusal: Refusal | None) -> None:
            if dial.connection not in self._table.connections:
                return  # its host ended meanwhile, and the dial with it
            if refusal is None:
                transport.tell(dial, exempt=True)
            else:
                self._connection_ended(ConnectionEnded(facts, refusal, is_error=True))

        self._filter(
            [partial(connection_filter, facts) for connection_filter in self._connection_filters], decided
        )
        return None

    def _hold(self, dial: Callable[[], Refusal | None], reply: Reply | None) -> Refusal | None:
        if len(self._held) >= HELD_LIMIT:
            return Refusal(RefusalReason.UNREACHABLE, "no peer host is up", is_ours=True)
        self._held.append((dial, reply))
        return None

    def _dial_peers_async(self, message: DialPeersAsync) -> None:
        """Reference 6: lookup failures are logged and skipped, any other parse failure fails the call."""
        reply = self.runtime.defer()

        def parse() -> list[tuple[str, NetAddress]]:
            parsed = []
            for text in message.addresses:
                try:
                    parsed.append((text, NetAddress.parse(text, resolve_host)))
                except AddressLookupError as error:
                    log.warning("address skipped", address=shown(text), cause=str(error))
            return parsed

        def resolved(result: list[tuple[str, NetAddress]] | Exception) -> None:
            if isinstance(result, Exception):
                reply.set_exception(result)
                return
            reply.set(None)
            others = [(text, address) for text, address in result if str(address.id) != self._context.node_id]
            ids = [str(address.id) for _, address in others]
            if message.persistent:
                self._add_persistent([text for text, _ in others])
            if message.unconditional:
                self._add_unconditional(AddUnconditional(tuple(ids)))
            if message.private:
                self._add_private(AddPrivate(tuple(ids)))
            self._book.tell("add_all", [address for _, address in others], own_address(self._context))
            self._rng.shuffle(others)
            for _, address in others:
                self.runtime.call_later(self._rng.random() * DIAL_SPREAD_S, self._dial_or_reconnect, address)

        self._background.run(parse, resolved)

    def _dial_or_reconnect(self, address: NetAddress) -> None:
        if str(address.id) in self._table.persistent:
            self._reconnect(str(address.id), [self._table.persistent[str(address.id)]])
        else:
            self._dial(address)

    # --- persistent peers ------------------------------------------------------------------------------------------------

    def _reconnect(self, peer_id: str, addresses: list[str]) -> None:
        """Begin, or go on with, the tries to reach a persistent peer. Source: reference 6."""
        state = self._reconnects.get(peer_id)
        if state is None:
            period = self._context.config.p2p.persistent_peers_max_dial_period
            state = self._reconnects[peer_id] = _Reconnect(ReconnectSchedule(period, self._rng), addresses)
        if state.timer is not None:
            return
        pause = state.schedule.next_pause()
        if pause is None:
            log.error("persistent peer given up", peer=peer_id, tries=state.schedule.tries - 1)
            del self._reconnects[peer_id]
            return
        state.timer = self.runtime.call_later(pause, self._try_again, peer_id)

    def _try_again(self, peer_id: str) -> None:
        state = self._reconnects.get(peer_id)
        if state is None:
            return
        state.timer = None
        if peer_id not in self._table.persistent or self._table.of_id(peer_id) is not None:
            self._stop_reconnecting(peer_id)
            return
        text = state.addresses[(state.schedule.tries - 1) % len(state.addresses)]

        def resolved(result: NetAddress | Exception) -> None:
            if peer_id not in self._reconnects:
                return
            refusal: Refusal | None = None
            if isinstance(result, Exception):
                self._lines.not_resolved(peer_id, text, result)
                refusal = Refusal(RefusalReason.UNREACHABLE, str(result))
            else:
                refusal = self._dial(result)
            if refusal is not None:
                self._reconnect(peer_id, state.addresses)

        self._background.run(partial(NetAddress.parse, text, resolve_host), resolved)

    def _forget_reconnecting(self, peer_id: str) -> None:
        """The schedule begins anew."""
        self._stop_reconnecting(peer_id)
        self._reconnects.pop(peer_id, None)

    def _stop_reconnecting(self, peer_id: str) -> None:
        state = self._reconnects.get(peer_id)
        if state is not None and state.timer is not None:
            state.timer.cancel()
            state.timer = None

    def _seek_persistent(self) -> None:
        """Go after those that we have not heard of before, once it is known who is connected.

        To a peer that a host has and does not tell of, a second connection would be refused there, and would have taken the
        first one's place here.
        """
        if self._silent:
            return
        for text in self._others(*self._configured, *self._notes.persistent):
            peer_id = id_in(text)
            if peer_id not in self._table.persistent:
                self._remember_persistent(text)
                if self._table.of_id(peer_id) is None and self._table.dialling(peer_id) is None:
                    self._reconnect(peer_id, [text])

    def _remember_persistent(self, text: str) -> None:
        self._table.persistent[id_in(text)] = text

    def _others(self, *texts: str) -> list[str]:
        """Those that are not our own address, as in a list that all nodes of a network share. It is said once."""
        others = [text for text in texts if id_in(text) != self._context.node_id]
        if len(others) < len(texts) and not self._said_ours:
            self._said_ours = True
            log.info(
                "our own address is among the persistent peers, and is left out", peer=self._context.node_id
            )
        return others

    def _add_persistent(self, given: Sequence[str]) -> None:
        texts = self._others(*given)
        for text in texts:
            self._remember_persistent(text)
        self._note(persistent=tuple(dict.fromkeys((*self._notes.persistent, *texts))))

    def _add_persistent_peers(self, message: AddPersistent) -> None:
        for text in message.addresses:
            NetAddress.parse(
                text, lambda _host: ["0.0.0.0"]
            )  # the form only: the name is resolved at each dial
        self._add_persistent(message.addresses)

    def _add_unconditional(self, message: AddUnconditional) -> None:
        ids = _checked_ids(message.ids)
        self._table.unconditional |= ids
        self._note(unconditional=self._notes.unconditional | ids)

    def _add_private(self, message: AddPrivate) -> None:
        ids = _checked_ids(message.ids)
        self._table.private |= ids
        self._note(private=self._notes.private | ids)
        self._tell_private()

    def _tell_private(self) -> None:
        """Book and metrics keep nobody in mind over their own restarts, but those of the file."""
        if self._notes.private:
            self._book.tell("add_private_ids", sorted(self._notes.private))
            if self._metrics.is_on:
                self._context.names.metrics.tell(PrivatePeers(frozenset(self._table.private)), exempt=True)

    def _note(self, **changes: Any) -> None:
        """What was learned at run time survives this process in the transports."""
        self._notes = replace(self._notes, revision=self._notes.revision + 1, **changes)
        for transport in self._context.names.transports:
            transport.tell(KeepNotes(self._notes), exempt=True)

    # --- questions -------------------------------------------------------------------------------------------------------

    def _mark_good(self, message: MarkGood) -> None:
        self._book.tell("mark_good", message.id)

    def _get_net_info(self, _message: GetNetInfo) -> None:
        """Ask every peer host for the state of its connections; those that do not answer are left out."""
        reply = self.runtime.defer()
        statuses: list[PeerStatus] = []
        left = len(self._context.names.transports)

        def collect(answer: Future[Any]) -> None:
            nonlocal left
            left -= 1
            with suppress(ActorDeadError):
                statuses.extend(answer.get(timeout=0))
            if left == 0:
                answer_now()

        def answer_now() -> None:
            timer.cancel()
            reply.set(self._net_info(statuses))

        timer = self.runtime.call_later(STATUS_TIMEOUT_S, answer_now)
        for transport in self._context.names.transports:
            transport.ask(GetPeerStatuses(), block=False).then(collect)

    def _net_info(self, statuses: Sequence[PeerStatus]) -> NetInfoSnapshot:
        peers = self._table.snapshots(statuses)
        return NetInfoSnapshot(True, self._context.config.p2p.external_address, peers)

    def _get_status(self, _message: GetStatus) -> StatusSnapshot:
        return StatusSnapshot(self._context.node_info, self._context.node_key.public_key)


def _checked_ids(ids: Sequence[str]) -> frozenset[NodeID]:
    for peer_id in ids:
        if not is_node_id(peer_id):
            text = f"{quoted(peer_id)} is no node ID: 40 hexadecimal characters are expected"
            raise ValueError(text)
    return frozenset(map(normal_id, ids))


def _is_dialable(listen_addr: str) -> bool:
    host = listen_addr.rpartition("://")[2].rpartition(":")[0].strip("[]")
    return host not in {"", "0.0.0.0", "::"}
