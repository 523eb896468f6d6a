"""actors/peers/connection_list.py: what one host holds, and what the other hosts see of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.messages import Admission, ConnectionFacts, PeerInfo
from peerage.actors.peers.connection_list import ConnectionList
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.register import Place, Register, Rules
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

    def __init__(self, load: int, register: int) -> None:
        self._load, self._other = LoadTable(load, 0, 2), LoadTable(load, 1, 2)
        self._register = Register(register, 0, 2, Rules(peers=10, ip_limits=IPLimits(per_ip=None)))
        self.connections = ConnectionList(self._load)

    def enter(self) -> Place:
        place = self._register.enter(INBOUND.remote_ip, INBOUND.remote_port)
        assert isinstance(place, Place)
        return place

    def seen(self) -> tuple[int, int]:
        """Connections, and places of inbound ones; host 1 has none."""
        return -self._other.excess() or self._load.excess(), self._register.inbound()


@pytest.fixture
def host() -> Iterator[Host]:
    fds = LoadTable.create(2), Register.create(2)
    yield Host(*fds)
    for fd in fds:
        os.close(fd)


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with tcp_pair() as (one, _two):
        yield one


def test_a_connection_counts_from_the_moment_it_is_accepted(host: Host, sock: socket.socket) -> None:
    """While it is undecided, while it has an actor, and no longer."""
    connections, place = host.connections, host.enter()
    connections.accepted(INBOUND, sock, place)
    assert (len(connections), connections.undecided, host.seen()) == (1, 1, (1, 1))
    assert connections.decided("in") == (INBOUND, sock, place)
    connections.running(REF, INBOUND, place)
    assert (len(connections), connections.undecided, host.seen()) == (1, 0, (1, 1))
    assert connections.ended(REF) == INBOUND
    assert (len(connections), host.seen()) == (0, (0, 0))


def test_newcomers_count_too(host: Host) -> None:
    """Others may be quicker to take the next connection."""
    host.connections.newcomers = ["one", "two"]
    host.connections.tell_load()
    assert (len(host.connections), host.seen()) == (2, (2, 0))


def test_the_end_of_an_unknown_actor_changes_nothing(host: Host) -> None:
    host.connections.running(REF, OUTBOUND, None)
    assert host.connections.ended(OTHER_REF) is None
    assert host.seen() == (1, 0)


def test_what_is_undecided_can_be_turned_away_at_once(host: Host, sock: socket.socket) -> None:
    """An answer that comes later finds nothing."""
    host.connections.accepted(INBOUND, sock, host.enter())
    host.connections.turn_away_undecided()
    assert (host.seen(), sock.fileno()) == ((0, 0), -1)
    assert host.connections.decided("in") is None


def test_peers_are_those_whose_actors_said_so(host: Host) -> None:
    """What only the transport knew of the connection stays known."""
    connections = host.connections
    connections.running(REF, OUTBOUND, None)
    assert connections.peers() == []
    info = peer_of(OUTBOUND)
    connections.became_peer(info)
    assert connections.peers() == [REF]
    (facts,) = connections.facts()
    assert (facts.peer, facts.remote_port, facts.dialled_id) == (info, 26656, KEY.node_id)
    assert (list(connections), connections.has_actors) == ([REF], True)


def test_an_actor_may_be_a_peer_before_its_start_is_over(host: Host) -> None:
    """Its place is known all the same, and given back at its end."""
    info, place = peer_of(INBOUND), host.enter()
    host.connections.became_peer(info)
    host.connections.running(REF, INBOUND, place)
    assert [facts.peer for facts in host.connections.facts()] == [info]
    host.connections.ended(REF)
    assert host.seen() == (0, 0)


def test_an_actor_that_ends_before_its_start_returns_is_not_listed(host: Host) -> None:
    """Not even if it has been a peer for a moment; its place is free, and the next one is listed."""
    host.connections.starting()
    host.connections.became_peer(peer_of(INBOUND))
    host.connections.ended(REF)
    host.connections.running(REF, INBOUND, host.enter())
    assert host.connections.facts() == ()
    assert host.seen() == (0, 0)
    host.connections.starting()
    host.connections.running(REF, INBOUND, host.enter())
    assert host.connections.facts() == (INBOUND,)
