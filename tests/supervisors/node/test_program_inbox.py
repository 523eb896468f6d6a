"""What relays pass on to the program, without a relay."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import structlog
from google.protobuf.wrappers_pb2 import StringValue

from peerage.supervisors.node import program_inbox
from peerage.supervisors.node.errors import UnknownChannelError
from peerage.supervisors.node.log import NodeLog
from peerage.supervisors.node.program_inbox import ProgramInbox
from peerage.wire.channel import ChannelDescriptor, WhenFull
from tests.actors.switch.test_connection_log import PEER
from tests.nodes import node_config

CHANNELS = {
    0x50: ChannelDescriptor(id=0x50),
    0x51: ChannelDescriptor(id=0x51, when_full=WhenFull.DROP_NEWEST),
    0x52: ChannelDescriptor(id=0x52, message=StringValue),
}


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProgramInbox:
    monkeypatch.setattr(program_inbox, "MOST_MESSAGES", 2)
    inbox = ProgramInbox(CHANNELS, NodeLog(node_config(tmp_path), ""))
    inbox.meet(PEER)
    return inbox


def put(inbox: ProgramInbox, channel_id: int, *messages: bytes) -> None:
    inbox.pass_on(tuple((PEER.connection, channel_id) for _ in messages), messages)


def test_a_channel_that_does_not_come_is_refused(inbox: ProgramInbox) -> None:
    """With those that do, and what to do."""
    with pytest.raises(UnknownChannelError, match=r"channel 0x60 come .*: 0x50, 0x51, 0x52; give"):
        inbox.subscribe((0x50, 0x60), None)
    with pytest.raises(UnknownChannelError, match="any channel come to the program; those that come: none"):
        raise UnknownChannelError(None, ())


def test_each_reader_gets_what_it_wants(inbox: ProgramInbox) -> None:
    """One channel, or all."""
    one, every = inbox.subscribe((0x50,), None), inbox.subscribe((), None)
    put(inbox, 0x50, b"a")
    put(inbox, 0x51, b"b")
    inbox.end()
    assert [envelope.message for envelope in one] == [b"a"]
    assert [(envelope.source.id, envelope.channel_id) for envelope in every] == [
        (PEER.id, 0x50),
        (PEER.id, 0x51),
    ]


@pytest.mark.parametrize(
    ("channels", "when_full", "holds"),
    [
        ((0x50,), None, True),
        ((0x50,), WhenFull.DROP_NEWEST, False),
        ((0x51,), None, False),
        ((0x51,), WhenFull.SPILL, True),
        ((0x50, 0x51), None, True),
    ],
)
def test_the_channel_says_what_a_slow_reader_means_unless_the_reader_does(
    inbox: ProgramInbox, channels: tuple[int, ...], when_full: WhenFull | None, holds: bool
) -> None:
    """Of several channels the one that may lose nothing decides."""
    reader = inbox.subscribe(channels, when_full)
    passing = threading.Thread(target=put, args=(inbox, channels[0], b"1", b"2", b"3"))
    passing.start()
    passing.join(0.05 if holds else 5.0)
    assert passing.is_alive() is holds
    assert reader.get().message == b"1"
    passing.join(5.0)
    inbox.end()
    assert [envelope.message for envelope in reader] == ([b"2", b"3"] if holds else [b"2"])
    assert reader.missed == (0 if holds else 1)


def test_its_end_lets_go_whoever_waits(inbox: ProgramInbox) -> None:
    """And ends all readers, behind what they have."""
    reader = inbox.subscribe((0x50,), None)
    passing = threading.Thread(target=put, args=(inbox, 0x50, b"1", b"2", b"3"))
    passing.start()
    inbox.end()
    passing.join(5.0)
    assert not passing.is_alive()
    assert len(list(reader)) <= 2


def test_messages_are_what_the_channel_says(inbox: ProgramInbox) -> None:
    """If a relay passes on what does not decode, that is logged, and costs the program nothing."""
    reader = inbox.subscribe((0x52,), None)
    with structlog.testing.capture_logs() as lines:
        put(inbox, 0x52, b"\xff", StringValue(value="text").SerializeToString())
    assert reader.get().message == StringValue(value="text")
    assert [(line["event"], line["channel"]) for line in lines] == [
        ("relayed message cannot be read", "0x52")
    ]


def test_peers_come_and_go(inbox: ProgramInbox) -> None:
    """One connection is one object; of one that is gone nothing is passed on."""
    reader = inbox.subscribe((0x50,), None)
    put(inbox, 0x50, b"1")
    inbox.meet(PEER)
    put(inbox, 0x50, b"2")
    first, second = reader.get(), reader.get()
    assert first.source is second.source
    inbox.forget(PEER.connection)
    inbox.forget(PEER.connection)
    put(inbox, 0x50, b"3")
    assert not first.source.is_running
    inbox.end()
    assert list(reader) == []
