"""actors/peers/session.py: both halves of an open connection together, over a socket and without actors."""

from __future__ import annotations

import gc
import math
import socket
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.messages import Consumed
from peerage.actors.names import NodeNames
from peerage.actors.peers.addressees import Addressees
from peerage.actors.peers.broadcasts import BroadcastFeed, Broadcasts
from peerage.actors.peers.host_shared import HostShared
from peerage.actors.peers.inbound import WindowLimits
from peerage.actors.peers.left_behind import LeftBehind
from peerage.actors.peers.link import LinkEvents
from peerage.actors.peers.memory_budget import LOOK_S, MemoryBudget
from peerage.actors.peers.phases import Event, Phase, Phases
from peerage.actors.peers.receive_window import MESSAGE_COST
from peerage.actors.peers.session import TRAFFIC_INTERVAL_S, Probes, Session
from peerage.actors.peers.stream import SocketStream
from peerage.actors.peers.switch_news import SwitchNews
from peerage.actors.runtime import Frames
from peerage.actors.transfer import SEND, SEND_WAIT, Place, each_message
from peerage.testing import loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.multiplex import MessageReceived, MessageRun
from peerage.wire.node_info import NodeInfo
from peerage.wire.pex import PEX_CHANNEL
from peerage.wire.secret_connection import SecretConnection
from tests.actors.peers.budgets import PLENTY, budgets_of, plenty
from tests.actors.peers.fake_loop import FakeLoop, tcp_pair

ANNA = NodeKey.generate()
ONE, TWO = 0x50, 0x51
LIMIT = 80 * 1024 * 1024  # bytes: what bert's node may hold
MESSAGES = [b"one", b"two", b"three", b"", b"five"]
CHANNELS = (ChannelDescriptor(id=ONE, send_queue_capacity=2), ChannelDescriptor(id=TWO))
ROUTES = {ONE: "ONE", TWO: "TWO", PEX_CHANNEL: "PEX"}
INFO = NodeInfo(
    id=ANNA.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m", channels=bytes(ROUTES)
)


class Metrics:
    """As MetricsReporter and its buffer."""

    is_on = True

    def __init__(self) -> None:
        self.buffer = self
        self.gone: list[str] = []
        self.bytes: dict[str, float] = {}

    def inc(self, name: str, _labels: Any, count: float) -> None:
        self.bytes[name] = self.bytes.get(name, 0) + count

    def set(self, *_: Any) -> None:
        pass

    def observe(self, *_: Any) -> None:
        pass

    def peer_gone(self, peer_id: str) -> None:
        self.gone.append(peer_id)


