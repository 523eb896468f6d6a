"""actors/reactors/credited_sender.py: credits answer at once, messages travel together, order holds."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.reactors import credited_sender as module
from peerage.actors.reactors.credited_sender import (
    GATHER_BYTES,
    GATHER_MESSAGES,
    GATHER_S,
    QUICK_S,
    STREAM_S,
    UNLOOKED,
    CreditedSender,
)
from peerage.actors.runtime import Frames
from peerage.actors.transfer import SEND, SEND_WAIT, each_message

CHANNEL, OTHER = 0x50, 0x51


class Clock:
    """Stands in for the module's `time`: passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class PeerActor:
    """Records what it is told."""

    def __init__(self) -> None:
        self.told: list[Frames] = []
        self.scheduled = 0

    def tell(self, frames: Frames) -> None:
        self.told.append(frames)

    def schedule(self) -> None:
        self.scheduled += 1

    @property
    def messages(self) -> list[tuple[int, bytes]]:
        return [message for number in range(len(self.told)) for message in self.messages_of(number)]

    def messages_of(self, number: int) -> list[tuple[int, bytes]]:
        told = self.told[number]
        return [(channel, bytes(data)) for channel, data in each_message(told.header[1], told.frames)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def peer() -> PeerActor:
    return PeerActor()


def outbox_of(peer: PeerActor, clock: Clock, **options: Any) -> CreditedSender:
    return CreditedSender(peer.tell, peer.schedule, {CHANNEL: 3, OTHER: 1000}, **options)


def test_a_message_after_a_pause_is_told_at_once(peer: PeerActor, clock: Clock) -> None:
    """Latency first where there is no stream of them."""
    outbox = outbox_of(peer, clock)
    assert outbox.add(CHANNEL, b"one")
    clock.now += 1.0
    assert outbox.add(OTHER, b"two")
    assert [told.header for told in peer.told] == [
        (SEND, (CHANNEL,), {CHANNEL: 1, OTHER: 0}),
        (SEND, (OTHER,), {CHANNEL: 1, OTHER: 1}),
    ]
    assert peer.scheduled == 0


def test_messages_in_quick_succession_wait_for_the_end_of_the_turn(peer: PeerActor, clock: Clock) -> None:
    """It is asked for once; they travel as one message, in order over all channels."""
    outbox = outbox_of(peer, clock)
    for number in range(4):
        assert outbox.add((CHANNEL, OTHER)[number % 2], bytes([number]))
    assert len(peer.told) == 1
    assert peer.scheduled == 1
    outbox.flush()
    outbox.flush()
    assert len(peer.told) == 2
    assert peer.messages == [(CHANNEL, b"\0"), (OTHER, b"\1"), (CHANNEL, b"\2"), (OTHER, b"\3")]


def test_a_gathering_ends_after_milliseconds_of_messages(peer: PeerActor, clock: Clock) -> None:
    """The clock is looked at with every sixteenth; that one takes along those that wait."""
    outbox = outbox_of(peer, clock)
    outbox.add(OTHER, b"first")
    outbox.add(OTHER, b"second")
    clock.now += GATHER_S * 1.5
    for _ in range(UNLOOKED):
        outbox.add(OTHER, b"more")
    assert len(peer.told) == 1
    outbox.add(OTHER, b"sixteenth")
    assert [len(peer.messages_of(number)) for number in range(2)] == [1, UNLOOKED + 2]


def test_in_a_stream_no_message_goes_alone(peer: PeerActor, clock: Clock) -> None:
    """The sender was kept waiting for some milliseconds, not its messages; a longer pause ends the stream."""
    outbox = outbox_of(peer, clock)
    outbox.add(OTHER, b"told at once")
    for _ in range(GATHER_MESSAGES):
        outbox.add(OTHER, b"x")
    clock.now += STREAM_S / 2
    outbox.add(OTHER, b"x")
    assert len(peer.told) == 2
    outbox.flush()
    clock.now += STREAM_S
    outbox.add(OTHER, b"told at once")
    assert [len(peer.messages_of(number)) for number in range(4)] == [1, GATHER_MESSAGES, 1, 1]


def test_after_a_wait_for_room_no_message_goes_alone(peer: PeerActor, clock: Clock) -> None:
    outbox = outbox_of(peer, clock)
    outbox.waiting(OTHER, b"x", 0.0)
    clock.now += 1.0
    outbox.settle(OTHER, (True, 1000))
    clock.now += STREAM_S / 2
    outbox.add(OTHER, b"x")
    assert (peer.told, peer.scheduled) == ([], 1)


@pytest.mark.parametrize("look", ["room", "sent", "totals", "waiting", "grant"])
def test_messages_taken_without_a_look_are_accounted_for(peer: PeerActor, clock: Clock, look: str) -> None:
    """Whoever asks, and whatever comes between them: another channel, a long message."""
    outbox = outbox_of(peer, clock)
    for _ in range(3):
        outbox.add(OTHER, b"small")
    outbox.add(CHANNEL, b"other")
    outbox.add(OTHER, bytes(1000))
    outbox.add(OTHER, b"small")
    outbox.add(OTHER, b"small")
    match look:
        case "room":
            assert (outbox.room(OTHER), outbox.room(CHANNEL)) == (994, 2)
        case "sent":
            assert outbox.sent() == {CHANNEL: 1, OTHER: 6}
        case "totals":
            assert outbox.totals().header[2] == {CHANNEL: 1, OTHER: 6}
        case "waiting":
            assert outbox.waiting(CHANNEL, b"x", 0.0).header[2] == {CHANNEL: 1, OTHER: 6}
        case _:
            outbox.grant({OTHER: 10})
            assert outbox.room(OTHER) == 4


def test_no_more_is_taken_than_there_are_credits(peer: PeerActor, clock: Clock) -> None:
    outbox = CreditedSender(peer.tell, peer.schedule, {CHANNEL: 20})
    assert [outbox.add(CHANNEL, b"x") for _ in range(22)] == [True] * 20 + [False] * 2
    outbox.flush()
    assert len(peer.messages) == 20


def test_what_has_gathered_leaves_the_next_pause_as_it_was(peer: PeerActor, clock: Clock) -> None:
    """The turn has ended, and a message comes after a pause."""
    outbox = outbox_of(peer, clock)
    outbox.add(OTHER, b"first")
    outbox.add(OTHER, b"second")
    outbox.flush()
    clock.now += QUICK_S * 1.5
    outbox.add(OTHER, b"third")
    assert [len(told.frames) for told in peer.told] == [1, 1, 1]


@pytest.mark.parametrize(("size", "count"), [(1, GATHER_MESSAGES), (GATHER_BYTES // 4, 4)])
def test_a_gathering_is_bounded_in_messages_and_bytes(
    peer: PeerActor, clock: Clock, size: int, count: int
) -> None:
    """Else a reactor that sends without end would hold all of it until its turn ends."""
    outbox = outbox_of(peer, clock)
    outbox.add(OTHER, b"told at once")
    for _ in range(count):
        outbox.add(OTHER, bytes(size))
    assert [len(peer.messages_of(number)) for number in range(len(peer.told))] == [1, count]


def test_without_a_credit_nothing_is_taken(peer: PeerActor, clock: Clock) -> None:
    """Per channel; a channel that was never granted has none."""
    outbox = outbox_of(peer, clock)
    assert [outbox.add(CHANNEL, b"x") for _ in range(4)] == [True, True, True, False]
    assert (outbox.room(CHANNEL), outbox.room(OTHER), outbox.room(0x52)) == (0, 1000, 0)
    assert not outbox.add(0x52, b"x")
    assert outbox.add(OTHER, b"x")


def test_credits_are_totals(peer: PeerActor, clock: Clock) -> None:
    """Doubled, late or lost ones are put right by the next; fewer than used is no room, not a debt."""
    outbox = outbox_of(peer, clock)
    for _ in range(3):
        outbox.add(CHANNEL, b"x")
    outbox.grant({CHANNEL: 5})
    outbox.grant({CHANNEL: 5})
    assert outbox.room(CHANNEL) == 2
    outbox.grant({CHANNEL: 2})
    assert outbox.room(CHANNEL) == 0
    assert not outbox.add(CHANNEL, b"x")
    outbox.grant({CHANNEL: 4})
    assert outbox.room(CHANNEL) == 1


def test_a_question_carries_what_has_gathered_in_front_of_its_own_message(
    peer: PeerActor, clock: Clock
) -> None:
    """A message that waits for room may not overtake those that had some."""
    outbox = outbox_of(peer, clock)
    for number in range(3):
        outbox.add(CHANNEL, bytes([number]))
    question = outbox.waiting(CHANNEL, b"waits", 77.0)
    assert question.header == (SEND_WAIT, (CHANNEL, CHANNEL, CHANNEL), {CHANNEL: 3, OTHER: 0}, 77.0)
    assert list(question.frames) == [b"\1", b"\2", b"waits"]
    outbox.flush()
    assert len(peer.told) == 1


@pytest.mark.parametrize("accepted", [True, False])
def test_the_answer_counts_an_accepted_message_and_brings_the_total(
    peer: PeerActor, clock: Clock, accepted: bool
) -> None:
    """What waited was paid by nobody before."""
    outbox = outbox_of(peer, clock)
    for _ in range(3):
        outbox.add(CHANNEL, b"x")
    outbox.waiting(CHANNEL, b"waits", 77.0)
    assert outbox.settle(CHANNEL, (accepted, 6)) is accepted
    assert outbox.room(CHANNEL) == (2 if accepted else 3)


def test_totals_put_the_peer_actor_right(peer: PeerActor, clock: Clock) -> None:
    """What has gathered goes along; without any, there are totals all the same."""
    outbox = outbox_of(peer, clock)
    outbox.add(CHANNEL, b"told")
    outbox.add(OTHER, b"gathered")
    assert outbox.totals().header == (SEND, (OTHER,), {CHANNEL: 1, OTHER: 1})
    empty = outbox.totals()
    assert (empty.header, list(empty.frames)) == ((SEND, (), {CHANNEL: 1, OTHER: 1}), [])


def test_what_was_sent_is_counted_per_channel(peer: PeerActor, clock: Clock) -> None:
    """Refused messages are not; whether the others have left makes no difference."""
    outbox = outbox_of(peer, clock)
    for _ in range(4):
        outbox.add(CHANNEL, b"message")
    assert outbox.sent() == {CHANNEL: 3, OTHER: 0}
