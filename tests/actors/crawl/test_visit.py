"""actors/crawl/visit.py: one visit, whatever the node at the other end does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.crawl.visit import MAX_BYTES, Stage, Visit
from peerage.actors.discovery.book.selection import MIN_SELECTION
from peerage.actors.discovery.survey.visit import MAX_TOLD, Errand, Fault
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo, NodeInfoReader
from peerage.wire.packet import Event, MessageReceived, PacketMsg, encode_packet
from peerage.wire.pex import PexAddress, PexAddrs, PexRequest, decode_pex
from peerage.wire.secret_connection import SecretConnection

OURS, THEIRS = NodeKey.generate(), NodeKey.generate()
ERRAND = Errand(NetAddress("0" * 40, "127.0.0.1", 26656), frozenset({"net"}))
INFO = NodeInfo(
    id=THEIRS.node_id,
    listen_addr="tcp://1.2.3.4:26656",
    network="net",
    version="0.38.26",
    channels=b"\x00\x20",
    moniker="m",
)
CHANNELS = [ChannelDescriptor(id=0, recv_message_capacity=64_000), ChannelDescriptor(id=0x20)]


def known(count: int) -> list[PexAddress]:
    """So many addresses."""
    return [PexAddress(f"{n:040x}", f"8.8.{n // 256}.{n % 256}", 26656) for n in range(count)]


class FakeNode:
    """The other end: does the handshake, answers requests with what it is given."""

    def __init__(self, info: NodeInfo = INFO, errand: Errand = ERRAND, requests: int = 2) -> None:
        self.visit = Visit(OURS, errand, requests=requests, at=1000.0, connect_s=0.5, now=0.0)
        self.info = info
        self.secret = SecretConnection(THEIRS)
        self.reader = NodeInfoReader()
        self.visitor: NodeInfo | None = None
        self.mconn = MultiplexConnection(CHANNELS, now=0.0)
        self.heard: list[Event] = []

    def send(self, data: bytes, step: int = 100_000) -> None:
        for at in range(0, len(data), step):
            self.visit.receive_data(data[at : at + step], 1.0)

    def hear(self) -> None:
        plaintext = self.secret.receive_data(self.visit.data_to_send(1.0))
        if self.visitor is None:
            self.visitor = self.reader.feed(plaintext)
            plaintext = self.reader.leftover
        self.heard += self.mconn.receive_data(plaintext, 1.0)

    def shake(self, step: int = 100_000) -> None:
        self.send(bytes(self.secret.data_to_send()), step)
        self.hear()
        self.secret.write(self.info.encode_delimited())
        self.send(bytes(self.secret.data_to_send()), step)
        self.hear()

    def say(self, message: bytes, channel: int = 0, step: int = 100_000) -> None:
        assert self.mconn.try_send(channel, message)
        while plaintext := self.mconn.data_to_send(1.0, 100_000):
            self.secret.write(plaintext)
        self.send(bytes(self.secret.data_to_send()), step)
        if not self.is_left():
            self.hear()

    def tell(self, addresses: list[PexAddress]) -> None:
        self.say(PexAddrs(addresses).encode())

    def is_left(self) -> bool:
        """Whether the visit is over."""
        return self.visit.stage is Stage.DONE

    def requests(self) -> int:
        """How often it was asked."""
        messages = [decode_pex(event.data) for event in self.heard if isinstance(event, MessageReceived)]
        return sum(isinstance(message, PexRequest) for message in messages)


@pytest.mark.parametrize("step", [1, 33, 1044, 100_000])
def test_learns_who_is_there_and_whom_it_knows(step: int) -> None:
    """However the bytes are cut."""
    node = FakeNode()
    node.shake(step)
    assert not node.is_left()
    assert node.requests() == 1
    node.say(PexAddrs(known(3)).encode(), step=step)
    assert node.is_left()
    visited = node.visit.outcome()
    assert (visited.id, visited.info, visited.told) == (THEIRS.node_id, INFO, tuple(known(3)))
    assert (visited.place, visited.at, visited.connect_s, visited.handshake_s) == (
        "127.0.0.1:26656",
        1000.0,
        0.5,
        1.0,
    )
    assert visited.fault is None


def test_an_answer_behind_thousands_of_slow_packets_is_heard() -> None:
    """They are more than one call of the packets' reader takes in."""
    node = FakeNode()
    node.shake()
    node.secret.write(encode_packet(PacketMsg(0, False, b"")) * 2000)
    node.say(PexAddrs(known(3)).encode())
    assert node.visit.outcome().told == tuple(known(3))


