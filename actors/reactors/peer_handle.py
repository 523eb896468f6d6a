"""A reactor's view of one connected peer."""

from __future__ import annotations

import time
from typing import Any, Protocol

from peerage.actors import transfer
from peerage.actors.messages import (
    FlushStop,
    GetPeerValue,
    GetStatusOfPeer,
    PeerInfo,
    PeerStatus,
    SetPeerValue,
    StopPeer,
)
from peerage.actors.reactors.credited_sender import CreditedSender
from peerage.actors.runtime import ActorDeadError, Timeout, readonly
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo

__all__ = ["SEND_TIMEOUT_S", "Peer", "SerializableMessage", "message_bytes"]

SEND_TIMEOUT_S = 10.0  # reference 4: send waits up to 10 s for room


class SerializableMessage(Protocol):
    """What generated protobuf messages have."""

    def SerializeToString(self) -> bytes: ...  # noqa: N802 - protobuf's name


def message_bytes(message: bytes | bytearray | memoryview | SerializableMessage) -> bytes | memoryview:
    """The bytes a channel carries for this message; a copy of what may still change."""
    if isinstance(message, bytes):
        return message
    if isinstance(message, memoryview):
        return readonly(message)
    return bytes(message) if isinstance(message, bytearray) else message.SerializeToString()


class Peer:
    """One connection to one node, from `init_peer` to `remove_peer`.

    Inside a reactor it holds the credits of that reactor's channels, so that `try_send` answers without asking
    anybody. Pickled to another process it still works; every send is then a question to the peer actor.

    Source: reference 7, design 4.
    """

    __slots__ = ("_is_running", "_outbox", "info")

    def __init__(self, info: PeerInfo, outbox: CreditedSender | None = None) -> None:
        self.info = info
        self._outbox = outbox
        self._is_running = True

    @property
    def id(self) -> NodeID:
        return self.info.id

    @property
    def node_info(self) -> NodeInfo:
        return self.info.node_info

    @property
    def remote_ip(self) -> str:
        return self.info.remote_ip

    @property
    def socket_address(self) -> str:
        """`ip:port` of the other end of the TCP connection."""
        return self.info.socket_address

    @property
    def is_outbound(self) -> bool:
        return self.info.is_outbound

    @property
    def is_persistent(self) -> bool:
        return self.info.is_persistent

    @property
    def is_running(self) -> bool:
        """False as soon as this process knows that the connection is over."""
        return self._is_running

    def has_channel(self, channel_id: int) -> bool:
        """Whether the peer announced this channel."""
        return channel_id in self.info.node_info.channels

    def try_send(
        self, channel_id: int, message: bytes | bytearray | memoryview | SerializableMessage
    ) -> bool:
        """Hand a message to the connection if there is room; never waits.

        Promises: True means accepted: it leaves in order with the others of this channel, unless the connection ends.
        Returns: False when the channel's send queue is full, the peer has stopped or did not announce the channel.
        """
        if not self._is_running:
            return False
        if self._outbox is not None:
            return self._take(channel_id, message, self._outbox)
        return self.has_channel(channel_id) and self._ask_to_send(channel_id, message, timeout=0.0)

    def send(
        self,
        channel_id: int,
        message: bytes | bytearray | memoryview | SerializableMessage,
        timeout: float = SEND_TIMEOUT_S,
    ) -> bool:
        """Hand a message to the connection, waiting for room.

        Args: timeout, seconds to wait for a place in the send queue.
        Returns: as `try_send`, False also when the time is over.
        """
        if not self._is_running:
            return False
        if self._outbox is not None and self._take(channel_id, message, self._outbox):
            return True
        return self.has_channel(channel_id) and self._ask_to_send(channel_id, message, timeout)

    def flush_stop(self, timeout: float = SEND_TIMEOUT_S) -> None:
        """Send all that was accepted, then close; `remove_peer` follows. Does not wait."""
        self.flush()
        self._is_running = False
        self.info.ref.ask(FlushStop(timeout), block=False)

    def stop(self, reason: str = "") -> None:
        """Stop the peer: for error when there is a reason, else gracefully. `remove_peer` follows. Does not wait."""
        self._is_running = False
        self.info.ref.tell(StopPeer(reason, is_error=bool(reason)), exempt=True)

    def flush(self) -> None:
        """Hand over now what was sent in quick succession and would leave at the end of this turn."""
        if self._outbox is not None:
            self._outbox.flush()

    def get(self, key: str) -> Any:
        """What any reactor set under this key for this connection; None when nothing."""
        try:
            return self.info.ref.ask(GetPeerValue(key), timeout=SEND_TIMEOUT_S)
        except ActorDeadError:
            return None

    def set(self, key: str, value: Any) -> None:
        """Keep a value for all reactors, as long as the connection lives."""
        self.info.ref.tell(SetPeerValue(key, value))

    def status(self) -> PeerStatus | None:
        """Durations, rates and queues now; None when the connection is over."""
        try:
            return self.info.ref.ask(GetStatusOfPeer(), timeout=SEND_TIMEOUT_S)  # type: ignore[no-any-return]  # answers are Any
        except ActorDeadError:
            return None

    def room(self, channel_id: int) -> int:
        """How many `try_send` on this channel will succeed now."""
        return self._outbox.room(channel_id) if self._outbox is not None and self._is_running else 0

    def mark_stopped(self) -> None:
        """The connection is over (called by the reactor's machinery)."""
        self._is_running = False

    @staticmethod
    def _take(
        channel_id: int, message: bytes | bytearray | memoryview | SerializableMessage, outbox: CreditedSender
    ) -> bool:
        if type(message) is bytes:
            return outbox.add(channel_id, message)
        data = message_bytes(message)
        if not outbox.add(channel_id, data):
            return False
        if not isinstance(message, bytes | bytearray | memoryview):
            outbox.count(type(message), len(data))
        return True

    def _ask_to_send(
        self, channel_id: int, message: bytes | bytearray | memoryview | SerializableMessage, timeout: float
    ) -> bool:
        data, deadline = message_bytes(message), time.time() + timeout
        if self._outbox is None:
            question = transfer.waiting((channel_id,), [data], {}, deadline)
        else:
            question = self._outbox.waiting(channel_id, data, deadline)
        try:
            # The peer actor keeps the deadline; the margin is for a host that is busy.
            answer = self.info.ref.ask(question, timeout=timeout + SEND_TIMEOUT_S, exempt=True)
        except (ActorDeadError, Timeout):
            return False
        return self._outbox.settle(channel_id, answer) if self._outbox is not None else bool(answer[0])

    def __reduce__(self) -> tuple[type[Peer], tuple[PeerInfo]]:
        return (Peer, (self.info,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Peer) and other.info.connection == self.info.connection

    def __hash__(self) -> int:
        return hash(self.info.connection)

    def __repr__(self) -> str:
        direction = "outbound" if self.info.is_outbound else "inbound"
        return f"<Peer {self.info.id} {self.info.socket_address} {direction}>"
