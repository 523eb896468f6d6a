"""A reactor for the cluster, and one at home that tells a test what it hears."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from peerage.actors.runtime import ActorRef

CHANNEL = 0x50


class Answering(Reactor):
    """Answers each message with its process, its node's address and the message."""

    channels: ClassVar = [ChannelDescriptor(id=CHANNEL, priority=5, send_queue_capacity=100)]

    def __init__(self, teller: ActorRef[Any]) -> None:
        super().__init__()
        self.teller = teller

    def add_peer(self, peer: Peer) -> None:
        self.teller.tell(("added", os.getpid()))

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self.teller.tell(("removed", os.getpid()))

    def receive(self, envelope: Envelope) -> None:
        assert envelope.source.send(CHANNEL, b"%d: %s" % (os.getpid(), envelope.message))


class Hearing(Reactor):
    """Tells what it receives."""

    channels: ClassVar = [ChannelDescriptor(id=CHANNEL, priority=5, send_queue_capacity=100)]

    def __init__(self, teller: ActorRef[Any]) -> None:
        super().__init__()
        self.teller = teller

    def receive(self, envelope: Envelope) -> None:
        self.teller.tell(bytes(envelope.message))
