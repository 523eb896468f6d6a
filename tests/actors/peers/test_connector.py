"""actors/peers/connector.py: dialling without waiting, and the handshake on the socket that comes of it."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from peerage.actors.peers.connector import (
    CLOSED_BY_REMOTE,
    LOCAL_RESOURCE_ERRNOS,
    DialFailure,
    HandshakeDriver,
    TcpDial,
    leads_to_itself,
)
from peerage.actors.peers.handshake import Handshake
from peerage.actors.peers.stream import SocketStream
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.keys import NodeID, NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.peers.fake_loop import FakeLoop, tcp_pair

ANNA, BERT = NodeKey.generate(), NodeKey.generate()
LOOPBACK = "127.0.0.1"
TIMEOUT_S = 3.0


class Dialler:
    """Dials, and keeps what comes of it."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.sockets: list[socket.socket] = []
        self.failures: list[DialFailure] = []

    def dial(self, port: int, ip: str = LOOPBACK) -> TcpDial:
        return TcpDial(self.loop, ip, port, TIMEOUT_S, self.sockets.append, self.failures.append)

    def wait(self) -> None:
        """Until something has come of it; loopback answers at once."""
        while not self.sockets and not self.failures:
            self.loop.turn()


@pytest.fixture
def dialler() -> Iterator[Dialler]:
    made = Dialler()
    yield made
    for sock in made.sockets:
        sock.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as made:
        yield made


def test_who_listens_is_connected_to(dialler: Dialler, listener: socket.socket) -> None:
    dialler.dial(listener.getsockname()[1])
    dialler.wait()
    (sock,) = dialler.sockets
    assert sock.getpeername() == listener.getsockname()
    dialler.loop.advance(TIMEOUT_S)
    assert dialler.failures == []
    assert not dialler.loop.writers


def test_a_port_where_nobody_listens_is_a_failure_of_theirs(dialler: Dialler) -> None:
    with socket.create_server((LOOPBACK, 0)) as gone:
        port = gone.getsockname()[1]
    dialler.dial(port)
    dialler.wait()
    (failure,) = dialler.failures
    assert (failure.code, failure.detail) == (errno.ECONNREFUSED, "Connection refused")
    assert not failure.is_local
    assert failure.refusal == Refusal(RefusalReason.UNREACHABLE, "Connection refused")


def test_nobody_is_told_before_the_constructor_has_returned(dialler: Dialler) -> None:
    """Not even of an address that the system refuses at once."""
    dialler.dial(0, "255.255.255.255")
    assert dialler.failures == []
    dialler.wait()
    assert [failure.is_timeout for failure in dialler.failures] == [False]


def test_silence_ends_with_the_time(dialler: Dialler, listener: socket.socket) -> None:
    dialler.dial(listener.getsockname()[1])
    dialler.loop.time = TIMEOUT_S  # nothing was looked at in between
    dialler.loop.writers.clear()
    dialler.loop.settle()
    assert dialler.failures == [DialFailure(errno.ETIMEDOUT, "dial timeout of 3 s", is_timeout=True)]
    assert dialler.sockets == []


def test_a_socket_that_reached_itself_is_no_connection() -> None:
    """TCP allows it on one machine, to a dial from the very port that it goes to, where nobody listens."""
    with socket.socket() as own:
        own.bind((LOOPBACK, 0))
        own.connect(own.getsockname())
        assert leads_to_itself(own)


def test_a_socket_that_reached_another_is_one() -> None:
    with tcp_pair() as (one, _two):
        assert not leads_to_itself(one)


def test_a_socket_whose_remote_has_reset_it_at_once_leads_nowhere(listener: socket.socket) -> None:
    """It has no remote any more when it is looked at."""
    with socket.create_connection(listener.getsockname()) as ours:
        theirs, _ = listener.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        with pytest.raises(ConnectionResetError):
            ours.recv(1)
        with pytest.raises(OSError, match="not connected"):
            ours.getpeername()
        assert not leads_to_itself(ours)


def test_a_closed_dial_tells_nobody(dialler: Dialler, listener: socket.socket) -> None:
    dial = dialler.dial(listener.getsockname()[1])
    dial.close()
    dial.close()
    dialler.loop.advance(TIMEOUT_S)
    assert (dialler.sockets, dialler.failures) == ([], [])


