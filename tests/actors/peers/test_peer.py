"""actors/peers/peer.py, the graceful end: what reactors had accepted is sent before the connection is closed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.loss import LossReason
from peerage.actors.messages import (
    Admission,
    AdmitPeer,
    ConnectionEnded,
    ConnectionFacts,
    FlushStop,
    GetStatusOfPeer,
    PeerStarted,
    RemovePeer,
    StopPeer,
)
from peerage.actors.names import NodeNames
from peerage.actors.peers import fuzzed_stream
from peerage.actors.peers import peer as module
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.peer import PeerActor
from peerage.actors.runtime import THREAD, ActorRef, Frames
from peerage.actors.transfer import SEND
from peerage.testing import Probe, loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import MessageReceived

ANNA, BERT = NodeKey.generate(), NodeKey.generate()
CHANNEL = 0x50
CHANNELS = (ChannelDescriptor(id=CHANNEL, send_queue_capacity=100),)
PATIENCE_S = 30.0
_serials = count(1)


def info_of(key: NodeKey) -> NodeInfo:
    return NodeInfo(
        id=key.node_id,
        listen_addr="tcp://127.0.0.1:26656",
        network="test",
        moniker="m",
        channels=bytes([CHANNEL]),
    )


class Remote:
    """The other end of the connection, on a blocking socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE_S)
        self._sock = sock
        self._mconn = MultiplexConnection(CHANNELS, now=0.0)
        handshake = Handshake(BERT, info_of(BERT))
        done = False
        while not done:
            sock.sendall(handshake.data_to_send())
            done = handshake.receive_data(sock.recv(65536))
        sock.sendall(handshake.data_to_send())
        self._secret = handshake.secret
        self._plaintext = handshake.leftover

    def hang_up(self) -> None:
        self._sock.close()

    def read_to_the_end(self) -> list[bytes]:
        """Every message until the connection is closed, which it answers by closing too."""
        messages = []
        while True:
            events = self._mconn.receive_data(self._plaintext, 0.0)
            messages += [event.data for event in events if isinstance(event, MessageReceived)]
            data = self._sock.recv(65536)
            if not data:
                self._sock.close()
                return messages
            self._plaintext = self._secret.receive_data(data)


class Stage:
    """A peer actor whose switch and reactor are the test's.

    Args: reactors, names of those that the node has; only ECHO is there. p2p, settings of it.
    """

    def __init__(self, home: Path, reactors: tuple[str, ...] = ("ECHO",), **p2p: Any) -> None:
        self.names = NodeNames(f"peer-test-{next(_serials)}/", reactors, 1)
        self.reactor = Probe(self.names.of("reactor-ECHO"), self._answer)
        self.switch = Probe(self.names.of("switch"), self._admit)
        self.sent: Mapping[int, int] = {}  # what the reactor says in the end
        self._transport = Probe(self.names.of("peers-0"))
        self._context = NodeContext(
            self.names,
            loopback_config(home, p2p=p2p),
            ANNA.public_key,
            info_of(ANNA),
            CHANNELS,
            {CHANNEL: "ECHO"},
        ).with_key(ANNA)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for probe in (self.reactor, self.switch, self._transport):
            self._stack.enter_context(probe)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def connect(self) -> tuple[ActorRef[PeerActor], Remote]:
        """A peer that runs, and that the reactor has been told of."""
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        theirs = self._stack.enter_context(socket.create_connection(listener.getsockname()))
        ours, (ip, port) = listener.accept()
        facts = ConnectionFacts("one", self.names.of("peers-0"), ip, port, is_outbound=False)
        starter = PeerActor.options(
            name=f"{self.names.prefix}peer", place=THREAD, extra=self._context, fds={"sock": ours.fileno()}
        )
        with ours:
            ref = starter.start(facts, None)
        remote = Remote(theirs)
        self.reactor.expect(PeerStarted)
        return ref, remote

    def dial(self) -> socket.socket:
        """A peer that dials a node which says nothing. Returns: the node's listener."""
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        ip, port = listener.getsockname()
        facts = ConnectionFacts(
            "one", self.names.of("peers-0"), ip, port, is_outbound=True, dialled_id=BERT.node_id
        )
        PeerActor.options(name=f"{self.names.prefix}peer", place=THREAD, extra=self._context).start(facts)
        return listener

    def _answer(self, message: Any) -> Any:
        return self.sent if isinstance(message, RemovePeer) else None

    def _admit(self, message: Any) -> Any:
        return (
            Admission(is_persistent=False, is_unconditional=False) if isinstance(message, AdmitPeer) else None
        )


