"""Mistakes in a reactor."""

from __future__ import annotations

from peerage import ChannelDescriptor, Envelope, Node, Peer, Reactor


class Echo(Reactor):
    channels = [ChannelDescriptor(id="0x50", priority=5)]  # noqa: RUF012  # wrong

    def add_peer(self, peer: str) -> None:  # wrong
        print(peer)

    def receive(self, envelope: Envelope) -> None:
        envelope.source.send(0x50, "text")  # wrong
        envelope.source.try_send(b"message", 0x50)  # wrong
        self.broadcast(0x50, 3)  # wrong
        envelope.sender.send(0x50, b"")  # wrong

    def remove_peer(self, peer: Peer, reason: str) -> int:  # wrong
        return 0


def main(node: Node) -> None:
    node.broadcast(0x50, "text")  # wrong
    node.dial(3)  # wrong
