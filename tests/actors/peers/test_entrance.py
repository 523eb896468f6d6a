"""actors/peers/entrance.py: from the accepted connection to its actor, over sockets and with a loop that stands still."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.bans import Ban, BanList
from peerage.actors.memory_pressure import MemoryPressure, RoomForStrangers
from peerage.actors.messages import AdmitConnection, ConnectionEnded, ConnectionFacts, StopPeer, SwitchNotes
from peerage.actors.names import NodeNames
from peerage.actors.peers import entrance as module
from peerage.actors.peers.connection_list import ConnectionList
from peerage.actors.peers.entrance import Entrance, EntranceEvents
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.handshake_places import GRACE_S, HandshakeLimits
from peerage.actors.peers.host_gate import HostGate
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.newcomers import Arrival
from peerage.actors.peers.register import Place, Register
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.testing import loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.peers.budgets import plenty
from tests.actors.peers.fake_loop import FakeLoop
from tests.actors.peers.metrics_off import MetricsOff

ANNA, BERT, CHANNEL = NodeKey.generate(), NodeKey.generate(), 0x50
LIMITS = HandshakeLimits(total=3, narrow=2, wide=2)
REFUSAL = Refusal(RefusalReason.FILTERED, "by the test")


def info_of(key: NodeKey) -> NodeInfo:
    return NodeInfo(
        id=key.node_id,
        listen_addr="tcp://127.0.0.1:1",
        network="test",
        moniker="m",
        channels=bytes([CHANNEL]),
    )


class Actor:
    """As the ref of one."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, message: Any, **_: object) -> None:
        self.told.append(message)


class Questions:
    """Instead of `Question`: those that were put to the switch, to be answered by the test."""

    def __init__(self) -> None:
        self.open: list[tuple[AdmitConnection, Callable[[Any], object]]] = []

    def __call__(self, _loop: object, _ref: object, message: Any, on_answer: Callable[[Any], object]) -> None:
        self.open.append((message, on_answer))

    def answer(self, verdict: Refusal | None) -> None:
        self.open.pop(0)[1](verdict)


class Stage:
    """One host with a few places. Who has an actor, or has ended, is kept."""

    def __init__(
        self, home: Path, questions: Questions, *, own_processes: bool = False, balancers: str = ""
    ) -> None:
        self.loop, self.questions = FakeLoop(), questions
        self._stack = ExitStack()
        self._listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.context = context = NodeContext(
            NodeNames("n/", ("ECHO",), 1),
            loopback_config(
                home, peerage={"peer_hosts": 0 if own_processes else 1, "proxy_protocol_from": balancers}
            ),
            ANNA.public_key,
            info_of(ANNA),
            (ChannelDescriptor(id=CHANNEL),),
            {CHANNEL: "ECHO"},
        ).with_key(ANNA)
        self._fds = [LoadTable.create(1), Register.create(1)]
        load = LoadTable(self._fds[0], 0, 1)
        self.gate = HostGate(context, self._fds[1], 0)
        self.connections = ConnectionList(load)
        shared = HostShared.of(context, MetricsOff(), self.loop, plenty(self.loop))  # type: ignore[arg-type]  # off
        self.news: list[ConnectionEnded] = []
        shared.news.tell = self.news.append  # type: ignore[method-assign,assignment]
        self.accepted: list[tuple[ConnectionFacts, Place, socket.socket]] = []
        self.arrived: list[tuple[ConnectionFacts, Arrival]] = []
        self.ended = 0
        self.entrance = Entrance(
            self.loop,
            "n/peers-0",
            "peers-0",
            context,
            shared,
            self.gate,
            self.connections,
            (self._listener.dup(),),
            load,
            RoomForStrangers(MemoryPressure(use=lambda: None)),
            EntranceEvents(
                lambda *accepted: self.accepted.append(accepted),
                lambda *arrived: self.arrived.append(arrived),
                self._count_end,
            ),
            own_processes=own_processes,
        )
        self.entrance.acceptor.start()

    def _count_end(self) -> None:
        self.ended += 1

    def inform(self) -> None:
        """The host may decide by itself."""
        self.gate.learn_bans(())
        self.gate.keep(SwitchNotes())

    def connect(self, source: str, said: bytes = b"") -> socket.socket:
        """A remote with this address, accepted by now. Args: said, what it says at once."""
        remote = socket.create_connection(self._listener.getsockname(), 10.0, source_address=(source, 0))
        self._stack.callback(remote.close)
        remote.sendall(said)
        self.loop.settle()
        return remote

    def shake_hands(self, remote: socket.socket) -> None:
        """The remote's half."""
        remote.setblocking(False)
        handshake = Handshake(BERT, info_of(BERT))
        for _ in range(100):
            if data := handshake.data_to_send():
                remote.sendall(data)
            self.loop.settle()
            try:
                data = remote.recv(65536)
            except BlockingIOError:
                continue
            if not data or handshake.receive_data(data):
                break
        self.loop.settle()

    @property
    def reasons(self) -> list[RefusalReason | None]:
        return [each.refusal.reason if each.refusal else None for each in self.news]

    def close(self) -> None:
        self.entrance.stop()
        self.entrance.newcomers.drop()
        self.entrance.acceptor.close()
        for _facts, arrival in self.arrived:
            arrival.stream.close()
        for _facts, _place, sock in self.accepted:
            sock.close()
        for fd in self._fds:
            os.close(fd)
        self._stack.close()


