"""A reactor's view of one connected peer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
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
from peerage.actors.reactors.peer_facts import PeerFacts
from peerage.actors.runtime import ActorDeadError, Frames, Timeout, readonly
from peerage.wire.channel import ChannelDescriptor

__all__ = ["SEND_TIMEOUT_S", "Peer", "SerializableMessage", "classes_of", "message_bytes"]

SEND_TIMEOUT_S = 10.0  # reference 4: send waits up to 10 s for room


class SerializableMessage(Protocol):
    """The methods of generated protobuf messages that we use."""

    def SerializeToString(self) -> bytes: ...  # noqa: N802 - protobuf's name


NO_CLASSES: Mapping[int, type[Any]] = MappingProxyType({})


def classes_of(channels: Iterable[ChannelDescriptor]) -> dict[int, type[Any]]:
    """The classes of the messages of these channels, by number; without those whose messages are bytes."""
    return {each.id: each.message for each in channels if each.message is not None}


def message_bytes(
    message: bytes | bytearray | memoryview | SerializableMessage, expected: type[Any] | None = None
) -> bytes | memoryview:
    """The bytes that a channel carries for this message; a copy if the caller could still change them.

    Args: expected, the class of the channel's messages. The bytes of another one, as of the part that a `Message` holds,
        would be nonsense to the peer, who ends the connection for it.
    Raises: TypeError, it is neither bytes nor a protobuf message, or one of another class.
    """
    if isinstance(message, bytes):
        return message
    if isinstance(message, memoryview):
        return readonly(message)
    if isinstance(message, bytearray):
        return bytes(message)
    try:
        serialize = message.SerializeToString
    except AttributeError:
        kind = type(message).__name__
        raise TypeError(f"a message is a {kind}; bytes or a protobuf message are expected") from None
    if expected is not None and not isinstance(message, expected):
        found, wanted = _name_of(type(message)), _name_of(expected)
        if found != wanted:  # a class that was imported anew is as good
            raise TypeError(f"a message is a {found}; on this channel a {wanted} is expected, or bytes")
    return serialize()


def _name_of(message_class: type[Any]) -> str:
    return getattr(getattr(message_class, "DESCRIPTOR", None), "full_name", message_class.__qualname__)


class Peer(PeerFacts):
    """One connection to one node, from `init_peer` to `remove_peer`.

    Inside a reactor it holds the credits of that reactor's channels, so that `try_send` can answer without asking another
    actor. It also works when pickled to another process, but then every send is a question to the peer actor.

    Source: reference 7, design 4.
    """

    __slots__ = ("_add", "_classes", "_is_running", "_outbox", "states")

    def __init__(
        self,
        info: PeerInfo,
        outbox: CreditedSender | None = None,
        classes: Mapping[int, type[Any]] = NO_CLASSES,
    ) -> None:
        super().__init__(info)
        self._outbox, self._classes = outbox, classes
        self._is_running = True
        # See PeerStates; None after `remove_peer`, and in a handle that was sent elsewhere.
        self.states: dict[object, Any] | None = None if outbox is None else {}
        # What takes a message that is bytes, while there is such a thing: the quick way of `send` and `try_send`.
        self._add = None if outbox is None else outbox.add

    @property
    def is_running(self) -> bool:
        """False as soon as this process knows that the connection is over."""
        return self._is_running

    def try_send(
        self, channel_id: int, message: bytes | bytearray | memoryview | SerializableMessage
    ) -> bool:
        """Send a message if there is room; never waits.

        Promises: True means accepted: it is sent in order with the others of this channel, unless the connection ends first.
        Returns: False when the channel's send queue is full, the peer has stopped or did not announce the channel.
        """
        if self._add is not None and type(message) is bytes:
            return self._add(channel_id, message)
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
        """Send a message, waiting for room if need be.

        Args: timeout, seconds to wait for room in the send queue.
        Returns: as `try_send`; also False when there was no room in time.
        """
        if self._add is not None and type(message) is bytes and self._add(channel_id, message):
            return True
        if not self._is_running:
            return False
        if self._outbox is not None and self._take(channel_id, message, self._outbox):
            return True
        return self.has_channel(channel_id) and self._ask_to_send(channel_id, message, timeout)

    async def send_async(
        self,
        channel_id: int,
        message: bytes | bytearray | memoryview | SerializableMessage,
        timeout: float = SEND_TIMEOUT_S,  # noqa: ASYNC109 - as `send`
    ) -> bool:
        """As `send`, from a coroutine: it waits for room, and all others go on. At most 64 may wait for one channel."""
        if self._outbox is not None and self.try_send(channel_id, message):
            return True
        if not self._is_running or not self.has_channel(channel_id):
            return False
        question = self._question(channel_id, message, timeout)
        try:
            answer = await self.info.ref.ask_async(question, timeout=timeout + SEND_TIMEOUT_S, exempt=True)
        except (ActorDeadError, Timeout):
            return False
        return self._outbox.settle(channel_id, answer) if self._outbox is not None else bool(answer[0])

    def flush_stop(self, timeout: float = SEND_TIMEOUT_S) -> None:
        """Send all that was accepted, then close; `remove_peer` follows. Does not wait."""
        self.flush()
        self.mark_stopped()
        self.info.ref.ask(FlushStop(timeout), block=False)

    def stop(self, reason: str = "") -> None:
        """Stop the peer: for error if a reason is given, gracefully if not. `remove_peer` follows. Does not wait."""
        self.mark_stopped()
        self.info.ref.tell(StopPeer(reason, is_error=bool(reason)), exempt=True)

    def flush(self) -> None:
        """Send now what would be sent at the end of this turn."""
        if self._outbox is not None:
            self._outbox.flush()

    def get(self, key: str) -> Any:
        """The value that any reactor has set under this key for this connection, or None."""
        try:
            return self.info.ref.ask(GetPeerValue(key), timeout=SEND_TIMEOUT_S)
        except ActorDeadError:
            return None

    def set(self, key: str, value: Any) -> None:
        """Store a value for all reactors, for as long as the connection lives."""
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
        """The connection is over. Called by the reactor, not by its author."""
        self._is_running = False
        self._add = None

    def _take(
        self,
        channel_id: int,
        message: bytes | bytearray | memoryview | SerializableMessage,
        outbox: CreditedSender,
    ) -> bool:
        data = message_bytes(message, self._classes.get(channel_id))
        if not outbox.add(channel_id, data):
            return False
        if not isinstance(message, bytes | bytearray | memoryview):
            outbox.count(type(message), len(data))
        return True

    def _ask_to_send(
        self, channel_id: int, message: bytes | bytearray | memoryview | SerializableMessage, timeout: float
    ) -> bool:
        question = self._question(channel_id, message, timeout)
        try:
            # The peer actor observes the deadline. The margin is for a busy host.
            answer = self.info.ref.ask(question, timeout=timeout + SEND_TIMEOUT_S, exempt=True)
        except (ActorDeadError, Timeout):
            return False
        return self._outbox.settle(channel_id, answer) if self._outbox is not None else bool(answer[0])

    def _question(
        self, channel_id: int, message: bytes | bytearray | memoryview | SerializableMessage, timeout: float
    ) -> Frames:
        data, deadline = message_bytes(message, self._classes.get(channel_id)), time.monotonic() + timeout
        if self._outbox is None:
            return transfer.waiting((channel_id,), [data], {}, deadline)
        return self._outbox.waiting(channel_id, data, deadline)

    def __reduce__(self) -> tuple[type[Peer], tuple[PeerInfo]]:
        return (Peer, (self.info,))