class Reply:
    """What somebody who asked was answered."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def set(self, value: Any) -> None:
        self.values.append(value)


class End:
    """One end. Its owner notes what it hears; its reactors keep what they are handed."""

    def __init__(
        self,
        loop: FakeLoop,
        sock: socket.socket,
        secret: SecretConnection,
        home: Path,
        budget: MemoryBudget,
    ) -> None:
        self._loop = loop
        self.budget = budget
        names = NodeNames("n/", ("ONE", "TWO"), 1)
        context = NodeContext(names, loopback_config(home), ANNA.public_key, INFO, CHANNELS, ROUTES)
        self.metrics = Metrics()
        broadcasts = Broadcasts(ROUTES, 1024, most_bytes=lambda: PLENTY)
        feed = BroadcastFeed(broadcasts, loop)
        addressees = Addressees(names)
        news = SwitchNews(addressees, loop.call_later)
        left_behind = LeftBehind(loop, addressees, budget)
        peerage = context.config.peerage
        limits = WindowLimits(peerage.receive_window, peerage.spill_limit, context.config.home.data_dir)
        metrics: Any = self.metrics
        self.shared = HostShared(metrics, broadcasts, feed, addressees, news, budget, left_behind, limits)
        self.phases = Phases(Phase.RUNNING)
        self.told: list[str] = []
        self.handed: list[tuple[str, bytes]] = []
        self.probes = Probes()
        self.stream = SocketStream(sock, loop)
        self.session = Session(
            loop,
            context,
            self.phases,
            self.shared,
            self.stream,
            secret,
            INFO,
            LinkEvents(
                written=lambda: None,
                closed=self.told.append,
                broken=lambda error: self.told.append(str(error)),
            ),
            self._hand_over,
            self.probes,
        )

    def _hand_over(self, reactor: str, places: Sequence[Place], frames: Sequence[bytes | memoryview]) -> None:
        self.handed += [(reactor, bytes(message)) for _channel, message in each_message(places, frames)]

    def run(self) -> None:
        self.session.serve(ANNA.node_id)
        for reactor in ("ONE", "TWO"):
            self.session.introduce(reactor)
        self.session.start(b"")

    def send(self, *messages: bytes, channel: int = ONE) -> None:
        header: tuple[Any, ...] = (SEND, (channel,) * len(messages), {channel: len(messages)})
        assert self.session.send(Frames(header, messages), Reply) is None

    def send_waiting(self, message: bytes, seconds: float) -> tuple[Any, Reply]:
        """A message that waits for room. Returns: what is answered at once, and what is answered later."""
        reply = Reply()
        header: tuple[Any, ...] = (SEND_WAIT, (ONE,), {}, self._loop.now() + seconds)
        return self.session.send(Frames(header, [message]), lambda: reply), reply


class Pair:
    """Two ends in one loop."""

    def __init__(self, loop: FakeLoop, anna: End, bert: End) -> None:
        self.loop, self.anna, self.bert = loop, anna, bert


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    one, two = SecretConnection(NodeKey.generate()), SecretConnection(NodeKey.generate())
    while not (one.is_open and two.is_open):
        two.receive_data(one.data_to_send())
        one.receive_data(two.data_to_send())
    loop = FakeLoop()
    with tcp_pair() as (ours, theirs):
        anna = End(loop, ours, one, tmp_path, plenty(loop))
        bert = End(loop, theirs, two, tmp_path, budgets_of(LIMIT, loop)[0])
        made = Pair(loop, anna, bert)
        made.anna.run()
        made.bert.run()
        yield made
        made.anna.session.close()
        made.bert.session.close()


def test_a_message_goes_from_reactor_to_reactor_of_its_channel(pair: Pair) -> None:
    """Its place in the queue comes back as a credit."""
    pair.anna.send(b"one")
    pair.anna.send(b"two", channel=TWO)
    pair.loop.settle()
    assert sorted(pair.bert.handed) == [("ONE", b"one"), ("TWO", b"two")]
    assert pair.anna.session.queues.take_credits() == {"ONE": {ONE: 3}, "TWO": {TWO: 2}}


def test_joined_messages_go_to_the_reactor_in_order(pair: Pair) -> None:
    """Among others; those that find no place in the queue of two wait for one."""
    places = (ONE, MessageRun.of(ONE, MESSAGES[1:])[:2], ONE)
    frames = [MESSAGES[0], b"".join(MESSAGES[1:]), b"last"]
    assert pair.anna.session.send(Frames((SEND, places, {ONE: 7}), frames), Reply) is None
    pair.loop.settle()
    assert pair.bert.handed == [("ONE", message) for message in (*MESSAGES, b"last")]


def test_runs_of_equal_sizes_are_told_apart(pair: Pair) -> None:
    runs = [MessageRun.of(TWO, [b"a", b"b"]), MessageRun.of(TWO, [b"c", b"d"])]
    header: tuple[Any, ...] = (SEND, tuple(run[:2] for run in runs), {TWO: 4})
    assert pair.anna.session.send(Frames(header, [run.data for run in runs]), Reply) is None
    pair.loop.settle()
    assert pair.bert.handed == [("TWO", message) for message in (b"a", b"b", b"c", b"d")]


def test_what_is_broadcast_reaches_the_peers_of_the_host(pair: Pair) -> None:
    pair.anna.shared.feed.add([ONE], [b"to all"], {})
    pair.loop.settle()
    assert pair.bert.handed == [("ONE", b"to all")]


def test_a_waiting_message_is_accepted_at_once_when_there_is_room(pair: Pair) -> None:
    answer, reply = pair.anna.send_waiting(b"one", 10.0)
    assert (answer, reply.values) == ((True, 2), [])


def test_a_waiting_message_is_answered_when_it_finds_room(pair: Pair) -> None:
    pair.anna.send(b"one", b"two")
    answer, reply = pair.anna.send_waiting(b"three", 10.0)
    assert (answer, reply.values) == (None, [])
    pair.loop.settle()
    assert [accepted for accepted, _total in reply.values] == [True]
    assert [message for _reactor, message in pair.bert.handed] == [b"one", b"two", b"three"]


def test_a_message_that_may_not_wait_is_refused(pair: Pair) -> None:
    """The totals of the answer put the reactor's count right."""
    pair.anna.send(b"one", b"two")
    answer, _reply = pair.anna.send_waiting(b"three", -1.0)
    assert answer == (False, 2)