StartStage = Callable[..., Stage]


@pytest.fixture
def start_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartStage]:
    """Patience with reactors is long, so that no test ends well by it."""
    monkeypatch.setattr(module, "DRAIN_LIMIT_S", PATIENCE_S)
    with ExitStack() as stack:
        yield lambda *reactors, **p2p: stack.enter_context(Stage(tmp_path, reactors or ("ECHO",), **p2p))


def test_messages_that_come_after_the_reactors_last_answer_are_sent(start_stage: StartStage) -> None:
    """Its answer overtakes them: it is handled at once, they wait for their turn."""
    stage = start_stage()
    stage.sent = {CHANNEL: 2}
    peer, remote = stage.connect()
    ended = peer.ask(FlushStop(PATIENCE_S), block=False)
    stage.reactor.expect(RemovePeer)
    stage.reactor.ref.ask("whether it has answered")
    assert peer.ask(GetStatusOfPeer()) is not None  # it has the answer, and is not closing
    peer.tell(Frames((SEND, (CHANNEL, CHANNEL), {CHANNEL: 2}), [b"one", b"two"]))
    assert remote.read_to_the_end() == [b"one", b"two"]
    ended.get(timeout=PATIENCE_S)


def test_a_reactor_that_is_not_there_is_not_waited_for(start_stage: StartStage) -> None:
    """It has ended, and what it had accepted with it."""
    stage = start_stage("ECHO", "ENDED")
    stage.sent = {CHANNEL: 0}
    peer, remote = stage.connect()
    ended = peer.ask(FlushStop(PATIENCE_S), block=False)
    assert remote.read_to_the_end() == []
    ended.get(timeout=PATIENCE_S)
    ended_as = stage.switch.fish(ConnectionEnded)
    assert (ended_as.reason, ended_as.loss) == ("", LossReason.GRACEFUL)


@pytest.mark.parametrize(
    ("loss", "is_remote"), [(LossReason.CLOSED_BY_REMOTE, True), (LossReason.EVICTED, False)]
)
def test_the_switch_is_told_why_a_peer_was_lost(
    start_stage: StartStage, loss: LossReason, *, is_remote: bool
) -> None:
    """By the remote's doing, or by order."""
    stage = start_stage()
    peer, remote = stage.connect()
    if is_remote:
        remote.hang_up()
    else:
        peer.tell(StopPeer("why", is_error=False, loss=loss))
    assert stage.switch.fish(ConnectionEnded).loss is loss


def test_the_switch_is_told_of_a_start_and_an_end_once(start_stage: StartStage) -> None:
    """A graceful end too."""
    stage = start_stage()
    peer, remote = stage.connect()
    peer.tell(FlushStop(PATIENCE_S))
    remote.read_to_the_end()
    for message in (AdmitPeer, PeerStarted, ConnectionEnded):
        stage.switch.expect(message)


def test_a_dialled_connection_misbehaves_when_the_operator_asks_for_it(
    start_stage: StartStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here from the beginning: it is broken at its first write."""
    monkeypatch.setattr(fuzzed_stream, "FUZZ_AFTER_S", 0.0)
    stage = start_stage(test_fuzz=True, test_fuzz_config={"prob_drop_rw": 0.0, "prob_drop_conn": 1.0})
    listener = stage.dial()
    refusal = stage.switch.fish(ConnectionEnded).refusal
    assert refusal is not None
    assert "closed the connection" in refusal.detail
    theirs, _address = listener.accept()
    with theirs:
        theirs.settimeout(PATIENCE_S)
        assert theirs.recv(1) == b""
