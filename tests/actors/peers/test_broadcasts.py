"""actors/peers/broadcasts.py: one log for all peers of a host, each at a place of its own."""

from __future__ import annotations

import pytest

from peerage.actors.peers.broadcasts import (
    BROADCAST_PATIENCE_S,
    LOG_MESSAGES,
    TRIM_INTERVAL_S,
    BroadcastFeed,
    Broadcasts,
    Listener,
)
from peerage.actors.transfer import BROADCAST_WINDOW
from peerage.wire.scheduler import FramedMessage
from tests.actors.peers.fake_loop import FakeLoop

CHANNEL, OTHER = 0x50, 0x51


class Transport:
    """Owns the log, and notes whom it had to wake and what has come further."""

    def __init__(self) -> None:
        self.progress: list[int] = []
        self.woken: list[str] = []
        self.most_bytes = 1 << 30
        self.log = Broadcasts(
            (CHANNEL, OTHER), 1024, self.progress.append, most_bytes=lambda: self.most_bytes
        )

    def peer(self, name: str = "peer", channels: tuple[int, ...] = (CHANNEL,)) -> Listener:
        return self.log.listen(channels, lambda: self.woken.append(name))

    def add(self, *messages: bytes, channel: int = CHANNEL, now: float = 0.0) -> None:
        for message in messages:
            self.log.add(channel, message, now)


@pytest.fixture
def transport() -> Transport:
    return Transport()


def taken(peer: Listener, count: int = 1000, channel: int = CHANNEL) -> list[bytes]:
    messages, _missed = peer.take(channel, count)
    return [bytes(each.data if isinstance(each, FramedMessage) else each) for each in messages]


def test_every_peer_gets_everything_in_order_at_its_own_pace(transport: Transport) -> None:
    quick, slow = transport.peer(), transport.peer()
    transport.add(b"1", b"2", b"3")
    assert taken(quick) == [b"1", b"2", b"3"]
    assert taken(slow, 1) == [b"1"]
    transport.add(b"4")
    assert taken(quick) == [b"4"]
    assert taken(slow) == [b"2", b"3", b"4"]


def test_a_peer_hears_what_comes_after_it_began_to_listen(transport: Transport) -> None:
    transport.peer()
    transport.add(b"before")
    late = transport.peer()
    transport.add(b"after")
    assert taken(late) == [b"after"]


def test_channels_are_apart_and_unknown_ones_go_nowhere(transport: Transport) -> None:
    both, one = transport.peer(channels=(CHANNEL, OTHER)), transport.peer()
    transport.add(b"a")
    transport.add(b"b", channel=OTHER)
    transport.add(b"c", channel=0x77)
    assert both.channels_behind() == [CHANNEL, OTHER]
    assert taken(both, channel=OTHER) == [b"b"]
    assert both.channels_behind() == [CHANNEL]
    assert one.channels_behind() == [CHANNEL]


def test_all_peers_are_woken_until_they_leave(transport: Transport) -> None:
    stays, leaves = transport.peer("stays"), transport.peer("leaves")
    transport.add(b"1")
    transport.log.wake()
    assert transport.woken == ["stays", "leaves"]
    assert stays.is_behind
    transport.log.leave(leaves)
    transport.log.wake()
    assert transport.woken == ["stays", "leaves", "stays"]


def test_a_peer_that_has_taken_all_is_not_behind(transport: Transport) -> None:
    peer = transport.peer()
    transport.add(b"1")
    transport.log.wake()
    taken(peer)
    assert peer.channels_behind() == []
    assert not peer.is_behind


def test_messages_are_cut_into_packets_once_for_all(transport: Transport) -> None:
    one, two = transport.peer(), transport.peer()
    transport.add(bytes(2000))
    (mine,), (its,) = one.take(CHANNEL, 1)[0], two.take(CHANNEL, 1)[0]
    assert isinstance(mine, FramedMessage)
    assert mine is its


def test_what_a_peer_takes_too_late_it_never_gets(transport: Transport) -> None:
    quick, slow = transport.peer(), transport.peer()
    transport.add(b"1", b"2", now=0.0)
    transport.add(b"3", now=1.0)
    taken(quick)
    assert transport.log.trim(BROADCAST_PATIENCE_S)
    messages, missed = slow.take(CHANNEL, 10)
    assert missed == 2
    assert len(messages) == 1


def test_the_log_is_bounded_in_messages(transport: Transport) -> None:
    quick, slow = transport.peer(), transport.peer()
    for number in range(LOG_MESSAGES + 1):
        transport.add(str(number).encode())
        taken(quick)
    messages, missed = slow.take(CHANNEL, LOG_MESSAGES)
    assert missed + len(messages) == LOG_MESSAGES + 1
    assert 0 < missed <= LOG_MESSAGES // 4 + 1


def test_the_log_is_bounded_in_bytes_but_for_a_single_message(transport: Transport) -> None:
    """Those of memory: a message that is cut already takes its bytes twice."""
    transport.most_bytes = 2000
    peer = transport.peer()
    transport.add(bytes(600), bytes(600))
    assert transport.log.size <= 2000
    assert peer.take(CHANNEL, 10)[1] == 1
    transport.add(bytes(5000))
    assert len(peer.take(CHANNEL, 10)[0]) == 1


def test_all_channels_share_the_bytes_and_the_largest_gives_way(transport: Transport) -> None:
    """A channel with little is not concerned by what another has too much of."""
    transport.most_bytes = 10_000
    peer = transport.peer(channels=(CHANNEL, OTHER))
    transport.add(b"few", channel=OTHER)
    transport.add(*[bytes(600)] * 20)
    assert transport.log.size <= transport.most_bytes
    assert peer.take(OTHER, 10) == ([transport.log.logs[OTHER].from_(0, 1)[0]], 0)
    assert peer.take(CHANNEL, 100)[1] > 0