def is_open(remote: socket.socket) -> bool:
    """Whether the node has not closed it. What it has said until now does not matter."""
    remote.setblocking(False)
    try:
        while data := remote.recv(65536):
            assert data
    except BlockingIOError:
        return True
    except ConnectionResetError:
        pass
    return False


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Questions:
    questions = Questions()
    monkeypatch.setattr(module, "Question", questions)
    monkeypatch.setattr(HandshakeLimits, "of_host", lambda *_: LIMITS)
    return questions


@pytest.fixture
def stage(tmp_path: Path, questions: Questions) -> Iterator[Stage]:
    stage = Stage(tmp_path, questions)
    yield stage
    stage.close()


@pytest.fixture
def informed(stage: Stage) -> Stage:
    stage.inform()
    return stage


def test_a_prefix_has_its_share_of_the_handshakes(informed: Stage) -> None:
    """One more is closed at once, and the switch told; another prefix is not touched by it."""
    silent = [informed.connect(f"127.1.0.{number}") for number in (1, 2, 3)]
    assert [is_open(remote) for remote in silent] == [True, True, False]
    assert informed.reasons == [RefusalReason.HANDSHAKE_LIMIT]
    assert is_open(informed.connect("127.2.0.1"))
    assert informed.gate.enter(facts_of("127.1.0.3")) is not None  # it holds no place in the register


BALANCER = "127.9.0.1"


def header_for(ip: str) -> bytes:
    return f"PROXY TCP{6 if ':' in ip else 4} {ip} {'::1' if ':' in ip else '127.0.0.1'} 5 26656\r\n".encode()


@pytest.fixture
def behind(tmp_path: Path, questions: Questions) -> Iterator[Stage]:
    """Behind a balancer."""
    stage = Stage(tmp_path, questions, balancers="127.9.0.0/16")
    stage.inform()
    yield stage
    stage.close()


def test_behind_a_balancer_the_ip_in_the_header_has_the_share(behind: Stage) -> None:
    """One balancer brings more connections than a prefix may have; those of one prefix behind it may not be more."""
    crowd = [behind.connect(BALANCER, header_for(f"203.0.113.{number}")) for number in (1, 2, 3)]
    assert [is_open(remote) for remote in crowd] == [True, True, False]
    assert is_open(behind.connect(BALANCER, header_for("2001:db8::7")))
    (ended,) = behind.news
    assert (ended.facts.remote_ip, ended.facts.remote_port) == ("203.0.113.3", 5)
    assert behind.reasons == [RefusalReason.HANDSHAKE_LIMIT]


def test_behind_a_balancer_a_banned_ip_is_kept_out(behind: Stage) -> None:
    """And no other; a ban of the balancer's own address shuts out nobody who comes through it."""
    behind.gate.learn_bans([ban_of("203.0.113.1"), ban_of("127.9.0.0/16")])
    assert not is_open(behind.connect(BALANCER, header_for("203.0.113.1")))
    assert behind.reasons == [RefusalReason.BANNED]
    assert is_open(behind.connect(BALANCER, header_for("203.0.113.2")))
    assert not is_open(behind.connect(BALANCER, b"PROXY UNKNOWN\r\n"))


def ban_of(subject: str) -> Ban:
    bans = BanList(time.time)
    bans.add(subject, 3600.0, "by the test")
    return next(iter(bans.published()))


def test_whoever_comes_through_a_balancer_shakes_hands_behind_the_header(behind: Stage) -> None:
    """The actor that it gets knows the IP in the header."""
    remote = behind.connect(BALANCER, header_for("203.0.113.1"))
    behind.shake_hands(remote)
    ((facts, arrival),) = behind.arrived
    assert (facts.remote_ip, facts.remote_port, facts.is_outbound) == ("203.0.113.1", 5, False)
    assert arrival.handshake.remote[0] == BERT.node_id


def test_a_balancer_that_sends_no_header_is_told_of(behind: Stage) -> None:
    """A peer that dials from its network without one, too. It has the balancer's address, and holds no place."""
    assert not is_open(behind.connect(BALANCER, b"\x22\x0a\x20"))
    (ended,) = behind.news
    assert (ended.facts.remote_ip, behind.reasons) == (BALANCER, [RefusalReason.PROXY_HEADER])


