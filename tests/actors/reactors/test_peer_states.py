"""A state for each peer, which ends with its connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from peerage import ChannelDescriptor, Envelope, Peer, PeerStates, Reactor
from peerage.testing import ReactorHarness
from tests.actors.reactors.stage import CHANNEL, peer


@dataclass
class Heard:
    texts: list[bytes] = field(default_factory=list)


class Listener(Reactor):
    channels = (ChannelDescriptor(id=CHANNEL),)
    heard = PeerStates(Heard)
    counts = PeerStates(list[int])

    def __init__(self) -> None:
        super().__init__()
        self.left: list[Peer] = []

    def init_peer(self, peer: Peer) -> None:
        assert self.heard[peer].texts == []

    def receive(self, envelope: Envelope) -> None:
        self.heard[envelope.source].texts.append(envelope.message)

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self.heard[peer].texts.append(b"left")
        self.left.append(peer)

    def handle(self, message: Any) -> Any:
        if message == "states":
            return {peer_id: self.heard[peer].texts for peer_id, peer in self.peers.items()}
        return [self.heard[peer] for peer in self.left]


class AsyncListener(Listener):
    async def remove_peer(self, peer: Peer, reason: str) -> None:  # type: ignore[override]  # its base's is no coroutine
        super().remove_peer(peer, reason)


@pytest.mark.parametrize("reactor", [Listener, AsyncListener])
def test_each_peer_has_a_state_of_its_own_until_it_leaves(reactor: type[Listener]) -> None:
    """A node that comes again begins anew."""
    with ReactorHarness(reactor) as harness:
        anna, bert = harness.connect("a" * 40), harness.connect("b" * 40)
        anna.send(CHANNEL, b"1")
        bert.send(CHANNEL, b"2", b"3")
        anna.wait_until_handled()
        bert.wait_until_handled()
        assert harness.ask("states") == {"a" * 40: [b"1"], "b" * 40: [b"2", b"3"]}
        anna.disconnect()
        with pytest.raises(KeyError, match="has left, and so has its state"):
            harness.ask("of those that left")
        harness.connect("a" * 40)
        assert harness.ask("states") == {"a" * 40: [], "b" * 40: [b"2", b"3"]}


def test_a_handle_that_was_sent_elsewhere_has_no_state() -> None:
    """It is the reactor's own."""
    with pytest.raises(KeyError):
        Listener.heard[peer()]
