"""No byte from the network, from RPC or metrics, or from another program of this user reaches an unpickler of a node."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
import zmq

from peerage.actors.peers.handshake import Handshake
from peerage.actors.runtime import ActorRef, ProcessActor, System
from peerage.actors.runtime.mail.envelope import HEADER, KEY_BYTES, Kind
from peerage.actors.runtime.processes.passed_fds import path_of
from peerage.supervisors.node.node import Node
from peerage.wire.delimited import delimit
from peerage.wire.errors import WireError
from peerage.wire.handshake_messages import EphemeralKey
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import PacketMsg, encode_packet
from peerage.wire.pex import PEX_CHANNEL
from tests.nodes import HIGH, LOW, NodeLog, StartNode, node_processes
from tests.processes import title_of
from tests.supervisors.node import unpickling
from tests.supervisors.node.unpickling import PICKLES

PATIENCE_S = 20.0


class Careless(ProcessActor):
    """Unpickles what has come from outside."""

    def on_receive(self, _message: object) -> int:
        unpickling.unpickle()
        return os.getpid()


@pytest.fixture(scope="module", autouse=True)
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where it is noted who has unpickled something from outside; every process of the node inherits the variable."""
    path = tmp_path_factory.mktemp("unpickled") / "report"
    os.environ[unpickling.REPORT] = str(path)
    yield path
    del os.environ[unpickling.REPORT]


def noted(report: Path) -> list[int]:
    """The processes that have done it."""
    return [int(line) for line in report.read_text().split()] if report.exists() else []


def connected(node: Node) -> socket.socket:
    host, _, port = node.address.rpartition("@")[2].rpartition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def read_to_the_end(sock: socket.socket) -> None:
    """Until the node hangs up: it has read what it was sent."""
    with suppress(ConnectionError):
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass


def as_a_stranger(node: Node, data: bytes) -> None:
    """Before the handshake: bare, as its first message, and as the second one."""
    key = delimit(EphemeralKey(NodeKey.generate().public_key).encode())
    for stream in (data, delimit(data), key + data):
        with connected(node) as sock:
            sock.sendall(stream)
            read_to_the_end(sock)


def as_a_peer(node: Node, data: bytes) -> None:
    """Behind the handshake: instead of the NodeInfo, in it, and in messages on every channel and one that is none."""
    for node_info in (delimit(data), None):
        key = NodeKey.generate()
        info = NodeInfo(
            id=key.node_id,
            listen_addr="tcp://127.0.0.1:1",
            network="test",
            moniker=repr(data)[2:-1][:60],
            channels=bytes((HIGH, LOW, PEX_CHANNEL)),
        )
        with connected(node) as sock:
            handshake = Handshake(key, info)
            while not handshake.secret.is_open:
                sock.sendall(handshake.data_to_send())
                with suppress(WireError):
                    handshake.secret.receive_data(sock.recv(65536))
            secret = handshake.secret
            sock.sendall(secret.data_to_send())
            sock.sendall(secret.seal(node_info or info.encode_delimited()))
            if node_info is None:
                for channel in (HIGH, LOW, PEX_CHANNEL, 0x77):
                    sock.sendall(secret.seal(encode_packet(PacketMsg(channel, True, data))))
            read_to_the_end(sock)


def by_http(address: str, data: bytes) -> None:
    """In the path, the query, a header, and the body in several guises."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    quoted = quote_from_bytes(data).encode()
    head = b"Host: localhost\r\nConnection: close\r\n"
    header = b"X: " + bytes(byte for byte in data if byte >= 0x20) + b"\r\n"
    length = b"Content-Length: %d\r\n" % len(data)
    requests = [
        data,
        b"GET /%s HTTP/1.1\r\n%s%s\r\n" % (quoted, head, header),
        b"GET /dial_peers?peers=%s HTTP/1.1\r\n%s\r\n" % (quoted, head),
        b"POST / HTTP/1.1\r\n%s%s\r\n%s" % (head, length, data),
        b"POST /dial_seeds HTTP/1.1\r\n%s%sContent-Type: application/x-python-pickle\r\n\r\n%s"
        % (head, length, data),
        b"POST /metrics HTTP/1.1\r\n%s%s\r\n%s" % (head, length, data),
    ]
    for request in requests:
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as sock:
            sock.sendall(request)
            read_to_the_end(sock)


def by_mailbox(system: System, data: bytes) -> None:
    """As another program of this user, or of another one who has got past the directory: bare, and as messages."""
    fds = Path(path_of(system.process.directory))
    context = zmq.Context()
    for path in Path(system.process.directory).iterdir():
        if path == fds or not path.is_socket():
            continue
        with context.socket(zmq.PUSH) as push:
            push.set(zmq.LINGER, int(PATIENCE_S * 1000))
            push.connect(f"ipc://{path}")
            push.send(data)
            for kind in Kind:
                push.send(HEADER.pack(bytes(KEY_BYTES), kind, 0, 0, 1 << 20, 1, 0, 0) + data)
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.connect(str(path))
            sock.sendall(bytes((1 + len(data), 0)) + data)  # a frame of ZeroMQ's first version
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.connect(str(fds))
        sock.send(data)
    context.term()


@pytest.fixture
def node(start_node: StartNode) -> Node:
    return start_node(
        p2p={"pex": True},
        rpc={"laddr": "tcp://127.0.0.1:0", "unsafe": True},
        instrumentation={"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"},
    )


@pytest.mark.usefixtures("node")
def test_an_attempt_would_be_noted_in_every_process(report: Path) -> None:
    """Here and in a host. Otherwise the next test would say nothing."""
    before = len(noted(report))
    careless: ActorRef[Careless] = Careless.start()
    host = careless.ask("unpickle")
    unpickling.unpickle()
    assert noted(report)[before:] == [host] * 2 + [os.getpid()] * 2
    careless.stop()


@pytest.mark.slow
def test_nothing_from_outside_is_unpickled(
    node: Node, node_system: System, node_log: NodeLog, report: Path
) -> None:
    """Whichever way it comes. Every part of the node lives on, and answers behind it."""
    before, parts = noted(report), node_processes(node)
    for data in PICKLES:
        as_a_stranger(node, data)
        as_a_peer(node, data)
        for address in (*node.rpc_addresses(), *node.metrics_addresses()):
            by_http(address, data)
        by_mailbox(node_system, data)
    for pid in set(parts.values()) - {os.getpid()}:
        node_log.wait_for("stray message refused", process=title_of(pid))
    for _ in range(2):
        node_system.actors()
    assert node_processes(node) == parts
    assert noted(report) == before
