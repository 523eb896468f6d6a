"""actors/peers/link.py: packets over a socket, in a loop that stands still between two turns."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from peerage.actors.peers.bandwidth import NO_LIMITS, Bandwidth, Bandwidths
from peerage.actors.peers.bandwidth_table import BandwidthTable
from peerage.actors.peers.link import DEAF_S, SEND_CHUNK, TURN_BYTES, Link, LinkEvents
from peerage.actors.peers.memory_budget import MemoryBudget
from peerage.actors.peers.phases import Event, Phase, Phases
from peerage.actors.peers.send_queues import SendQueues
from peerage.actors.peers.stream import SocketStream
from peerage.actors.peers.tcp_buffers import NOT_SENT
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.empty_packets import PAUSE_S, PAUSES
from peerage.wire.errors import RemoteError
from peerage.wire.keys import NodeKey
from peerage.wire.loops import SPECK_SIZE
from peerage.wire.multiplex import PONG_TIMEOUT_S, MessageReceived, MultiplexConnection
from peerage.wire.packet import PING, PacketMsg, encode_packet
from peerage.wire.packet_reader import CALL_COST, ODD_COST
from peerage.wire.secret_connection import SecretConnection
from tests.actors.peers.budgets import budgets_of, plenty
from tests.actors.peers.fake_loop import FakeLoop, FakeTimer, tcp_pair

CHANNEL, UNSERVED = 0x50, 0x60
CHANNELS = (ChannelDescriptor(id=CHANNEL, send_queue_capacity=1000),)


class NoTraffic:
    """As Traffic where no metrics are served."""

    is_on = False


class Metrics:
    """As MetricsReporter."""

    def __init__(self) -> None:
        self.buffer = self
        self.counted: list[tuple[Any, ...]] = []

    def inc(self, *what: Any) -> None:
        self.counted.append(what)


class End:
    """One end of a running connection, and what its owner was told."""

    def __init__(
        self,
        loop: FakeLoop,
        sock: socket.socket,
        secret: SecretConnection,
        *,
        places: int = 1000,
        recv_rate: float = 0,
        budget: MemoryBudget | None = None,
        bandwidths: Bandwidths = NO_LIMITS,
    ) -> None:
        budget = budget or plenty(loop)
        self.phases = Phases(Phase.RUNNING)
        self.messages: list[bytes] = []
        self.told: list[str] = []
        self.written = 0
        self.metrics = Metrics()
        self.connection = MultiplexConnection(
            [ChannelDescriptor(id=CHANNEL, send_queue_capacity=places)],
            now=loop.now(),
            send_rate=0,
            recv_rate=recv_rate,
            remote_channels=[UNSERVED],
        )
        self.stream = SocketStream(sock, loop)
        self.queues = SendQueues(self.connection, {CHANNEL: "ONE"}, NoTraffic(), lambda *_: None)  # type: ignore[arg-type]
        self.link = Link(
            loop,
            self.phases,
            self.stream,
            secret,
            self.connection,
            self.queues,
            memoryview(bytearray(SEND_CHUNK)),
            recv_rate,
            budget.open(self._hold_up, self.told.append),
            self.metrics,  # type: ignore[arg-type]  # stands in for MetricsReporter
            LinkEvents(written=self._written, closed=self._closed, broken=self._broken),
            self._received,
            bandwidths,
        )

    def _hold_up(self, held_up: bool) -> None:
        self.link.stall(held_up)

    def _received(self, events: list[Any]) -> None:
        self.messages += [event.data for event in events if isinstance(event, MessageReceived)]

    def _written(self) -> None:
        self.written += 1

    def _closed(self, detail: str) -> None:
        self._end(f"closed: {detail}")

    def _broken(self, error: RemoteError) -> None:
        self._end(f"broken: {error}")

    def _end(self, told: str) -> None:
        self.told.append(told)
        self.phases.move(Event.CLOSED)
        self.stream.close()

    def send(self, *messages: bytes) -> None:
        self.queues.put_paid(CHANNEL, messages)
        self.link.schedule_pump()


def secrets() -> tuple[SecretConnection, SecretConnection]:
    one, two = SecretConnection(NodeKey.generate()), SecretConnection(NodeKey.generate())
    while not (one.is_open and two.is_open):
        two.receive_data(one.data_to_send())
        one.receive_data(two.data_to_send())
    return one, two


class Pair:
    """Two ends in one loop."""

    def __init__(self, loop: FakeLoop, anna: End, bert: End) -> None:
        self.loop, self.anna, self.bert = loop, anna, bert


@contextmanager
def connected(
    places: int = 1000, recv_rate: float = 0, *, total_recv_rate: float = 0, total_send_rate: float = 0
) -> Iterator[Pair]:
    """Args: total_recv_rate, of the second one's node; total_send_rate, of the first one's."""
    loop = FakeLoop()
    sending, receiving = (
        Bandwidths.of(BandwidthTable(BandwidthTable.create(1, *rates), 0, 1), loop)
        for rates in ((0, total_send_rate), (total_recv_rate, 0))
    )
    with tcp_pair() as (one, two):
        first, second = secrets()
        anna = End(loop, one, first, places=places, bandwidths=sending)
        pair = Pair(loop, anna, End(loop, two, second, recv_rate=recv_rate, bandwidths=receiving))
        pair.anna.link.start()
        pair.bert.link.start()
        yield pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    with connected() as made:
        yield made


def test_messages_arrive_whole_and_in_order(pair: Pair) -> None:
    messages = [bytes([number]) * size for number, size in enumerate((0, 1, 1000, 200_000, 3))]
    pair.anna.send(*messages)
    pair.loop.settle()
    assert pair.bert.messages == messages
    assert pair.anna.link.is_flushed


def test_the_next_bytes_are_a_sign_of_life_even_of_an_unfinished_frame() -> None:
    """Told once to whoever waits for it."""
    loop, signs = FakeLoop(), []
    with tcp_pair() as (one, two):
        first, second = secrets()
        anna = End(loop, one, first)
        anna.link.start()
        anna.link.on_bytes = lambda: signs.append(loop.now())
        loop.settle()
        assert signs == []
        frame = second.seal(b"\0")
        two.send(frame[:1])
        loop.settle()
        assert (len(signs), anna.told, anna.messages) == (1, [], [])
        two.send(frame[1:2])
        loop.settle()
        assert len(signs) == 1


def test_bytes_that_nobody_can_have_sealed_are_no_sign_of_life() -> None:
    """The connection ends of them."""
    loop, signs = FakeLoop(), []
    with tcp_pair() as (one, two):
        anna = End(loop, one, secrets()[0])
        anna.link.start()
        anna.link.on_bytes = lambda: signs.append(loop.now())
        two.send(bytes(2000))
        loop.settle()
        assert signs == []
        assert [told.partition(":")[0] for told in anna.told] == ["broken"]


def test_all_that_comes_in_one_turn_is_written_at_its_end(pair: Pair) -> None:
    """One system call carries it."""
    for number in range(10):
        pair.anna.send(bytes([number]))
    assert pair.anna.written == 0
    pair.loop.turn()
    assert pair.anna.link.is_flushed
    assert pair.anna.written == 1


def test_a_long_message_leaves_the_loop_to_others_in_between(pair: Pair) -> None:
    """A turn writes so many chunks at most; the rest goes in later ones."""
    pair.anna.send(bytes(2 * TURN_BYTES))
    pair.loop.turn()
    assert not pair.anna.link.is_flushed
    pair.loop.settle()
    assert [len(message) for message in pair.bert.messages] == [2 * TURN_BYTES]


def test_messages_that_wait_for_the_last_place_all_leave() -> None:
    """Nothing else happens on the connection that would wake it: each that left makes room for the next."""
    with connected(places=1) as pair:
        pair.anna.send(b"one", b"two", b"three", b"four")
        pair.loop.settle()
        assert pair.bert.messages == [b"one", b"two", b"three", b"four"]


def test_what_the_remote_said_behind_its_handshake_is_heard() -> None:
    """It is plaintext already."""
    loop = FakeLoop()
    connection = MultiplexConnection(CHANNELS, now=0.0)
    connection.try_send(CHANNEL, b"at once")
    with tcp_pair() as (one, _two):
        end = End(loop, one, secrets()[0])
        end.link.start(connection.data_to_send(0.0, SEND_CHUNK))
        assert end.messages == [b"at once"]


def test_pings_are_answered_and_pongs_end_the_wait(pair: Pair) -> None:
    pair.anna.link.ping()
    pair.loop.settle()
    assert pair.anna.connection.round_trip == 0.0


def test_writing_makes_no_new_timer_while_the_deadline_is_the_same(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the clock has gone on between the look at it and the timer, as a real one does: timers live for a minute."""
    call_later = pair.loop.call_later
    made: list[float] = []

    def a_little_later(delay: float, *call: Any) -> FakeTimer:
        made.append(delay)
        return call_later(delay + 1e-5, *call)

    monkeypatch.setattr(pair.loop, "call_later", a_little_later)
    pair.anna.link.reschedule()
    for _ in range(10):
        pair.anna.send(b"one")
        pair.loop.settle()
    assert pair.bert.messages == [b"one"] * 10
    assert len(made) <= 2