def test_a_header_of_anybody_else_is_a_bad_handshake(behind: Stage) -> None:
    """It changes nothing about whom the connection is of."""
    assert not is_open(behind.connect("127.1.0.1", header_for("203.0.113.1") + b"\x22\x0a\x20"))
    (ended,) = behind.news
    assert (ended.facts.remote_ip, behind.reasons) == ("127.1.0.1", [RefusalReason.OTHER_PROTOCOL])


def test_a_connection_without_its_header_has_no_place_yet(behind: Stage) -> None:
    """Those of a balancer wait apart, until the node stops."""
    waiting = behind.connect(BALANCER)
    places = [behind.connect(f"127.{number}.0.1") for number in (1, 2, 3)]
    assert all(map(is_open, (waiting, *places)))
    behind.entrance.stop()
    assert not is_open(waiting)


def facts_of(ip: str) -> ConnectionFacts:
    return ConnectionFacts("c", "peers-0", ip, 1, is_outbound=False)


def test_the_oldest_of_the_fullest_prefix_makes_room(informed: Stage) -> None:
    """It is closed, and told of once."""
    crowd = [informed.connect(f"127.1.0.{number}") for number in (1, 2)]
    informed.connect("127.2.0.1")
    honest = informed.connect("127.3.0.1")
    assert [is_open(remote) for remote in crowd] == [False, True]
    assert (informed.reasons, informed.ended) == ([RefusalReason.HANDSHAKE_LIMIT], 1)
    informed.shake_hands(honest)
    assert [arrival.handshake.remote[0] for _facts, arrival in informed.arrived] == [BERT.node_id]


def test_one_that_ends_gives_its_place_back(informed: Stage) -> None:
    """By itself or in time."""
    crowd = [informed.connect(f"127.1.0.{number}") for number in (1, 2)]
    crowd[0].close()
    informed.loop.settle()
    assert is_open(informed.connect("127.1.0.3"))
    informed.loop.advance(informed.context.config.p2p.handshake_timeout)
    assert is_open(informed.connect("127.1.0.4"))
    assert len(informed.entrance.newcomers) == 1


def test_one_that_waits_for_its_admission_keeps_its_place_until_it_is_settled(informed: Stage) -> None:
    """Then it is a peer, and shakes hands no more."""
    first = informed.connect("127.1.0.1")
    informed.shake_hands(first)
    informed.connect("127.1.0.2")
    assert not is_open(informed.connect("127.1.0.3"))
    ((facts, _arrival),) = informed.arrived
    informed.entrance.settled(facts.connection)
    assert is_open(informed.connect("127.1.0.4"))


def test_those_that_the_switch_is_asked_about_have_places_too(stage: Stage) -> None:
    """(This host has heard neither of bans nor of notes.) A refusal gives the place back."""
    crowd = [stage.connect(f"127.1.0.{number}") for number in (1, 2)]
    stage.questions.answer(REFUSAL)
    assert [is_open(remote) for remote in crowd] == [False, True]
    assert is_open(stage.connect("127.1.0.3"))
    stage.questions.answer(None)
    assert (len(stage.entrance.newcomers), stage.connections.undecided) == (1, 1)


def test_one_that_waits_for_the_switch_may_lose_its_place(stage: Stage) -> None:
    """The switch, which knows of it, is told; its answer comes too late."""
    crowd = [stage.connect(f"127.1.0.{number}") for number in (1, 2)]
    stage.loop.time += GRACE_S
    stage.connect("127.1.0.3")
    assert [is_open(remote) for remote in crowd] == [False, True]
    assert [each.facts.remote_ip for each in stage.news] == ["127.1.0.1"]
    stage.questions.answer(None)
    assert len(stage.entrance.newcomers) == 0


def test_one_that_has_an_actor_already_is_stopped(tmp_path: Path, questions: Questions) -> None:
    """In a process of its own it shakes hands there."""
    stage = Stage(tmp_path, questions, own_processes=True)
    stage.inform()
    actors = [Actor(), Actor()]
    try:
        for number, actor in enumerate(actors):
            stage.connect(f"127.1.0.{number + 1}")
            facts, place, _sock = stage.accepted[number]
            stage.connections.running(actor, facts, place)  # type: ignore[arg-type]  # as far as it is used
        stage.loop.time += GRACE_S
        stage.connect("127.1.0.3")
        (stop,) = actors[0].told
        assert isinstance(stop, StopPeer)
        assert (stop.is_error, actors[1].told) == (True, [])
    finally:
        stage.close()


def test_once_it_is_stopped_nobody_gets_in(stage: Stage) -> None:
    """Those that wait for the switch are sent away."""
    remote = stage.connect("127.1.0.1")
    stage.entrance.stop()
    assert not is_open(remote)
    assert stage.entrance.acceptor.is_stopped
    assert stage.connections.undecided == 0
