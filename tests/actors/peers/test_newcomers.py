"""actors/peers/newcomers.py: accepted connections before they are peers, over sockets and without actors."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.messages import Admission, ConnectionEnded, ConnectionFacts
from peerage.actors.names import NodeNames
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.newcomers import Arrival, Newcomer, NewcomerEvents, Newcomers
from peerage.actors.peers.phases import Phase
from peerage.actors.peers.register import Place, Register, Rules
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.testing import loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.peers.budgets import plenty
from tests.actors.peers.fake_loop import FakeLoop, tcp_pair
from tests.actors.peers.metrics_off import MetricsOff

ANNA, BERT = NodeKey.generate(), NodeKey.generate()
CHANNEL = 0x50
STRANGER = Admission(is_persistent=False, is_unconditional=False)


def info_of(key: NodeKey) -> NodeInfo:
    return NodeInfo(
        id=key.node_id,
        listen_addr="tcp://127.0.0.1:1",
        network="test",
        moniker="m",
        channels=bytes([CHANNEL]),
    )


class Stage:
    """One host's newcomers: c-1, c-2 and so on. `verdict` is what is judged of each ID; whoever arrives or ends is kept."""

    def __init__(self, home: Path) -> None:
        self.loop = FakeLoop()
        context = NodeContext(
            NodeNames("n/", ("ECHO",), 1),
            loopback_config(home),
            ANNA.public_key,
            info_of(ANNA),
            (ChannelDescriptor(id=CHANNEL),),
            {CHANNEL: "ECHO"},
        ).with_key(ANNA)
        self.timeout = context.config.p2p.handshake_timeout
        self.verdict: Admission | Refusal | None = STRANGER
        self.judged: list[NodeID] = []
        self.arrived: list[tuple[ConnectionFacts, Arrival]] = []
        self.ended: list[ConnectionEnded] = []
        self.banned: set[str] = set()
        self.identified: list[str] = []
        events = NewcomerEvents(
            lambda facts: self.identified.append(facts.connection),
            self._judge,
            lambda facts, arrival: self.arrived.append((facts, arrival)),
            self.ended.append,
        )
        shared = HostShared.of(context, MetricsOff(), self.loop, plenty(self.loop))  # type: ignore[arg-type]  # off
        self.newcomers = Newcomers(self.loop, context, shared, self._refusal_of, events)
        self._fd = Register.create(1)
        self.register = Register(self._fd, 0, 1, Rules(peers=9, ip_limits=IPLimits(per_ip=None)))
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.newcomers.drop()
        self.register.close()
        os.close(self._fd)
        self._stack.close()

    def _judge(self, newcomer: Newcomer, peer_id: NodeID) -> Admission | Refusal | None:
        assert newcomer.place.number >= 0
        self.judged.append(peer_id)
        return self.verdict

    def _refusal_of(self, _place: Place, peer_id: NodeID) -> Refusal | None:
        return Refusal(RefusalReason.BANNED, "by the test") if peer_id in self.banned else None

    def connect(self) -> socket.socket:
        """A remote that has said nothing yet."""
        theirs, ours = self._stack.enter_context(tcp_pair())
        ip, port = ours.getpeername()
        place = self.register.enter(ip, port)
        assert isinstance(place, Place)
        self._count += 1
        facts = ConnectionFacts(f"c-{self._count}", "n/peers-0", ip, port, is_outbound=False)
        self.newcomers.receive(facts, ours, place)
        return theirs

    def shake_hands(self, sock: socket.socket) -> Handshake:
        """The remote's half, until it has what it wants or is hung up on."""
        handshake = Handshake(BERT, info_of(BERT))
        for _ in range(100):
            data = handshake.data_to_send()
            if data:
                sock.sendall(data)
            self.loop.settle()
            try:
                data = sock.recv(65536)
            except BlockingIOError:
                continue
            if not data or handshake.receive_data(data):
                break
        self.loop.settle()
        return handshake

    @property
    def reasons(self) -> list[Any]:
        return [each.refusal and each.refusal.reason for each in self.ended]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as made:
        yield made


