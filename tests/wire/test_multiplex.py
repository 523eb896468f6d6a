"""The multiplexed connection: messages both ways, pings, limits, and a remote that misbehaves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire.channel import ChannelDescriptor
from peerage.wire.empty_packets import BURST, PAUSE_S, PAUSES, PER_S
from peerage.wire.errors import (
    ConnectionSettingError,
    DuplicateChannelError,
    EmptyPacketFloodError,
    PongTimeoutError,
    RemoteError,
    UnknownChannelError,
)
from peerage.wire.multiplex import (
    BULK_READ,
    MessageReceived,
    MultiplexConnection,
    PingReceived,
    PongReceived,
)
from peerage.wire.packet import PING, PONG, PacketMsg, encode_packet
from peerage.wire.packet_reader import CALL_COST
from tests.strategies import chunks
from tests.wire.vectors import load, octets, pattern

pytestmark = pytest.mark.usefixtures("form")

CHANNELS = [ChannelDescriptor(0x00, 1, 10), ChannelDescriptor(0x20, 5, 100), ChannelDescriptor(0x80, 1, 100)]
FIRST, BULK = 0x20, 0x80
RATE = 5_120_000
GOOD = encode_packet(PacketMsg(FIRST, True, b"good"))
BAD = encode_packet(PacketMsg(0x55, True, b"bad"))


def connection(**settings: Any) -> MultiplexConnection:
    """A connection that began at 0 and has no limits unless told otherwise."""
    return MultiplexConnection(CHANNELS, now=0.0, **{"send_rate": 0, "recv_rate": 0} | settings)


def all_to_send(sender: MultiplexConnection, now: float = 0.0, limit: int = 65_536) -> bytes:
    return b"".join(iter(lambda: sender.data_to_send(now, limit), b""))


def run(sender: MultiplexConnection, until: float, *, answered: bool = False) -> list[tuple[float, bytes]]:
    """Let time pass from deadline to deadline. Returns: what was written, and when."""
    written = []
    now = 0.0
    while now < until:
        sender.tick(now)
        data = sender.data_to_send(now, 65_536)
        if data:
            written.append((now, data))
        if answered and PING in data:
            sender.receive_data(PONG, now)
        now = max(sender.next_deadline(now), now + 0.001)
    return written


# --- messages ---


@given(
    st.lists(st.tuples(st.sampled_from([0x00, FIRST, BULK]), st.binary(max_size=3000)), max_size=10),
    st.integers(1, 5000),
    st.data(),
)
def test_messages_come_out_as_they_went_in(
    messages: list[tuple[int, bytes]], limit: int, data: st.DataObject
) -> None:
    """For any messages on any channels, whole and in order per channel, at any size of writes and reads."""
    sender, receiver = connection(), connection()
    for channel, message in messages:
        assert sender.try_send(channel, message)
    stream = all_to_send(sender, limit=limit)
    assert sender.flushed
    received = [event for piece in data.draw(chunks(stream)) for event in receiver.receive_data(piece, 0.0)]
    for descriptor in CHANNELS:
        assert [
            event.data
            for event in received
            if isinstance(event, MessageReceived) and event[0] == descriptor.id
        ] == [message for channel, message in messages if channel == descriptor.id]
    assert len(received) == len(messages)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 2048, 65_536, 22_020_096])
@pytest.mark.parametrize("channel", [FIRST, BULK])
def test_messages_of_every_size_pass_between_two_connections(channel: int, size: int) -> None:
    """Up to the default maximum of a channel, on channels whose ID takes one byte and two."""
    message = bytes(range(256)) * (size // 256 + 1)
    message = message[:size]
    sender, receiver = connection(), connection()
    sender.try_send(channel, message)
    received: list[Any] = []
    while data := sender.data_to_send(0.0, 65_536):
        received += receiver.receive_data(data, 0.0)
    assert received == [MessageReceived(channel, message)]


def test_a_recorded_connection_of_cometbft_is_read_and_written() -> None:
    """After the handshake it has a request for addresses, a message of two packets, a ping and a pong."""
    recorded = load("connection")
    for direction in ("dialer_to_listener", "listener_to_dialer"):
        items = [item for item in recorded[direction]["items"] if isinstance(item, str) or "eof" in item]
        stream = b""
        expected: list[Any] = []
        part = b""
        for item in items:
            if isinstance(item, str):
                stream += PING if item == "ping" else PONG
                expected.append(PingReceived() if item == "ping" else PongReceived())
                continue
            stream += encode_packet(PacketMsg(item["channel"], item["eof"], octets(item["data"])))
            part += octets(item["data"])
            if item["eof"]:
                expected.append(MessageReceived(item["channel"], part))
                part = b""
        messages = [event for event in expected if isinstance(event, MessageReceived)]
        assert connection().receive_data(stream, 0.0) == [*messages, *_controls(expected)]
        sender = connection()
        for event in messages:
            assert sender.try_send(*event)
        assert stream.startswith(all_to_send(sender))


def _controls(events: list[Any]) -> list[Any]:
    return [event for event in events if not isinstance(event, MessageReceived)]


def test_a_full_queue_says_so_until_a_message_has_left_it() -> None:
    """`try_send`, `queue_room` and the credits of `take_started` agree about it."""
    sender = connection()
    assert [sender.try_send(0x00, bytes(3000)) for _ in range(11)] == [True] * 10 + [False]
    assert not sender.queue_room(0x00)
    assert sender.queue_room(FIRST)
    sender.data_to_send(0.0, 1)
    assert sender.queue_room(0x00) == 1
    assert sender.take_started() == {0x00: 1}
    all_to_send(sender)
    assert sender.take_started() == {0x00: 9}
    assert sender.queue_room(0x00) == 10


def test_it_is_flushed_when_the_last_packet_is_out() -> None:
    """A message that is partly sent counts as unsent, and so does an empty one."""
    sender = connection()
    states = [sender.flushed]
    sender.try_send(FIRST, bytes(1500))
    sender.try_send(FIRST, b"")
    while not states[-1] or len(states) == 1:
        sender.data_to_send(0.0, 1)
        states.append(sender.flushed)
    assert states == [True, False, False, True]


def test_an_unknown_channel_takes_nothing() -> None:
    """As in CometBFT, the result is False and not an error."""
    sender = connection()
    assert not sender.try_send(0x55, b"")
    assert not sender.queue_room(0x55)
    assert not sender.wants_to_write(0.0)


def test_an_urgent_message_overtakes_bulk_that_was_queued_long_before() -> None:
    """It is in the next chunk, whatever the limit (cometbft #2128)."""
    sender, receiver = connection(), connection()
    for _ in range(100):
        sender.try_send(BULK, bytes(100_000))
    receiver.receive_data(sender.data_to_send(0.0, 65_536), 0.0)
    sender.try_send(FIRST, b"urgent")
    assert receiver.receive_data(sender.data_to_send(0.0, 2000), 0.0) == [MessageReceived(FIRST, b"urgent")]


# --- pings ---


def test_a_ping_is_answered_at_once() -> None:
    """With one pong for all pings of one read, before any message."""
    ours = connection()
    ours.try_send(FIRST, b"message")
    assert ours.receive_data(PING * 3, 0.0) == [PingReceived()]
    assert ours.wants_to_write(0.0)
    assert ours.data_to_send(0.0, 1000) == PONG + encode_packet(PacketMsg(FIRST, True, b"message"))
    assert not ours.wants_to_write(0.0)


def test_a_flood_of_pings_costs_a_pong_per_flush_at_most() -> None:
    """The first ping is answered at once, the others share an answer, and every ping is followed by a pong."""
    ours = connection(flush_throttle=0.1)
    answers = []
    for step in range(1000):
        now = step / 1000
        ours.receive_data(PING * 100, now)
        if data := ours.data_to_send(now, 1000):
            answers.append((now, data))
    assert [data for _, data in answers] == [PONG] * 10
    assert ours.next_deadline(0.999) == pytest.approx(answers[-1][0] + 0.1)
    assert ours.data_to_send(ours.next_deadline(0.999), 1000) == PONG


def test_a_ping_between_messages_is_answered() -> None:
    """However little it is beside them."""
    ours = connection()
    bulk = encode_packet(PacketMsg(BULK, True, bytes(1000))) * 30
    assert PingReceived() in ours.receive_data(bulk + PING + bulk, 0.0)
    assert ours.data_to_send(0.0, 1000) == PONG


def test_a_pong_rides_with_messages_before_its_time() -> None:
    """When something is written anyway, the pong costs nothing."""
    ours = connection(flush_throttle=0.1)
    ours.receive_data(PING, 0.0)
    ours.data_to_send(0.0, 1000)
    ours.receive_data(PING, 0.01)
    assert ours.wants_to_write(0.01)  # so that its owner learns the new deadline
    assert ours.data_to_send(0.01, 1000) == b""
    assert ours.next_deadline(0.01) == 0.1
    ours.try_send(FIRST, b"")
    assert ours.data_to_send(0.01, 1000).startswith(PONG)


def test_pings_go_out_every_minute() -> None:
    """And their pongs give the round trip."""
    ours = connection()
    written = run(ours, 200.0, answered=True)
    assert [(round(now), data) for now, data in written] == [(60, PING), (120, PING), (180, PING)]
    ours.ping(200.0)
    assert ours.data_to_send(200.0, 1000) == PING
    assert ours.receive_data(PONG, 200.25) == [PongReceived()]
    assert ours.round_trip == 0.25


def test_no_pong_within_45_seconds_of_a_ping_ends_the_connection() -> None:
    """And the error is final."""
    ours = connection()
    ours.tick(60.0)
    ours.data_to_send(60.0, 1000)
    assert ours.next_deadline(60.0) == 105.0
    ours.tick(104.9)
    for _ in range(2):
        with pytest.raises(PongTimeoutError):
            ours.tick(105.0)
    with pytest.raises(PongTimeoutError):
        ours.receive_data(PONG, 105.0)
    assert not ours.try_send(FIRST, b"")


def test_any_pong_will_do() -> None:
    """A busy remote sends pongs unasked, and pongs that nobody waits for do no harm."""
    ours = connection()
    ours.receive_data(PONG * 100, 1.0)
    ours.tick(60.0)
    ours.data_to_send(60.0, 1000)
    ours.receive_data(PONG, 90.0)
    ours.tick(110.0)
    assert ours.next_deadline(110.0) == 120.0


def test_a_pong_that_nobody_looked_for_in_time_is_still_found() -> None:
    """After the machine was asleep the pong may lie in the socket, so it is read before we judge, but only once."""
    ours = connection()
    ours.tick(60.0)
    ours.tick(500.0)
    assert ours.next_deadline(500.0) == 501.0
    with pytest.raises(PongTimeoutError):
        ours.tick(501.0)


def test_while_not_reading_unasked_pongs_go_out_and_our_timer_rests() -> None:
    """One every 20 s; after the pause an awaited pong has its full time again (design 4)."""
    ours = connection()
    ours.tick(60.0)
    ours.data_to_send(60.0, 1000)
    ours.pause_reading(70.0)
    ours.pause_reading(75.0)
    pongs = []
    now = 70.0
    while now < 200.0:
        ours.tick(now)
        if PONG in ours.data_to_send(now, 1000):
            pongs.append(now)
        now = max(ours.next_deadline(now), now + 0.1)
    assert pongs == [90.0, 110.0, 130.0, 150.0, 170.0, 190.0]
    ours.resume_reading(200.0)
    ours.tick(244.0)
    assert PONG not in ours.data_to_send(244.0, 1000)
    with pytest.raises(PongTimeoutError):
        ours.tick(245.0)


def test_short_pauses_add_up_to_an_unasked_pong() -> None:
    """The reactor takes a message every 15 s: the remote's ping may lie far behind, and its timer is 45 s."""
    ours = connection()
    pongs = []
    for now in range(0, 150, 15):
        ours.pause_reading(float(now))
        for later in range(15):
            ours.tick(float(now + later))
            if PONG in ours.data_to_send(float(now + later), 1000):
                pongs.append(now + later)
        ours.resume_reading(now + 14.9)
    assert pongs == [20, 40, 60, 80, 100, 120, 140]


def test_a_shorter_pong_timeout_makes_unasked_pongs_more_frequent() -> None:
    """Their interval is four ninths of the timeout, as 20 s are of 45 s."""
    ours = connection(pong_timeout=0.9)
    ours.pause_reading(1.0)
    assert ours.next_deadline(1.0) == pytest.approx(1.4)


def test_a_pause_without_a_ping_leaves_no_timer() -> None:
    """Resuming twice, or without a pause, changes nothing."""
    ours = connection()
    ours.resume_reading(1.0)
    ours.pause_reading(2.0)
    ours.resume_reading(3.0)
    ours.resume_reading(4.0)
    assert ours.next_deadline(4.0) == 60.0


# --- limits ---


@pytest.mark.parametrize("rate", [100_000, RATE])
@pytest.mark.parametrize("step", [None, 0.05])
def test_the_send_rate_holds_within_5_percent_over_10_seconds(rate: int, step: float | None) -> None:
    """The owner wakes at the deadlines, or every 50 ms for other reasons."""
    ours = connection(send_rate=rate)
    sent, now = 0, 0.0
    while now <= 10.0:
        while ours.try_send(BULK, bytes(100_000)):
            pass
        sent += len(all_to_send(ours, now))
        assert not ours.wants_to_write(now)
        now = now + step if step else max(ours.next_deadline(now), now + 1e-4)
    assert sent == pytest.approx(10 * rate, rel=0.05)


@pytest.mark.parametrize("rate", [100_000, RATE])
def test_the_receive_rate_holds_within_5_percent_over_10_seconds(rate: int) -> None:
    """It is the same limit as for sending, so neither side outruns the other (cometbft #3864)."""
    ours = connection(recv_rate=rate)
    packet = encode_packet(PacketMsg(BULK, True, bytes(1000)))
    stream = packet * (2_000_000 // len(packet))
    received, now, at = 0, 0.0, 0
    while now <= 10.0:
        while allowance := ours.receive_allowance(now):
            piece = stream[at : at + min(allowance, 262_144)]
            at = (at + len(piece)) % len(stream)
            ours.receive_data(piece, now)
            received += len(piece)
        now = max(ours.next_deadline(now), now + 1e-4)
    assert received == pytest.approx(10 * rate, rel=0.05)


def test_pings_and_pongs_do_not_wait_for_the_send_rate() -> None:
    """They go out even with a full channel and no allowance."""
    ours = connection(send_rate=1000)
    ours.try_send(BULK, bytes(10**6))
    ours.data_to_send(60.0, 65_536)
    assert ours.data_to_send(60.0, 65_536) == b""
    ours.receive_data(PING, 60.0)
    ours.tick(60.0)
    assert ours.data_to_send(60.0, 65_536) == PONG + PING


def test_odd_packets_are_taken_in_slowly() -> None:
    """They take us more time than their bytes suggest, so they cost more allowance: no peer can occupy a host."""
    odd = encode_packet(PacketMsg(FIRST, True, b""))[1:]
    odd = bytes((len(odd) + 2,)) + b"\x28\x01" + odd
    assert taken_in_a_second(odd) < 9_000


def taken_in_a_second(packet: bytes, sealed: int = 0, weight: int = 1) -> int:
    """How many of these an owner takes in that reads whenever it may, after it has used up the burst."""
    ours = connection(recv_rate=RATE)
    taken = 0
    for step in range(2000):
        now = step / 1000
        while ours.receive_allowance(now):
            ours.receive_data(b"" if ours.has_unread else packet * 100, now, sealed * 100, weight)
            if now >= 1.0 and not ours.has_unread:
                taken += 100
    return taken


def crumbs(size: int, *, eof: bool = False) -> bytes:
    """A packet on each of two channels: no header is like the one before it."""
    return b"".join(encode_packet(PacketMsg(channel, eof, bytes(size))) for channel in (FIRST, 0x00))


def test_every_packet_is_charged_what_it_costs_to_read() -> None:
    """Packets of a few bytes came in at 570,000 a second, charged by their bytes; one peer took a whole core."""
    assert taken_in_a_second(crumbs(8)) < 4_500
    assert taken_in_a_second(crumbs(1, eof=True)) < 4_500
    assert taken_in_a_second(encode_packet(PacketMsg(FIRST, False, bytes(8)))) < 9_000


@pytest.mark.parametrize("size", [0, 1, 64, 180])
def test_short_messages_come_no_faster_than_those_of_200_bytes(size: int) -> None:
    """Messages of a byte came in at 160,000 a second from each peer: their reactor had no time for others."""
    taken = taken_in_a_second(encode_packet(PacketMsg(FIRST, True, bytes(size))))
    assert taken == pytest.approx(RATE / 200, rel=0.05)


def test_the_beginning_of_a_packet_is_charged_when_it_comes() -> None:
    """And not again, when it stands in front of the rest."""
    ours, packet = connection(), encode_packet(PacketMsg(FIRST, True, bytes(1000)))
    assert ours.receive_data(packet[:600], 0.0) == []
    begun = ours.take_begun()
    ours.receive_data(begun + packet[600:], 0.0, begun=len(begun))
    assert ours.status(0.2).recv_monitor.bytes == len(packet)


def test_what_a_deaf_remote_sends_is_charged_many_times() -> None:
    """As its owner says: it does not read what it is sent."""
    one = encode_packet(PacketMsg(FIRST, True, bytes(200)))
    assert taken_in_a_second(one, weight=10) == pytest.approx(RATE / 10 / len(one), rel=0.1)


def test_messages_of_200_bytes_are_charged_their_bytes() -> None:
    """Gossip, on one channel or two."""
    one = encode_packet(PacketMsg(FIRST, True, bytes(200)))
    assert taken_in_a_second(one) == pytest.approx(RATE / len(one), rel=0.05)
    two = crumbs(200, eof=True)
    assert taken_in_a_second(two) == pytest.approx(RATE / len(two), rel=0.05)


def test_frames_that_carry_nothing_are_charged() -> None:
    """Opening one takes us a microsecond, whatever it holds."""
    assert taken_in_a_second(b"", sealed=1044) < 26_000


def test_a_read_after_a_costly_one_is_small() -> None:
    """So that it fits into one call; after a cheap one it is of full size again."""
    ours = connection()
    assert ours.receive_allowance(0.0) == CALL_COST
    ours.receive_data(encode_packet(PacketMsg(FIRST, True, bytes(40))) * 1000, 0.0)
    assert CALL_COST // 5 < ours.receive_allowance(0.0) < CALL_COST // 3
    ours.receive_data(crumbs(8) * 2000, 0.0)
    assert ours.receive_allowance(0.0) == 4096
    while ours.has_unread:
        ours.receive_data(b"", 0.0)
    ours.receive_data(encode_packet(PacketMsg(FIRST, True, bytes(200))) * 20, 0.0)
    assert ours.receive_allowance(0.0) == CALL_COST


def test_a_read_of_long_messages_is_larger() -> None:
    """They are joined in one go."""
    ours = connection()
    ours.receive_data(encode_packet(PacketMsg(FIRST, False, bytes(1000))) * 4, 0.0)
    assert ours.receive_allowance(0.0) == BULK_READ


def test_one_small_message_does_not_make_the_next_read_small() -> None:
    """Most reads of a quiet connection are a single vote, or a ping."""
    ours = connection()
    ours.receive_data(encode_packet(PacketMsg(FIRST, True, b"vote")) + PING, 0.0)
    assert ours.receive_allowance(0.0) == CALL_COST


# --- floods of packets with little or no data ---


EMPTY = encode_packet(PacketMsg(FIRST, False, b""))
SPECK = encode_packet(PacketMsg(FIRST, False, b"."))


@pytest.mark.parametrize("packets", [PING, PONG, EMPTY, PING + PONG, PING + EMPTY, SPECK])
def test_who_floods_us_with_little_or_no_data_is_read_less_often_and_ended(packets: bytes) -> None:
    """Whatever the receive rate, 0 included: one read, then a pause, and at last the reason."""
    ours = connection()
    now, reads, pauses = 0.0, 0, 0
    while ours.error is None:
        if allowance := ours.receive_allowance(now):
            ours.receive_data(b"" if ours.has_unread else packets * (allowance // len(packets)), now)
            reads += 1
            continue
        assert ours.is_flooded(now)
        pauses += 1
        ours.data_to_send(now, 1000)
        assert now < ours.next_deadline(now) <= now + PAUSE_S
        now += PAUSE_S
    assert pauses == PAUSES
    assert reads < 100
    assert isinstance(ours.error, EmptyPacketFloodError)
    with pytest.raises(EmptyPacketFloodError):
        ours.tick(now)


def test_a_flood_between_data_is_one_as_well() -> None:
    """Data does not pay for what carries none."""
    ours = connection()
    mixed = (encode_packet(PacketMsg(BULK, True, bytes(1000))) + EMPTY) * 60
    for _ in range(BURST // 60 + 1):
        assert not ours.is_flooded(0.0)
        ours.receive_data(mixed, 0.0)
        while ours.has_unread:
            ours.receive_data(b"", 0.0)
    assert ours.is_flooded(0.0)


def test_pongs_that_we_asked_for_cost_nothing() -> None:
    """Somebody may ask far more often than once a minute."""
    ours = connection()
    for _ in range(2 * BURST):
        ours.ping(0.0)
        ours.data_to_send(0.0, 1000)
        ours.receive_data(PONG, 0.0)
    assert not ours.is_flooded(0.0)


def test_pings_at_the_allowed_rate_are_answered_for_ever() -> None:
    ours = connection(flush_throttle=0.0)
    for step in range(20 * int(PER_S)):
        now = step / PER_S
        ours.receive_data(PING, now)
        assert ours.receive_allowance(now)
        assert ours.data_to_send(now, 1000) == PONG


def test_a_pause_is_nothing_to_wake_up_for_while_a_reactor_has_no_room() -> None:
    ours = connection()
    ours.receive_data(PING * 2 * BURST, 0.0)
    ours.data_to_send(0.0, 1000)
    ours.pause_reading(0.0)
    assert ours.next_deadline(0.0) > PAUSE_S
    ours.resume_reading(0.0)
    assert ours.next_deadline(0.0) == PAUSE_S


def test_reading_goes_on_when_both_the_pause_and_the_receive_rate_let_it() -> None:
    """A flood is charged for as well: with a low rate that takes longer to pay than the pause lasts."""
    ours = connection(recv_rate=RATE)
    ours.receive_data(PING * 2 * BURST, 0.0, weight=100)
    ours.data_to_send(0.0, 1000)
    due = ours.next_deadline(0.0)
    assert due > PAUSE_S
    assert ours.next_deadline(PAUSE_S) == due
    assert ours.receive_allowance(due) > 0


def test_what_cannot_be_written_is_nothing_to_wake_up_for() -> None:
    ours = connection(send_rate=RATE)
    ours.try_send(FIRST, bytes(3_000_000))
    all_to_send(ours)
    ours.receive_data(PING, 0.0)
    assert ours.next_deadline(0.0) == 0.0
    assert ours.next_deadline(0.0, may_write=False) == 60.0


def test_nothing_is_scheduled_for_an_idle_connection_but_its_ping() -> None:
    """There is no timer for decay or for rates."""
    ours = connection(send_rate=RATE, recv_rate=RATE)
    assert ours.next_deadline(0.0) == 60.0
    ours.try_send(FIRST, bytes(3_000_000))
    all_to_send(ours)
    assert 0.0 < ours.next_deadline(0.0) < 0.1


# --- errors ---


def test_messages_before_an_error_are_delivered_and_the_error_is_due_at_once() -> None:
    """The next call raises it, and the deadline for that is now."""
    ours = connection()
    ours.try_send(FIRST, b"waiting")
    assert ours.receive_data(GOOD + BAD + GOOD, 1.0) == [MessageReceived(FIRST, b"good")]
    assert isinstance(ours.error, UnknownChannelError)
    assert ours.next_deadline(1.0) == 1.0
    assert ours.wants_to_write(1.0)  # its owner looks at the deadline then
    assert ours.data_to_send(1.0, 1000) == b""
    with pytest.raises(UnknownChannelError):
        ours.tick(1.0)
    with pytest.raises(UnknownChannelError):
        ours.receive_data(GOOD, 1.0)


def test_an_error_without_messages_before_it_is_raised_at_once() -> None:
    """And `error` is set."""
    ours = connection()
    with pytest.raises(UnknownChannelError):
        ours.receive_data(BAD, 1.0)
    assert isinstance(ours.error, UnknownChannelError)


@given(st.lists(st.binary(max_size=80), max_size=6))
@settings(max_examples=200)
def test_arbitrary_bytes_give_events_or_a_remote_error(pieces: list[bytes]) -> None:
    """Nothing else is raised, and what is waiting to be written still can be."""
    ours = connection()
    for number, piece in enumerate(pieces):
        try:
            ours.receive_data(piece, float(number))
            ours.tick(float(number))
        except RemoteError:
            assert ours.error is not None
        ours.data_to_send(float(number), 1000)
        ours.next_deadline(float(number))
        ours.status(float(number))


def test_settings_that_cannot_be_are_refused() -> None:
    """The error names the setting."""
    with pytest.raises(ConnectionSettingError, match="max_packet_msg_payload_size"):
        connection(max_packet_msg_payload_size=0)
    with pytest.raises(ConnectionSettingError):
        connection(send_rate=-1)
    with pytest.raises(DuplicateChannelError):
        MultiplexConnection([*CHANNELS, CHANNELS[0]], now=0.0)


@pytest.mark.parametrize("size", [1, 2, 100, 100_000])
def test_other_payload_sizes_pass(size: int) -> None:
    """Including a full packet with eof."""
    sender = connection(max_packet_msg_payload_size=size)
    receiver = connection(max_packet_msg_payload_size=size)
    for channel in (FIRST, BULK):
        for length in (0, 1, size, 2 * size, 2 * size + 1):
            sender.try_send(channel, pattern(5, length))
            assert receiver.receive_data(all_to_send(sender), 0.0) == [
                MessageReceived(channel, pattern(5, length))
            ]


# --- channels that only the remote announced ---


def test_an_unserved_packet_costs_the_receive_rate_and_not_the_connection() -> None:
    """Dropped packets count against the rate like any others."""
    taking, dropping = (connection(recv_rate=100_000, remote_channels=(FIRST, 0x55)) for _ in range(2))
    served, unserved = (
        encode_packet(PacketMsg(channel, False, bytes(1000))) * 50 for channel in (FIRST, 0x55)
    )
    taking.receive_data(served, 0.0)
    assert dropping.receive_data(unserved, 0.0) == []
    assert dropping.receive_allowance(0.0) == taking.receive_allowance(0.0)
    assert dropping.next_deadline(0.0) == taking.next_deadline(0.0)
    assert dropping.receive_data(GOOD, 1.0) == [MessageReceived(FIRST, b"good")]
    assert dropping.take_unserved() == {0x55: 50}
    assert dropping.take_unserved() == {}
    with pytest.raises(UnknownChannelError):
        dropping.receive_data(encode_packet(PacketMsg(0x56, True, b"bad")), 1.0)


def test_nothing_is_sent_on_an_unserved_channel() -> None:
    """We do not have a channel just because the remote announced it."""
    ours = connection(remote_channels=(0x55,))
    assert not ours.try_send(0x55, b"x")
    assert ours.queue_room(0x55) == 0
    assert 0x55 not in {channel.id for channel in ours.status(0.0).channels}


def test_a_discarded_connection_holds_nothing() -> None:
    """Neither what was to be sent nor what had begun to arrive."""
    ours = connection()
    ours.try_send(BULK, bytes(10_000))
    ours.receive_data(encode_packet(PacketMsg(FIRST, False, b"begun")), 0.0)
    ours.discard()
    assert ours.flushed
    assert ours.data_to_send(0.0, 65_536) == b""
    assert ours.receive_data(GOOD, 0.0) == [MessageReceived(FIRST, b"good")]


def test_a_connection_says_what_it_holds() -> None:
    """What has begun to arrive, and what is not wholly sent."""
    ours = connection()
    ours.receive_data(encode_packet(PacketMsg(FIRST, False, bytes(700))), 0.0)
    ours.receive_data(encode_packet(PacketMsg(BULK, False, bytes(300))), 0.0)
    ours.try_send(BULK, bytes(5000))
    ours.data_to_send(0.0, 2000)
    assert ours.held() == (1000, 5000)
    all_to_send(ours)
    ours.receive_data(encode_packet(PacketMsg(FIRST, True, b"")), 0.0)
    assert ours.held() == (300, 0)
    ours.discard()
    assert ours.held() == (0, 0)


def test_the_few_figures_agree_with_the_status() -> None:
    """Queues that are empty are left out."""
    ours = connection()
    for _ in range(2):
        assert ours.try_send(BULK, b"message")
    ours.receive_data(GOOD, 0.5)
    ours.ping(1.0)
    assert PING in ours.data_to_send(1.0, 1)
    ours.receive_data(PONG, 1.5)
    round_trip, send_rate, recv_rate, sent, received, idle, queues = ours.figures(2.0)
    status = ours.status(2.0)
    assert (round_trip, status.round_trip) == (0.5, 0.5)
    assert (round(send_rate), sent) == (status.send_monitor.cur_rate, status.send_monitor.bytes)
    assert (round(recv_rate), received) == (status.recv_monitor.cur_rate, len(GOOD) + len(PONG))
    assert idle == pytest.approx(0.5)
    assert queues == tuple(
        (each.id, each.send_queue_size, each.send_queue_capacity)
        for each in status.channels
        if each.send_queue_size
    )
