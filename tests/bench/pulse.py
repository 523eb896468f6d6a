"""A reactor for recovery.py, in a module of its own as an operator's would be."""

from __future__ import annotations

import os

from peerage import ChannelDescriptor, Envelope, Reactor

CHANNEL = 0x50


class Pulse(Reactor):
    """Answers each message with its process."""

    channels = (ChannelDescriptor(id=CHANNEL, priority=5, send_queue_capacity=100),)

    def receive(self, envelope: Envelope) -> None:
        envelope.source.try_send(CHANNEL, str(os.getpid()).encode())
