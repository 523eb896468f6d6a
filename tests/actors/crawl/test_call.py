"""actors/crawl/call.py: one call at one node, step by step."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from peerage.actors.crawl.call import Call, Finding, Step, Verdict
from peerage.actors.peers.handshake import Handshake
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from peerage.wire.packet import MessageReceived
from peerage.wire.pex import PEX_CHANNEL, PexAddrs
from tests.actors.crawl.places import server, silent

PATIENCE_S = 10.0  # for places that answer
SOON_S = 0.05  # for those that do not
HANDSHAKE = [Step.TCP, Step.KEYS, Step.ID, Step.NODE_INFO]

NODE_KEY = NodeKey.generate()


class Place:
    """The node's end of one connection, in the server's thread."""

    def __init__(self, sock: socket.socket, channels: bytes) -> None:
        sock.settimeout(PATIENCE_S)
        self.sock = sock
        info = NodeInfo(
            id=NODE_KEY.node_id,
            listen_addr="tcp://127.0.0.1:1",
            network="net",
            version="1",
            moniker="m",
            channels=channels,
        )
        self.shake = Handshake(NODE_KEY, info)
        done = False
        while not done:
            sock.sendall(self.shake.data_to_send())
            done = self.shake.receive_data(sock.recv(4096))
        sock.sendall(self.shake.data_to_send())
        descriptors = [ChannelDescriptor(id=channel) for channel in channels]
        self.connection = MultiplexConnection(descriptors, flush_throttle=0, now=time.monotonic())
        self.plaintext = self.shake.leftover
        self.is_asked = False

    def read(self) -> None:
        """Take in what has come, wait for more, and answer pings."""
        self.is_asked |= any(
            isinstance(event, MessageReceived)
            for event in self.connection.receive_data(self.plaintext, time.monotonic())
        )
        self.write()
        data = b"" if self.is_asked else self.sock.recv(4096)
        if not (data or self.is_asked):
            raise ConnectionResetError
        self.plaintext = self.shake.secret.receive_data(data)

    def wait_for_request(self) -> None:
        """Until addresses are asked for."""
        while not self.is_asked:
            self.read()
        self.is_asked = False

    def write(self) -> None:
        if out := self.connection.data_to_send(time.monotonic(), 4096):
            self.sock.sendall(self.shake.secret.seal(out))

    def tell_addresses(self) -> None:
        self.connection.try_send(PEX_CHANNEL, PexAddrs().encode())
        self.write()


@contextmanager
def node(serve: Callable[[Place], object], channels: bytes = b"\x50") -> Iterator[NetAddress]:
    """A node that does this when the hands are shaken."""
    with server(lambda sock: serve(Place(sock, channels))) as (port, _connections):
        yield NetAddress(NODE_KEY.node_id, "127.0.0.1", port)


def call(target: NetAddress, network: str | None = None, timeout: float = PATIENCE_S) -> Finding:
    return Call(target, network, timeout).run()


def answer_for_ever(place: Place) -> None:
    while True:
        place.read()


def test_every_step_is_timed_and_the_node_info_is_kept() -> None:
    with node(answer_for_ever) as target:
        began = time.monotonic()
        found = call(target)
        took = time.monotonic() - began
    assert (found.verdict, found.detail) == (Verdict.OK, "")
    assert found.node_info is not None
    assert found.node_info.moniker == "m"
    assert list(found.seconds) == [*HANDSHAKE, Step.PING]
    assert all(seconds >= 0 for seconds in found.seconds.values())
    assert sum(found.seconds.values()) <= took


def test_who_does_not_speak_peer_exchange_is_not_asked_whether_it_is_a_seed() -> None:
    with node(answer_for_ever) as target:
        assert call(target).is_seed is None


def test_who_answers_a_request_and_hangs_up_is_a_seed() -> None:
    def serve(place: Place) -> None:
        place.wait_for_request()
        place.tell_addresses()
        place.sock.close()

    with node(serve, channels=bytes([PEX_CHANNEL])) as target:
        found = call(target)
    assert (found.verdict, found.is_seed) == (Verdict.OK, True)


def test_who_answers_a_request_and_stays_is_none() -> None:
    def serve(place: Place) -> None:
        place.wait_for_request()
        place.tell_addresses()
        answer_for_ever(place)

    with node(serve, channels=bytes([PEX_CHANNEL])) as target:
        found = call(target)
    assert (found.verdict, found.is_seed) == (Verdict.OK, False)


def test_who_hangs_up_on_a_request_may_be_anything() -> None:
    def serve(place: Place) -> None:
        place.wait_for_request()
        place.sock.close()

    with node(serve, channels=bytes([PEX_CHANNEL])) as target:
        found = call(target)
    assert (found.verdict, found.is_seed) == (Verdict.OK, None)


def test_without_a_pong_there_is_no_answer_but_it_is_known_who_is_there() -> None:
    with node(lambda place: place.sock.recv(4096)) as target:
        found = call(target, timeout=1.0)
    assert found.verdict is Verdict.NO_ANSWER
    assert "there was no answer to a ping within 1 s" in found.detail
    assert found.node_info is not None
    assert list(found.seconds) == HANDSHAKE


def test_a_broken_packet_is_a_protocol_error() -> None:
    def serve(place: Place) -> None:
        place.sock.sendall(place.shake.secret.seal(b"\x05\x2a\x03abc"))
        place.sock.recv(4096)

    with node(serve) as target:
        assert call(target).verdict is Verdict.PROTOCOL_ERROR


def test_another_network_is_incompatible() -> None:
    with node(answer_for_ever) as target:
        found = call(target, network="other")
    assert found.verdict is Verdict.INCOMPATIBLE
    assert "'net'" in found.detail
    assert list(found.seconds) == [Step.TCP, Step.KEYS, Step.ID]


def test_another_id_is_an_auth_failure() -> None:
    with node(answer_for_ever) as target:
        found = call(NetAddress("0" * 40, "127.0.0.1", target.port))
    assert found.verdict is Verdict.AUTH_FAILURE
    assert NODE_KEY.node_id in found.detail


def test_who_says_nothing_gives_no_answer() -> None:
    with server(silent) as (port, _connections):
        found = call(NetAddress("0" * 40, "127.0.0.1", port), timeout=SOON_S)
    assert found.verdict is Verdict.NO_ANSWER
    assert list(found.seconds) == [Step.TCP]


@pytest.mark.parametrize(
    ("said", "verdict", "spoken"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Verdict.OTHER_PROTOCOL, "HTTP"),
        (b"SSH-2.0-x\r\n", Verdict.OTHER_PROTOCOL, "SSH"),
        (b"\xff" * 64, Verdict.AUTH_FAILURE, ""),
    ],
)
def test_what_is_no_node_is_named(said: bytes, verdict: Verdict, spoken: str) -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(said)
        sock.recv(4096)

    with server(serve) as (port, _connections):
        found = call(NetAddress("0" * 40, "127.0.0.1", port))
    assert found.verdict is verdict
    assert list(found.seconds) == [Step.TCP]
    assert (found.spoken, found.beginning) == (spoken, said[:24])
    assert repr(said[:20])[1:-1] in found.detail


def test_who_says_nothing_to_us_and_something_to_others_is_named() -> None:
    """A web server that waits for a whole request. Who says nothing at all is hung up on."""
    connections = itertools.count(1)

    def serve(sock: socket.socket) -> None:
        if next(connections) == 2:  # somebody listens
            sock.close()
        elif (asked := sock.recv(4096)).startswith(b"HEAD "):
            sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        elif asked.startswith(b"\x22"):
            sock.recv(4096)
        else:
            sock.close()

    with server(serve) as (port, _connections):
        found = call(NetAddress("0" * 40, "127.0.0.1", port), timeout=1.0)
    assert (found.verdict, found.spoken) == (Verdict.OTHER_PROTOCOL, "HTTP")
    assert found.detail == r"the remote speaks HTTP; it began with b'HTTP/1.0 200 OK\r\n\r\n'"


def test_connecting_may_have_less_time_than_the_other_steps() -> None:
    """And what is said of it names that."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        port = full.getsockname()[1]
        for _ in range(2):  # the queue takes no more: the next waits for ever
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        found = Call(NetAddress(NODE_KEY.node_id, "127.0.0.1", port), None, PATIENCE_S, SOON_S).run()
    assert (found.verdict, found.detail) == (Verdict.UNREACHABLE, "nothing within 0.05 s while dialling")


def test_where_nobody_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = call(NetAddress("0" * 40, "127.0.0.1", port))
    assert (found.verdict, found.detail) == (Verdict.UNREACHABLE, "Connection refused")
    assert found.seconds == {}
