"""The reactors that live through the chaos: each writes down what it handles, on a channel and with a policy of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from peerage.wire.channel import WhenFull
from tests.chaos.records import Kind, Recorder
from tests.interop.numbered import number_of, payload

STORE, PUSH, SPILL = 0x60, 0x61, 0x62
CAPACITY = 100  # messages of each channel's send queue
POISON = b"raise!"  # too short to have a number
PUSH_INTERVAL_S = 0.1
PUSH_SIZES = (24, 200, 1500)
LIFE_BITS = 24  # of a pushed number, for the count within one life
PUSHING = "pushing"  # the file that has it pushed


def records_path(data_dir: Path, name: str) -> Path:
    """Where a reactor keeps its record."""
    return data_dir / f"{name}.records"


class _Recording(Reactor):
    """Has a record from its start on."""

    NAME: ClassVar[str]

    def on_start(self) -> None:
        self._recorder = Recorder(records_path(self.node.config.home.data_dir, self.NAME))

    def _note(self, kind: Kind, peer: Peer, number: int) -> None:
        self._recorder.add(kind, peer.id, peer.info.connection, number)

    def _handle(self, envelope: Envelope) -> None:
        """Write one message down. Raises: ValueError, for the one that is meant to make us raise."""
        message, peer = envelope.message, envelope.source
        if message == POISON:
            self._note(Kind.RAISED, peer, 0)
            raise ValueError("asked to raise")
        number = number_of(message)
        self._note(Kind.HANDLED if message == payload(number, len(message)) else Kind.GARBLED, peer, number)


class Store(_Recording):
    """Writes each message down, then answers with the same. A slow one has the connection wait."""

    NAME = "STORE"
    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        ChannelDescriptor(id=STORE, priority=5, send_queue_capacity=CAPACITY),
    )

    def receive(self, envelope: Envelope) -> None:
        self._handle(envelope)
        envelope.source.send(envelope.channel_id, envelope.message)


class Spill(Store):
    """The same; what a slow one has no room for waits on disk."""

    NAME = "SPILL"
    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        ChannelDescriptor(id=SPILL, priority=1, send_queue_capacity=CAPACITY, when_full=WhenFull.SPILL),
    )


class Push(_Recording):
    """Sends numbered messages to every peer, each written down before, and writes down which come back."""

    NAME = "PUSH"
    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        ChannelDescriptor(id=PUSH, priority=3, send_queue_capacity=CAPACITY),
    )

    def on_start(self) -> None:
        super().on_start()
        self._running: dict[str, Peer] = {}  # by connection
        self._number = self._recorder.life << LIFE_BITS
        self._switch = self.node.config.home.data_dir / PUSHING
        self._push()

    def add_peer(self, peer: Peer) -> None:
        self._running[peer.info.connection] = peer

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self._running.pop(peer.info.connection, None)

    def receive(self, envelope: Envelope) -> None:
        self._handle(envelope)

    def _push(self) -> None:
        self.runtime.call_later(PUSH_INTERVAL_S, self._push)
        if not self._switch.exists():
            return
        size = PUSH_SIZES[self._number % len(PUSH_SIZES)]
        for peer in self._running.values():
            if peer.room(PUSH):
                self._note(Kind.SENDING, peer, self._number)
                peer.try_send(PUSH, payload(self._number, size))
        self._number += 1


REACTORS: dict[str, type[Reactor]] = {each.NAME: each for each in (Store, Push, Spill)}