def test_a_channel_that_no_reactor_has_takes_nothing(pair: Pair) -> None:
    message = Frames((SEND_WAIT, (0x77,), {}, pair.loop.now() + 10.0), [b"one"])
    assert pair.anna.session.send(message, Reply) == (False, 0)


def test_whoever_probes_hears_of_the_next_bytes(pair: Pair) -> None:
    """Of the remote's answer to a ping, if it says nothing before."""
    reply: Any = Reply()
    pair.anna.probes.add(reply)
    pair.anna.session.probe()
    pair.loop.settle()
    assert reply.values == [True]
    assert not pair.anna.probes


def test_a_remote_that_speaks_need_not_have_read_the_ping(pair: Pair) -> None:
    """It is alive, and its pong may come much later: behind all that it has to send, or when it has time."""
    reply: Any = Reply()
    pair.bert.stream.set_reading(wanted=False)
    pair.anna.probes.add(reply)
    pair.anna.session.probe()
    pair.loop.settle()
    assert reply.values == []
    pair.bert.send(b"busy")
    pair.loop.settle()
    assert reply.values == [True]


def test_a_peer_is_useful_when_a_reactor_has_consumed_a_message_of_it(pair: Pair) -> None:
    """Other than peer exchange."""
    session = pair.bert.session
    assert session.last_use == -math.inf
    pair.bert.session.consumed(Consumed("PEX", 0, 0))
    assert session.last_use == -math.inf
    pair.bert.session.consumed(Consumed("ONE", 0, 0))
    assert session.last_use == pair.loop.now()


def test_a_slow_reactor_stops_its_connection_and_reading_goes_on_when_it_has_consumed(pair: Pair) -> None:
    window = 1 << 20
    for _ in range(12):
        pair.anna.send(bytes(window), bytes(window), channel=TWO)
    pair.loop.settle(100_000)
    got = len(pair.bert.handed)
    assert not pair.bert.stream.is_reading
    pair.bert.session.inbound.consumed("TWO", got * window, got)
    pair.loop.settle(100_000)
    assert len(pair.bert.handed) > got


def test_what_was_said_at_a_seeds_door_is_heard_by_the_reactors(pair: Pair) -> None:
    """And so is all that is said from then on: the door hears nothing any more."""
    at_door: list[Any] = []
    pair.bert.session.link.received = at_door.append
    pair.bert.session.resume([MessageReceived(ONE, b"at the door")])
    assert pair.bert.handed == [("ONE", b"at the door")]
    pair.anna.send(b"as a peer")
    pair.loop.settle()
    assert pair.bert.handed == [("ONE", b"at the door"), ("ONE", b"as a peer")]
    assert at_door == []


def test_one_message_can_be_sent_to_a_remote_that_is_no_peer(pair: Pair) -> None:
    pair.anna.session.answer(ONE, b"addresses")
    pair.loop.settle()
    assert pair.bert.handed == [("ONE", b"addresses")]


def test_before_a_graceful_end_broadcasts_come_in_no_more(pair: Pair) -> None:
    """What was there is sent."""
    pair.anna.shared.broadcasts.add(ONE, b"before", 0.0)
    pair.anna.shared.broadcasts.wake()
    pair.anna.phases.move(Event.CLOSE_ASKED)
    pair.anna.session.close_entrance()
    pair.anna.shared.feed.add([ONE], [b"after"], {})
    pair.loop.settle()
    assert pair.bert.handed == [("ONE", b"before")]
    assert pair.anna.session.link.is_flushed


