"""A reactor for `peerage start --reactor ECHO=tests.chaos.echo:Echo`."""

from peerage import ChannelDescriptor, Envelope, Reactor

CHANNEL = 0x50


class Echo(Reactor):
    """Sends back what comes."""

    channels = (ChannelDescriptor(id=CHANNEL, priority=5, send_queue_capacity=100),)

    def receive(self, envelope: Envelope) -> None:
        envelope.source.send(CHANNEL, envelope.message)
