"""actors/reactors/peer_handle.py: a peer as a reactor sees it, and as everyone else does."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from peerage.actors.messages import FlushStop, GetPeerValue, GetStatusOfPeer, PeerInfo, SetPeerValue, StopPeer
from peerage.actors.reactors.credited_sender import CreditedSender
from peerage.actors.reactors.peer_handle import Peer, message_bytes
from peerage.actors.runtime import ActorRef, Frames, System
from peerage.actors.transfer import SEND, SEND_WAIT
from peerage.testing import Probe
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo
from peerage.wire.proto.pex_pb2 import Message, PexAddrs

CHANNEL, UNKNOWN = 0x50, 0x51


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


@pytest.fixture
def actor() -> Iterator[Probe]:
    """The peer actor: accepts what is asked to be sent, keeps one value, has no status."""

    def answer(message: Any) -> Any:
        if isinstance(message, Frames):
            return (bytes(message.frames[-1]) != b"refuse me", 5)
        return 7 if isinstance(message, GetPeerValue) else None

    with Probe(answer=answer) as probe:
        yield probe


def info_of(ref: ActorRef[Any], connection: str = "one") -> PeerInfo:
    peer_id = NodeID("a" * 40)
    node_info = NodeInfo(
        id=peer_id,
        listen_addr="tcp://127.0.0.1:1",
        network="test",
        moniker="m",
        channels=bytes([CHANNEL]),
    )
    return PeerInfo(
        connection, ref, peer_id, node_info, "10.0.0.1", "10.0.0.1:5", True, True, False, "peers-0"
    )


def _uncounted(_class: type, _size: int) -> None: ...


def inside(actor: Probe, places: int = 1, count: Callable[[type, int], None] = _uncounted) -> Peer:
    """The peer as its reactor has it: with credits."""
    return Peer(info_of(actor.ref), CreditedSender(actor.ref.tell, lambda: None, {CHANNEL: places}, count))


def outside(actor: Probe) -> Peer:
    """The peer as it comes out of a message: without."""
    found = pickle.loads(pickle.dumps(inside(actor)))
    assert isinstance(found, Peer)
    return found


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"bytes", b"bytes"),
        (bytearray(b"may change"), b"may change"),
        (memoryview(b"read only"), b"read only"),
        (memoryview(bytearray(b"may change")), b"may change"),
        (memoryview(bytearray(b"may change")).toreadonly(), b"may change"),
        (PexAddrs(), b""),
    ],
    ids=["bytes", "bytearray", "read-only view", "view", "read-only view of a bytearray", "protobuf"],
)
def test_what_may_still_change_is_copied(message: Any, expected: bytes) -> None:
    """A message is what it was when it was sent."""
    data = message_bytes(message)
    if isinstance(message, bytearray):
        message[:] = b"has been changed"[: len(message)]
    elif isinstance(message, memoryview) and isinstance(message.obj, bytearray):
        message.obj[:] = bytes(len(message))
    assert bytes(data) == expected


def test_facts_are_those_of_the_connection(actor: Probe) -> None:
    """Nobody is asked for them."""
    peer = inside(actor)
    assert (peer.id, peer.remote_ip, peer.socket_address) == ("a" * 40, "10.0.0.1", "10.0.0.1:5")
    assert (peer.is_outbound, peer.is_persistent, peer.is_running) == (True, True, True)
    assert peer.node_info.moniker == "m"
    assert repr(peer) == f"<Peer {'a' * 40} 10.0.0.1:5 outbound>"
    actor.expect_nothing(0.0)


def test_handles_of_one_connection_are_equal(actor: Probe) -> None:
    """Inside and outside of the reactor; another connection of the same ID is another peer."""
    assert len({inside(actor), outside(actor), Peer(info_of(actor.ref))}) == 1
    assert inside(actor) != Peer(info_of(actor.ref, "two"))


def test_a_channel_the_peer_did_not_announce_takes_nothing(actor: Probe) -> None:
    """Neither inside nor outside, neither waiting nor not."""
    for peer in (inside(actor), outside(actor)):
        assert not peer.try_send(UNKNOWN, b"x")
        assert not peer.send(UNKNOWN, b"x")
        assert (peer.has_channel(CHANNEL), peer.has_channel(UNKNOWN)) == (True, False)
    actor.expect_nothing(0.0)


def test_inside_the_credits_answer_and_outside_the_peer_actor_is_asked(actor: Probe) -> None:
    """With a deadline that has passed already, for try_send does not wait."""
    peer = inside(actor)
    assert (peer.room(CHANNEL), peer.try_send(CHANNEL, b"in"), peer.try_send(CHANNEL, b"in")) == (
        1,
        True,
        False,
    )
    assert actor.expect(Frames).header[0] == SEND
    actor.expect_nothing(0.0)
    other = outside(actor)
    assert other.room(CHANNEL) == 0
    assert other.try_send(CHANNEL, b"out")
    assert not other.try_send(CHANNEL, b"refuse me")
    assert [actor.expect(Frames).header[:2] for _ in range(2)] == [(SEND_WAIT, (CHANNEL,))] * 2


def test_send_asks_only_without_a_credit(actor: Probe) -> None:
    """The answer brings new ones."""
    peer = inside(actor)
    assert peer.send(CHANNEL, b"paid")
    assert peer.send(CHANNEL, b"waits", timeout=1.0)
    assert [actor.expect(Frames).header[0] for _ in range(2)] == [SEND, SEND_WAIT]
    assert peer.room(CHANNEL) == 3
    assert not inside(actor, places=0).send(CHANNEL, b"refuse me", timeout=1.0)


def test_a_message_that_waits_has_a_deadline_that_no_change_of_the_clock_moves(actor: Probe) -> None:
    """In monotonic seconds: all processes of a machine share them."""
    before = time.monotonic()
    for peer in (inside(actor, places=0), outside(actor)):
        assert peer.send(CHANNEL, b"waits", timeout=5.0)
        deadline = actor.expect(Frames).header[-1]
        assert before + 5.0 <= deadline <= time.monotonic() + 5.0


def test_messages_of_a_class_are_counted_with_their_bytes(actor: Probe) -> None:
    """For the metrics by message type; bytes have none."""
    counted: list[tuple[type, int]] = []
    peer = inside(actor, 5, lambda message_class, size: counted.append((message_class, size)))
    peer.try_send(CHANNEL, PexAddrs())
    peer.try_send(CHANNEL, b"bytes")
    assert counted == [(PexAddrs, 0)]


@pytest.mark.parametrize("reason", ["", "bad block"])
def test_stopping_is_told_and_known_at_once(actor: Probe, reason: str) -> None:
    """For error when there is a reason."""
    peer = inside(actor)
    peer.stop(reason)
    assert actor.expect(StopPeer) == StopPeer(reason, is_error=bool(reason))
    assert not peer.is_running
    assert not peer.try_send(CHANNEL, b"x")
    assert not peer.send(CHANNEL, b"x")
    assert peer.room(CHANNEL) == 0


def test_flush_stop_hands_over_what_has_gathered_first(actor: Probe) -> None:
    """What was accepted is sent before the connection closes."""
    peer = inside(actor, 5)
    for data in (b"told at once", b"gathered"):
        assert peer.try_send(CHANNEL, data)
    peer.flush_stop(3.0)
    assert [bytes(actor.expect(Frames).frames[0]) for _ in range(2)] == [b"told at once", b"gathered"]
    assert actor.expect(FlushStop) == FlushStop(3.0)
    assert not peer.is_running


def test_values_and_status_are_questions_to_the_peer_actor(actor: Probe) -> None:
    """None once the connection is over."""
    peer = inside(actor)
    peer.set("key", 7)
    assert actor.expect(SetPeerValue) == SetPeerValue("key", 7)
    assert peer.get("key") == 7
    assert actor.expect(GetPeerValue) == GetPeerValue("key")
    assert peer.status() is None
    actor.expect(GetStatusOfPeer)
    gone = Peer(info_of(ActorRef.to("nobody")))
    assert (gone.get("key"), gone.status()) == (None, None)
    assert not gone.send(CHANNEL, b"x", timeout=0.1)
    gone.set("key", 1)
    gone.stop("it is gone already")


def test_what_is_no_message_is_named() -> None:
    """Text, mostly: it has to be encoded first."""
    with pytest.raises(TypeError, match="a message is a str; bytes or a protobuf message are expected"):
        message_bytes("hello")  # type: ignore[arg-type]  # as a program may call it


def test_the_part_of_a_message_is_no_message() -> None:
    """Its bytes would mean something else to the peer. The error names both classes."""
    whole = Message(pex_addrs=PexAddrs())
    assert message_bytes(whole, Message) == whole.SerializeToString()
    assert message_bytes(b"anything", Message) == b"anything"
    with pytest.raises(
        TypeError,
        match=r"is a tendermint\.p2p\.PexAddrs; on this channel a tendermint\.p2p\.Message is expected",
    ):
        message_bytes(PexAddrs(), Message)