def test_a_remote_that_proves_its_name_arrives(stage: Stage) -> None:
    """With all that was made for it; nobody reads its socket until its actor does, and it is no newcomer any more."""
    stage.shake_hands(stage.connect())
    ((facts, arrival),) = stage.arrived
    assert (facts.connection, stage.identified, stage.judged) == ("c-1", [], [BERT.node_id])
    assert (arrival.admission, arrival.phases.phase) == (STRANGER, Phase.ADMISSION)
    assert arrival.handshake.remote == (BERT.node_id, info_of(BERT))
    assert not arrival.stream.is_reading
    assert (len(stage.newcomers), stage.ended, stage.register.inbound()) == (0, [], 1)
    assert 0.0 < arrival.patience <= stage.timeout
    arrival.stream.close()


def test_one_that_the_host_cannot_judge_arrives_without_an_admission(stage: Stage) -> None:
    """Its actor asks the switch, in the time that is left."""
    stage.verdict = None
    sock = stage.connect()
    stage.loop.time += 1.0
    stage.shake_hands(sock)
    ((_facts, arrival),) = stage.arrived
    assert arrival.admission is None
    assert arrival.patience == pytest.approx(stage.timeout - 1.0)
    arrival.stream.close()


def test_one_that_is_refused_gives_its_place_back(stage: Stage) -> None:
    stage.verdict = Refusal(RefusalReason.INBOUND_LIMIT, "by the test")
    stage.shake_hands(stage.connect())
    assert (stage.arrived, stage.reasons) == ([], [RefusalReason.INBOUND_LIMIT])
    assert (len(stage.newcomers), stage.register.inbound()) == (0, 0)


def test_one_that_has_lost_its_place_is_sent_away(stage: Stage) -> None:
    """By its name; nobody else."""
    sock = stage.connect()
    refusal = Refusal(RefusalReason.HANDSHAKE_LIMIT, "by the test")
    assert not stage.newcomers.refuse("another", refusal)
    assert stage.newcomers.refuse("c-1", refusal)
    assert (stage.reasons, len(stage.newcomers)) == ([RefusalReason.HANDSHAKE_LIMIT], 0)
    assert sock.recv(65536) != b""  # our key
    assert sock.recv(65536) == b""
    assert stage.identified == []


def test_a_banned_one_hears_nothing_of_us_but_our_key(stage: Stage) -> None:
    stage.banned.add(BERT.node_id)
    handshake = stage.shake_hands(stage.connect())
    assert (stage.judged, stage.reasons) == ([], [RefusalReason.BANNED])
    assert handshake.theirs is None


def test_the_handshake_has_its_time(stage: Stage) -> None:
    """A silent remote is sent away when it is over, and its socket closed."""
    sock = stage.connect()
    stage.loop.advance(stage.timeout)
    assert stage.reasons == [RefusalReason.AUTH_FAILURE]
    assert sock.recv(65536) != b""  # our key
    assert sock.recv(65536) == b""
    assert stage.register.inbound() == 0


def test_one_that_hangs_up_is_told_of_once(stage: Stage) -> None:
    sock = stage.connect()
    stage.loop.settle()
    sock.close()
    stage.loop.settle()
    stage.loop.advance(60.0)
    assert stage.reasons == [RefusalReason.AUTH_FAILURE]


def test_a_fault_of_ours_ends_one_connection(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of its host, and the host, go on."""
    other = stage.connect()
    with monkeypatch.context() as patched:
        patched.setattr(Handshake, "receive_data", lambda *_: 1 / 0)
        sock = stage.connect()
        sock.sendall(b"x")
        stage.loop.settle()
    ended = stage.ended.pop()
    assert ended.refusal is not None
    assert ended.refusal.reason is RefusalReason.STOPPING
    assert "ZeroDivisionError" in ended.refusal.detail
    assert len(stage.newcomers) == 1
    stage.shake_hands(other)
    ((_facts, arrival),) = stage.arrived
    arrival.stream.close()


def test_a_node_that_stops_sends_them_away(stage: Stage) -> None:
    stage.connect()
    stage.newcomers.stop()
    assert (stage.reasons, len(stage.newcomers)) == ([RefusalReason.STOPPING], 0)


def test_a_host_that_fails_closes_them_without_a_word(stage: Stage) -> None:
    """Whoever hears of the host's end takes them for lost."""
    sock = stage.connect()
    stage.newcomers.drop()
    assert (stage.ended, len(stage.newcomers), stage.register.inbound()) == ([], 0, 0)
    while sock.recv(65536):
        pass