def test_traffic_is_reported_every_second_and_forgotten_at_the_end(pair: Pair) -> None:
    pair.anna.send(b"one")
    pair.loop.settle()
    pair.loop.advance(TRAFFIC_INTERVAL_S)
    assert pair.anna.metrics.bytes["p2p_peer_send_bytes_total"] == 3
    assert pair.bert.metrics.bytes["p2p_peer_receive_bytes_total"] == 3
    pair.anna.session.close()
    assert pair.anna.metrics.gone == [ANNA.node_id]


def test_the_state_of_the_connection_can_be_asked_for(pair: Pair) -> None:
    pair.loop.advance(3.0)
    assert pair.anna.session.status().duration == 3.0


# --- memory ----------------------------------------------------------------------------------------------------------


def test_what_a_connection_holds_is_in_its_account(pair: Pair) -> None:
    """What has begun to arrive, what is not sent, and what reactors have not consumed; nothing behind its end."""
    bert, budget = pair.bert, pair.bert.budget
    pair.anna.stream.set_reading(wanted=False)
    bert.send(*[bytes(8 << 20)] * 2)
    pair.anna.send(bytes(1000), channel=TWO)
    pair.loop.settle()
    assert budget.unsent == 2 * (8 << 20)
    assert budget.unconsumed == 1000 + MESSAGE_COST
    bert.stream.set_reading(wanted=False)
    pair.anna.send(bytes(8 << 20), channel=TWO)
    pair.loop.settle()
    bert.stream.set_reading(wanted=True)
    pair.loop.turn()
    assert 0 < budget.unfinished < 8 << 20
    bert.session.close()
    assert (budget.unfinished, budget.unsent, budget.unconsumed) == (0, 0, 0)
    assert bert.session.left_behind == {"ONE": 0, "TWO": 1000 + MESSAGE_COST}


def test_a_message_that_waits_for_room_is_counted(pair: Pair) -> None:
    pair.bert.send(b"one", b"two")
    pair.bert.send_waiting(bytes(1000), 10.0)
    assert pair.bert.session.queues.waiting == 1000
    pair.loop.settle()
    assert pair.bert.session.queues.waiting == 0


def test_while_others_use_up_the_memory_nothing_is_read_and_it_goes_on_behind_their_end(pair: Pair) -> None:
    """The connection is none of those that are ended for it: it has begun later, and holds less."""
    hoarder_told: list[str] = []
    hoarder = pair.bert.budget.open(lambda _held_up: None, hoarder_told.append)
    hoarder.holds(unfinished=LIMIT // 2, unsent=0)
    pair.anna.send(bytes(4 << 20), channel=TWO)
    pair.loop.settle(100_000)
    assert pair.bert.handed == []
    assert not pair.bert.stream.is_reading
    pair.loop.time += LOOK_S
    pair.loop.settle(100_000)
    assert len(hoarder_told) == 1
    hoarder.close()
    pair.loop.time += LOOK_S
    pair.loop.settle(100_000)
    assert [len(message) for _reactor, message in pair.bert.handed] == [4 << 20]
    assert pair.bert.told == []


def test_the_heaviest_connection_is_ended_with_the_reason(pair: Pair) -> None:
    pair.anna.stream.set_reading(wanted=False)
    pair.bert.send(bytes(LIMIT // 2), channel=TWO)
    pair.loop.settle(100_000)
    pair.loop.time += LOOK_S
    pair.loop.settle(100_000)
    (reason,) = pair.bert.told
    assert reason.startswith(
        "memory is short: 0.0 MiB of unfinished messages and 40.0 MiB that were not taken"
    )


def test_a_session_that_has_ended_waits_for_neither_timer_nor_collector(pair: Pair) -> None:
    """A seed has hundreds a second: what they hold is free at once."""
    pair.loop.settle()
    pair.anna.stream.close()
    pair.anna.session.close()
    session, watched, link = (
        pair.bert.session,
        weakref.ref(pair.anna.session),
        weakref.ref(pair.anna.session.link),
    )
    gc.disable()
    try:
        pair.anna.session = session  # the fixture closes it
        assert watched() is None
        assert link() is None
    finally:
        gc.enable()
