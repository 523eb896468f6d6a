"""A user's reactor and node."""

from __future__ import annotations

from typing import Any

from peerage import ChannelDescriptor, Config, Envelope, Node, Peer, Reactor


class Echo(Reactor):
    channels = [ChannelDescriptor(id=0x50, priority=5)]  # noqa: RUF012 - as the tutorial has it

    def __init__(self, greeting: bytes = b"hello") -> None:
        super().__init__()
        self.greeting = greeting
        self.heard = 0

    def on_start(self) -> None:
        self.runtime.call_later(1.0, self.greet_all, "again")

    def greet_all(self, _why: str) -> None:
        self.broadcast(0x50, self.greeting)

    def add_peer(self, peer: Peer) -> None:
        if not peer.try_send(0x50, self.greeting):
            peer.send(0x50, self.greeting, timeout=1.0)

    def receive(self, envelope: Envelope) -> None:
        self.heard += 1
        envelope.source.send(envelope.channel_id, envelope.message)

    def remove_peer(self, peer: Peer, reason: str) -> None:
        print(peer.id, reason or "gracefully")

    def handle(self, message: Any) -> int:
        return self.heard


def main() -> None:
    with Node(Config(network="test"), reactors={"ECHO": (Echo, b"hi")}) as node:
        node.dial("3fde13ab0c46524f23200d2474a68718993427e2@127.0.0.1:26656", persistent=True)
        node.broadcast(0x50, b"hello")
        print([peer.id for peer in node.peers()], node.reactor("ECHO").ask("heard", timeout=1.0))