def test_reads_without_a_whole_message_are_told_to_nobody(pair: Pair) -> None:
    heard: list[list[Any]] = []
    pair.bert.link.received = heard.append
    pair.anna.send(bytes(1 << 20))
    pair.loop.settle()
    assert heard == [[MessageReceived(CHANNEL, bytes(1 << 20))]]


def test_a_remote_that_does_not_answer_a_ping_is_given_up(pair: Pair) -> None:
    """The link's timer finds out, by itself."""
    pair.bert.stream.set_reading(wanted=False)
    pair.anna.link.ping()
    pair.loop.settle()
    pair.loop.advance(PONG_TIMEOUT_S)
    pair.loop.advance(2.0)  # once more, for it may have slept
    assert len(pair.anna.told) == 1
    assert pair.anna.told[0].startswith("broken: ")


def test_the_receive_rate_pauses_reading_and_the_timer_goes_on() -> None:
    rate = 100_000
    with connected(recv_rate=rate) as pair:
        pair.anna.send(*[bytes(10_000)] * 50)
        pair.loop.settle()
        early = len(pair.bert.messages)
        assert not pair.bert.stream.is_reading
        for _ in range(100):
            pair.loop.advance(0.1)
        assert early < 50
        assert len(pair.bert.messages) == 50


def test_other_rates_count_for_a_connection_that_there_is(pair: Pair) -> None:
    """What waited for the former ones goes on, in both directions; and slower ones hold it up."""
    pair.bert.link.limit_rates(0, 100_000)
    pair.anna.send(*[bytes(10_000)] * 50)
    pair.loop.settle()
    assert len(pair.bert.messages) < 50
    pair.bert.link.limit_rates(0, 0)
    pair.loop.settle()
    assert len(pair.bert.messages) == 50
    pair.anna.link.limit_rates(100_000, 0)
    pair.anna.send(*[bytes(10_000)] * 50)
    pair.loop.settle()
    assert len(pair.bert.messages) < 100
    pair.anna.link.limit_rates(0, 0)
    pair.loop.settle()
    assert len(pair.bert.messages) == 100
    assert pair.anna.told == pair.bert.told == []


