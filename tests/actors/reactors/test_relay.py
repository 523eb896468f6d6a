"""A reactor that passes what it receives to the program."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from peerage.actors.reactors.reactor import Envelope
from peerage.actors.reactors.relay import Relay
from peerage.actors.runtime import Future, Timeout
from peerage.supervisors.node import program_inbox
from peerage.supervisors.node.node import Node
from peerage.wire.channel import ChannelDescriptor, WhenFull
from tests.nodes import HIGH, LOW, EchoReactor, Flood, SinkReactor, StartNode, node_processes, wait_until

PATIENCE_S = 20.0
CHANNELS = (ChannelDescriptor(id=HIGH, send_queue_capacity=100), ChannelDescriptor(id=LOW))


class Choosy(Relay):
    """Passes on what is not secret, in capitals."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        ChannelDescriptor(id=HIGH, message=StringValue, send_queue_capacity=100),
    )

    def receive(self, envelope: Envelope) -> None:
        if envelope.message.value != "secret":
            self.relay(envelope._replace(message=StringValue(value=envelope.message.value.upper())))


def test_a_program_reads_what_comes_on_channels_of_its_own(start_node: StartNode) -> None:
    """No reactor is written for it. It answers the peer, which it can ask all that a peer is asked."""
    node = start_node({}, options={"channels": CHANNELS})
    other = start_node()
    messages = node.messages(HIGH)
    peer = node.dial(other.address)
    assert peer.send(HIGH, b"echoed")
    envelope = messages.get(PATIENCE_S)
    assert (envelope.source, envelope.channel_id, envelope.message) == (peer, HIGH, b"echoed")
    assert envelope.source.send(LOW, b"on another channel")
    assert envelope.source.send(HIGH, b"again")
    assert messages.get(PATIENCE_S).message == b"again"
    peer.stop()
    wait_until(lambda: not envelope.source.is_running)


def test_after_its_restart_it_goes_on(start_node: StartNode) -> None:
    """The reader notices nothing, and its peers are the same objects."""
    node = start_node({}, options={"channels": CHANNELS})
    other = start_node()
    messages = node.messages()
    peer = node.dial(other.address)
    assert peer.send(HIGH, b"before")
    before = messages.get(PATIENCE_S)
    os.kill(node_processes(node)[node.names.of("reactor-PROGRAM")], signal.SIGKILL)

    def after() -> Envelope | None:
        """What is on its way to the old one, or comes before the new one knows its peers, is lost with it."""
        assert peer.send(HIGH, b"after")
        with suppress(Timeout):
            return messages.get(0.2)
        return None

    envelope = wait_until(after)
    assert envelope.message == b"after"
    assert envelope.source is before.source


def test_a_subclass_chooses_what_to_pass_on(start_node: StartNode) -> None:
    """As the objects that its channel carries."""
    node, other = start_node({"CHOOSY": Choosy}), start_node()
    messages = node.messages(HIGH)
    peer = node.dial(other.address)
    for text in ("one", "secret", "two"):
        assert peer.send(HIGH, StringValue(value=text))
    assert [messages.get(PATIENCE_S).message for _ in range(2)] == [
        StringValue(value="ONE"),
        StringValue(value="TWO"),
    ]


def flooded(node: Node, other: Node, count: int) -> Future[Any]:
    """Have so many messages sent to the node. Returns: how many were accepted, in the end."""
    node.dial(other.address)
    sink = other.reactor("SINK")

    def knows() -> bool:
        with suppress(KeyError):
            sink.ask(Flood(node.node_id, HIGH, 0, 0))
            return True
        return False

    wait_until(knows)
    return sink.ask(Flood(node.node_id, HIGH, count, 100), block=False)


@pytest.mark.parametrize("when_full", [None, WhenFull.DROP_NEWEST])
def test_a_slow_reader_holds_the_relay_up_or_misses_something(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch, when_full: WhenFull | None
) -> None:
    """By the channel's choice, or its own. What is missed is counted."""
    monkeypatch.setattr(program_inbox, "MOST_MESSAGES", 4)
    node = start_node({}, options={"channels": CHANNELS})
    other = start_node({"SINK": SinkReactor})
    count = 2000
    with node.messages(HIGH, when_full=when_full) as slow, node.messages(HIGH) as quick:
        flood = flooded(node, other, count)
        quick_ones: list[bytes] = []
        while len(quick_ones) < (count if when_full else 4):
            quick_ones.append(quick.get(PATIENCE_S).message)
        if when_full:
            assert flood.get(timeout=PATIENCE_S) == count
            assert slow.missed == count - 4
        else:
            slow.close()  # which both have waited for until now
            while len(quick_ones) < count:
                quick_ones.append(quick.get(PATIENCE_S).message)
            assert flood.get(timeout=PATIENCE_S) == count
        assert len(set(quick_ones)) == count
        assert quick.missed == 0


def test_a_node_stops_whoever_does_not_read(start_node: StartNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay waits for nobody then, and is not killed."""
    monkeypatch.setattr(program_inbox, "MOST_MESSAGES", 4)
    node = start_node({}, options={"channels": CHANNELS})
    other = start_node({"SINK": SinkReactor})
    messages = node.messages(HIGH)
    flooded(node, other, 2000)
    assert len(messages.get(PATIENCE_S).message) == 100
    node.stop()
    assert node.wait(0)  # nothing was left undone
    assert len(list(messages)) <= 4


def test_what_nobody_reads_is_dropped(start_node: StartNode) -> None:
    """It holds up nobody; whoever comes later reads what comes then."""
    node = start_node({}, options={"channels": CHANNELS})
    other = start_node({"ECHO": EchoReactor})
    peer = node.dial(other.address)
    with node.messages(LOW) as low:
        assert peer.send(HIGH, b"unread")
        assert peer.send(LOW, b"read")
        assert low.get(PATIENCE_S).message == b"read"
    with node.messages() as both:
        assert peer.send(HIGH, b"later")
        assert both.get(PATIENCE_S).message == b"later"
