"""actors/peers/connection_list.py: what one host holds, and what the other hosts see of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from peerage.actors.messages import Admission, ConnectionFacts, PeerInfo
from peerage.actors.peers.connection_list import ConnectionList
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.runtime import ActorRef
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.peers.fake_loop import tcp_pair

KEY = NodeKey.generate()
INFO = NodeInfo(id=KEY.node_id, listen_addr="tcp://192.0.2.1:26656", network="test", moniker="m")
REF, OTHER_REF = ActorRef.to("peer one"), ActorRef.to("peer two")
INBOUND = ConnectionFacts("in", "host", "192.0.2.1", 4000, is_outbound=False)
OUTBOUND = ConnectionFacts("out", "host", "192.0.2.2", 26656, is_outbound=True, dialled_id=KEY.node_id)


def peer_of(facts: ConnectionFacts, ref: ActorRef = REF) -> PeerInfo:
    admission = Admission(is_persistent=False, is_unconditional=False)
    return PeerInfo.of(facts, KEY.node_id, INFO, ref, admission)


class Host:
    """The list of host 0 of two, and what host 1 sees of it."""

    def __init__(self, fd: int) -> None:
        self._load = LoadTable(fd, 0, 2)
        self._other = LoadTable(fd, 1, 2)
        self.connections = self.list_of(admits_seed_requests=False)

    def list_of(self, *, admits_seed_requests: bool) -> ConnectionList:
        return ConnectionList(self._load, admits_seed_requests=admits_seed_requests)

    def seen(self) -> tuple[int, int]:
        """Connections, and inbound ones among them; host 1 has none."""
        return -self._other.excess() or self._load.excess(), self._other.inbound()


@pytest.fixture
def host() -> Iterator[Host]:
    fd = LoadTable.create(2)
    yield Host(fd)
    os.close(fd)


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with tcp_pair() as (one, _two):
        yield one


def test_a_connection_counts_from_the_moment_it_is_accepted(host: Host, sock: socket.socket) -> None:
    """While it is undecided, while it has an actor, and no longer."""
    connections = host.connections
    connections.accepted(INBOUND, sock)
    assert (len(connections), connections.undecided, host.seen()) == (1, 1, (1, 1))
    assert connections.decided("in") is sock
    connections.running(REF, INBOUND)
    assert (len(connections), connections.undecided, host.seen()) == (1, 0, (1, 1))
    connections.ended(REF)
    assert (len(connections), host.seen()) == (0, (0, 0))


def test_a_connection_that_is_turned_away_is_closed_and_counts_no_more(
    host: Host, sock: socket.socket
) -> None:
    host.connections.accepted(INBOUND, sock)
    taken = host.connections.decided("in")
    assert taken is not None
    host.connections.turn_away(taken)
    assert host.seen() == (0, 0)
    assert sock.fileno() == -1


def test_a_dialled_connection_is_not_inbound(host: Host) -> None:
    host.connections.running(REF, OUTBOUND)
    assert host.seen() == (1, 0)
    host.connections.ended(REF)
    assert host.seen() == (0, 0)


def test_the_end_of_an_unknown_actor_changes_nothing(host: Host) -> None:
    host.connections.running(REF, OUTBOUND)
    assert host.connections.ended(OTHER_REF) is None
    assert host.seen() == (1, 0)


def test_what_is_undecided_can_be_turned_away_at_once(host: Host, sock: socket.socket) -> None:
    """An answer that comes later finds nothing."""
    host.connections.accepted(INBOUND, sock)
    host.connections.turn_away_undecided()
    assert (host.seen(), sock.fileno()) == ((0, 0), -1)
    assert host.connections.decided("in") is None


def test_peers_are_those_whose_actors_said_so(host: Host) -> None:
    """What only the transport knew of the connection stays known."""
    connections = host.connections
    connections.running(REF, OUTBOUND)
    assert connections.peers() == []
    info = peer_of(OUTBOUND)
    connections.became_peer(info)
    assert connections.peers() == [REF]
    (facts,) = connections.known_to_switch()
    assert (facts.peer, facts.remote_port, facts.dialled_id) == (info, 26656, KEY.node_id)
    assert (list(connections), connections.has_actors) == ([REF], True)


def test_the_switch_is_told_of_every_connection_but_seed_requests(host: Host) -> None:
    """It has never heard of those that the hosts let in, until they become peers."""
    assert not host.connections.is_seed_request(INBOUND)
    at_seed = host.list_of(admits_seed_requests=True)
    at_seed.running(REF, INBOUND)
    at_seed.running(OTHER_REF, OUTBOUND)
    assert at_seed.known_to_switch() == (OUTBOUND,)
    at_seed.became_peer(peer_of(INBOUND))
    assert [facts.connection for facts in at_seed.known_to_switch()] == ["in", "out"]