def test_a_stalled_connection_reads_nothing_until_there_is_room(pair: Pair) -> None:
    pair.bert.link.stall(True)
    pair.anna.send(b"one")
    pair.loop.settle()
    assert pair.bert.messages == []
    pair.bert.link.stall(False)
    pair.loop.settle()
    assert pair.bert.messages == [b"one"]


def test_a_stalled_connection_still_says_that_it_lives(pair: Pair) -> None:
    """An unasked pong, before the remote's timer ends."""
    pair.anna.link.ping()
    pair.bert.link.stall(True)
    for _ in range(int(PONG_TIMEOUT_S) + 5):
        pair.loop.advance(1.0)
    assert pair.anna.told == []
    assert pair.anna.connection.round_trip is not None


# --- floods ---


CRUMBS = b"".join(
    encode_packet(PacketMsg(CHANNEL, eof=eof, data=bytes(SPECK_SIZE))) for eof in (False, True)
)  # each has another header than the one before it
MESSAGE = bytes(2 * SPECK_SIZE)  # of the two
PACKETS_A_TURN = CALL_COST // ODD_COST + 1


class Flooder:
    """A remote that says what it likes, to anna. Args: pair, of which it takes bert's place."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.end = pair.bert

    def say(self, plaintext: bytes) -> None:
        self.end.stream.send(self.end.link._secret.seal(plaintext))


def test_packets_that_take_long_to_read_leave_the_loop_to_others_in_between(pair: Pair) -> None:
    """A turn takes in so many of them, whatever a read of the socket brings; all of them come, and in order."""
    messages = 4 * PACKETS_A_TURN
    Flooder(pair).say(CRUMBS * messages)
    turns, heard = 0, 0
    while pair.loop.turn():
        turns += 1
        # Two messages' packets may have been cut: what is left of the last turn's, and what the socket brings after it.
        assert len(pair.anna.messages) - heard <= PACKETS_A_TURN + 1
        heard = len(pair.anna.messages)
    assert pair.anna.messages == [MESSAGE] * messages
    assert turns >= 8


def test_the_socket_is_not_read_while_packets_are_left(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would pile up."""
    Flooder(pair).say(CRUMBS * 10_000)
    while not pair.anna.connection.has_unread:
        pair.loop.turn()
    reads: list[bool] = []
    read_into = SocketStream.read_into

    def recorded(stream: SocketStream, buffer: memoryview) -> int | None:
        if stream is pair.anna.stream:
            reads.append(pair.anna.connection.has_unread)
        return read_into(stream, buffer)

    monkeypatch.setattr(SocketStream, "read_into", recorded)
    pair.loop.settle()
    assert reads
    assert not any(reads)


