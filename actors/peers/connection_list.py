"""The connections of one peer host, from the moment they are accepted or dialled, and how many of them are inbound."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from peerage.actors.messages import ConnectionFacts, PeerInfo
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.runtime import ActorRef

__all__ = ["ConnectionList"]


class ConnectionList:
    """Every change is told to the other hosts, in the load table.

    A connection that was accepted is `undecided` until it is let in; its socket is kept here for so long. Then it has an
    actor, by whose ref it is known.

    Args:
        load: shared by the hosts of the node.
        admits_seed_requests: whether hosts let in connections that the switch does not hear of before they become peers.
    """

    def __init__(self, load: LoadTable, *, admits_seed_requests: bool) -> None:
        self._load = load
        self._admits_seed_requests = admits_seed_requests
        self._inbound = 0
        self._running: dict[ActorRef, ConnectionFacts] = {}
        self._undecided: dict[str, socket.socket] = {}

    def __len__(self) -> int:
        """How many this host holds, undecided ones included."""
        return len(self._running) + len(self._undecided)

    def __iter__(self) -> Iterator[ActorRef]:
        """Their actors; undecided ones have none."""
        return iter(self._running)

    @property
    def has_actors(self) -> bool:
        """Whether there is any but undecided ones."""
        return bool(self._running)

    @property
    def undecided(self) -> int:
        """How many wait to be let in."""
        return len(self._undecided)

    def accepted(self, facts: ConnectionFacts, sock: socket.socket) -> None:
        """A connection came in; whether it is let in is not decided yet."""
        self._undecided[facts.connection] = sock
        self._inbound += 1
        self._tell_load()

    def decided(self, connection: str) -> socket.socket | None:
        """Take an undecided connection out of the list. Returns: its socket; None when it is not there any more.

        It counts as inbound until `running` has a ref for it or `turn_away` is called.
        """
        return self._undecided.pop(connection, None)

    def turn_away(self, sock: socket.socket) -> None:
        """Close a connection that was accepted and is not let in."""
        sock.close()
        self._inbound -= 1
        self._tell_load()

    def turn_away_undecided(self) -> None:
        """Close those that nobody has decided on."""
        for connection in tuple(self._undecided):
            self.turn_away(self._undecided.pop(connection))

    def running(self, ref: ActorRef, facts: ConnectionFacts) -> None:
        """A connection has its actor."""
        self._running[ref] = facts
        self._tell_load()

    def became_peer(self, info: PeerInfo) -> None:
        """A connection is a peer: its actor has told the reactors."""
        facts = self._running.get(info.ref)
        self._running[info.ref] = ConnectionFacts(
            connection=info.connection,
            host=info.host,
            remote_ip=info.remote_ip,
            remote_port=facts.remote_port if facts else 0,
            is_outbound=info.is_outbound,
            dialled_id=facts.dialled_id if facts else None,
            peer=info,
        )

    def ended(self, ref: ActorRef) -> ConnectionFacts | None:
        """An actor has ended. Returns: what is known of its connection, None when nothing is."""
        facts = self._running.pop(ref, None)
        if facts is not None and not facts.is_outbound:
            self._inbound -= 1
        self._tell_load()
        return facts

    def peers(self) -> list[ActorRef]:
        """The actors of connections that are peers."""
        return [ref for ref, facts in self._running.items() if facts.peer is not None]

    def known_to_switch(self) -> tuple[ConnectionFacts, ...]:
        """All but seed requests that were let in here: the switch hears of those that become peers or are refused."""
        return tuple(facts for facts in self._running.values() if not self.is_seed_request(facts))

    def is_seed_request(self, facts: ConnectionFacts) -> bool:
        """Whether a connection is there for addresses only, as far as anybody knows."""
        return self._admits_seed_requests and not facts.is_outbound and facts.peer is None

    def _tell_load(self) -> None:
        self._load.set(len(self), self._inbound)