def test_says_what_the_node_wants_to_hear_and_no_more() -> None:
    """Its own network and versions, one channel, and an address that no book takes."""
    node = FakeNode(replace(INFO, version="weird"))
    node.shake()
    assert node.visitor is not None
    node.info.check_compatible(node.visitor)
    node.visitor.validate()
    assert node.visitor.channels == b"\0"
    assert not node.visitor.net_address().valid


@pytest.mark.parametrize(
    ("first", "requests", "asked"),
    [(MIN_SELECTION - 1, 2, 1), (MIN_SELECTION, 2, 2), (MIN_SELECTION, 1, 1), (0, 2, 1)],
)
def test_asks_again_only_when_there_may_be_more(first: int, requests: int, asked: int) -> None:
    """Less than 32 addresses are all of a book (reference 9); the third request would be an offence."""
    node = FakeNode(requests=requests)
    node.shake()
    node.tell(known(first))
    if asked > 1:
        assert not node.is_left()
        node.tell(known(MIN_SELECTION + 5))
    assert node.is_left()
    assert node.requests() == asked
    assert len(node.visit.outcome().told or ()) == first + (asked - 1) * (MIN_SELECTION + 5)


def test_a_seed_that_hangs_up_after_one_answer_has_answered() -> None:
    """As seeds do."""
    node = FakeNode()
    node.shake()
    node.tell(known(100))
    node.visit.receive_eof()
    visited = node.visit.outcome()
    assert (visited.fault, len(visited.told or ())) == (None, 100)


def test_a_node_of_another_network_is_known_and_not_asked() -> None:
    """Nor does it hear who we are."""
    node = FakeNode(replace(INFO, network="other"))
    node.shake()
    assert node.visitor is None
    visited = node.visit.outcome()
    assert (visited.info, visited.told, visited.fault) == (node.info, None, Fault.OTHER_NETWORK)
    assert visited.detail == "'other'"


def test_with_any_network_it_is_asked() -> None:
    """Whatever its network."""
    node = FakeNode(replace(INFO, network="other"), Errand(ERRAND.address, None))
    node.shake()
    assert node.requests() == 1


def test_a_node_without_peer_exchange_is_known() -> None:
    """Only not whom it knows."""
    node = FakeNode(replace(INFO, channels=b"\x20"))
    node.shake()
    visited = node.visit.outcome()
    assert (visited.info, visited.fault) == (node.info, Fault.NO_PEX)


def test_a_node_that_breaks_the_rules_of_node_info_is_known_by_its_key() -> None:
    """What it says is not believed."""
    node = FakeNode(replace(INFO, moniker="\x1b[2J"))
    node.shake()
    visited = node.visit.outcome()
    assert (visited.id, visited.info, visited.fault) == (THEIRS.node_id, None, Fault.INVALID_NODE_INFO)
    assert visited.detail.isascii()
    assert visited.detail.isprintable()


def test_a_node_that_claims_another_id_is_nobody() -> None:
    """Its key says otherwise."""
    node = FakeNode(replace(INFO, id="1" * 40))
    node.shake()
    visited = node.visit.outcome()
    assert (visited.id, visited.info, visited.fault) == (None, None, Fault.AUTH_FAILURE)