def test_what_is_left_unread_waits_for_a_reactor_as_well(pair: Pair) -> None:
    """Stalled means stalled."""
    Flooder(pair).say(CRUMBS * 3000)
    while not pair.anna.connection.has_unread:
        pair.loop.turn()
    pair.anna.link.stall(True)
    heard = len(pair.anna.messages)
    pair.loop.settle()
    assert len(pair.anna.messages) == heard
    pair.anna.link.stall(False)
    pair.loop.settle()
    assert pair.anna.messages == [MESSAGE] * 3000


def test_what_is_left_unread_moves_to_another_loop(pair: Pair) -> None:
    """A seed's caller may become a peer in the middle of it."""
    Flooder(pair).say(CRUMBS * 3000)
    while not pair.anna.connection.has_unread:
        pair.loop.turn()
    pair.anna.link.move_to(pair.loop, pair.anna.link._owner)
    pair.loop.settle()
    assert pair.anna.messages == [MESSAGE] * 3000


def test_the_receive_rate_holds_for_what_is_left_unread() -> None:
    """It is charged when it is read, by what that costs."""
    with connected(recv_rate=100_000) as pair:
        pair.anna.stream.send(pair.anna.link._secret.seal(CRUMBS * 1000))
        pair.loop.settle()
        early = len(pair.bert.messages)
        for _ in range(200):
            pair.loop.advance(0.1)
        assert early < 500
        assert len(pair.bert.messages) == 1000


