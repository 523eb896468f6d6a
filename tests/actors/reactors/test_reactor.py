"""actors/reactors/reactor.py: the grammar of calls, batches and what is consumed of them, sending with credits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pytest
from msgspec import structs
from msgspec.structs import replace

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.messages import (
    AnnouncePeers,
    Charge,
    Consumed,
    Credits,
    PeerInfo,
    PeerStarted,
    RemovePeer,
    StopPeer,
)
from peerage.actors.runtime import Frames, System
from peerage.actors.transfer import BROADCAST, BROADCAST_WINDOW, RECEIVE, SEND, SEND_WAIT
from peerage.testing import Probe, ReactorHarness, wait_until
from peerage.wire.errors import PexKindError
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import MessageRun
from peerage.wire.proto.pex_pb2 import Message, PexAddrs

CHANNEL, TYPED = 0x60, 0x61
ANNA, BERT = NodeID("a" * 40), NodeID("b" * 40)


class Recorder(Reactor):
    """Keeps every call of a hook; raises in the hook, or at the message, that is named "raise"."""

    channels: ClassVar = (
        ChannelDescriptor(id=CHANNEL, send_queue_capacity=2),
        ChannelDescriptor(id=TYPED, message=PexAddrs),
    )

    def __init__(self, raise_in: str = "") -> None:
        super().__init__()
        self._raise_in = raise_in
        self.calls: list[Any] = []

    def on_start(self) -> None:
        self._note("on_start")

    def init_peer(self, peer: Peer) -> None:
        self._note("init_peer", peer.info.connection)

    def add_peer(self, peer: Peer) -> None:
        self._note("add_peer", peer.info.connection)

    def receive(self, envelope: Envelope) -> None:
        self._note("receive", envelope.source.info.connection, envelope.message)
        if envelope.message == b"raise":
            raise ValueError("as told")
        if envelope.message == b"remote":
            raise PexKindError
        if envelope.message == b"stop":
            envelope.source.stop("as told")

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self._note("remove_peer", peer.info.connection, reason)

    def handle(self, message: Any) -> Any:
        match message:
            case "calls":
                return self.calls
            case "peers":
                return {peer_id: peer.is_running for peer_id, peer in self.peers.items()}
            case ("try_send", data):
                return [peer.try_send(CHANNEL, data) for peer in self.peers.values()]
            case ("room",):
                return [peer.room(CHANNEL) for peer in self.peers.values()]
            case ("broadcast", count):
                return sum(self.broadcast(CHANNEL, b"%d" % number) for number in range(count))
            case ("broadcast and look for the host", count):
                accepted = sum(self.broadcast(CHANNEL, b"%d" % number) for number in range(count))
                self._outboxes.drop(self.node.names.transports[0].name)  # its end may come before the turn's
                return accepted
            case ("send", data, timeout):
                return [peer.send(CHANNEL, data, timeout) for peer in self.peers.values()]
        return None

    def _note(self, hook: str, *facts: Any) -> None:
        self.calls.append((hook, *facts))
        if hook == self._raise_in:
            raise ValueError("as told")


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


@pytest.fixture
def harness() -> Iterator[ReactorHarness[Recorder]]:
    with ReactorHarness(Recorder) as made:
        yield made


@pytest.fixture
def peer_actor() -> Iterator[Probe]:
    """Stands in for a peer actor: asks to send are accepted."""
    with Probe(answer=lambda _message: (True, 4)) as probe:
        yield probe


def info_of(probe: Probe, connection: str = "one", peer_id: NodeID = ANNA) -> PeerInfo:
    return PeerInfo(
        connection=connection,
        ref=probe.ref,
        id=peer_id,
        node_info=NodeInfo(
            id=peer_id,
            listen_addr="tcp://127.0.0.1:1",
            network="test",
            moniker="m",
            channels=bytes([CHANNEL, TYPED]),
        ),
        remote_ip="127.0.0.1",
        socket_address="127.0.0.1:1",
        is_outbound=False,
        is_persistent=False,
        is_unconditional=False,
        host=probe.ref.host,
        credits=((CHANNEL, 2), (TYPED, 1)),
    )


def batch(connection: str, *messages: bytes, channel: int = CHANNEL) -> Frames:
    return Frames((RECEIVE, connection, (channel,) * len(messages)), list(messages))


def calls_of(harness: ReactorHarness[Recorder]) -> list[Any]:
    """All calls but the first, which is always on_start."""
    first, *calls = list[Any](harness.ask("calls"))
    assert first == ("on_start",)
    return calls


def introduce(harness: ReactorHarness[Recorder], info: PeerInfo) -> None:
    harness.ref.tell(PeerStarted(info))


# --- the grammar -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["init_peer", "add_peer", "receive", "remove_peer", "handle", "on_start"])
def test_a_hook_that_is_an_asynchronous_generator_is_refused_when_the_class_is_made(hook: str) -> None:
    """Nobody could await it, and every message would be lost."""

    async def never_iterated(*_args: object) -> AsyncIterator[None]:
        yield

    with pytest.raises(TypeError, match=rf"Slow\.{hook} is an asynchronous generator"):
        type("Slow", (Reactor,), {hook: never_iterated})


def test_a_reactor_asks_who_is_there_when_it_has_started() -> None:
    """Its predecessor's peers are still connected; on_start has returned before."""
    with ReactorHarness(Recorder) as harness:
        assert harness.ask("calls") == [("on_start",)]
        harness.switch.expect_nothing(0.0)


