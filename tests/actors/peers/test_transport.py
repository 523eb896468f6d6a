"""actors/peers/transport.py: one peer host's connections, in a thread, with the switch of the test."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest

from peerage.actors.asked_table import AskedTable
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.messages import (
    Admission,
    AdmitConnection,
    AdmitPeer,
    AskForAddresses,
    CallersAnswered,
    ConnectionEnded,
    Credits,
    Dial,
    EvictPeers,
    GetPeerFigures,
    GetPeerStatuses,
    KeepNotes,
    ListConnections,
    PeerRow,
    PeerStarted,
    RemovePeer,
    StandingAnswer,
    StopAccepting,
    SwitchNotes,
)
from peerage.actors.messages.steering import ApplyConfig
from peerage.actors.names import NodeNames
from peerage.actors.peers.bandwidth_table import BandwidthTable
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.handshake_places import HandshakeLimits
from peerage.actors.peers.link import Link
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.memory_table import MemoryTable
from peerage.actors.peers.register import Register
from peerage.actors.peers.register_memory import RegisterMemory
from peerage.actors.peers.seed_visit import REQUEST
from peerage.actors.peers.transport import TransportActor
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import THREAD, ActorRef, Frames
from peerage.actors.transfer import BROADCAST_WINDOW, broadcast
from peerage.testing import Probe, loopback_config, wait_until
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import PacketKindError
from peerage.wire.keys import NodeKey
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import packets_of
from peerage.wire.pex import PEX_CHANNEL
from peerage.wire.secret_connection import SecretConnection

CHANNEL, KEY, OTHER = 0x50, NodeKey.generate(), NodeKey.generate()
INFO = NodeInfo(
    id=KEY.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m", channels=bytes([CHANNEL])
)
REFUSAL = Refusal(RefusalReason.INBOUND_LIMIT, "as the test says")
PATIENCE_S = 30.0
_serials = count(1)


class Stage:
    """The transport of host 0, and everyone it speaks to. `verdict` is what the switch says to each accepted connection."""

    def __init__(self, home: Path, hosts: int = 1, *, is_seed: bool = False, **settings: Any) -> None:
        self.names = NodeNames(f"transport-test-{next(_serials)}/", ("ECHO",), hosts)
        self.verdict: Refusal | None = None
        self.admission: Admission | Refusal = Admission(is_persistent=True, is_unconditional=False)
        self.switch = Probe(self.names.of("switch"), self._judge)
        self.reactor = Probe(self.names.of("reactor-ECHO"), lambda _message: self.answer)
        self.answer: StandingAnswer | None = None
        self._is_seed = is_seed
        self.book = Probe(
            self.names.of("addrbook"), lambda message: () if message == BookCall(BanList.published) else None
        )
        self.context = NodeContext(
            self.names,
            loopback_config(home, **settings),
            KEY.public_key,
            INFO,
            (ChannelDescriptor(id=CHANNEL),),
            {PEX_CHANNEL if is_seed else CHANNEL: "ECHO"},
        ).with_key(KEY)
        self._stack = ExitStack()
        self.ref: ActorRef[Any]

    def __enter__(self) -> Self:
        for probe in (self.switch, self.reactor, self.book):
            self._stack.enter_context(probe)
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._address = listener.getsockname()
        hosts = self.names.peer_hosts
        load, register = LoadTable.create(hosts), Register.create(hosts)
        memory, bandwidth = MemoryTable.create(hosts, 1 << 30, 0), BandwidthTable.create(hosts, 0.0, 0.0)
        shared = {"load": load, "register": register, "memory": memory, "bandwidth": bandwidth}
        if self._is_seed:
            shared["asked"] = AskedTable.create()
            self._stack.callback(os.close, shared["asked"])
        starter = TransportActor.options(
            name=self.names.of("peers-0"),
            place=THREAD,
            extra=self.context,
            fds={"listen-0": listener.fileno(), **shared},
        )
        self.ref = starter.start(0)
        os.close(load)
        os.close(memory)
        self.register = register
        self._stack.callback(os.close, register)
        self._stack.callback(os.close, bandwidth)
        return self

    def __exit__(self, *_: object) -> None:
        self.ref.stop(timeout=PATIENCE_S)
        self._stack.close()

    def _judge(self, message: Any) -> Any:
        if isinstance(message, AdmitPeer):
            return self.admission
        return self.verdict if isinstance(message, AdmitConnection) else None

    def inform(self) -> None:
        """Book and switch have said what they know."""
        self.ref.tell(KeepNotes(SwitchNotes()))
        wait_until(lambda: self.ref.ask(ListConnections()).was_told, PATIENCE_S)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A remote that says nothing."""
        connecting = socket.create_connection(self._address, PATIENCE_S, source_address=(source, 0))
        return self._stack.enter_context(connecting)

    def shake_hands(self, key: NodeKey = OTHER, source: str = "127.0.0.1") -> socket.socket:
        """A remote that is to become a peer."""
        return self.shaken(key, source)[0]

    def shaken(self, key: NodeKey, source: str = "127.0.0.1") -> tuple[socket.socket, SecretConnection]:
        """A remote, and what it speaks through."""
        sock, info = self.connect(source), replace(INFO, id=key.node_id)
        handshake = Handshake(key, info)
        done = False
        while not done:
            sock.sendall(handshake.data_to_send())
            done = handshake.receive_data(sock.recv(65536))
        sock.sendall(handshake.data_to_send())
        return sock, handshake.secret

    def ask_for_addresses(self, key: NodeKey) -> bytes:
        """Call this seed. Returns: all that it says."""
        sock, secret = self.shaken(key)
        sock.sendall(secret.seal(REQUEST))
        said = b""
        while data := sock.recv(65536):
            said += secret.receive_data(data)
        return said


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as made:
        yield made


