"""The connections of one peer host, from the moment they are accepted or dialled."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sized
from typing import NamedTuple

from peerage.actors.messages import ConnectionFacts, PeerInfo
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.register import Place
from peerage.actors.runtime import ActorRef

__all__ = ["ConnectionList", "Undecided"]


class Undecided(NamedTuple):
    """A connection that waits for the switch's word, and what it holds."""

    facts: ConnectionFacts
    sock: socket.socket
    place: Place

    def turn_away(self) -> None:
        """Close it."""
        self.sock.close()
        self.place.leave()


class ConnectionList:
    """How many there are is told to the other hosts, in the load table.

    A connection that the switch was asked about is `undecided` until it is let in; its socket is kept here for so long. Once
    it has an actor it is known by its ref.

    Attribute: newcomers, those that shake hands meanwhile: they count, too.
    Args: load, shared by the hosts of the node.
    """

    def __init__(self, load: LoadTable) -> None:
        self._load = load
        self._running: dict[ActorRef, tuple[ConnectionFacts, Place | None]] = {}
        self._undecided: dict[str, Undecided] = {}
        self._ended_at_start: set[ActorRef] | None = None  # None: no actor is being started
        self.newcomers: Sized = ()

    def __len__(self) -> int:
        """How many this host holds, undecided ones and newcomers included."""
        return len(self._running) + len(self._undecided) + len(self.newcomers)

    def __iter__(self) -> Iterator[ActorRef]:
        """Their actors, for those that have one."""
        return iter(tuple(self._running))

    @property
    def has_actors(self) -> bool:
        """Whether there is any with an actor."""
        return bool(self._running)

    @property
    def undecided(self) -> int:
        """How many wait to be let in."""
        return len(self._undecided)

    def accepted(self, facts: ConnectionFacts, sock: socket.socket, place: Place) -> None:
        """A connection came in; whether it is let in is not decided yet."""
        self._undecided[facts.connection] = Undecided(facts, sock, place)
        self.tell_load()

    def decided(self, connection: str) -> Undecided | None:
        """Take an undecided connection out of the list. Returns: what it holds; None when it is not there any more."""
        found = self._undecided.pop(connection, None)
        self.tell_load()
        return found

    def turn_away_undecided(self) -> None:
        """Close those that nobody has decided on."""
        for connection in tuple(self._undecided):
            self._undecided.pop(connection).turn_away()
        self.tell_load()

    def starting(self) -> None:
        """A connection is about to get an actor of this host, which may end before its start returns: a remote that breaks a
        rule in the same breath as its NodeInfo, a dial without a descriptor.
        """
        self._ended_at_start = set()

    def running(self, ref: ActorRef, facts: ConnectionFacts, place: Place | None) -> None:
        """A connection has its actor, unless that has ended as it started."""
        ended, self._ended_at_start = self._ended_at_start, None
        if ended and ref in ended:
            if place is not None:
                place.leave()
            return
        known, _ = self._running.get(ref, (facts, None))  # it may be a peer already
        self._running[ref] = known, place
        self.tell_load()

    def became_peer(self, info: PeerInfo) -> None:
        """A connection is a peer: its actor has told the reactors."""
        facts, place = self._running.get(info.ref, (None, None))
        peer = ConnectionFacts(
            connection=info.connection,
            host=info.host,
            remote_ip=info.remote_ip,
            remote_port=int(info.socket_address.rpartition(":")[2]),
            is_outbound=info.is_outbound,
            dialled_id=facts.dialled_id if facts else None,
            peer=info,
        )
        self._running[info.ref] = peer, place

    def ended(self, ref: ActorRef) -> ConnectionFacts | None:
        """An actor has ended. Returns: what is known of its connection, None when nothing is."""
        if self._ended_at_start is not None:
            self._ended_at_start.add(ref)
        facts, place = self._running.pop(ref, (None, None))
        if place is not None:
            place.leave()
        self.tell_load()
        return facts

    def named(self, connection: str) -> ActorRef | None:
        """The actor of this connection."""
        return next(
            (ref for ref, (facts, _) in self._running.items() if facts.connection == connection), None
        )

    def given_away(self) -> list[ActorRef]:
        """The actors of connections whose places in the register other peers have now."""
        return [ref for ref, (_, place) in self._running.items() if place is not None and place.is_given_away]

    def peers(self) -> list[ActorRef]:
        """The actors of connections that are peers."""
        return [ref for ref, (facts, _place) in self._running.items() if facts.peer is not None]

    def facts(self) -> tuple[ConnectionFacts, ...]:
        """Of those that have actors."""
        return tuple(facts for facts, _place in self._running.values())

    def tell_load(self) -> None:
        """The number has changed."""
        self._load.set(len(self))
