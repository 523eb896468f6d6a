"""The way in to one peer host: from the moment a connection is accepted until it has an actor, or is sent away.

An accepted connection needs two places: one among the handshakes of its host (`handshake_places.py`), for as long as it is
no peer, and one in the register of all hosts. The first may be taken from it by another connection. One that comes from a
load balancer has said before for whom it is (`proxied_connections.py`): that IP counts.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from peerage.actors.context import PeerHostContext
from peerage.actors.memory_pressure import RoomForStrangers
from peerage.actors.messages import AdmitConnection, ConnectionEnded, ConnectionFacts, StopPeer
from peerage.actors.peers.accepting import Acceptor
from peerage.actors.peers.admission import Question
from peerage.actors.peers.connection_list import ConnectionList
from peerage.actors.peers.handshake_places import HandshakeLimits, HandshakePlaces, spare_descriptors
from peerage.actors.peers.host_gate import HostGate
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.newcomers import Arrival, NewcomerEvents, Newcomers
from peerage.actors.peers.proxied_connections import HEADER_TIMEOUT_S, ProxiedConnections
from peerage.actors.peers.register import Place
from peerage.actors.peers.stream import Loop
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime.limits import descriptor_limit

__all__ = ["Entrance", "EntranceEvents"]


@dataclass(frozen=True, slots=True)
class EntranceEvents:
    """What a host hears of its entrance.

    Args:
        accepted: where each peer has a process of its own, a connection is let in: its facts, place and socket.
        arrived: a connection has proved who is there, and needs an actor.
        ended: one of those that are inside has ended.
    """

    accepted: Callable[[ConnectionFacts, Place, socket.socket], object]
    arrived: Callable[[ConnectionFacts, Arrival], object]
    ended: Callable[[], object]


class Entrance:
    """See the module's text.

    Attributes: acceptor; newcomers, those that shake hands here.

    Args:
        loop: of the host.
        name: of the host's transport; connections are called after it.
        listeners: shared with other hosts; none when this node does not listen.
        room: for one more stranger.
        connections: of the host; those that wait for the switch's word are kept there.
        own_processes: whether each peer has a process of its own, which shakes hands itself.
    """

    def __init__(
        self,
        loop: Loop,
        name: str,
        host: str,
        context: PeerHostContext,
        shared: HostShared,
        gate: HostGate,
        connections: ConnectionList,
        listeners: Sequence[socket.socket],
        load: LoadTable,
        room: RoomForStrangers,
        events: EntranceEvents,
        *,
        own_processes: bool,
    ) -> None:
        self._loop = loop
        self._name, self._host = f"{name}/{secrets.token_hex(4)}", host
        self._count = 0
        self._switch = context.names.switch
        self._has_filters = context.has_connection_filters
        self._shared, self._gate, self._connections, self._events = shared, gate, connections, events
        self._own_processes = own_processes
        hosts = context.config.peerage.peer_hosts
        spare = spare_descriptors(descriptor_limit(), context.most_peers, hosts)
        limits = HandshakeLimits.of_host(context.handshake_places, hosts, spare)
        balancers = context.config.peerage.proxy_protocol_from
        # As many as one prefix may have, out of the same descriptors.
        most = limits.narrow
        if balancers:
            limits = HandshakeLimits.of_host(context.handshake_places, hosts, spare - most)
        timeout = min(HEADER_TIMEOUT_S, context.config.p2p.handshake_timeout)
        self._proxied = ProxiedConnections(
            loop, balancers, most, timeout, self._receive_from, self._refuse_balancer
        )
        self._places = HandshakePlaces(limits, loop.now)
        handed_on = NewcomerEvents(
            lambda facts: self._places.prove(facts.connection), gate.judge, events.arrived, self._ended
        )
        self.newcomers = Newcomers(loop, context, shared, gate.refusal_of, handed_on)
        connections.newcomers = self.newcomers
        self.acceptor = Acceptor(
            loop,
            listeners,
            load,
            room,
            held=lambda: len(connections),
            undecided=lambda: connections.undecided,
            on_accepted=self._accepted,
        )

    def settled(self, connection: str) -> None:
        """A connection is a peer, or has ended: it shakes hands no more."""
        self._places.leave(connection)

    def stop(self) -> None:
        """Let nobody in any more, and send away those that wait: for the switch's word, or with a PROXY header to come."""
        self.acceptor.stop()
        self._proxied.close()
        self._connections.turn_away_undecided()

    def _accepted(self, sock: socket.socket, ip: str, port: int) -> None:
        if self._proxied.includes(ip):
            self._proxied.receive(sock, ip, port)
        else:
            self._receive_from(sock, ip, port)

    def _refuse_balancer(self, ip: str, port: int, refusal: Refusal) -> None:
        self._shared.news.tell(ConnectionEnded(self._facts_of(ip, port), refusal))

    def _facts_of(self, ip: str, port: int) -> ConnectionFacts:
        self._count += 1
        return ConnectionFacts(
            connection=f"{self._name}-{self._count}",
            host=self._host,
            remote_ip=ip,
            remote_port=port,
            is_outbound=False,
        )

    def _receive_from(self, sock: socket.socket, ip: str, port: int) -> None:
        """A connection came in, and this is the remote's address."""
        facts = self._facts_of(ip, port)
        place = self._enter(facts)
        if isinstance(place, Refusal):
            sock.close()
            self._shared.news.tell(ConnectionEnded(facts, place))
        elif self._gate.asks_first:
            self._connections.accepted(facts, sock, place)
            question = AdmitConnection(facts)
            Question(self._loop, self._switch, question, partial(self._decided, facts))
        else:
            self._receive(facts, sock, place)

    def _enter(self, facts: ConnectionFacts) -> Place | Refusal:
        """Both places, or neither."""
        place = self._gate.enter(facts)
        if isinstance(place, Refusal):
            return place
        entry = self._places.enter(facts.connection, facts.remote_ip)
        if not entry.has_place:
            place.leave()
            return Refusal(RefusalReason.HANDSHAKE_LIMIT, "too many unfinished handshakes with its prefix")
        if entry.gone is not None:
            self._send_away(entry.gone)
        return place

    def _send_away(self, connection: str) -> None:
        """It has lost its place."""
        refusal = Refusal(RefusalReason.HANDSHAKE_LIMIT, "unfinished when another handshake needed its place")
        if self.newcomers.refuse(connection, refusal):
            return
        undecided = self._connections.decided(connection)
        if undecided is not None:
            undecided.turn_away()
            self._shared.news.tell(ConnectionEnded(undecided.facts, refusal))
            return
        ref = self._connections.named(connection)  # it waits for the switch, or has a process of its own
        if ref is not None:
            ref.tell(StopPeer(str(refusal), is_error=True), exempt=True)

    def _decided(self, facts: ConnectionFacts, refusal: Refusal | None) -> None:
        undecided = self._connections.decided(facts.connection)
        if undecided is None:  # it is gone: we have stopped accepting, or another one needed its place
            return
        if refusal is None:
            self._receive(facts, undecided.sock, undecided.place)
        else:
            undecided.turn_away()
            self.settled(facts.connection)

    def _receive(self, facts: ConnectionFacts, sock: socket.socket, place: Place) -> None:
        """A connection is let in: have hands shaken."""
        if self._own_processes:
            self._events.accepted(facts, place, sock)
        else:
            self.newcomers.receive(facts, sock, place)
            self._connections.tell_load()

    def _ended(self, ended: ConnectionEnded) -> None:
        """A newcomer is gone. The switch hears of refusals, and of all that it was asked about."""
        self.settled(ended.facts.connection)
        if ended.refusal is not None or self._has_filters:
            self._shared.news.tell(ended)
        self._connections.tell_load()
        self._events.ended()