def test_more_addresses_than_an_answer_has_are_cut() -> None:
    """So many are taken, and it is told."""
    node = FakeNode()
    node.shake()
    node.tell(known(MAX_TOLD + 50))
    visited = node.visit.outcome()
    assert len(visited.told or ()) == MAX_TOLD
    assert (visited.fault, visited.detail) == (Fault.BAD_ANSWER, "300 addresses, 250 are taken")


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (PexAddrs([*known(3), PexAddress("0" * 40, "host.example", 1)]).encode(), "host.example"),
        (PexAddrs([*known(3), PexAddress("0" * 40, "1.2.3.4", 70_000)]).encode(), "70000"),
        (b"", "kind"),
        (b"\xff\xff\xff", ""),
        (b"\x12" + b"\xff" * 70_000, "64000"),
    ],
    ids=["name", "port", "empty", "garbage", "too long"],
)
def test_an_answer_that_is_none_is_told_and_nothing_of_it_taken(message: bytes, detail: str) -> None:
    """The node is known all the same."""
    node = FakeNode()
    node.shake()
    node.say(message)
    visited = node.visit.outcome()
    assert (visited.info, visited.told, visited.fault) == (INFO, None, Fault.BAD_ANSWER)
    assert detail in visited.detail


def test_a_request_of_the_node_is_no_answer() -> None:
    """It may ask whom it likes; we are gone soon."""
    node = FakeNode()
    node.shake()
    node.say(PexRequest().encode())
    assert not node.is_left()
    node.tell(known(1))
    assert node.is_left()


def test_a_message_on_a_channel_that_it_alone_announced_is_passed_over() -> None:
    """A node that talks of blocks to whoever connects (v2.0.0-rc1) still answers with addresses."""
    node = FakeNode()
    node.shake()
    node.say(b"block", channel=0x20)
    node.tell(known(3))
    outcome = node.visit.outcome()
    assert outcome.fault is None
    assert outcome.told == tuple(known(3))


def test_a_message_on_a_channel_that_neither_announced_ends_it() -> None:
    """A node that says what it does not even claim to have."""
    node = FakeNode(replace(INFO, channels=b"\x00"))
    node.shake()
    node.say(b"block", channel=0x20)
    assert node.visit.outcome().fault is Fault.BAD_ANSWER


def test_whoever_talks_without_end_is_left() -> None:
    """So many bytes are taken of one node."""
    node = FakeNode()
    node.shake()
    sent = 0
    while not node.is_left():
        node.secret.write(b"\x02\x0a\x00" * 300)  # pings
        pings = bytes(node.secret.data_to_send())
        node.send(pings)
        sent += len(pings)
    assert MAX_BYTES - 10_000 < sent < MAX_BYTES + 2000
    visited = node.visit.outcome()
    assert (visited.fault, visited.detail) == (Fault.BAD_ANSWER, f"more than {MAX_BYTES} bytes")
    assert visited.info == INFO


def test_the_end_and_the_timeout_say_how_far_it_was() -> None:
    """Silence, an end, half a handshake, no answer."""
    silent, closed, half = FakeNode().visit, FakeNode().visit, FakeNode().visit
    silent.timed_out(2.5)
    assert silent.outcome().trouble == "silent: no word within 2.5 s: full, hanging, or something else"
    closed.receive_eof()
    assert closed.outcome().trouble.startswith("closed: it hung up during the handshake")
    half.receive_data(b"\x22", 1.0)
    half.timed_out(2.5)
    assert half.outcome().trouble == "auth failure: no end of the handshake within 2.5 s"
    for end, told in ((True, "it closed the connection when asked"), (False, "no addresses within 2.5 s")):
        node = FakeNode()
        node.shake()
        if end:
            node.visit.receive_eof()
        else:
            node.visit.timed_out(2.5)
        visited = node.visit.outcome()
        assert (visited.info, visited.told, visited.trouble) == (INFO, None, f"no answer: {told}")


@given(st.binary(max_size=4000), st.integers(1, 4000))
def test_any_bytes_end_it_or_are_waited_for_and_nothing_else(data: bytes, step: int) -> None:
    """Before anything is proved."""
    node = FakeNode()
    node.send(data, step)
    if node.is_left():
        assert node.visit.outcome().fault is Fault.AUTH_FAILURE
        assert node.visit.data_to_send(1.0) == b""


@settings(max_examples=50)
@given(st.binary(max_size=30_000))
def test_any_plaintext_ends_it_or_is_waited_for_and_nothing_else(plaintext: bytes) -> None:
    """After the handshake."""
    node = FakeNode()
    node.shake()
    node.secret.write(plaintext)
    node.send(bytes(node.secret.data_to_send()))
    assert not node.is_left() or node.visit.outcome().info == INFO
