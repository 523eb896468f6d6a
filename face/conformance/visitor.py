"""A hostile peer on one connection: each step of the protocol as it should be, or as a case wants it.

    with Visitor.calling(host, port, claims) as visitor:
        visitor.exchange_keys()
        visitor.prove(signature=bytes(64))

Nothing is checked on this side but what a step needs to go on. When the other side ends the connection, a step raises an
OSError.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from peerage.conformance.handshaker import Claims, Handshaker
from peerage.conformance.line import PATIENCE_S, READ_SIZE
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.frames import FRAME_SEALED
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.packet import PING, MessageReceived, PacketMsg, PongReceived, encode_packet
from peerage.wire.pex import PEX_CHANNEL, PexAddrs, PexRequest, decode_pex
from peerage.wire.varint import encode_uvarint

__all__ = ["PATIENCE_S", "Claims", "StoppedError", "Visitor", "WrongAnswerError"]

LONGEST_MESSAGE = 1 << 21  # bytes that we take: the reactors of a node may say a lot
MOST_MESSAGES, MOST_BYTES = 500, 1 << 20  # that nobody has asked for yet


class WrongAnswerError(Exception):
    """A node answered, and not as it must. The text says how."""


class StoppedError(Exception):
    """No more connections are made: whoever runs the cases wants to end."""


class Visitor(Handshaker):
    """One end of a connection. A context manager, which closes it.

    Args: sock, connected; claims.
    Attributes: answers_pings; pongs, how often some came; was_answered, whether
        addresses came; spare, gives an address for
        another connection; made, the other connections.
    """

    def __init__(self, sock: socket.socket, claims: Claims) -> None:
        super().__init__(sock, claims)
        self.answers_pings = True
        self.pongs = 0
        self.was_answered = False
        self.spare: Callable[[], str] | None = None
        self.made: list[Self] = []
        self._connection: MultiplexConnection | None = None
        self._messages: deque[tuple[int, bytes]] = deque(maxlen=MOST_MESSAGES)

    @classmethod
    def calling(cls, host: str, port: int, claims: Claims, source: str = "") -> Self:
        """Dial, from an address of our own if one is named. Raises: OSError."""
        sock = socket.create_connection((host, port), PATIENCE_S, source_address=(source, 0))
        return cls(sock, claims)

    @classmethod
    def called(cls, server: socket.socket, dial: Callable[[NodeID], object], claims: Claims) -> Self:
        """Have a node dial us. Args: dial, has it dial this ID. Raises: OSError, TimeoutError."""
        key = NodeKey.generate()
        dial(key.node_id)
        sock, _ = server.accept()
        visitor = cls(sock, claims)
        visitor.key = key
        return visitor

    def again(self) -> Self:
        """Another connection to the same node, from the same address unless we have some to spare. Raises: OSError."""
        host, port = self.sock.getpeername()[:2]
        source = self.sock.getsockname()[0] if self.spare is None else self.spare()
        other = self.calling(host, port, self.claims, source)
        other.spare = self.spare
        self.made.append(other)
        return other

    # --- what the node serves ----------------------------------------------------------------------------------------

    @property
    def channel(self) -> int:
        """The channel of `sample`."""
        return PEX_CHANNEL

    def sample(self, size: int = 2) -> bytes:
        """A message of so many bytes that the node answers: a request for addresses with an unknown field in it."""
        request = PexRequest().encode()
        if size == len(request):
            return request
        # The length of the request, its only field's tag and that field's length; then the field.
        for filling in range(size, -1, -1):
            field = b"\x7a" + encode_uvarint(filling) + bytes(filling)
            message = b"\x0a" + encode_uvarint(len(field)) + field
            if len(message) <= size:
                assert len(message) == size, f"no request has {size} bytes"
                return message
        raise AssertionError(f"no request has {size} bytes")

    def hear_back(self, sample: bytes) -> None:
        """Wait for the answer to a sample. Raises: OSError, TimeoutError, RemoteError."""
        self.hear_addresses()

    def hear_addresses(self) -> None:
        """Wait for an answer to a request. Raises: OSError, TimeoutError, RemoteError."""
        while not isinstance(decode_pex(self.expect(PEX_CHANNEL)), PexAddrs):
            pass  # it asks us as well
        self.was_answered = True

    def has_addresses(self) -> bool:
        """Whether an answer to a request has come. Raises: RemoteError."""
        came = (decode_pex(data) for channel, data in self._messages if channel == PEX_CHANNEL)
        return self.was_answered or any(isinstance(message, PexAddrs) for message in came)

    def confirm(self, patience: float = PATIENCE_S) -> None:
        """Wait until it is certain that the node has taken all that was said. Raises: OSError, TimeoutError."""
        heard, deadline = self.pongs, time.monotonic() + patience
        self.say(PING)
        while self.pongs == heard:
            self.listen(deadline)

    # --- packets -----------------------------------------------------------------------------------------------------

    def packet(self, data: bytes, channel: int | None = None, *, eof: bool = True) -> None:
        """A part of a message, or a whole one. Args: channel, that of `sample` by default."""
        self.say(encode_packet(PacketMsg(self.channel if channel is None else channel, eof, data)))

    def message(self, data: bytes, channel: int | None = None, *, part: int = 1024) -> None:
        """A message in as many packets as it takes."""
        channel = self.channel if channel is None else channel
        parts = [data[at : at + part] for at in range(0, len(data), part)] or [b""]
        packets = [PacketMsg(channel, index == len(parts) - 1, each) for index, each in enumerate(parts)]
        self.say(b"".join(map(encode_packet, packets)))

    def expect(self, channel: int, patience: float = PATIENCE_S) -> bytes:
        """The next message of a channel; others are left out. Raises: OSError, TimeoutError."""
        deadline = time.monotonic() + patience
        while True:
            while self._messages:
                at, data = self._messages.popleft()
                if at == channel:
                    return data
            self.listen(deadline)

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
            self._raw.clear()
            self._read_more(left)
            return
        if not self._plain and len(self._raw) < FRAME_SEALED:
            self._read_more(left)
        whole = len(self._raw) - len(self._raw) % FRAME_SEALED
        self._plain += self.opener.open(bytes(self._raw[:whole]))
        del self._raw[:whole]
        self._take_packets()

    def _take_packets(self) -> None:
        now = time.monotonic()
        connection = self._connection
        if connection is None:
            assert self.theirs is not None
            channels = [
                ChannelDescriptor(id=channel, recv_message_capacity=LONGEST_MESSAGE)
                for channel in {*self.theirs.channels, *self.claims.channels}
            ]
            connection = MultiplexConnection(channels, now=now, send_rate=0, recv_rate=0)
            self._connection = connection
        data = bytes(self._plain)
        self._plain.clear()
        while True:
            for event in connection.receive_data(data, now):
                if isinstance(event, MessageReceived):
                    self._keep(event.channel_id, bytes(event.data))
                elif isinstance(event, PongReceived):
                    self.pongs += 1
            if not connection.has_unread:
                break
            data = b""
        pongs = connection.data_to_send(now, READ_SIZE)
        if pongs and self.answers_pings:
            self.say(pongs)

    def _keep(self, channel: int, data: bytes) -> None:
        """A message, in place of older ones if there are too many: a reactor may say a lot that is not for us."""
        self._messages.append((channel, data))
        while sum(len(each) for _channel, each in self._messages) > MOST_BYTES:
            self._messages.popleft()
