"""Plain hooks, called at once: see test_reactor.py for all of it, here for what is counted."""

from __future__ import annotations

from typing import Any

from peerage import Envelope, Peer, Reactor
from peerage.actors.messages import PeerInfo
from peerage.actors.reactors.envelope import Decoding
from peerage.actors.reactors.hook_calls import HookCalls, envelopes
from peerage.wire.packet import MessageRun
from tests.actors.reactors.stage import CHANNEL, peer

RUN = MessageRun.of(CHANNEL, [b"1", b"22", b"333"])
PLACES, FRAMES = (RUN[:2], CHANNEL), (RUN.data, b"4444")


class Faults:
    """Keeps what was raised."""

    def __init__(self) -> None:
        self.stopped: list[Any] = []

    def stop(self, peer: Peer, hook: str, error: Exception) -> None:
        self.stopped.append((hook, str(error)))
        peer.mark_stopped()

    log_fault = None


class Noting(Reactor):
    """Raises at one message."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[bytes] = []

    def receive(self, envelope: Envelope) -> None:
        self.heard.append(envelope.message)
        if envelope.message == b"22":
            raise ValueError("as told")


def test_messages_of_a_batch_are_taken_apart_in_order() -> None:
    """Joined ones and those with a frame of their own."""
    assert [envelope.message for envelope in envelopes(peer(), PLACES, FRAMES)] == [
        b"1",
        b"22",
        b"333",
        b"4444",
    ]


def test_a_batch_is_consumed_as_a_whole_though_its_peer_is_stopped_in_the_middle() -> None:
    """The window counts what has come, and the rest of it is dropped."""
    consumed: list[Any] = []

    def note(_info: PeerInfo, size: int, messages: int) -> None:
        consumed.append((size, messages))

    hooks, faults = Noting(), Faults()
    calls = HookCalls(hooks, Decoding([], print, print), faults, note)  # type: ignore[arg-type]  # a fake
    calls.receive(peer(), PLACES, FRAMES)
    assert hooks.heard == [b"1", b"22"]
    assert faults.stopped == [("receive", "as told")]
    assert consumed == [(10, 4)]