def test_a_life_of_a_peer(harness: ReactorHarness[Recorder], peer_actor: Probe) -> None:
    """init_peer, add_peer, receive in order, remove_peer with its reason."""
    introduce(harness, info_of(peer_actor))
    harness.ref.tell(batch("one", b"1", b"2"))
    harness.ref.tell(batch("one", b"3"))
    harness.ref.ask(RemovePeer("one", "over"), timeout=10.0)
    assert calls_of(harness) == [
        ("init_peer", "one"),
        ("add_peer", "one"),
        ("receive", "one", b"1"),
        ("receive", "one", b"2"),
        ("receive", "one", b"3"),
        ("remove_peer", "one", "over"),
    ]
    assert harness.ask("peers") == {}


def test_a_peer_announced_twice_is_met_once(harness: ReactorHarness[Recorder], peer_actor: Probe) -> None:
    """By itself, and because this reactor asked who is there: no hook runs twice; its count of credits is put right."""
    info = info_of(peer_actor)
    introduce(harness, info)
    assert harness.ask(("try_send", b"x")) == [True]
    peer_actor.expect(Frames)
    introduce(harness, info)
    assert calls_of(harness) == [("init_peer", "one"), ("add_peer", "one")]
    totals = peer_actor.expect(Frames)
    assert (totals.header, list(totals.frames)) == ((SEND, (), {CHANNEL: 1, TYPED: 0}), [])


def test_a_peer_that_was_removed_may_come_again(harness: ReactorHarness[Recorder], peer_actor: Probe) -> None:
    """The same connection too: a host that is restarted tells of it anew."""
    for _ in range(2):
        introduce(harness, info_of(peer_actor))
        harness.ref.tell(RemovePeer("one", ""))
    assert [call[0] for call in calls_of(harness)] == ["init_peer", "add_peer", "remove_peer"] * 2


