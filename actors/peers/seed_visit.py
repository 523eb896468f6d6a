"""A visit at a seed's door, from the end of the handshake: a request for addresses, the answer, and the end.

Whoever says something else than such a request, or nothing for a while, is taken for a peer.

Nearly every caller says the request, in the one form in which everybody writes it, takes the answer and leaves. For that no
session is made: queues, windows and meters of a connection cost as much as the rest of a visit. It is made for whoever says
anything else, at any point, and goes on from there; and for everybody where the node's bandwidth is limited.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.offences import offence_of
from peerage.actors.messages import AskForAddresses, ConnectionFacts, StandingAnswer
from peerage.actors.peers.admission import Question
from peerage.actors.peers.announcements import Announcements
from peerage.actors.peers.bandwidth import NO_LIMITS
from peerage.actors.peers.connector import CLOSED_BY_REMOTE
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.link import SEND_CHUNK, LinkEvents
from peerage.actors.peers.phases import Event, Phase, Phases
from peerage.actors.peers.seed_request import FirstMessage, SeedDoor
from peerage.actors.peers.session import Probes, Session
from peerage.actors.peers.stream import Deadline, Loop, SocketStream, cause_of
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire import multiplex
from peerage.wire.errors import RemoteError
from peerage.wire.frames import FRAME_SEALED
from peerage.wire.keys import NodeID
from peerage.wire.packet import packets_of
from peerage.wire.pex import PEX_CHANNEL, PexRequest
from peerage.wire.rate import BURST_S

__all__ = ["SeedVisit", "VisitEvents"]

SEED_PATIENCE_S = 2.0  # then a remote that has not asked a seed for addresses becomes a peer
SEED_ANSWER_S = 30.0  # for the answer to its request: it may have to wait for its turn
SEED_FLUSH_S = 10.0  # for the remote to take the answer, as for a message to find room
REQUEST = packets_of(PEX_CHANNEL, PexRequest().encode())  # as everybody writes it
CLOSE_LIMIT_S = 0.5  # for the remote to read the last of it, when all is sent


@dataclass(frozen=True, slots=True)
class VisitEvents:
    """What a visit tells its owner, once one of these.

    Args:
        taken_for_peer: it seeks admission from here on; nothing is read meanwhile.
        refused: the remote is sent away, or has broken a rule, and why.
        over: it is answered, or has hung up.
    """

    taken_for_peer: Callable[[], object]
    refused: Callable[[Refusal], object]
    over: Callable[[], object]


class SeedVisit:
    """See the module's text.

    Attributes: session, the open connection, made when it is asked for; heard, what the remote has said, for the peer that
        it may become; asked, whether that was a request for addresses.
    Args: phases, of the connection, in HANDSHAKE; deadline, that of the handshake, which holds until an answer is there.
    """

    def __init__(
        self,
        loop: Loop,
        context: NodeContext,
        shared: HostShared,
        facts: ConnectionFacts,
        phases: Phases,
        stream: SocketStream,
        handshake: Handshake,
        deadline: Deadline,
        events: VisitEvents,
    ) -> None:
        assert handshake.theirs is not None
        self._loop = loop
        self._context = context
        self._shared = shared
        self._facts = facts
        self._phases = phases
        self._stream = stream
        self._handshake = handshake
        self._deadline = deadline
        self._events = events
        self._door = SeedDoor()
        self._session: Session | None = None
        self._question: Question | None = None
        self._announcements = Announcements(shared.addressees, facts.connection, shared.news)
        phases.move(Event.IDENTIFIED_AT_SEED)
        self._patience = loop.call_later(SEED_PATIENCE_S, self._take_for_peer)

    @property
    def session(self) -> Session:
        return self._session or self._open()

    @property
    def heard(self) -> Sequence[multiplex.Event]:
        return self._door.heard

    @property
    def asked(self) -> bool:
        return self._door.asked

    def start(self) -> None:
        """Listen to what the remote says, and has said behind its handshake."""
        if self._shared.bandwidths != NO_LIMITS:  # of the node: a session keeps to them
            self._open(self._handshake.leftover)
            return
        self._stream.drive(self._readable, self._writable)
        if self._handshake.leftover:
            self._take(self._handshake.leftover, 0)

    def close(self) -> None:
        """Nobody wants to know any more. A request that waits for its answer is taken back."""
        self._patience.cancel()
        question, self._question = self._question, None
        if question is not None:
            question.close()
            remote_id = self._handshake.remote_id
            assert remote_id is not None
            self._announcements.request_dropped(self._context.routes[PEX_CHANNEL], remote_id)
        if self._session is not None:
            self._session.close()

    # --- without a session -------------------------------------------------------------------------------------------

    def _open(self, said: bytes = b"", sealed: int = 0) -> Session:
        """Make the session. Args: said, what it is to begin with; sealed, how many bytes that was on the way."""
        assert self._handshake.theirs is not None
        session = self._session = Session(
            self._loop,
            self._context,
            self._phases,
            self._shared,
            self._stream,
            self._handshake.secret,
            self._handshake.theirs,
            LinkEvents(written=self._written, closed=self._closed, broken=self._broken),
            self._announcements.hand_over,
            Probes(),
        )
        session.link.received = self._hear
        session.link.start(said, sealed)
        return session

    def _readable(self) -> None:
        buffer = self._shared.buffer
        try:
            count = self._stream.read_into(buffer)
        except OSError as error:
            self._closed(cause_of(error))
            return
        if count == 0:
            self._closed(CLOSED_BY_REMOTE)
        elif (
            count and self._phases.phase is not Phase.CLOSING
        ):  # else it is read until it closes, whatever it says
            try:
                said = self._handshake.secret.receive_data(buffer[:count])
            except RemoteError as error:
                self._broken(error)
                return
            if said or count >= FRAME_SEALED:  # frames that say nothing are charged to the session
                self._take(said, count)

    def _take(self, said: bytes, sealed: int) -> None:
        if said == REQUEST and not self._door.asked:
            self._door.asked = True
            self._ask()
        else:
            self._open(said, sealed)

    def _writable(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._closed(cause_of(error))
            return
        self._written()

    # --- the request -------------------------------------------------------------------------------------------------

    def _hear(self, events: Sequence[multiplex.Event]) -> None:
        first = self._door.hear(events)
        if first is FirstMessage.OTHER:
            self._take_for_peer()
        elif first is FirstMessage.REQUEST:
            self._ask()

    def _ask(self) -> None:
        self._patience.cancel()
        theirs, facts, standing = self._handshake.theirs, self._facts, self._shared.standing_answers
        assert theirs is not None
        if standing is not None:
            ready = standing.answer_to(NodeID(theirs.id), theirs.listen_addr, facts.remote_ip)
            if ready is not None:
                self._send(*ready)
                return
        self._deadline.set(SEED_ANSWER_S, self._unanswered)
        question = AskForAddresses(NodeID(theirs.id), theirs.listen_addr, facts.connection, facts.remote_ip)
        reactor = self._shared.addressees.reactor(self._context.routes[PEX_CHANNEL])
        self._question = Question(self._loop, reactor, question, self._answer)

    def _unanswered(self) -> None:
        detail = f"no admission within {SEED_ANSWER_S:g} s"
        self._events.refused(Refusal(RefusalReason.FILTER_TIMEOUT, detail))

    def _take_for_peer(self) -> None:
        if self._phases.phase is Phase.SEED_REQUEST and not self._door.asked:
            self._patience.cancel()
            self._phases.move(Event.NO_REQUEST)
            if self._session is None:
                self._open()
            self._stream.set_reading(wanted=False)
            self._events.taken_for_peer()

    def _answer(self, answer: bytes | StandingAnswer | Refusal) -> None:
        self._question = None
        if isinstance(answer, StandingAnswer):
            if self._shared.standing_answers is not None:
                self._shared.standing_answers.take(answer)
            answer = answer.message
        if isinstance(answer, Refusal):
            self._events.refused(answer)
            return
        self._send(
            answer, packets_of(PEX_CHANNEL, answer, self._context.config.p2p.max_packet_msg_payload_size)
        )

    def _send(self, answer: bytes, packets: bytes) -> None:
        """Send an answer. Args: packets, the same as it travels."""
        self._phases.move(Event.ANSWERED)
        if self._session is not None or len(packets) > self._most_at_once(self._context.config.p2p.send_rate):
            self._deadline.set(SEED_FLUSH_S, self._events.over)
            self.session.answer(PEX_CHANNEL, answer)
            return
        try:
            self._stream.send(self._handshake.secret.seal(packets))
        except OSError as error:
            self._closed(cause_of(error))
            return
        if self._stream.has_unsent:
            self._deadline.set(SEED_FLUSH_S, self._events.over)
        else:
            self._written()

    @staticmethod
    def _most_at_once(send_rate: float) -> float:
        """Bytes that may go without a session, which would not seal more at once, nor let more through at the start."""
        return min(SEND_CHUNK, send_rate * BURST_S) if send_rate else SEND_CHUNK

    # --- the end -----------------------------------------------------------------------------------------------------

    def _written(self) -> None:
        """When all is with the kernel, say so, and read on until the remote closes too.

        Closing at once would reset the connection if it sends meanwhile, and throw away what it has not read yet.
        """
        if self._phases.phase is not Phase.DRAINING:
            return
        session = self._session
        if session is not None and not session.link.is_flushed:
            session.look_again()
            return
        if session is None and self._stream.has_unsent:  # the stream calls when it is writable
            return
        try:
            self._stream.end_writing()
        except OSError:  # it has gone already
            self._events.over()
            return
        self._phases.move(Event.ALL_SENT)
        self._deadline.set(CLOSE_LIMIT_S, self._events.over)
        self._stream.set_reading(wanted=True)

    def _closed(self, _detail: str) -> None:
        self._events.over()

    def _broken(self, error: RemoteError) -> None:
        if self._phases.phase is Phase.SEED_REQUEST:
            theirs = self._handshake.theirs
            assert theirs is not None
            offence, offender = offence_of(error), NodeID(theirs.id)
            refusal = Refusal(RefusalReason.AUTH_FAILURE, str(error), offence=offence, offender=offender)
            self._events.refused(refusal)
        else:
            self._events.over()
