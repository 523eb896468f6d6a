"""One connection to one node, from the dial or the admission to its end: an actor in a peer host.

It goes through the phases of `phases.py`. Each is another object's work: the dial and the handshake (`connector.py`), a
seed's answer (`seed_visit.py`), the packets in both directions (`session.py`). This actor moves from one to the next, and
tells those who have to know: the switch, and the reactors. An accepted connection comes to it with its handshake done
(`newcomers.py`), but for a peer in a process of its own, which shakes hands there.

Whatever ends it, in any phase: the socket is closed, the switch is told once, and so is every reactor that had heard of
the peer.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from peerage.actors import transfer
from peerage.actors.ban_filter import BanFilter
from peerage.actors.discovery.book.offences import Offence, offence_of
from peerage.actors.loss import LossReason
from peerage.actors.messages import (
    Admission,
    AdmitPeer,
    ConnectionEnded,
    ConnectionFacts,
    Consumed,
    FlushStop,
    GetPeerValue,
    GetStatusOfPeer,
    IntroducePeer,
    PeerInfo,
    PeerStatus,
    ProbePeer,
    SetPeerValue,
    StopPeer,
    Tried,
)
from peerage.actors.peers.admission import Question
from peerage.actors.peers.announcements import Announcements
from peerage.actors.peers.connector import HandshakeDriver, TcpDial
from peerage.actors.peers.draining import RemovalRound
from peerage.actors.peers.fuzzed_stream import open_stream
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.host_context import host_context
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.link import NOBODY, LinkEvents
from peerage.actors.peers.losses import loss_of
from peerage.actors.peers.newcomers import Arrival
from peerage.actors.peers.phases import Event, Phase, Phases
from peerage.actors.peers.register import Place
from peerage.actors.peers.seed_visit import CLOSE_LIMIT_S, SeedVisit, VisitEvents
from peerage.actors.peers.session import Probes, Session
from peerage.actors.peers.stream import Deadline, SocketStream
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import Frames, ProcessActor, Reply
from peerage.actors.runtime.limits import Purpose, lack_of_descriptors
from peerage.wire import multiplex
from peerage.wire.errors import RemoteError

__all__ = ["PeerActor"]

DRAIN_LIMIT_S = 1.0  # for the reactors to hear of the end before a graceful close
ASK_AGAIN_S = 0.02  # while the switch has not heard yet of another connection that stands for the same ID
VALUES_LIMIT = 1024  # keys that reactors may keep per connection


class PeerActor(ProcessActor):
    """See the module's text.

    Args:
        facts: who is dialled or was accepted.
        arrival: of an accepted connection; in a process of its own it is the descriptor `sock` instead.
        place: of a dial, in the register of the hosts; None in a process of its own.
        shared: by the peers of its host, None in a process of its own.
        shut_out: who is banned, as far as its host knows.
    """

    def __init__(
        self,
        facts: ConnectionFacts,
        arrival: Arrival | None = None,
        place: Place | None = None,
        shared: HostShared | None = None,
        shut_out: BanFilter | None = None,
    ) -> None:
        super().__init__()
        context = self._context = host_context(self.runtime)
        self._facts = facts
        self._shared = shared = shared or HostShared.of_one(context, self.runtime, self.actor_urn)
        self._announcements = Announcements(shared.addressees, facts.connection, shared.news)
        self._arrival, self._place = arrival, place
        self._stream: SocketStream | None = None
        if arrival is None:
            self._phases = Phases(Phase.DIALLING if facts.is_outbound else Phase.HANDSHAKE)
            ours, refusal_of = context.node_info_for(facts.remote_ip), (shut_out or BanFilter()).refusal
            self._handshake = Handshake(context.node_key, ours, facts.dialled_id, refusal_of)
        else:
            self._phases, self._handshake = arrival.phases, arrival.handshake
            self._place, self._stream = arrival.place, arrival.stream
        self._began, self._latency = self.runtime.now(), 0.0
        self._deadline = Deadline(self.runtime)  # of handshake and admission together
        self._dial: TcpDial | None = None
        self._visit: SeedVisit | None = None  # in a process of its own
        self._question: Question | None = None  # to the switch
        self._session: Session | None = None
        self._link_events = LinkEvents(written=self._written, closed=self._lost, broken=self._lost)
        self._heard: Sequence[multiplex.Event] = ()  # at a seed's door
        self._info: PeerInfo | None = None  # once the reactors know it
        self._offence: Offence | None = None  # that ended the connection
        self._loss, self._probes = LossReason.GRACEFUL, Probes()
        self._values: dict[str, Any] = {}
        self._flush_replies: list[Reply] = []
        self._removals: RemovalRound | None = None

    # --- life ------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        if self._arrival is not None:
            self._arrive(self._arrival)
            return
        if not self._facts.is_outbound:
            self._shake_hands(socket.socket(fileno=self.runtime.fds["sock"]))
            return
        p2p, facts = self._context.config.p2p, self._facts
        if p2p.test_dial_fail:
            self._refuse(Refusal(RefusalReason.UNREACHABLE, "test_dial_fail is set"))
        elif lack := lack_of_descriptors(1, Purpose.STRANGERS):
            self._refuse(Refusal(RefusalReason.UNREACHABLE, lack, is_ours=True))
        else:
            self._dial = TcpDial(
                self.runtime,
                facts.remote_ip,
                facts.remote_port,
                facts.dial_timeout or p2p.dial_timeout,
                self._shake_hands,
                lambda failure: self._refuse(failure.refusal),
            )

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        """A fault of ours: this connection pays for it, and no other."""
        self._loss = LossReason.INTERNAL_ERROR
        self._close(f"internal error: {exception_value!r}", is_error=True)

    def on_stop(self) -> None:
        self._close("", is_error=False)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Frames):
            return self._on_frames(message)
        if isinstance(message, Consumed):
            if self._session is not None:
                self._session.consumed(message)
            return None
        if isinstance(message, StopPeer):
            self._loss = message.loss
            return self._end(message.reason, is_error=message.is_error)
        if isinstance(message, ProbePeer):
            return self._probe()
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

    # --- dial and handshake ----------------------------------------------------------------------------------------

    def _shake_hands(self, sock: socket.socket) -> None:
        if self._phases.phase is Phase.DIALLING:
            self._phases.move(Event.CONNECTED)
        p2p = self._context.config.p2p
        self._stream = open_stream(sock, self.runtime, p2p, is_dialled=self._facts.is_outbound)
        timeout = p2p.handshake_timeout
        self._deadline.set(timeout, self._timed_out, timeout)
        HandshakeDriver(
            self._stream,
            self._handshake,
            self._shared.buffer,
            on_done=self._shared.timed(self.runtime, self._identified, is_outbound=self._facts.is_outbound),
            on_refused=self._refuse,
            on_closed=lambda _detail: self._refuse(self._handshake.receive_eof().refusal),
        ).start()

    def _timed_out(self, seconds: float) -> None:
        if self._phases.phase is Phase.HANDSHAKE:
            self._refuse(self._handshake.timed_out(seconds).refusal)
        else:
            self._refuse(Refusal(RefusalReason.FILTER_TIMEOUT, f"no admission within {seconds:g} s"))

    def _identified(self) -> None:
        self._latency = self.runtime.now() - self._began
        if self._facts.is_trial:
            self._close("", is_error=False, tried=Tried(self._latency))
            self.runtime.end()
        elif self._context.answers_seed_requests and not self._facts.is_outbound:
            assert self._stream is not None
            self._visit = SeedVisit(
                self.runtime,
                self._context,
                self._shared,
                self._facts,
                self._phases,
                self._stream,
                self._handshake,
                self._deadline,
                VisitEvents(taken_for_peer=self._seek_admission, refused=self._refuse, over=self._end),
            )
            self._visit.start()
        else:
            self._phases.move(Event.IDENTIFIED)
            self._seek_admission()

    # --- admission ---------------------------------------------------------------------------------------------------

    def _arrive(self, arrival: Arrival) -> None:
        """Our host has shaken hands already, and may have let the remote in."""
        self._arrival = None
        arrival.stream.move_to(self.runtime)
        if arrival.session is not None:
            self._take_over(arrival.session, arrival.heard)
        if arrival.admission is not None:
            self._begin(arrival.admission)
        else:
            self._deadline.set(max(0.0, arrival.patience), self._timed_out, 0.0)
            self._seek_admission()

    def _seek_admission(self) -> None:
        if self._phases.phase is Phase.ADMISSION:  # else it has ended, before it could ask again
            question = AdmitPeer(self._facts, *self._handshake.remote, self.actor_ref)
            self._question = Question(self.runtime, self._context.names.switch, question, self._admitted)

    def _admitted(self, verdict: Admission | Refusal) -> None:
        """The switch has spoken. It may not have heard yet whom another host has let in under the same ID."""
        if isinstance(verdict, Refusal):
            self._refuse(verdict)
            return
        (remote_id, _theirs), place = self._handshake.remote, self._place
        if place is not None:
            objection = place.claim(remote_id, self._facts.connection, verdict)
            if isinstance(objection, Refusal):
                self._refuse(objection)
                return
            if objection is not None:
                self.runtime.call_later(ASK_AGAIN_S, self._seek_admission)
                return
        self._begin(verdict)

    def _begin(self, admission: Admission) -> None:
        """Tell everyone of the peer, and let messages in."""
        self._deadline.cancel()
        self._phases.move(Event.ADMITTED)
        remote_id, theirs = self._handshake.remote
        if self._visit is not None and self._session is None:
            self._take_over(self._visit.session, self._visit.heard)
        was_at_door = self._session is not None
        session = self._session or self._open()
        session.serve(remote_id, self._place)
        facts = self._facts
        info = self._info = PeerInfo.of(
            facts,
            remote_id,
            theirs,
            self.actor_ref,
            admission,
            credits_=session.introduce_all(),
            since=time.time(),
            latency=self._latency if facts.is_outbound else 0.0,
        )
        self._announcements.started(info)
        if self._shared.residents is None:
            self._announcements.tell_host(info)
        else:
            self._shared.residents.became_peer(info, session)
        leftover = self._handshake.leftover
        del self._handshake
        if was_at_door:
            session.resume(self._heard)
        else:
            session.start(leftover)

    def _refuse(self, refusal: Refusal) -> None:
        self._close(str(refusal), is_error=True, refusal=refusal)
        self.runtime.end()

    # --- running -----------------------------------------------------------------------------------------------------

    def _take_over(self, session: Session, heard: Sequence[multiplex.Event]) -> None:
        """Go on with what began at a seed's door."""
        self._session, self._heard = session, heard
        session.move_to(self.runtime, self._link_events, self._announcements.hand_over, self._probes)

    def _open(self) -> Session:
        """Speak packets from here on."""
        assert self._stream is not None
        self._session = Session(
            self.runtime,
            self._context,
            self._phases,
            self._shared,
            self._stream,
            self._handshake.secret,
            self._handshake.remote[1],
            self._link_events,
            self._announcements.hand_over,
            self._probes,
        )
        return self._session

    def _introduce(self, reactor: str) -> None:
        """Tell a reactor of this peer that was restarted."""
        if self._phases.phase is not Phase.RUNNING or self._info is None or self._session is None:
            return
        self._announcements.introduce(reactor, self._info, self._session.introduce(reactor))
        self._session.inbound.restart(reactor)

    def _on_frames(self, message: Frames) -> Any:
        kind = transfer.kind_of(message)
        if kind == transfer.BROADCAST:
            # We are in a process of our own, where the transport's broadcasts are out of reach.
            channel_ids, so_far = transfer.of_broadcast(message)
            self._shared.feed.add(channel_ids, message.frames, so_far)
            return None
        if self._session is None:
            return (False, 0) if kind == transfer.SEND_WAIT else None
        return self._session.send(message, self.runtime.defer)

    def _written(self) -> None:
        """The socket has taken what it would."""
        assert self._session is not None
        if self._info is not None:
            self._announcements.grant(self._session.queues.take_credits())
        self._check_drained()

    def _probe(self) -> Any:
        if self._phases.phase in {Phase.DRAINING, Phase.CLOSING, Phase.FAILED, Phase.ENDED}:
            return False
        self._probes.add(self.runtime.defer())
        if self._session is not None:
            self._session.probe()
        return None

    def _status(self) -> PeerStatus | None:
        if self._info is None or self._session is None or not self._phases.carries_packets:
            return None
        return PeerStatus(self._info, self._session.status(), self.runtime.now() - self._session.last_use)

    # --- the end -------------------------------------------------------------------------------------------------------

    def _lost(self, cause: str | RemoteError) -> None:
        """The connection is gone, or the remote broke a rule: an error, unless we were leaving anyway."""
        self._offence = offence_of(cause) if isinstance(cause, RemoteError) else None
        is_error = isinstance(cause, RemoteError) or self._phases.phase is Phase.RUNNING
        self._loss = loss_of(cause) if is_error else LossReason.GRACEFUL
        self._end(str(cause) if is_error else "", is_error=is_error)

    def _flush_stop(self, timeout: float) -> Any:
        """Graceful end: reactors hear of it first, so that what they had already sent is still sent (design 4)."""
        if self._phases.phase not in {Phase.RUNNING, Phase.DRAINING, Phase.CLOSING}:
            self._end()
            return None
        self._flush_replies.append(self.runtime.defer())
        if self._phases.phase is not Phase.RUNNING:
            return None
        assert self._session is not None
        self._phases.move(Event.CLOSE_ASKED)
        self._session.close_entrance()
        self.runtime.call_later(timeout, self._end)
        patience = min(DRAIN_LIMIT_S, timeout)
        self._removals = RemovalRound(
            self.runtime, self._shared.addressees, self._facts.connection, patience, self._check_drained
        )
        self._check_drained()
        return None

    def _check_drained(self) -> None:
        """When all is with the kernel, say so, and read on until the remote closes too.

        Closing at once would reset the connection if it sends meanwhile, and throw away what it has not read yet.
        """
        session, stream = self._session, self._stream
        if self._phases.phase is not Phase.DRAINING or session is None or stream is None:
            return
        if self._removals is not None and not self._removals.is_over(session.queues.arrived):
            return
        if not session.link.is_flushed:
            session.look_again()
            return
        try:
            stream.end_writing()
        except OSError:  # it has gone already
            self._end()
            return
        self._phases.move(Event.ALL_SENT)
        self.runtime.call_later(CLOSE_LIMIT_S, self._end)
        stream.set_reading(wanted=True)

    def _end(self, reason: str = "", *, is_error: bool = False) -> None:
        self._close(reason, is_error=is_error)
        self.runtime.end()

    def _close(
        self, reason: str, *, is_error: bool, refusal: Refusal | None = None, tried: Tried | None = None
    ) -> None:
        """Give everything back, and tell whoever has to know. A second call does nothing."""
        if self._phases.phase is Phase.ENDED:
            return
        self._phases.move(Event.CLOSED)
        try:
            for part in (self._dial, self._question, self._visit, self._stream, self._session):
                if part is not None:
                    part.close()
            self._probes.answer(is_alive=False)
            for reply in self._flush_replies:
                reply.set(None)
            was = self._phases.last
            if was in {Phase.DIALLING, Phase.HANDSHAKE, Phase.ADMISSION} and tried is None:
                refusal = refusal or Refusal(RefusalReason.STOPPING, reason)
            if was is Phase.RUNNING:
                self._announcements.removed(reason)
            facts, info = self._facts, self._info
            if info is not None and (info.is_outbound or info.is_persistent):
                facts = replace(facts, peer=info)
            peer_id = None if info is None else info.id
            end = ConnectionEnded(facts, refusal, reason, is_error, tried, self._offence, peer_id, self._loss)
            if was is Phase.RUNNING and self._place is not None:
                self._place.withdraw()
            self._announcements.ended(end)
            session, self._session, self._link_events = self._session, None, NOBODY
            if session is not None:
                self._shared.left_behind.note(self._facts.connection, session.left_behind)
        finally:
            if self._place is not None:
                self._place.leave()
            if self._shared.residents is not None:
                self._shared.residents.ended(self.actor_ref)
            else:
                self._shared.news.flush()  # this process ends with us