def test_a_machine_without_descriptors_blames_itself(
    dialler: Dialler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", no_more)
    dialler.dial(1)
    dialler.loop.settle()
    assert [failure.is_local for failure in dialler.failures] == [True]


@pytest.mark.parametrize("code", sorted(LOCAL_RESOURCE_ERRNOS))
def test_what_this_machine_lacks_is_no_news_of_the_remote(code: int) -> None:
    assert DialFailure(code, "").refusal.is_ours


# --- the handshake ---------------------------------------------------------------------------------------------------


def info_of(key: NodeKey) -> NodeInfo:
    return NodeInfo(
        id=key.node_id, listen_addr="tcp://127.0.0.1:26656", network="test", moniker="m", channels=b"\x50"
    )


class End:
    """One end of a handshake and what it is told."""

    def __init__(self, loop: FakeLoop, sock: socket.socket, handshake: Handshake) -> None:
        self.handshake = handshake
        self.stream = SocketStream(sock, loop)
        self.told: list[object] = []
        self.driver = HandshakeDriver(
            self.stream,
            handshake,
            memoryview(bytearray(1 << 16)),
            on_done=lambda: self.told.append("done"),
            on_refused=self.told.append,
            on_closed=self.told.append,
        )


@pytest.fixture
def pair() -> Iterator[tuple[FakeLoop, socket.socket, socket.socket]]:
    with tcp_pair() as (one, two):
        yield FakeLoop(), one, two


Pair = tuple[FakeLoop, socket.socket, socket.socket]


def test_both_ends_come_to_know_each_other(pair: Pair) -> None:
    loop, one, two = pair
    anna = End(loop, one, Handshake(ANNA, info_of(ANNA), BERT.node_id))
    bert = End(loop, two, Handshake(BERT, info_of(BERT)))
    anna.driver.start()
    bert.driver.start()
    loop.settle()
    assert (anna.told, bert.told) == (["done"], ["done"])
    assert anna.handshake.theirs == info_of(BERT)
    assert bert.handshake.remote_id == ANNA.node_id


def test_when_it_is_over_nothing_more_is_read(pair: Pair) -> None:
    """What comes next is somebody else's to read."""
    loop, one, two = pair
    anna = End(loop, one, Handshake(ANNA, info_of(ANNA)))
    bert = End(loop, two, Handshake(BERT, info_of(BERT)))
    anna.driver.start()
    bert.driver.start()
    loop.settle()
    two.send(b"more")
    loop.settle()
    assert not anna.stream.is_reading
    assert one.recv(10) == b"more"


def test_a_remote_that_is_refused_is_still_told_who_we_are(pair: Pair) -> None:
    """Both learn that the networks differ, and neither tries again at once."""
    loop, one, two = pair
    anna = End(loop, one, Handshake(ANNA, replace(info_of(ANNA), network="other")))
    bert = End(loop, two, Handshake(BERT, info_of(BERT)))
    anna.driver.start()
    bert.driver.start()
    loop.settle()
    for end in (anna, bert):
        (refusal,) = end.told
        assert isinstance(refusal, Refusal)
        assert refusal.reason is RefusalReason.INCOMPATIBLE


def test_another_one_than_was_dialled_is_refused(pair: Pair) -> None:
    loop, one, two = pair
    anna = End(loop, one, Handshake(ANNA, info_of(ANNA), NodeID("c" * 40)))
    bert = End(loop, two, Handshake(BERT, info_of(BERT)))
    anna.driver.start()
    bert.driver.start()
    loop.settle()
    (refusal,) = anna.told
    assert isinstance(refusal, Refusal)
    assert refusal.impostor


def test_a_remote_that_hangs_up_is_told_of_once(pair: Pair) -> None:
    loop, one, two = pair
    anna = End(loop, one, Handshake(ANNA, info_of(ANNA)))
    anna.driver.start()
    two.close()
    loop.settle()
    assert anna.told[0] in {CLOSED_BY_REMOTE, "Connection reset by peer"}
    assert len(anna.told) == 1


def test_what_has_arrived_is_answered_with_the_first_word(pair: Pair) -> None:
    """In the same turn, before the loop looks at the socket."""
    loop, one, two = pair
    bert = Handshake(BERT, info_of(BERT))
    two.send(bert.data_to_send())
    anna = End(loop, one, Handshake(ANNA, info_of(ANNA)))
    anna.driver.start()
    bert.receive_data(two.recv(1 << 16))
    assert bert.remote_id is None or bert.remote_id == ANNA.node_id
    assert bert.secret.remote_public_key == ANNA.public_key
