"""Nodes in threads, made of the wire's own parts: one that keeps the rules, and others that break them in one way."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from enum import Enum
from typing import Self

from peerage.actors.peers.handshake import Handshake, HandshakeRefusedError
from peerage.conformance.case import Case, Group
from peerage.conformance.trial import Ending, try_out
from peerage.conformance.visitor import Claims, Visitor
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import RemoteError
from peerage.wire.keys import NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import MessageReceived
from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL, PexAddrs, PexRequest, decode_pex

NETWORK = "model"
CHANNELS = bytes((PEX_CHANNEL, 0x40))
HANDSHAKE_S = 5.0
BRIEF_S = 0.2  # the same, for cases that wait for it
PATIENCE_S = 10.0
IN_VAIN_S = 0.05  # with a node that will not end the connection
FREE_REQUESTS = 2


class Kind(Enum):
    """What the node does with others."""

    STRICT = "keeps the rules"
    FORGIVING = "ends no connection, whatever came"
    RUDE = "ends each connection behind the handshake"
    SEED = "hangs up when it has answered"
    MUTE = "hangs up instead of answering"


class ModelNode:
    """A node. A context manager. Args: kind; channels; handshake_s, seconds that a handshake may take;
    one_at_a_time, whether it takes one connection of an IP."""

    def __init__(
        self,
        kind: Kind = Kind.STRICT,
        *,
        channels: bytes = CHANNELS,
        handshake_s: float = HANDSHAKE_S,
        one_at_a_time: bool = False,
    ) -> None:
        self._one_at_a_time = one_at_a_time
        self._here: set[str] = set()
        self.kind, self.key, self._handshake_s = kind, NodeKey.generate(), handshake_s
        self.claims = Claims(NETWORK, channels)
        self.served = 0
        """Connections that came."""
        self.barred: set[str] = set()
        """Whoever dials from these gets no word."""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._stopping.is_set():
            return
        self._stopping.set()
        with socket.create_connection(("127.0.0.1", self.port), 10.0):
            pass
        self._thread.join()
        self._server.close()

    @property
    def address(self) -> str:
        return f"{self.key.node_id}@127.0.0.1:{self.port}"

    @property
    def info(self) -> NodeInfo:
        """What it says of itself."""
        return NodeInfo(
            id=self.key.node_id,
            listen_addr=f"tcp://127.0.0.1:{self.port}",
            network=NETWORK,
            version="0.38.26",
            channels=self.claims.channels,
            moniker="model",
        )

    def visit(self) -> Visitor:
        """A peer of it."""
        return Visitor.calling("127.0.0.1", self.port, self.claims)

    def dial(self, address: str) -> None:
        """Dial, and do not wait."""
        peer, _, place = address.partition("@")
        host, _, port = place.rpartition(":")

        def run() -> None:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 5.0) as sock:
                self._serve(sock, peer)

        threading.Thread(target=run, daemon=True).start()

    def _accept(self) -> None:
        while True:
            sock, (host, _port) = self._server.accept()
            self.served += 1
            if self._stopping.is_set() or host in self.barred or (self._one_at_a_time and host in self._here):
                sock.close()
                if self._stopping.is_set():
                    return
                continue
            self._here.add(host)
            threading.Thread(target=self._serve, args=(sock, None, host), daemon=True).start()

    def _serve(self, sock: socket.socket, dialled: str | None, host: str = "") -> None:
        with sock, contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(self._here.discard, host)
            try:
                self._talk(sock, dialled)
            except (HandshakeRefusedError, RemoteError, TimeoutError):
                if self.kind is Kind.FORGIVING:
                    self._stopping.wait()

    def _talk(self, sock: socket.socket, dialled: str | None) -> None:
        handshake = Handshake(
            self.key, self.info, None if dialled is None else type(self.key.node_id)(dialled)
        )
        deadline = time.monotonic() + self._handshake_s
        done = False
        while not done:
            sock.sendall(handshake.data_to_send())
            done = handshake.receive_data(_read(sock, deadline))
        sock.sendall(handshake.data_to_send())
        assert handshake.theirs is not None
        self.info.check_compatible(handshake.theirs)
        if self.kind is not Kind.RUDE:
            self._go_on(sock, handshake, asks=dialled is not None)

    def _go_on(self, sock: socket.socket, handshake: Handshake, *, asks: bool) -> None:
        channels = [ChannelDescriptor(id=each, recv_message_capacity=MAX_PEX_BYTES) for each in CHANNELS]
        connection = MultiplexConnection(
            channels, now=time.monotonic(), send_rate=0, recv_rate=0, flush_throttle=0
        )
        if asks:
            connection.try_send(PEX_CHANNEL, PexRequest().encode())
        data, requests = handshake.leftover, 0
        while not self._stopping.is_set():
            for event in connection.receive_data(data, time.monotonic()):
                if isinstance(event, MessageReceived):
                    if self.kind is Kind.MUTE:
                        return
                    requests += 1
                    asks = _exchange(connection, bytes(event.data), requests, asks=asks)
            data = b""
            while out := connection.data_to_send(time.monotonic(), 65536):
                sock.sendall(handshake.secret.seal(out))
            if self.kind is Kind.SEED and requests:
                return
            if not connection.has_unread:
                data = bytes(handshake.secret.receive_data(_read(sock, time.monotonic() + 30.0)))


def _exchange(connection: MultiplexConnection, message: bytes, requests: int, *, asks: bool) -> bool:
    """Take a message of peer exchange. Returns: whether an answer is still awaited."""
    said = decode_pex(message)
    if isinstance(said, PexAddrs):
        if not asks:
            raise TimeoutError("nobody asked")
        list(said.net_addresses())
        return False
    if requests > FREE_REQUESTS:
        raise TimeoutError("too early")
    connection.try_send(PEX_CHANNEL, PexAddrs().encode())
    return asks


def _read(sock: socket.socket, deadline: float) -> bytes:
    sock.settimeout(max(0.001, deadline - time.monotonic()))
    data = sock.recv(65536)
    if not data:
        raise ConnectionResetError
    return data


def case_of(group: Group, name: str) -> Case:
    """The case of that name."""
    (case,) = (each for each in group.cases if each.name == name)
    return case


def ending(kind: Kind, group: Group, name: str) -> Ending:
    """What comes of a case at a node of that kind."""
    case = case_of(group, name)
    patience = IN_VAIN_S if kind is Kind.FORGIVING else PATIENCE_S
    with ModelNode(kind, handshake_s=BRIEF_S if case.is_timeout else HANDSHAKE_S) as node:
        if not case.is_dialled:
            with node.visit() as visitor:
                return _tried(visitor, case, patience)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with Visitor.called(
                server, lambda peer: node.dial(f"{peer}@127.0.0.1:{port}"), node.claims
            ) as it:
                return _tried(it, case, patience)


def _tried(visitor: Visitor, case: Case, patience: float) -> Ending:
    visitor.deadline = time.monotonic() + patience
    return try_out(visitor, case, patience)


def is_caught(group: Group, name: str) -> Iterator[str]:
    """What is wrong with a case that must end the connection, or go on: nothing if it tells good nodes from bad ones."""
    case = case_of(group, name)
    if wrong := ending(Kind.STRICT, group, name).wrong:
        yield f"a node that keeps the rules fails: {wrong}"
    bad = Kind.RUDE if "goes on" in case.right else Kind.FORGIVING
    if not ending(bad, group, name).wrong:
        yield f"a node that {bad.value} passes"