def test_a_peer_takes_few_bytes_at_a_time(transport: Transport) -> None:
    """What it has taken is kept for it alone: one message, or as many as fit."""
    peer = transport.peer()
    transport.add(*[bytes(400)] * 5)
    assert [len(peer.take(CHANNEL, 100, 1000)[0]) for _ in range(4)] == [2, 2, 1, 0]
    transport.add(bytes(5000), b"")
    assert len(peer.take(CHANNEL, 100, 1000)[0]) == 1


def test_trimming_lets_go_of_what_everyone_has_taken(transport: Transport) -> None:
    quick, slow = transport.peer(), transport.peer()
    transport.add(b"1", b"2")
    taken(quick)
    taken(slow, 1)
    assert transport.log.trim(0.0)
    assert transport.log.logs[CHANNEL].first == 1
    taken(slow)
    assert not transport.log.trim(0.0)
    assert transport.log.logs[CHANNEL].size == 0


def test_the_quickest_peer_says_how_far_it_has_come_each_quarter_of_the_window(transport: Transport) -> None:
    quick, slow = transport.peer(), transport.peer()
    transport.add(*[b"x"] * (BROADCAST_WINDOW // 2))
    assert transport.log.unfinished(CHANNEL) == BROADCAST_WINDOW // 2
    taken(slow, BROADCAST_WINDOW // 4 - 1)
    assert transport.progress == []
    taken(quick, BROADCAST_WINDOW // 4)
    assert transport.progress == [CHANNEL]
    assert transport.log.unfinished(CHANNEL) == BROADCAST_WINDOW // 4
    taken(slow, 1)
    assert transport.progress == [CHANNEL]


def test_less_than_a_quarter_is_told_when_the_log_is_trimmed(transport: Transport) -> None:
    """The reactor may have no more to send, for what it sent besides was lost."""
    peer = transport.peer()
    transport.add(b"1", b"2")
    transport.log.trim(0.0)
    assert transport.progress == []
    taken(peer)
    assert transport.progress == []
    transport.log.trim(0.0)
    assert transport.progress == [CHANNEL]
    transport.log.trim(0.0)
    assert transport.progress == [CHANNEL]


def test_without_a_peer_that_knows_the_channel_nothing_is_kept_and_nobody_is_ahead(
    transport: Transport,
) -> None:
    transport.log.leave(transport.peer())
    transport.peer(channels=(OTHER,))
    transport.add(*[b"x"] * BROADCAST_WINDOW)
    assert transport.log.unfinished(CHANNEL) == 0
    assert transport.log.logs[CHANNEL].size == 0
    assert transport.progress == [CHANNEL] * 4


def test_peers_that_all_stand_still_are_no_reason_to_stand_still_for_longer_than_their_patience(
    transport: Transport,
) -> None:
    transport.peer()
    transport.add(*[b"x"] * BROADCAST_WINDOW)
    transport.log.trim(BROADCAST_PATIENCE_S)
    assert transport.log.unfinished(CHANNEL) == 0
    assert transport.progress == [CHANNEL]


# --- the feed --------------------------------------------------------------------------------------------------------


def test_peers_are_woken_once_for_all_that_comes_in_a_turn(transport: Transport) -> None:
    """They take it in their own turns."""
    loop = FakeLoop()
    feed, peer = BroadcastFeed(transport.log, loop), transport.peer()
    feed.add([CHANNEL, CHANNEL], [b"1", b"2"], {})
    feed.add([CHANNEL], [b"3"], {})
    assert transport.woken == []
    loop.turn()
    assert transport.woken == ["peer"]
    assert taken(peer) == [b"1", b"2", b"3"]


def test_what_a_peer_is_too_slow_for_is_given_up_in_time(transport: Transport) -> None:
    """The feed looks for it as long as anything is left, and no longer."""
    loop = FakeLoop()
    feed, peer = BroadcastFeed(transport.log, loop), transport.peer()
    feed.add([CHANNEL], [b"1"], {})
    while loop.time <= BROADCAST_PATIENCE_S:
        loop.advance(TRIM_INTERVAL_S)
    assert peer.take(CHANNEL, 9) == ([], 1)
    loop.advance(TRIM_INTERVAL_S)
    assert loop.timers == []


def test_broadcasts_go_on_after_a_time_in_which_nothing_was_left(transport: Transport) -> None:
    """The looking begins anew with them. (A host that has just started once kept what it had.)"""
    loop = FakeLoop()
    feed = BroadcastFeed(transport.log, loop)
    feed.add([CHANNEL], [b"nobody listens"], {})
    loop.advance(TRIM_INTERVAL_S)
    late = transport.peer()
    feed.add([CHANNEL], [b"1"], {})
    loop.turn()
    assert (transport.woken, taken(late)) == (["peer"], [b"1"])
    assert len(loop.timers) == 1


def test_a_reactor_may_be_a_window_ahead_of_the_quickest_peer(transport: Transport) -> None:
    """Also of a host that was restarted: the reactor says how many it has broadcast in all."""
    feed, peer = BroadcastFeed(transport.log, FakeLoop()), transport.peer()
    feed.add([CHANNEL] * 2, [b"1", b"2"], {CHANNEL: 102})
    assert feed.granted(CHANNEL) == 100 + BROADCAST_WINDOW
    taken(peer)
    assert feed.granted(CHANNEL) == 102 + BROADCAST_WINDOW


def test_whoever_does_not_count_is_granted_nothing(transport: Transport) -> None:
    feed = BroadcastFeed(transport.log, FakeLoop())
    feed.add([CHANNEL], [b"1"], {})
    assert feed.granted(CHANNEL) is None
