"""actors/peers/transport.py: one peer host's connections, in a thread, with the switch of the test."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.messages import (
    AdmitConnection,
    ConnectionEnded,
    Credits,
    Dial,
    GetPeerStatuses,
    KeepNotes,
    ListConnections,
    StopAccepting,
    SwitchNotes,
)
from peerage.actors.names import NodeNames
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.transport import TransportActor
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import THREAD, ActorRef, Frames
from peerage.actors.transfer import BROADCAST_WINDOW, broadcast
from peerage.testing import Probe, loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo

CHANNEL, KEY, OTHER = 0x50, NodeKey.generate(), NodeKey.generate()
REFUSAL = Refusal(RefusalReason.INBOUND_LIMIT, "as the test says")
PATIENCE_S = 30.0
_serials = count(1)


class Stage:
    """A transport, and everyone it speaks to. `verdict` is what the switch says to each connection that comes in."""

    def __init__(self, home: Path) -> None:
        self.names = NodeNames(f"transport-test-{next(_serials)}/", ("ECHO",), 1)
        self.verdict: Refusal | None = None
        self.switch = Probe(self.names.of("switch"), self._judge)
        self.reactor = Probe(self.names.of("reactor-ECHO"))
        self.book = Probe(
            self.names.of("addrbook"), lambda message: () if message == BookCall(BanList.published) else None
        )
        info = NodeInfo(id=KEY.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m")
        self._context = NodeContext(
            self.names, loopback_config(home), KEY, info, (ChannelDescriptor(id=CHANNEL),), {CHANNEL: "ECHO"}
        )
        self._stack = ExitStack()
        self.ref: ActorRef[Any]

    def __enter__(self) -> Self:
        for probe in (self.switch, self.reactor, self.book):
            self._stack.enter_context(probe)
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._address = listener.getsockname()
        load = LoadTable.create(1)
        starter = TransportActor.options(
            name=self.names.of("peers-0"),
            place=THREAD,
            extra=self._context,
            fds={"load": load, "listen": listener.fileno()},
        )
        self.ref = starter.start(0)
        os.close(load)
        return self

    def __exit__(self, *_: object) -> None:
        self.ref.stop(timeout=PATIENCE_S)
        self._stack.close()

    def _judge(self, message: Any) -> Any:
        return self.verdict if isinstance(message, AdmitConnection) else None

    def connect(self) -> socket.socket:
        """A remote that says nothing."""
        sock = self._stack.enter_context(socket.create_connection(self._address, timeout=PATIENCE_S))
        self.switch.fish(AdmitConnection)
        return sock


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as made:
        yield made


def test_a_connection_that_the_switch_refuses_is_closed(stage: Stage) -> None:
    """Without a byte said on it."""
    stage.verdict = REFUSAL
    assert stage.connect().recv(10) == b""
    assert stage.ref.ask(ListConnections()).connections == ()


def test_a_connection_that_the_switch_lets_in_shakes_hands(stage: Stage) -> None:
    """Its actor tells the switch of the end, and so does the transport, for a switch that has just been restarted."""
    remote = stage.connect()
    assert remote.recv(10) != b""
    remote.close()
    assert stage.switch.fish(ConnectionEnded).refusal.reason is RefusalReason.AUTH_FAILURE
    assert stage.switch.fish(ConnectionEnded).reason.startswith("peer actor ended: ")


def test_a_dial_becomes_a_connection_that_the_next_switch_is_told_of(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stage.ref.tell(Dial("c-1", NetAddress(OTHER.node_id, *silent.getsockname())))
        (facts,) = stage.ref.ask(ListConnections()).connections
        assert (facts.connection, facts.is_outbound, facts.dialled_id) == ("c-1", True, OTHER.node_id)
        assert stage.ref.ask(GetPeerStatuses()) == ()  # it is no peer yet


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
    stage.ref.ask(StopAccepting(0.0), timeout=PATIENCE_S)
    remote.settimeout(PATIENCE_S)
    while remote.recv(1 << 16):
        pass
    stage.ref.tell(Dial("late", NetAddress(OTHER.node_id, "127.0.0.1", 1)))
    ended = stage.switch.fish(lambda message: getattr(message, "reason", "") == "stopping")
    assert ended.facts.connection == "late"
