"""A reactor that does on command what a reactor may do."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar

from peerage import ChannelDescriptor, Envelope, Reactor

CHANNEL = 0x60


class Author(Reactor):
    """Does on command what a reactor may do: each message is the name of one of its methods."""

    channels: ClassVar = (ChannelDescriptor(id=CHANNEL, send_queue_capacity=2),)
    has_been_slow: ClassVar = threading.Event()  # of all in this process

    def __init__(self, greeting: bytes = b"hello") -> None:
        super().__init__()
        self._greeting = greeting

    def receive(self, envelope: Envelope) -> None:
        peer = envelope.source
        match envelope.message:
            case b"greet":
                peer.try_send(CHANNEL, self._greeting)
            case b"send five":
                for number in range(5):
                    assert peer.send(CHANNEL, b"%d" % number)
            case b"broadcast":
                self.broadcast(CHANNEL, b"to all")
            case b"flush stop":
                peer.flush_stop()
            case b"good":
                self.mark_peer_as_good(peer)
            case b"remember":
                peer.set("key", 7)
            case b"recall":
                peer.try_send(CHANNEL, b"%d" % peer.get("key"))
            case b"slow":
                time.sleep(0.1)
                self.has_been_slow.set()

    def handle(self, message: Any) -> Any:
        return sorted(self.peers)
