"""actors/peers/send_queues.py: credits, waiting senders and broadcasts on their way into the channels' queues."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.peers.broadcasts import Broadcasts, Listener
from peerage.actors.peers.send_queues import BACKLOG_LIMIT, SendQueues
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.multiplex import MessageReceived, MessageRun, MultiplexConnection
from tests.actors.peers.budgets import PLENTY
from tests.actors.peers.fake_loop import FakeTimer

FEW, MANY = 0x50, 0x51
CAPACITY = {FEW: 2, MANY: 100}
CHANNELS = tuple(ChannelDescriptor(id=id_, send_queue_capacity=places) for id_, places in CAPACITY.items())
ROUTES = {FEW: "ONE", MANY: "TWO"}
CHUNK = 1 << 16


class Counts:
    """As Traffic."""

    is_on = True

    def __init__(self) -> None:
        self.bytes = 0

    def sent(self, _channel_id: int, size: int) -> None:
        self.bytes += size


class Answer:
    """What a waiting sender was told."""

    def __init__(self) -> None:
        self.values: list[tuple[bool, int]] = []

    def set(self, value: tuple[bool, int]) -> None:
        self.values.append(value)


class Ends:
    """The queues of a connection, and the remote that reads it. Attribute: limits, of those that wait."""

    def __init__(self) -> None:
        self.limits: list[FakeTimer] = []
        self.traffic = Counts()
        self.drops: dict[int, int] = {}
        connection = MultiplexConnection(CHANNELS, now=0.0, send_rate=0, recv_rate=0)
        self.queues = SendQueues(connection, ROUTES, self.traffic, self._count)  # type: ignore[arg-type]
        self._remote = MultiplexConnection(CHANNELS, now=0.0, send_rate=0, recv_rate=0)

    def wait(self, data: Any, answer: Answer) -> None:
        self.queues.wait(FEW, data, answer, self._limit)

    def _limit(self, give_up: Callable[[], object]) -> FakeTimer:
        self.limits.append(FakeTimer(1.0, give_up, ()))
        return self.limits[-1]

    def _count(self, channel_id: int, messages: int) -> None:
        self.drops[channel_id] = self.drops.get(channel_id, 0) + messages

    def read(self, chunks: int = 1000) -> list[bytes]:
        """What the remote gets until nothing more is queued."""
        messages: list[bytes] = []
        for _ in range(chunks):
            chunk = self.queues.next_chunk(0.0, CHUNK)
            if not chunk and not self.queues.fill():
                break
            events = self._remote.receive_data(chunk, 0.0)
            messages += [event.data for event in events if isinstance(event, MessageReceived)]
        return messages


@pytest.fixture
def ends() -> Ends:
    return Ends()


def test_a_reactor_begins_with_a_credit_for_each_place(ends: Ends) -> None:
    assert ends.queues.introduce([FEW, MANY]) == tuple(CAPACITY.items())


def test_paid_messages_leave_in_order_and_their_places_come_back_as_credits(ends: Ends) -> None:
    """Totals since the beginning: two have been sent, two more may be."""
    ends.queues.introduce([FEW])
    ends.queues.arrived[FEW] = 2
    ends.queues.put_paid(FEW, [b"one", b"two"])
    assert ends.queues.take_credits() == {}
    assert ends.read() == [b"one", b"two"]
    assert ends.queues.take_credits() == {"ONE": {FEW: 4}}
    assert ends.traffic.bytes == 6


def test_joined_messages_leave_in_order_and_each_gives_a_credit(ends: Ends) -> None:
    """Those that find no place wait, and so do all that come behind them."""
    ends.queues.introduce([FEW])
    ends.queues.arrived[FEW] = 4
    ends.queues.put_paid_run(MessageRun.of(FEW, [b"one", b"two", b"three"]))
    ends.queues.put_paid_run(MessageRun.of(FEW, [b"four"]))
    assert not ends.queues.is_empty
    assert ends.read() == [b"one", b"two", b"three", b"four"]
    assert ends.queues.take_credits() == {"ONE": {FEW: 6}}


def test_joined_messages_are_counted(ends: Ends) -> None:
    ends.queues.put_paid_run(MessageRun.of(MANY, [b"one", b"two"]))
    ends.queues.put_paid_run(MessageRun.of(FEW, [b"one", b"two", b"three"]))
    assert ends.traffic.bytes == 12


def test_credits_are_told_once(ends: Ends) -> None:
    ends.queues.introduce([FEW])
    ends.queues.arrived[FEW] = 1
    ends.queues.put_paid(FEW, [b"one"])
    ends.read()
    assert ends.queues.take_credits() == {"ONE": {FEW: 3}}
    assert ends.queues.take_credits() == {}


def test_a_paid_message_finds_its_place_taken_and_waits(ends: Ends) -> None:
    """Another sender had it for a moment. Nothing is lost, and the order of the channel stays."""
    ends.queues.introduce([FEW])
    assert ends.queues.offer(FEW, b"other") is not None
    ends.queues.put_paid(FEW, [b"one", b"two"])
    ends.queues.put_paid(FEW, [b"three"])
    assert not ends.queues.is_empty
    assert ends.read() == [b"other", b"one", b"two", b"three"]
    assert ends.queues.is_empty


def test_an_unpaid_message_is_accepted_while_there_is_room(ends: Ends) -> None:
    """Its sender learns the channel's new total."""
    assert ends.queues.offer(FEW, b"one") == (True, 2)
    assert ends.queues.offer(FEW, b"two") == (True, 2)
    assert ends.queues.offer(FEW, b"three") is None