@pytest.fixture
def informed(stage: Stage) -> Stage:
    """A host that can judge without the switch."""
    stage.inform()
    return stage


# --- while the switch has to be asked ------------------------------------------------------------------------------------


def test_a_connection_that_the_switch_refuses_is_closed(stage: Stage) -> None:
    """Without a byte said on it. (This host has heard neither of bans nor of notes yet.)"""
    stage.verdict = REFUSAL
    remote = stage.connect()
    stage.switch.fish(AdmitConnection)
    assert remote.recv(10) == b""
    assert stage.ref.ask(ListConnections()).connections == ()


def test_a_connection_that_the_switch_lets_in_shakes_hands(stage: Stage) -> None:
    """The switch hears how that ends."""
    remote = stage.connect()
    stage.switch.fish(AdmitConnection)
    assert remote.recv(10) != b""
    remote.close()
    assert stage.switch.fish(ConnectionEnded).refusal.reason is RefusalReason.AUTH_FAILURE


def test_a_peer_is_admitted_by_the_switch_before_the_host_is_informed(stage: Stage) -> None:
    """As the switch says."""
    stage.shake_hands()
    assert stage.switch.fish(AdmitPeer).id == OTHER.node_id
    assert stage.switch.fish(PeerStarted).info.is_persistent


# --- at a seed -----------------------------------------------------------------------------------------------------------


def test_a_seed_s_host_gives_callers_what_its_reactor_has_said_others_may_have(tmp_path: Path) -> None:
    """The first caller's question brings it; of the second the reactor hears afterwards."""
    now, message, (first, second) = (
        time.monotonic(),
        b"addresses" * 100,
        (NodeKey.generate() for _ in range(2)),
    )
    with Stage(tmp_path, is_seed=True, p2p={"seed_mode": True}) as seed:
        seed.inform()
        seed.answer = StandingAnswer(message, now + PATIENCE_S, now + PATIENCE_S, frozenset())
        packets = packets_of(PEX_CHANNEL, message)
        assert [seed.ask_for_addresses(first), seed.ask_for_addresses(second)] == [packets, packets]
        assert seed.reactor.expect(AskForAddresses).id == first.node_id
        told = seed.reactor.expect(CallersAnswered)
        assert told == CallersAnswered(((second.node_id, INFO.listen_addr, "127.0.0.1"),), len(message))


# --- when it does not ----------------------------------------------------------------------------------------------------


def test_a_stranger_becomes_a_peer_without_a_question(informed: Stage) -> None:
    """Its reactors hear of it and of its end; so does the switch, and nobody else is asked or told twice."""
    remote = informed.shake_hands()
    info = informed.reactor.expect(PeerStarted).info
    assert (info.id, info.is_persistent, info.host) == (OTHER.node_id, False, informed.names.of("peers-0"))
    assert informed.switch.expect(PeerStarted).info.connection == info.connection
    (facts,) = informed.ref.ask(ListConnections()).connections
    assert facts.peer is not None
    assert facts.peer.ref == info.ref
    remote.close()
    assert informed.reactor.expect(RemovePeer).connection == info.connection
    assert informed.switch.expect(ConnectionEnded).peer_id == OTHER.node_id
    assert informed.ref.ask(ListConnections()).connections == ()


