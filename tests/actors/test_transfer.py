"""actors/transfer.py: the headers of frames, as their receivers read what their senders wrote."""

from __future__ import annotations

import pytest

from peerage.actors import transfer
from peerage.actors.runtime import Frames


def test_what_arrived_says_from_where_and_on_which_channels() -> None:
    message = transfer.received("c-1", [1, 2], [b"one", b"two"])
    assert transfer.kind_of(message) == transfer.RECEIVE
    assert transfer.source_and_places(message) == ("c-1", [1, 2])
    assert message.frames == [b"one", b"two"]


def test_what_is_sent_says_how_much_was_sent_before() -> None:
    message = transfer.sent((1,), [b"one"], {1: 7})
    assert transfer.kind_of(message) == transfer.SEND
    assert transfer.outgoing(message) == transfer.Outgoing((1,), {1: 7}, deadline=None)


def test_what_waits_has_a_deadline() -> None:
    message = transfer.waiting((1,), [b"one"], {}, 99.0)
    assert transfer.kind_of(message) == transfer.SEND_WAIT
    assert transfer.outgoing(message) == transfer.Outgoing((1,), {}, deadline=99.0)


def test_what_is_broadcast_goes_to_all() -> None:
    message = transfer.broadcast((1,), [b"one"], {1: 3})
    assert transfer.kind_of(message) == transfer.BROADCAST
    assert transfer.of_broadcast(message) == ((1,), {1: 3})


def test_small_messages_of_one_channel_share_a_frame() -> None:
    """Other channels, long messages and the one that waits have frames of their own; all come out in order."""
    messages = [b"%d" % number for number in range(10)]
    one = transfer.sent([7] * 10, messages, {7: 10})
    assert one.frames == (b"0123456789",)
    assert list(transfer.each_message(one.header[1], one.frames)) == [(7, message) for message in messages]
    channels = [7] * 5 + [8] * 2 + [7] * 5 + [7]
    several = [*messages[:5], b"x", b"y", bytes(2000), *messages[5:9], b"waits"]
    mixed = transfer.waiting(channels, several, {}, 99.0)
    assert [len(frame) for frame in mixed.frames] == [5, 1, 1, 2000, 4, 5]
    assert list(transfer.each_message(mixed.header[1], mixed.frames)) == list(
        zip(channels, several, strict=True)
    )


@pytest.mark.parametrize("header", [None, "send", (), ("other", 1), ([],), (7,), {"send": 1}])
def test_frames_that_others_thought_up_are_none_of_these(header: object) -> None:
    """An embedder may send its reactors frames of its own."""
    assert transfer.kind_of(Frames(header, [])) is None
