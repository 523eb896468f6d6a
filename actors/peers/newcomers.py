"""Newcomers: accepted connections that are no peers yet.

They have no actor. Most connections of a node that strangers know are short: a handshake that fails, a crawler, a request
for addresses. An actor costs more than the handshake, in its host and in the messages about it, so a connection gets
one when its remote has proved who it is and may become a peer. Until then the transport runs it; a fault of it
ends it alone.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from peerage.actors.context import PeerHostContext
from peerage.actors.messages import Admission, ConnectionEnded, ConnectionFacts
from peerage.actors.peers.connector import HandshakeDriver
from peerage.actors.peers.guarded_loop import GuardedLoop
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.phases import Event, Phase, Phases
from peerage.actors.peers.register import Place
from peerage.actors.peers.seed_visit import SeedVisit, VisitEvents
from peerage.actors.peers.session import Session
from peerage.actors.peers.stream import Deadline, Loop, SocketStream
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire import multiplex
from peerage.wire.keys import NodeID

__all__ = ["Arrival", "Newcomer", "NewcomerEvents", "Newcomers"]


@dataclass(slots=True)
class Arrival:
    """An accepted connection whose remote has proved who it is.

    Args:
        stream: nobody reads it just now.
        handshake: done.
        phases: in ADMISSION.
        place: in the register of the hosts.
        admission: of its peer host, which may let it in; None: the switch is to be asked.
        patience: seconds that the switch has for it.
        session: at a seed, the packets spoken so far; heard, what they said.
    """

    stream: SocketStream
    handshake: Handshake
    phases: Phases
    place: Place
    admission: Admission | None
    patience: float
    session: Session | None = None
    heard: Sequence[multiplex.Event] = ()


@dataclass(frozen=True, slots=True)
class NewcomerEvents:
    """What happens to newcomers.

    Args:
        identified: a newcomer has shaken hands to the end, and has to wait: for the switch, or at a seed.
        judge: asked about a proved ID, when the connection has its place: the host's own admission, None when the switch
            is to be asked, or a refusal.
        arrived: a newcomer is to become a peer; whatever it held belongs to the receiver now.
        ended: it will be none. Told once, when all is closed.
    """

    identified: Callable[[ConnectionFacts], object]
    judge: Callable[[Newcomer, NodeID], Admission | Refusal | None]
    arrived: Callable[[ConnectionFacts, Arrival], object]
    ended: Callable[[ConnectionEnded], object]


class Newcomers:
    """Those of one peer host.

    Args:
        loop: the transport's.
        refusal_of: says why whoever has this place, and has proved this ID, is refused before it hears who we are.
    """

    def __init__(
        self,
        loop: Loop,
        context: PeerHostContext,
        shared: HostShared,
        refusal_of: Callable[[Place, NodeID], Refusal | None],
        events: NewcomerEvents,
    ) -> None:
        self.loop = loop
        self.context = context
        self.shared = shared
        self.refusal_of = refusal_of
        self.events = events
        self.is_seed = context.answers_seed_requests
        self._newcomers: dict[str, Newcomer] = {}

    def __len__(self) -> int:
        return len(self._newcomers)

    def __iter__(self) -> Iterator[Newcomer]:
        return iter(tuple(self._newcomers.values()))

    def receive(self, facts: ConnectionFacts, sock: socket.socket, place: Place) -> None:
        """Shake hands on a socket that was let in."""
        newcomer = Newcomer(self, facts, sock, place)
        self._newcomers[facts.connection] = newcomer
        newcomer.start()

    def refuse(self, connection: str, refusal: Refusal) -> bool:
        """Send one away. Returns: whether it was here."""
        newcomer = self._newcomers.get(connection)
        if newcomer is not None:
            newcomer.refuse(refusal)
        return newcomer is not None

    def forget(self, newcomer: Newcomer) -> None:
        """It has become a peer, or ended."""
        self._newcomers.pop(newcomer.facts.connection, None)

    def stop(self) -> None:
        """Send all away but those whose answer is being sent."""
        for newcomer in self:
            newcomer.stop()

    def drop(self) -> None:
        """Close all of them without a word to anybody."""
        for newcomer in self:
            newcomer.release()


class Newcomer:
    """One of them, from its accepted socket on. Attribute: place, in the register."""

    __slots__ = (
        "_deadline",
        "_handshake",
        "_host",
        "_loop",
        "_phases",
        "_stream",
        "_until",
        "_visit",
        "facts",
        "place",
    )

    def __init__(self, host: Newcomers, facts: ConnectionFacts, sock: socket.socket, place: Place) -> None:
        context = host.context
        self._host = host
        self.facts = facts
        self.place = place
        self._loop = GuardedLoop(host.loop, self._failed)
        self._phases = Phases(Phase.HANDSHAKE)
        refusal_of = partial(host.refusal_of, place)
        ours = context.node_info_for(facts.remote_ip)
        self._handshake = Handshake(context.node_key, ours, None, refusal_of)
        self._stream = SocketStream(sock, self._loop)
        self._deadline = Deadline(self._loop)  # of handshake and admission together
        self._visit: SeedVisit | None = None
        self._until = 0.0

    def start(self) -> None:
        """Shake hands."""
        timeout = self._host.context.config.p2p.handshake_timeout
        self._until = self._loop.now() + timeout
        self._deadline.set(timeout, self._timed_out, timeout)
        driver = HandshakeDriver(
            self._stream,
            self._handshake,
            self._host.shared.buffer,
            on_done=self._host.shared.timed(self._loop, self._identified, is_outbound=False),
            on_refused=self.refuse,
            on_closed=lambda _detail: self.refuse(self._handshake.receive_eof().refusal),
        )
        self._loop.guard(driver.start)

    def refuse(self, refusal: Refusal) -> None:
        """Send it away."""
        self._end(refusal)

    def stop(self) -> None:
        """The node stops: end, unless an answer is being sent."""
        if self._phases.phase in {Phase.HANDSHAKE, Phase.SEED_REQUEST}:
            self._end(Refusal(RefusalReason.STOPPING) if self._visit is None else None)

    def release(self) -> None:
        """Close everything, and tell nobody of it."""
        if self._phases.phase is not Phase.ENDED:
            self._phases.move(Event.CLOSED)
            self._deadline.cancel()
            if self._visit is not None:
                self._visit.close()
            self._stream.close()
            self.place.leave()
            self._let_go()

    # --- handshake ---------------------------------------------------------------------------------------------------

    def _timed_out(self, seconds: float) -> None:
        self.refuse(self._handshake.timed_out(seconds).refusal)

    def _identified(self) -> None:
        if not self._host.is_seed:
            self._phases.move(Event.IDENTIFIED)
            self._seek_admission()
            return
        self._host.events.identified(self.facts)
        self._visit = SeedVisit(
            self._loop,
            self._host.context,
            self._host.shared,
            self.facts,
            self._phases,
            self._stream,
            self._handshake,
            self._deadline,
            VisitEvents(taken_for_peer=self._seek_admission, refused=self.refuse, over=self._over),
        )
        self._visit.start()

    # --- admission ---------------------------------------------------------------------------------------------------

    def _seek_admission(self) -> None:
        remote_id, visit = self._handshake.remote_id, self._visit
        assert remote_id is not None
        verdict = self._host.events.judge(self, remote_id)
        if isinstance(verdict, Refusal):
            self.refuse(verdict)
            return
        if verdict is None and visit is None:  # it waits for the switch
            self._host.events.identified(self.facts)
        self._deadline.cancel()
        arrival = Arrival(
            self._stream,
            self._handshake,
            self._phases,
            self.place,
            verdict,
            self._until - self._loop.now(),
            None if visit is None else visit.session,
            visit.heard if visit is not None else (),
        )
        self._phases = Phases(Phase.ENDED)  # whatever is still called here has nothing to do with the peer
        self._let_go()
        self._host.events.arrived(self.facts, arrival)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        """A fault of ours: this connection pays for it, and no other."""
        self._end(Refusal(RefusalReason.STOPPING, f"internal error: {error!r}"))

    def _over(self) -> None:
        """A visit has ended: it was answered, or the remote has hung up."""
        self._end(None)

    def _let_go(self) -> None:
        self._host.forget(self)
        self._visit = None
        self._loop.forget()

    def _end(self, refusal: Refusal | None) -> None:
        if self._phases.phase is not Phase.ENDED:
            self.release()
            reason = "" if refusal is None else str(refusal)
            self._host.events.ended(
                ConnectionEnded(self.facts, refusal, reason, is_error=refusal is not None)
            )