def test_a_silent_newcomer_is_no_connection_that_the_switch_knows(tmp_path: Path) -> None:
    """It takes a place among the handshakes, of which its prefix has so many; the switch hears of one too many."""
    with Stage(tmp_path, peerage={"handshake_places": 64, "peer_hosts": 1}) as stage:
        stage.inform()
        limits = HandshakeLimits.of_host(64, 1, 1000)
        remotes = [stage.connect() for _ in range(limits.narrow)]
        assert all(remote.recv(10) for remote in remotes)
        stage.connect()
        ended = stage.switch.expect(ConnectionEnded)
        assert ended.refusal.reason is RefusalReason.HANDSHAKE_LIMIT
        assert stage.ref.ask(ListConnections()).connections == ()
        remotes[0].close()
        assert stage.switch.expect(ConnectionEnded).refusal.reason is RefusalReason.AUTH_FAILURE
        stage.shake_hands()
        assert stage.switch.expect(PeerStarted).info.id == OTHER.node_id


def test_a_newcomer_takes_the_place_of_another_peer_when_all_are_taken(tmp_path: Path) -> None:
    """Of one that was never of use, when it comes from another network. Reactors and switch hear of both."""
    with Stage(tmp_path, p2p={"max_num_inbound_peers": 1}, peerage={"peer_hosts": 1}) as stage:
        stage.inform()
        first = stage.shake_hands(source="127.1.0.1")
        assert stage.switch.expect(PeerStarted).info.id == OTHER.node_id
        newcomer = NodeKey.generate()
        stage.shake_hands(newcomer, source="127.2.0.1")
        news = {type(message): message for message in (stage.switch.expect() for _ in range(2))}
        started, ended = news[PeerStarted], news[ConnectionEnded]
        assert started.info.id == newcomer.node_id
        assert (ended.peer_id, ended.is_error) == (OTHER.node_id, False)
        assert "evicted" in ended.reason
        assert first.recv(1 << 16) is not None
        (facts,) = stage.ref.ask(ListConnections()).connections
        assert facts.peer.id == newcomer.node_id


@pytest.mark.parametrize("news", [EvictPeers(0), ListConnections()], ids=lambda news: type(news).__name__)
def test_a_peer_whose_place_another_host_has_given_away_is_ended(tmp_path: Path, news: object) -> None:
    """When the switch passes the news on, or when its successor asks who is connected: the news may have died with it."""
    with Stage(tmp_path, hosts=2, peerage={"peer_hosts": 2}) as stage:
        stage.inform()
        stage.shake_hands()
        stage.switch.expect(PeerStarted)
        RegisterMemory(stage.register, 1, 2).give_away(0, 0)
        stage.ref.tell(news)
        ended = stage.switch.expect(ConnectionEnded)
        assert (ended.peer_id, ended.is_error) == (OTHER.node_id, False)
        assert ended.reason.startswith("evicted")


def test_the_second_connection_to_an_id_is_the_switchs_affair(informed: Stage) -> None:
    """It says who stays; the first one is still there, and the second waits for its end unless it may stand beside it."""
    informed.shake_hands()
    first = informed.switch.expect(PeerStarted).info
    informed.admission = REFUSAL
    refused = informed.shake_hands()
    assert informed.switch.expect(AdmitPeer).id == OTHER.node_id
    assert informed.switch.expect(ConnectionEnded).refusal == REFUSAL
    assert refused.recv(10) is not None
    informed.admission = Admission(False, False, beside=(first.connection,))
    informed.shake_hands()
    informed.switch.expect(AdmitPeer)
    second = informed.switch.expect(PeerStarted).info
    assert second.connection != first.connection


def test_a_switch_that_has_not_heard_of_the_first_one_is_asked_again(informed: Stage) -> None:
    """Its own admission is not enough: an ID stands once."""
    informed.shake_hands()
    first = informed.switch.expect(PeerStarted).info
    informed.shake_hands()
    for _ in range(2):
        informed.switch.expect(AdmitPeer)
    informed.admission = Admission(False, False, beside=(first.connection,))
    informed.switch.fish(PeerStarted)


def test_ids_that_the_operator_has_named_are_the_switchs_affair(informed: Stage) -> None:
    """It knows what they may."""
    informed.ref.tell(KeepNotes(SwitchNotes(1, unconditional=frozenset({OTHER.node_id}))))
    informed.ref.ask(ListConnections())
    informed.shake_hands()
    assert informed.switch.expect(AdmitPeer).id == OTHER.node_id
    assert informed.switch.expect(PeerStarted).info.is_persistent