def test_the_kernel_takes_little_that_it_cannot_send(pair: Pair) -> None:
    """Whoever dialled: an accepted connection buffered four MiB for a remote that did not read."""
    for end in (pair.anna, pair.bert):
        assert end.stream.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == NOT_SENT


def test_a_remote_that_takes_nothing_is_heard_at_a_tenth_of_its_rate() -> None:
    """Until it takes something. What it says meanwhile is heard, or two such nodes would wait for each other."""
    with connected(recv_rate=100_000) as pair:
        pair.anna.stream.set_reading(wanted=False)
        pair.bert.send(bytes(16 << 20))
        pair.loop.settle()
        assert pair.bert.stream.is_writing
        pair.loop.advance(DEAF_S)
        pair.anna.send(*[bytes([number]) * 1000 for number in range(200)])
        for _ in range(100):
            pair.loop.advance(0.1)
        assert 90 <= len(pair.bert.messages) <= 130
        pair.anna.link.resume()
        pair.loop.settle(100_000)
        assert [len(message) for message in pair.anna.messages] == [16 << 20]
        for _ in range(20):
            pair.loop.advance(0.1)
        assert [message[0] for message in pair.bert.messages] == list(range(200))


def test_a_flood_of_pings_is_paused_and_then_ended_with_its_reason(pair: Pair) -> None:
    """And counted, each time."""
    flooder = Flooder(pair)
    flooder.say(PING * 2000)
    pair.loop.settle()
    for _ in range(PAUSES):
        flooder.say(PING * 2000)
        pair.loop.settle()
        assert pair.anna.told == []
        assert not pair.anna.stream.is_reading
        pair.loop.advance(PAUSE_S)
    assert len(pair.anna.told) == 1
    assert "packets with little or no data within 5 s, 100 a second are allowed" in pair.anna.told[0]
    paused = [("p2p_packet_floods_total", ("paused",), 1)] * PAUSES
    assert pair.anna.metrics.counted == [*paused, ("p2p_packet_floods_total", ("ended",), 1)]


def test_the_end_of_the_stream_is_told_once(pair: Pair) -> None:
    pair.bert.stream.close()
    pair.loop.settle()
    assert pair.anna.told == ["closed: the remote closed the connection"]


def test_a_forged_frame_breaks_the_connection(pair: Pair) -> None:
    pair.bert.stream.send(bytes(1044))
    pair.loop.settle()
    assert pair.anna.told[0].startswith("broken: ")


def test_packets_on_a_channel_that_only_the_remote_has_are_counted(pair: Pair) -> None:
    stranger = MultiplexConnection([ChannelDescriptor(id=UNSERVED)], now=0.0)
    stranger.try_send(UNSERVED, b"for nobody")
    pair.anna.link._receive(stranger.data_to_send(0.0, SEND_CHUNK), 0, 0.0)
    assert pair.anna.metrics.counted == [("p2p_unserved_packets_total", ("0x60",), 1)]


def test_while_closing_bytes_are_read_and_not_believed(pair: Pair) -> None:
    """All is sent; the remote may still be speaking, and is to read the last of it."""
    pair.anna.phases.move(Event.CLOSE_ASKED)
    pair.anna.phases.move(Event.ALL_SENT)
    pair.bert.send(b"late")
    pair.loop.settle()
    assert (pair.anna.messages, pair.anna.told) == ([], [])


def test_a_full_socket_is_waited_for_and_broadcasts_do_not_hurry_it(pair: Pair) -> None:
    pair.bert.stream.set_reading(wanted=False)
    pair.anna.send(*[bytes(1 << 20)] * 16)
    pair.loop.settle()
    assert pair.anna.stream.is_writing
    written = pair.anna.written
    pair.anna.link.schedule_pump_when_writable()
    pair.anna.link.schedule_pump_later(0.0)
    pair.loop.settle()
    assert pair.anna.written == written
    pair.bert.link.resume()
    pair.loop.settle(100_000)
    assert len(pair.bert.messages) == 16


