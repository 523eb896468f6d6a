"""The reactor that answers whoever is among the hostile ones."""

from __future__ import annotations

from typing import ClassVar

from peerage import ChannelDescriptor, Envelope, Reactor
from tests.hostile.limits import HIGH, LOW, LOW_CAPACITY, QUEUE

__all__ = ["Echo"]


class Echo(Reactor):
    """Sends back what comes. Whoever does not read its answers loses them: `send` would let all others wait for it."""

    channels: ClassVar = (
        ChannelDescriptor(id=HIGH, priority=5, send_queue_capacity=QUEUE),
        ChannelDescriptor(id=LOW, priority=1, send_queue_capacity=QUEUE, recv_message_capacity=LOW_CAPACITY),
    )

    def receive(self, envelope: Envelope) -> None:
        envelope.source.try_send(envelope.channel_id, envelope.message)