def test_a_dial_becomes_a_connection_that_the_next_switch_is_told_of(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stage.ref.tell(Dial("c-1", NetAddress(OTHER.node_id, *silent.getsockname())))
        (facts,) = stage.ref.ask(ListConnections()).connections
        assert (facts.connection, facts.is_outbound, facts.dialled_id) == ("c-1", True, OTHER.node_id)
        assert stage.ref.ask(GetPeerStatuses()) == ()  # it is no peer yet


def test_a_dial_that_ends_as_it_begins_is_no_connection(tmp_path: Path) -> None:
    """The next switch would take it for one, and never dial that peer again."""
    with Stage(tmp_path, p2p={"test_dial_fail": True}) as stage:
        stage.ref.tell(Dial("c-1", NetAddress(OTHER.node_id, "127.0.0.1", 1)))
        ended = stage.switch.fish(ConnectionEnded)
        assert ended.refusal == Refusal(RefusalReason.UNREACHABLE, "test_dial_fail is set")
        assert stage.ref.ask(ListConnections()).connections == ()


def test_a_newcomer_that_ends_as_it_becomes_a_peer_is_no_connection(informed: Stage) -> None:
    """It breaks a rule in the same frame as its NodeInfo. What is left of such a one would be left for good."""
    sock, handshake = informed.connect(), SecretConnection(OTHER)
    while not handshake.is_open:
        sock.sendall(handshake.data_to_send())
        handshake.receive_data(sock.recv(65536))
    info = replace(INFO, id=OTHER.node_id)
    sock.sendall(handshake.data_to_send() + handshake.seal(info.encode_delimited() + b"\x00"))
    ended = informed.switch.fish(ConnectionEnded)
    assert ended.reason == str(PacketKindError())
    assert informed.ref.ask(ListConnections()).connections == ()


def test_the_newest_notes_of_a_switch_are_kept_for_the_next_one(stage: Stage) -> None:
    newest = SwitchNotes(revision=2, persistent=("address",))
    stage.ref.tell(KeepNotes(newest))
    stage.ref.tell(KeepNotes(replace(newest, revision=1)))
    assert stage.ref.ask(ListConnections()).notes == newest


def test_a_broadcast_is_paid_with_credits_though_nobody_is_connected(stage: Stage) -> None:
    """Its reactor may go on: nobody is slow."""
    size = BROADCAST_WINDOW // 4
    stage.ref.tell(broadcast((CHANNEL,) * size, [b"one"] * size, {CHANNEL: size}))
    credits_ = stage.reactor.fish(Credits)
    assert credits_.totals == {CHANNEL: size + BROADCAST_WINDOW}


def test_frames_and_messages_of_strangers_mean_nothing(stage: Stage) -> None:
    stage.ref.tell(Frames(("other", 1), [b"one"]))
    stage.ref.tell("hello")
    assert stage.ref.ask(ListConnections()).connections == ()


def test_once_it_stops_it_accepts_and_dials_no_more(stage: Stage) -> None:
    """The switch is told of the dial that comes too late."""
    remote = stage.connect()
    stage.switch.fish(AdmitConnection)
    stage.ref.ask(StopAccepting(0.0), timeout=PATIENCE_S)
    remote.settimeout(PATIENCE_S)
    while remote.recv(1 << 16):
        pass
    stage.ref.tell(Dial("late", NetAddress(OTHER.node_id, "127.0.0.1", 1)))
    ended = stage.switch.fish(
        lambda message: isinstance(message, ConnectionEnded) and message.facts.is_outbound
    )
    assert (ended.facts.connection, ended.reason) == ("late", "stopping")


def test_other_rates_count_for_those_who_are_here_and_for_those_who_come(
    informed: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timeouts alone leave them as they are."""
    limits: list[tuple[float, float]] = []
    monkeypatch.setattr(Link, "limit_rates", lambda _link, *rates: limits.append(rates))
    informed.shake_hands()
    informed.switch.expect(PeerStarted)
    config = informed.context.config
    informed.ref.ask(ApplyConfig(config.replace(p2p={"dial_timeout": 9.0})))
    assert limits == []
    informed.ref.ask(ApplyConfig(config.replace(p2p={"send_rate": 5, "recv_rate": 7})))
    assert limits == [(5, 7)]
    informed.shake_hands(NodeKey.generate())
    informed.switch.expect(PeerStarted)
    informed.ref.ask(GetPeerFigures())
    assert limits == [(5, 7), (5, 7)]


def test_whoever_watches_is_told_of_all_peers_in_one_message(informed: Stage) -> None:
    """With their figures."""
    informed.shake_hands()
    info = informed.switch.expect(PeerStarted).info
    informed.shake_hands(another := NodeKey.generate())
    informed.switch.expect(PeerStarted)
    figures = informed.ref.ask(GetPeerFigures())
    rows = {row.id: row for row in (PeerRow(*row) for row in figures.rows)}
    assert set(rows) == {OTHER.node_id, another.node_id}
    row = rows[info.id]
    assert (row.address, row.moniker, row.queued, row.round_trip) == (info.socket_address, "m", 0, None)
    assert figures.refusals == ()