def test_the_answer_to_a_removal_counts_what_was_sent(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """The peer actor waits for so many before it closes; what had gathered is told before the answer."""
    introduce(harness, info_of(peer_actor))
    assert harness.ask(("try_send", b"1")) == [True]
    assert harness.ask(("try_send", b"2")) == [True]
    assert harness.ref.ask(RemovePeer("one", ""), timeout=10.0) == {CHANNEL: 2, TYPED: 0}
    assert harness.ref.ask(RemovePeer("one", ""), timeout=10.0) is None  # not known any more


def test_late_news_of_a_connection_that_has_ended_do_not_replace_the_newer_one(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """Each end of a tie may be at another peer host, whose messages come in no order."""
    introduce(harness, replace(info_of(peer_actor, "new"), since=100.002))
    introduce(harness, replace(info_of(peer_actor, "old"), since=100.001))
    harness.ref.tell(RemovePeer("old", "late"))
    assert calls_of(harness) == [("init_peer", "new"), ("add_peer", "new")]


def test_a_new_connection_of_a_known_id_ends_the_old_one_first(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """Its end is still on the way; when it comes, it is nothing new."""
    introduce(harness, info_of(peer_actor, "old"))
    introduce(harness, info_of(peer_actor, "new"))
    harness.ref.tell(RemovePeer("old", "late"))
    assert calls_of(harness) == [
        ("init_peer", "old"),
        ("add_peer", "old"),
        ("remove_peer", "old", "replaced by a new connection"),
        ("init_peer", "new"),
        ("add_peer", "new"),
    ]


@pytest.mark.parametrize(
    "message", [RemovePeer("none", ""), Credits("none", {CHANNEL: 9}), batch("none", b"x")]
)
def test_what_concerns_an_unknown_connection_is_nothing(
    harness: ReactorHarness[Recorder], message: Any
) -> None:
    """It may be of a predecessor's time."""
    harness.ref.tell(message)
    assert calls_of(harness) == []


def test_the_end_of_a_peer_host_removes_its_peers_and_no_others(harness: ReactorHarness[Recorder]) -> None:
    """Nobody else is left to say it: the reactor watches the hosts."""
    with Probe() as elsewhere:
        host = harness.names.of("peers-0")
        introduce(harness, structs.replace(info_of(elsewhere, "there"), host=host))
        introduce(harness, info_of(elsewhere, "elsewhere", BERT))
        assert len(calls_of(harness)) == 4
        harness.names.transport(0).stop()
        wait_until(lambda: len(calls_of(harness)) == 5)
        hook, connection, reason = calls_of(harness)[-1]
    assert (hook, connection) == ("remove_peer", "there")
    assert reason.startswith("peer host ended: ")


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["init_peer", "add_peer"])
def test_raising_in_a_hook_stops_that_peer_for_error(hook: str, peer_actor: Probe) -> None:
    """The reason names reactor, hook and exception; no later hook runs but remove_peer."""
    with ReactorHarness(Recorder, hook) as harness:
        introduce(harness, info_of(peer_actor))
        harness.ref.tell(batch("one", b"x"))
        assert peer_actor.expect(StopPeer) == StopPeer(
            f"reactor TESTED: {hook} raised ValueError: as told", is_error=True
        )
        harness.ref.tell(RemovePeer("one", "as told"))
        hooks = [call[0] for call in calls_of(harness)]
    before = {"init_peer": ["init_peer"], "add_peer": ["init_peer", "add_peer"]}[hook]
    assert hooks == [*before, "remove_peer"]


def test_raising_in_receive_stops_the_peer_and_the_rest_of_the_batch_is_not_received(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """All of it counts as consumed: the window of a peer that lives on, as others do, must not shrink."""
    introduce(harness, info_of(peer_actor))
    harness.ref.tell(batch("one", b"fine", b"raise", b"never"))
    stopped = peer_actor.expect(StopPeer)
    assert stopped.reason == "reactor TESTED: receive raised ValueError: as told"
    assert peer_actor.expect(Consumed) == Consumed("TESTED", 14, 3)
    assert [call[2] for call in calls_of(harness) if call[0] == "receive"] == [b"fine", b"raise"]
    assert harness.ask("peers") == {ANNA: False}


def test_joined_messages_are_received_one_by_one_until_the_peer_is_stopped(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """All of them, and those behind them, count as consumed."""
    introduce(harness, info_of(peer_actor))
    run = MessageRun.of(CHANNEL, [b"fine", b"raise", b"never"])
    harness.ref.tell(Frames((RECEIVE, "one", (CHANNEL, run[:2], CHANNEL)), [b"first", run.data, b"never"]))
    peer_actor.expect(StopPeer)
    assert peer_actor.expect(Consumed) == Consumed("TESTED", 24, 5)
    assert [call[2] for call in calls_of(harness) if call[0] == "receive"] == [b"first", b"fine", b"raise"]


def test_joined_messages_of_a_channel_with_a_class_are_decoded_one_by_one(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """What came before one that does not decode is received."""
    introduce(harness, info_of(peer_actor))
    run = MessageRun.of(TYPED, [PexAddrs().SerializeToString(), b"", b"\xff", b""])
    harness.ref.tell(Frames((RECEIVE, "one", (run[:2],)), [run.data]))
    assert "receive raised DecodeError" in peer_actor.fish(StopPeer).reason
    received = [call[2] for call in calls_of(harness) if call[0] == "receive"]
    assert [type(message) for message in received] == [PexAddrs, PexAddrs]


def test_what_does_not_decode_is_charged_to_the_peer_and_a_fault_of_the_reactor_is_not(
    peer_actor: Probe,
) -> None:
    """By whatever class or function it was to be decoded."""
    with ReactorHarness(Recorder) as harness, Probe(harness.names.addrbook.name) as book:
        introduce(harness, info_of(peer_actor))
        harness.ref.tell(batch("one", b"raise"))
        peer_actor.fish(StopPeer)
        for name, frames in (
            ("two", Frames((RECEIVE, "two", (TYPED,)), [b"\xff"])),
            ("three", batch("three", b"remote")),
        ):
            introduce(harness, info_of(peer_actor, name))
            harness.ref.tell(frames)
            assert book.expect(Charge) == Charge(
                Offence.UNDECODABLE_MESSAGE, ANNA, info_of(peer_actor).remote_ip
            )


def test_raising_in_remove_peer_harms_nobody(peer_actor: Probe) -> None:
    """The peer is gone anyway."""
    with ReactorHarness(Recorder, "remove_peer") as harness:
        introduce(harness, info_of(peer_actor))
        harness.ref.tell(RemovePeer("one", ""))
        introduce(harness, info_of(peer_actor, "two"))
        assert harness.ask("peers") == {ANNA: True}


def test_a_peer_that_the_reactor_stops_is_not_heard_any_more(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """From the next message on; remove_peer is still to come."""
    introduce(harness, info_of(peer_actor))
    harness.ref.tell(batch("one", b"stop", b"more"))
    harness.ref.tell(batch("one", b"even more"))
    assert [call[2] for call in calls_of(harness) if call[0] == "receive"] == [b"stop"]
    assert consumed(peer_actor, 3) == (17, 3)


# --- messages --------------------------------------------------------------------------------------------------------


def consumed(peer_actor: Probe, messages: int) -> tuple[int, int]:
    """Bytes and messages that are told to be consumed, in as many words as it takes to hear of so many messages."""
    size = count = 0
    while count < messages:
        told = peer_actor.fish(Consumed)
        size, count = size + told.size, count + told.messages
    return size, count


def test_every_batch_is_reported_consumed(harness: ReactorHarness[Recorder], peer_actor: Probe) -> None:
    """Bytes and messages; empty messages count as well."""
    introduce(harness, info_of(peer_actor))
    harness.ref.tell(batch("one", b"", b"12345", b""))
    harness.ref.tell(batch("one", b"678"))
    assert consumed(peer_actor, 4) == (8, 4)


def test_a_channel_with_a_message_class_is_decoded(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """What does not decode stops the peer, as raising does."""
    introduce(harness, info_of(peer_actor))
    harness.ref.tell(batch("one", PexAddrs().SerializeToString(), channel=TYPED))
    harness.ref.tell(batch("one", b"\xff", channel=TYPED))
    assert "receive raised DecodeError" in peer_actor.fish(StopPeer).reason
    received = [call[2] for call in calls_of(harness) if call[0] == "receive"]
    assert [type(message) for message in received] == [PexAddrs]


# --- sending ---------------------------------------------------------------------------------------------------------


def test_try_send_answers_from_the_credits(harness: ReactorHarness[Recorder], peer_actor: Probe) -> None:
    """As many as the send queue has places; the peer actor gives some back."""
    introduce(harness, info_of(peer_actor))
    assert [harness.ask(("try_send", b"%d" % number)) for number in range(3)] == [[True], [True], [False]]
    sent = [frame for _ in range(2) for frame in peer_actor.expect(Frames).frames]
    assert sent == [b"0", b"1"]
    harness.ref.tell(Credits("one", {CHANNEL: 3}))
    assert harness.ask(("room",)) == [1]
    assert harness.ask(("try_send", b"3")) == [True]


class Typist(Reactor):
    """Sends what it is told, in each way that there is; the answer is why it could not."""

    channels: ClassVar = (ChannelDescriptor(id=TYPED, message=Message),)

    def handle(self, message: Any) -> Any:
        (peer,) = self.peers.values()
        faults = []
        for send in (peer.try_send, peer.send, self.broadcast):
            try:
                assert send(TYPED, message)
            except TypeError as error:
                faults.append(str(error))
        return faults


def test_a_message_of_another_class_than_the_channels_is_not_sent(peer_actor: Probe) -> None:
    """Its bytes would be another message to the peer, who would end the connection for it."""
    with ReactorHarness(Typist) as harness:
        harness.ref.tell(PeerStarted(info_of(peer_actor)))
        assert harness.ask(Message(pex_addrs=PexAddrs())) == []
        fault = "a message is a tendermint.p2p.PexAddrs; on this channel a tendermint.p2p.Message is expected, or bytes"
        assert harness.ask(PexAddrs()) == [fault] * 3


def test_broadcasts_travel_together_and_answer_from_the_credits_of_the_transport(
    harness: ReactorHarness[Recorder],
) -> None:
    """A window of them may be ahead of the quickest peer; the transport says when more may be."""
    assert harness.ask(("broadcast", BROADCAST_WINDOW + 5)) == BROADCAST_WINDOW
    frames: list[bytes] = []
    while len(frames) < BROADCAST_WINDOW:
        kind, channels, totals = (told := harness.transport.expect(Frames)).header
        frames += map(bytes, told.frames)
        assert (kind, set(channels), totals[CHANNEL]) == (BROADCAST, {CHANNEL}, len(frames))
    assert frames == [b"%d" % number for number in range(BROADCAST_WINDOW)]
    wait_until(lambda: harness.ask(("broadcast", 5)) == 5)


def test_what_is_broadcast_while_a_new_peer_host_is_looked_for_reaches_it(
    harness: ReactorHarness[Recorder],
) -> None:
    """The host is there already, with peers, when the reactor looks: what has gathered in this turn is not thrown away."""
    assert harness.ask(("broadcast and look for the host", 5)) == 5
    found: list[bytes] = []
    while len(found) < 5:
        found += map(bytes, harness.transport.fish(Frames).frames)
    assert found == [b"%d" % number for number in range(5)]


def test_a_peer_host_that_comes_back_takes_broadcasts_again(harness: ReactorHarness[Recorder]) -> None:
    """Whatever its predecessor owed."""
    harness.transport.ref.stop()
    with Probe(harness.names.transports[0].name):  # which gives nothing back
        wait_until(lambda: harness.ask(("broadcast", BROADCAST_WINDOW)) == 0)
    wait_until(lambda: harness.ask(("broadcast", 1)) == 1)


def test_send_waits_at_the_peer_actor_when_there_is_no_credit(
    harness: ReactorHarness[Recorder], peer_actor: Probe
) -> None:
    """Its answer brings credits."""
    introduce(harness, info_of(peer_actor))
    assert [harness.ask(("send", b"%d" % number, 5.0)) for number in range(3)] == [[True]] * 3
    asked = peer_actor.fish(lambda message: message.header[0] == SEND_WAIT)
    assert asked.header[1:3] == ((CHANNEL,), {CHANNEL: 2, TYPED: 0})
    assert list(asked.frames) == [b"2"]
    assert harness.ask(("room",)) == [1]  # four in all, says the peer actor; three were sent


def test_nothing_is_sent_to_a_peer_that_is_gone(harness: ReactorHarness[Recorder], peer_actor: Probe) -> None:
    """What was taken before leaves first."""
    introduce(harness, info_of(peer_actor))
    harness.ask(("try_send", b"before"))
    assert [bytes(frame) for frame in peer_actor.expect(Frames).frames] == [b"before"]
    harness.ref.tell(batch("one", b"stop"))
    assert harness.ask(("try_send", b"after")) == [False]
    assert harness.ask(("send", b"after", 0.0)) == [False]
    assert harness.ask(("room",)) == [0]


def test_any_other_message_goes_to_handle(harness: ReactorHarness[Recorder]) -> None:
    """Whatever is none of the machinery's is the author's."""
    assert harness.ask("peers") == {}
    assert harness.ask(AnnouncePeers("TESTED")) is None
