"""A hostile peer on one connection: each step of the protocol as it should be, or as a case wants it.

    with Visitor.calling(host, port, source="127.20.1.1") as visitor:
        visitor.exchange_keys()
        visitor.prove(signature=bytes(64))

Nothing is checked on this side but what a step needs to go on. When the other side ends the connection, a step raises an
OSError.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from peerage.wire.channel import ChannelDescriptor
from peerage.wire.delimited import DelimitedReader, delimit
from peerage.wire.frames import FRAME_SEALED, Opener, Sealer
from peerage.wire.handshake_messages import AuthSignature, EphemeralKey
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import MessageReceived, PacketMsg, PongReceived, encode_packet
from peerage.wire.pex import PEX_CHANNEL
from peerage.wire.session_keys import SessionKeys, agree, ephemeral_public
from tests.hostile.limits import HIGH, LOW

__all__ = ["FLOOD_S", "NETWORK", "PATIENCE_S", "Visitor"]

NETWORK = "test"
PATIENCE_S = 20.0  # for one step; the machine may be busy
FLOOD_S = 2.0
READ_SIZE = 65536
CHANNELS = tuple(ChannelDescriptor(id=channel) for channel in (PEX_CHANNEL, HIGH, LOW))
ANY_SIZE = 1 << 21


class Visitor:
    """One end of a connection. A context manager, which closes it.

    Args: sock, connected; local, our own address, as NodeInfo tells it.
    Attributes: key, our node key; secret, our ephemeral one; keys, sealer and opener, once the keys are exchanged; theirs,
        what the other side says of itself; answers_pings; pongs, how often some came; flood_s, how many seconds a flood
        of ours takes.
    """

    def __init__(self, sock: socket.socket, local: str) -> None:
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.local = local
        self.key = NodeKey.generate()
        self.secret = secrets.token_bytes(32)
        self.keys: SessionKeys | None = None
        self.remote_ephemeral = b""
        self.theirs: NodeInfo | None = None
        self.their_proof: AuthSignature | None = None
        self.answers_pings = True
        self._raw = bytearray()
        self._plain = bytearray()
        self._connection: MultiplexConnection | None = None
        self._messages: list[tuple[int, bytes]] = []
        self.pongs = 0
        self.flood_s = FLOOD_S

    @classmethod
    def calling(cls, host: str, port: int, source: str) -> Self:
        """Dial from an address of our own. Raises: OSError."""
        sock = socket.create_connection((host, port), PATIENCE_S, source_address=(source, 0))
        return cls(sock, f"tcp://{source}:26656")

    @classmethod
    def called(cls, server: socket.socket, dial: Callable[[NodeID], object]) -> Self:
        """Have a node dial us. Args: dial, has it dial this ID. Raises: OSError, TimeoutError."""
        key = NodeKey.generate()
        dial(key.node_id)
        sock, _ = server.accept()
        host, port = server.getsockname()[:2]
        visitor = cls(sock, f"tcp://{host}:{port}")
        visitor.key = key
        return visitor

    def again(self) -> Self:
        """Another connection to the same node from the same address. Raises: OSError."""
        host, port = self.sock.getpeername()[:2]
        return self.calling(host, port, self.sock.getsockname()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()

    # --- bytes -------------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Bytes as they are. Raises: OSError."""
        self.sock.sendall(data)

    def trickle(self, data: bytes, pause: float) -> None:
        """The same, one byte at a time. Raises: OSError, soon after the other side has ended it."""
        for byte in data:
            self.sock.sendall(bytes((byte,)))
            time.sleep(pause)

    def half_close(self) -> None:
        """Send no more, and go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End it the hard way: the other side has an error in place of an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def read_raw(self, size: int) -> bytes:
        """Exactly so many bytes. Raises: OSError."""
        while len(self._raw) < size:
            self._read_more()
        taken = bytes(self._raw[:size])
        del self._raw[:size]
        return taken

    def _read_more(self) -> None:
        data = self.sock.recv(READ_SIZE)
        if not data:
            raise ConnectionResetError("the remote closed the connection")
        self._raw += data

    # --- the handshake -----------------------------------------------------------------------------------------------

    @property
    def public(self) -> bytes:
        """Our ephemeral key."""
        return ephemeral_public(self.secret)

    @cached_property
    def sealer(self) -> Sealer:
        assert self.keys is not None
        return Sealer(self.keys.send_key)

    @cached_property
    def opener(self) -> Opener:
        assert self.keys is not None
        return Opener(self.keys.receive_key)

    def receive_key(self) -> bytes:
        """Their ephemeral key. Raises: OSError."""
        header = self.read_raw(3)
        self.remote_ephemeral = self.read_raw(32)
        return header + self.remote_ephemeral

    def exchange_keys(self, message: bytes | None = None, *, public: bytes | None = None) -> None:
        """The first step, with that key in place of ours, in that form (without its length in front)."""
        public = self.public if public is None else public
        self.send(delimit(EphemeralKey(public).encode() if message is None else message))
        self.receive_key()
        self.derive(public)

    def derive(self, public: bytes) -> None:
        """Compute the session's keys, ours having been sent as `public`."""
        self.keys = agree(self.secret, self.remote_ephemeral, public)

    @property
    def proof(self) -> AuthSignature:
        """The right one."""
        assert self.keys is not None
        return AuthSignature(self.key.public_key, self.key.sign(self.keys.challenge))

    def prove(self, message: bytes | None = None) -> None:
        """The second step, with that message in place of our proof. Waits for theirs."""
        self.say(delimit(self.proof.encode() if message is None else message))
        self.receive_proof()

    def receive_proof(self) -> None:
        """Their proof, unchecked. Raises: OSError."""
        self.their_proof = AuthSignature.decode(self._read_delimited())

    def info(self, **changes: Any) -> NodeInfo:
        """What we say of ourselves."""
        ours = NodeInfo(
            id=self.key.node_id,
            listen_addr=self.local,
            network=NETWORK,
            version="0.38.26",
            channels=bytes((PEX_CHANNEL, HIGH, LOW)),
            moniker="visitor",
            tx_index="off",
        )
        return replace(ours, **changes)

    def introduce(self, message: bytes | None = None, **changes: Any) -> None:
        """The third step, with that message in place of our NodeInfo, or with other values in it. Waits for theirs."""
        self.say(delimit(self.info(**changes).encode() if message is None else message))
        self.receive_info()

    def receive_info(self) -> None:
        """Their NodeInfo. Raises: OSError."""
        self.theirs = NodeInfo.decode(self._read_delimited())

    def identify(self) -> None:
        """The first two steps as they should be."""
        self.exchange_keys()
        self.prove()

    def join(self, **changes: Any) -> None:
        """All three steps. Args: changes, of our NodeInfo."""
        self.identify()
        self.introduce(**changes)

    @property
    def has_joined(self) -> bool:
        """Whether packets are what comes next."""
        return self.theirs is not None

    def _read_delimited(self) -> bytes:
        reader = DelimitedReader("message", ANY_SIZE)
        while True:
            read = reader.feed(bytes(self._plain))
            self._plain.clear()
            if read is not None:
                message, rest = read
                self._plain += rest
                return message
            self._plain += self.opener.open(self.read_raw(FRAME_SEALED))

    # --- packets -----------------------------------------------------------------------------------------------------

    def say(self, plaintext: bytes) -> None:
        """Into sealed frames."""
        self.send(self.sealer.seal(plaintext))

    def packet(self, data: bytes, channel: int = HIGH, *, eof: bool = True) -> None:
        """A part of a message, or a whole one."""
        self.say(encode_packet(PacketMsg(channel, eof, data)))

    def message(self, data: bytes, channel: int = HIGH, *, part: int = 1024) -> None:
        """A message in as many packets as it takes."""
        parts = [data[at : at + part] for at in range(0, len(data), part)] or [b""]
        packets = [PacketMsg(channel, index == len(parts) - 1, each) for index, each in enumerate(parts)]
        self.say(b"".join(map(encode_packet, packets)))

    def expect(self, channel: int, patience: float = PATIENCE_S) -> bytes:
        """The next message of a channel; others are left out. Raises: OSError, TimeoutError."""
        deadline = time.monotonic() + patience
        while True:
            while self._messages:
                at, data = self._messages.pop(0)
                if at == channel:
                    return data
            self.listen(deadline)

    def echo(self, patience: float = PATIENCE_S) -> None:
        """Send a message and wait until it comes back. Raises: OSError, TimeoutError."""
        token = secrets.token_bytes(16)
        self.packet(token)
        deadline = time.monotonic() + patience
        while (HIGH, token) not in self._messages:
            self.listen(deadline)
        self._messages.clear()

    def wait_for_the_end(self, patience: float) -> bool:
        """Read until the other side ends the connection. Returns: whether it did in time."""
        deadline = time.monotonic() + patience
        try:
            while True:
                self.listen(deadline)
        except TimeoutError:
            return False
        except OSError:
            return True

    def listen(self, deadline: float) -> None:
        """Take in what comes next; answer pings. Raises: OSError, TimeoutError."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not self.has_joined:
            self.sock.settimeout(left)
            self._raw.clear()
            self._read_more()
            return
        if not self._plain and len(self._raw) < FRAME_SEALED:
            self.sock.settimeout(left)
            try:
                self._read_more()
            finally:
                self.sock.settimeout(PATIENCE_S)
        whole = len(self._raw) - len(self._raw) % FRAME_SEALED
        self._plain += self.opener.open(bytes(self._raw[:whole]))
        del self._raw[:whole]
        self._take_packets()

    def _take_packets(self) -> None:
        now = time.monotonic()
        if self._connection is None:
            self._connection = MultiplexConnection(CHANNELS, now=now, send_rate=0, recv_rate=0)
        connection = self._connection
        data = bytes(self._plain)
        self._plain.clear()
        while True:
            for event in connection.receive_data(data, now):
                if isinstance(event, MessageReceived):
                    self._messages.append((event.channel_id, bytes(event.data)))
                elif isinstance(event, PongReceived):
                    self.pongs += 1
            if not connection.has_unread:
                break
            data = b""
        pongs = connection.data_to_send(now, READ_SIZE)
        if pongs and self.answers_pings:
            self.say(pongs)
