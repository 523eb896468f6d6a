"""Nodes that can be visited, all in this process: each has an ID and a port of its own, and counts who was there."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Self

from peerage.actors.peers.handshake import Handshake
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import WireError
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import MessageReceived
from peerage.wire.pex import PEX_CHANNEL, PexAddrs, PexRequest

READ_SIZE = 65536
PATIENCE_S = 30.0


class Crowd:
    """Args: size, how many. Each answers requests for addresses with none, so that a visit is over soon.

    Attributes: addresses, theirs; visits, how often somebody shook hands, by the IDs of both.
    """

    def __init__(self, size: int) -> None:
        self._keys = [NodeKey.generate() for _ in range(size)]
        self._listeners: list[socket.socket] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.visits: Counter[tuple[NodeID, NodeID]] = Counter()
        self.addresses: list[NetAddress] = []

    def __enter__(self) -> Self:
        for key in self._keys:
            listener = socket.create_server(("127.0.0.1", 0))
            self._listeners.append(listener)
            self.addresses.append(NetAddress(key.node_id, "127.0.0.1", listener.getsockname()[1]))
            threading.Thread(target=self._serve, args=(listener, key), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
            listener.close()

    def visitors_of(self, address: NetAddress) -> dict[NodeID, int]:
        """Who visited that one, and how often."""
        with self._lock:
            return {guest: count for (host, guest), count in self.visits.items() if host == address.id}

    def _serve(self, listener: socket.socket, key: NodeKey) -> None:
        while not self._over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError, WireError, Exception):
                connection.settimeout(PATIENCE_S)
                self._receive(connection, key)

    def _receive(self, connection: socket.socket, key: NodeKey) -> None:
        handshake = Handshake(key, lambda theirs: _introduction(key, theirs), None)
        done = False
        while not done:
            connection.sendall(handshake.data_to_send())
            done = handshake.receive_data(_read(connection))
        connection.sendall(handshake.data_to_send())
        theirs = handshake.theirs
        assert theirs is not None
        with self._lock:
            self.visits[key.node_id, NodeID(theirs.id)] += 1
        channels = [ChannelDescriptor(id=channel) for channel in theirs.channels]
        multiplex = MultiplexConnection(channels, now=time.monotonic(), send_rate=0, recv_rate=0)
        plaintext = handshake.leftover
        while True:
            for event in multiplex.receive_data(plaintext, time.monotonic()):
                if isinstance(event, MessageReceived) and bytes(event.data) == PexRequest().encode():
                    multiplex.try_send(PEX_CHANNEL, PexAddrs().encode())
            while out := multiplex.data_to_send(time.monotonic(), READ_SIZE):
                connection.sendall(handshake.secret.seal(out))
            plaintext = handshake.secret.receive_data(_read(connection))


def _read(connection: socket.socket) -> bytes:
    data = connection.recv(READ_SIZE)
    if not data:
        raise ConnectionResetError
    return data


def _introduction(key: NodeKey, theirs: NodeInfo) -> NodeInfo:
    return NodeInfo(
        protocol_version=theirs.protocol_version,
        id=key.node_id,
        listen_addr="tcp://127.0.0.1:1",
        network=theirs.network,
        version=theirs.version,
        channels=theirs.channels,
        moniker="visited",
        tx_index="off",
        rpc_address="",
    )


@contextlib.contextmanager
def crowd(size: int) -> Iterator[Crowd]:
    """So many of them."""
    with Crowd(size) as made:
        yield made
