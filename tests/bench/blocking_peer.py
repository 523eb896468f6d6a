"""A peer in the calling thread: one blocking socket, our own handshake and multiplexer, nothing else."""

from __future__ import annotations

import socket
import time
from typing import Self

from peerage.actors.peers.handshake import Handshake
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.net_address import NetAddress, no_names
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import MessageReceived

READ_SIZE = 65536


class BlockingPeer:
    """Dials and shakes hands when made. Raises: OSError (closed, too late), HandshakeRefusedError.

    Args: address, `ID@ip:port`; timeout, seconds for dial and handshake together; source, IP to dial from; key, a new one
        if there is none; moniker; first, bytes to say before the handshake.
    """

    def __init__(
        self,
        address: str,
        timeout: float,
        source: str = "",
        key: NodeKey | None = None,
        moniker: str = "blocking-peer",
        first: bytes = b"",
    ) -> None:
        target = NetAddress.parse(address, no_names)
        self.key = key or NodeKey.generate()
        self._moniker = moniker
        self._handshake = Handshake(self.key, self._introduce, NodeID(str(target.id)))
        deadline = time.monotonic() + timeout
        self._sock = socket.create_connection((str(target.host), target.port), timeout, (source, 0))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._sock.sendall(first)
            while not self._handshake.receive_data(self._read(deadline)):
                pass
            self._sock.sendall(self._handshake.data_to_send())
        except BaseException:
            self._sock.close()
            raise
        assert self._handshake.theirs is not None
        channels = [ChannelDescriptor(id=channel) for channel in self._handshake.theirs.channels]
        self._connection = MultiplexConnection(channels, now=time.monotonic(), send_rate=0, recv_rate=0)
        self._plaintext = self._handshake.leftover

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    @property
    def id(self) -> NodeID:
        """Who this is."""
        return self.key.node_id

    def send(self, channel: int, message: bytes) -> bool:
        """Returns: whether the channel's queue had room."""
        accepted = self._connection.try_send(channel, message)
        self._write()
        return accepted

    def receive(self, timeout: float) -> list[bytes]:
        """The messages that came within that time: as soon as there is one, none if there was none.

        Raises: OSError when the connection is over.
        """
        deadline = time.monotonic() + timeout
        while True:
            events = self._connection.receive_data(self._plaintext, time.monotonic())
            self._plaintext = b""
            self._write()
            messages = [bytes(event.data) for event in events if isinstance(event, MessageReceived)]
            if messages:
                return messages
            if self._connection.has_unread:
                continue
            try:
                self._plaintext = self._handshake.secret.receive_data(self._read_bytes(deadline))
            except TimeoutError:
                return []

    def ping(self, timeout: float) -> float:
        """Returns: seconds from a ping to its pong. Raises: OSError (none in time, the connection is over)."""
        began = time.monotonic()
        self._connection.round_trip = None
        self._connection.ping(began)
        self._write()
        while (took := self._round_trip()) is None:
            data = self._handshake.secret.receive_data(self._read_bytes(began + timeout))
            self._connection.receive_data(data, time.monotonic())
        self._write()
        return took

    def _round_trip(self) -> float | None:
        return self._connection.round_trip

    def _introduce(self, theirs: NodeInfo) -> NodeInfo:
        return NodeInfo(
            protocol_version=theirs.protocol_version,
            id=self.key.node_id,
            listen_addr="tcp://0.0.0.0:26656",
            network=theirs.network,
            version=theirs.version,
            channels=theirs.channels,
            moniker=self._moniker,
            tx_index="off",
            rpc_address="",
        )

    def _read(self, deadline: float) -> bytes:
        self._sock.sendall(self._handshake.data_to_send())
        return self._read_bytes(deadline)

    def _read_bytes(self, deadline: float) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        data = self._sock.recv(READ_SIZE)
        if not data:
            raise ConnectionResetError("the remote closed the connection")
        return data

    def _write(self) -> None:
        while out := self._connection.data_to_send(time.monotonic(), READ_SIZE):
            self._sock.sendall(self._handshake.secret.seal(out))