def test_a_pong_for_a_full_socket_wakes_nobody_until_it_is_taken(pair: Pair) -> None:
    """A remote that pings and does not read would have a timer ring a thousand times a second."""
    pair.bert.stream.set_reading(wanted=False)
    pair.anna.send(bytes(16 << 20))
    pair.loop.settle()
    assert pair.anna.stream.is_writing
    Flooder(pair).say(PING)
    pair.loop.settle()
    written = pair.anna.written
    for _ in range(100):
        pair.loop.advance(0.01)
    assert pair.anna.written == written
    pair.bert.link.resume()
    pair.loop.settle(100_000)
    assert len(pair.bert.messages) == 1
    assert pair.bert.connection._reader.pongs == 0


def test_nothing_is_read_while_memory_is_short_and_an_end_for_want_of_it_is_told_once() -> None:
    """Whoever ends it tells the switch, and a second call finds it ended."""
    with connected() as pair:
        loop = pair.loop
        (budget,) = budgets_of(1 << 20, loop)
        with tcp_pair() as (one, two):
            first, second = secrets()
            end = End(loop, one, first, budget=budget)
            end.link.start()
            sender = MultiplexConnection(CHANNELS, now=0.0, send_rate=0, recv_rate=0)
            sender.try_send(CHANNEL, bytes(4 << 20))
            two.setblocking(False)
            unsent = memoryview(second.seal(sender.data_to_send(0.0, 4 << 20)))
            while end.stream.is_reading:
                unsent = unsent[two.send(unsent) :]
                loop.settle()
            assert budget.unfinished >= 1 << 19
            assert budget.unfinished < 1 << 20
            end.link.break_off("memory is short")
            end.link.break_off("memory is short")
            assert end.told == ["closed: memory is short"]


@pytest.mark.parametrize("limits", [{"total_recv_rate": 100_000}, {"total_send_rate": 100_000}])
def test_no_more_flows_than_the_node_may_send_or_receive_in_all(limits: dict[str, int]) -> None:
    """What is above it waits, and is not lost; pings and pongs do not wait."""
    with connected(**limits) as pair:
        pair.anna.send(*[bytes([number]) * 1000 for number in range(250)])
        for step in range(1, 201):
            pair.loop.advance(0.01)
            arrived = 1000 * len(pair.bert.messages)
            assert 80_000 * (step * 0.01 - 0.1) < arrived < 100_000 * (step * 0.01 + 0.4)
        pair.anna.link.ping()
        pair.loop.settle()
        if "total_send_rate" in limits:
            assert pair.anna.connection.round_trip is not None
        for _ in range(200):
            pair.loop.advance(0.01)
        assert [message[0] for message in pair.bert.messages] == list(range(250))
        assert pair.anna.connection.round_trip is not None
        assert pair.anna.told == pair.bert.told == []


def test_full_packets_lose_little_of_the_bandwidth_of_the_node_to_their_frames() -> None:
    """Each of them is a little longer than a frame: sent one at a time they would take twice as much."""
    with connected(total_send_rate=100_000) as pair:
        pair.anna.send(bytes(200_000))
        while not pair.bert.messages:
            pair.loop.advance(0.01)
        assert 1.7 < pair.loop.now() < 2.3


def test_a_link_that_ends_while_it_waits_for_its_turn_is_called_no_more() -> None:
    with connected(total_recv_rate=10_000) as pair:
        pair.anna.send(bytes(100_000))
        pair.loop.advance(0.01)
        flow = pair.bert.link._receives
        assert isinstance(flow, Bandwidth)
        assert flow.waiting() == 1
        pair.bert.link.close()
        assert flow.waiting() == 0
        pair.loop.advance(1.0)
        assert pair.bert.messages == []
