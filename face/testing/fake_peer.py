"""Fake peers of a reactor under test: they send what the test wants, and the test can expect what they hear."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from peerage.actors import transfer
from peerage.actors.messages import (
    Consumed,
    Credits,
    FlushStop,
    GetPeerValue,
    PeerInfo,
    PeerStarted,
    RemovePeer,
    SetPeerValue,
    StopPeer,
)
from peerage.actors.reactors.peer_handle import SerializableMessage, message_bytes
from peerage.actors.runtime import ActorRef, Frames
from peerage.testing.nodes import NETWORK
from peerage.testing.probe import Probe
from peerage.testing.waiting import TIMEOUT_S, wait_until
from peerage.wire.keys import NodeID
from peerage.wire.net_address import join_host_port
from peerage.wire.node_info import NodeInfo

PORT = 26656  # where every fake peer claims to listen


@dataclass(frozen=True, slots=True)
class _Sent:
    """The reactor sent this message to the peer."""

    channel_id: int
    message: bytes


@dataclass(frozen=True, slots=True)
class _Stopped:
    """The reactor stopped the peer."""

    reason: str


class _PeerSide:
    """The part of a peer actor that a reactor talks to: takes messages, returns credits, stores values."""

    def __init__(
        self, probe: Callable[[Any], None], info: PeerInfo, reactor: ActorRef[Any], capacity: dict[int, int]
    ) -> None:
        self._note, self._info, self._reactor, self._capacity = probe, info, reactor, capacity
        self._sent = dict.fromkeys(capacity, 0)
        self._values: dict[str, Any] = {}
        self.consumed = 0

    def answer(self, message: Any) -> Any:
        """Handle one message of the reactor as a peer actor would."""
        match message:
            case Frames():
                return self._take(message)
            case Consumed():
                self.consumed += message.messages
            case StopPeer():
                self._end(message.reason)
            case FlushStop():
                self._end("")
            case SetPeerValue():
                self._values[message.key] = message.value
            case GetPeerValue():
                return self._values.get(message.key)
        return None

    def _take(self, message: Frames) -> Any:
        places, so_far, deadline = transfer.outgoing(message)
        for channel_id, data in transfer.each_message(places, message.frames):
            self._note(_Sent(channel_id, bytes(data)))
        if transfer.kind_of(message) == transfer.BROADCAST:
            return None
        self._sent.update(so_far)
        if deadline is not None:
            self._sent[channel_id] += 1
            return True, self._total(channel_id)
        totals = {channel_id: self._total(channel_id) for channel_id in self._capacity}
        self._reactor.tell(Credits(self._info.connection, totals), exempt=True)
        return None

    def _total(self, channel_id: int) -> int:
        return self._sent[channel_id] + self._capacity[channel_id]

    def _end(self, reason: str) -> None:
        self._note(_Stopped(reason))
        self._reactor.tell(RemovePeer(self._info.connection, reason), exempt=True)


class FakePeer:
    """A peer of a reactor under test, created by `ReactorHarness.connect`. The test decides what it says.

    Args:
        name: the name of its connection.
        reactor: the one under test.
        capacity: messages that each channel's send queue takes.
        port: of its socket.
        peer_id, channels, is_outbound, is_persistent, ip, since: see `ReactorHarness.connect`.
    """

    def __init__(
        self,
        name: str,
        reactor: ActorRef[Any],
        capacity: dict[int, int],
        peer_id: NodeID,
        channels: bytes,
        *,
        is_outbound: bool,
        is_persistent: bool,
        ip: str,
        port: int,
        since: float,
    ) -> None:
        self._reactor = reactor
        self._heard: queue.SimpleQueue[_Sent | _Stopped] = queue.SimpleQueue()
        self._seen: list[_Sent | _Stopped] = []
        self._handed = 0
        self._probe = Probe(f"{name} (peer)", self._answer)
        self._probe.__enter__()
        self.info = PeerInfo(
            connection=name,
            ref=self._probe.ref,
            id=peer_id,
            node_info=NodeInfo(
                id=peer_id,
                listen_addr=f"tcp://{join_host_port(ip, PORT)}",
                network=NETWORK,
                moniker="fake",
                channels=channels,
            ),
            remote_ip=ip,
            socket_address=join_host_port(ip, port),
            is_outbound=is_outbound,
            is_persistent=is_persistent,
            is_unconditional=False,
            host="",
            credits=tuple(capacity.items()),
            since=since,
        )
        self._side = _PeerSide(self._heard.put, self.info, reactor, capacity)

    def __enter__(self) -> Self:
        self._tell(PeerStarted(self.info))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._probe.__exit__(kind, error, trace)

    @property
    def id(self) -> NodeID:
        return self.info.id

    def send(self, channel_id: int, *messages: bytes | SerializableMessage) -> None:
        """Make messages arrive at the reactor, as one batch."""
        frames = [message_bytes(message) for message in messages]
        self._handed += len(frames)
        self._tell(transfer.received(self.info.connection, (channel_id,) * len(frames), frames))

    def expect(
        self, channel_id: int, message: bytes | SerializableMessage | None = None, timeout: float = TIMEOUT_S
    ) -> bytes:
        """Return the next message that the reactor sent to this peer.

        Args: message, what it must be; None for any.
        Raises: AssertionError if another message came, the reactor stopped the peer, or nothing came in time.
        """
        heard = self._next(timeout)
        wanted = None if message is None else bytes(message_bytes(message))
        if isinstance(heard, _Sent) and heard.channel_id == channel_id and wanted in {None, heard.message}:
            return heard.message
        raise AssertionError(f"{heard} came, a message {wanted!r} on {channel_id:#04x} was expected")

    def expect_nothing(self, seconds: float = 0.1) -> None:
        """Check that the reactor neither sends to this peer nor stops it for that long. Raises: AssertionError."""
        with suppress(queue.Empty):
            raise AssertionError(f"{self._heard.get(timeout=seconds)} came, nothing was expected")

    def expect_stopped(self, timeout: float = TIMEOUT_S) -> str:
        """Return the reason for which the reactor stopped this peer ("" for gracefully), skipping messages before that.

        Raises: AssertionError.
        """
        deadline = time.monotonic() + timeout
        while not isinstance(heard := self._next(deadline - time.monotonic()), _Stopped):
            pass
        return heard.reason

    def disconnect(self, reason: str = "") -> None:
        """End the connection from the peer's side; returns once `remove_peer` has returned."""
        self._reactor.ask(RemovePeer(self.info.connection, reason), timeout=TIMEOUT_S)

    def wait_until_handled(self, timeout: float = TIMEOUT_S) -> None:
        """Wait until `receive` has returned for everything that was sent. Raises: AssertionError."""
        wait_until(lambda: self._side.consumed == self._handed, timeout)

    def _answer(self, message: Any) -> Any:
        return self._side.answer(message)

    def _tell(self, message: Any) -> None:
        self._reactor.tell(message, exempt=True)

    def _next(self, timeout: float) -> _Sent | _Stopped:
        try:
            heard = self._heard.get(timeout=max(0.0, timeout))
        except queue.Empty:
            raise AssertionError(f"nothing came within {timeout:g} s; before: {self._seen}") from None
        self._seen.append(heard)
        return heard