def test_a_message_that_waits_is_accepted_when_a_place_becomes_free(ends: Ends) -> None:
    for data in (b"one", b"two"):
        ends.queues.offer(FEW, data)
    answer = Answer()
    ends.wait(b"three", answer)
    assert answer.values == []
    assert ends.read() == [b"one", b"two", b"three"]
    assert ends.limits[0].cancelled
    assert [accepted for accepted, _total in answer.values] == [True]


def test_a_message_that_was_sent_is_not_kept_until_its_time_would_have_been_over(ends: Ends) -> None:
    """A reactor that sends a megabyte at a time, each with ten seconds to wait, held gigabytes."""
    for data in (b"one", b"two"):
        ends.queues.offer(FEW, data)
    message = memoryview(b"three")
    kept = weakref.ref(message)
    ends.wait(message, Answer())
    del message
    assert ends.read() == [b"one", b"two", b"three"]
    assert kept() is None


def test_a_message_that_waits_too_long_is_given_up(ends: Ends) -> None:
    for data in (b"one", b"two"):
        ends.queues.offer(FEW, data)
    answer = Answer()
    ends.wait(b"three", answer)
    ends.limits[0].ring()
    assert ends.read() == [b"one", b"two"]
    assert answer.values == [(False, 2)]


def test_not_more_than_a_backlog_may_wait(ends: Ends) -> None:
    for _ in range(BACKLOG_LIMIT):
        assert ends.queues.may_wait(FEW)
        ends.wait(b"", Answer())
    assert not ends.queues.may_wait(FEW)


def test_who_waits_at_the_end_is_refused(ends: Ends) -> None:
    answer = Answer()
    ends.wait(b"one", answer)
    ends.queues.close()
    assert answer.values == [(False, 0)]
    assert ends.limits[0].cancelled


# --- broadcasts ------------------------------------------------------------------------------------------------------


class Host:
    """The broadcasts of a host to which the peer listens."""

    def __init__(self, ends: Ends) -> None:
        self.log = Broadcasts(CAPACITY, 1024, most_bytes=lambda: PLENTY)
        self.listener: Listener = self.log.listen(CAPACITY, lambda: None)
        ends.queues.listen(self.listener)

    def broadcast(self, *messages: bytes, channel: int = FEW) -> None:
        for message in messages:
            self.log.add(channel, message, 0.0)
        self.log.wake()


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_broadcasts_pass_a_queue_that_is_far_smaller(ends: Ends) -> None:
    """In one chunk: the queue of two places holds up none of the hundred."""
    Host(ends).broadcast(*numbered(100))
    assert ends.read(chunks=1) == numbered(100)


def test_broadcasts_go_behind_what_waits(ends: Ends) -> None:
    host = Host(ends)
    ends.queues.put_paid(FEW, [b"one", b"two", b"three"])
    host.broadcast(b"to all")
    assert ends.read() == [b"one", b"two", b"three", b"to all"]


def test_a_broadcast_alone_gives_no_credits(ends: Ends) -> None:
    """Its place in the queue was nobody's: a reactor that has sent nothing knows all that it may send."""
    host = Host(ends)
    ends.queues.introduce([FEW])
    host.broadcast(*numbered(50))
    ends.read()
    assert ends.queues.take_credits() == {}


def test_the_rest_of_what_was_broadcast_is_sent_before_a_graceful_end(ends: Ends) -> None:
    """What comes after it is not."""
    host = Host(ends)
    host.broadcast(*numbered(10))
    assert ends.queues.take_rest_of_broadcasts() is host.listener
    host.broadcast(b"too late")
    assert not ends.queues.is_empty
    assert ends.read() == numbered(10)
    assert ends.queues.take_rest_of_broadcasts() is None


def test_broadcasts_that_a_peer_was_too_slow_for_are_counted(ends: Ends) -> None:
    host = Host(ends)
    host.broadcast(*numbered(10))
    host.log.trim(1000.0)
    host.broadcast(b"later")
    assert ends.read() == [b"later"]
    assert ends.drops == {FEW: 10}


def test_channels_do_not_wait_for_each_other(ends: Ends) -> None:
    host = Host(ends)
    queued: list[Any] = [b"one", b"two", b"three"]
    ends.queues.put_paid(FEW, queued)
    host.broadcast(b"to all", channel=MANY)
    assert sorted(ends.read()) == sorted([*queued, b"to all"])


def test_closed_queues_keep_nothing(ends: Ends) -> None:
    """Neither what is queued nor what waits for room: it would go nowhere."""
    ends.queues.put_paid(FEW, [b"1", b"2", b"3"])
    ends.queues.close()
    assert ends.queues.is_empty
    assert ends.read() == []
