"""actors/peers/proxied_connections.py: connections of balancers until they say for whom they are, over sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from peerage.actors.peers.proxied_connections import ProxiedConnections
from peerage.actors.refusal import Refusal, RefusalReason
from tests.actors.peers.fake_loop import FakeLoop, tcp_pair
from tests.wire.proxy_headers import CLIENT, CLIENT6, GOOD, TLV, V4, V6, v2

BALANCER, PORT, MOST, TIMEOUT = "10.1.2.3", 40_000, 2, 5.0
LINE = GOOD[0][0]
BEHIND = b"\x22\x0a\x20 what the client says"


class Stage:
    """What a host does with its balancers' connections is kept."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self._stack = ExitStack()
        self.known: list[tuple[str, int]] = []
        self.socks: list[socket.socket] = []
        self.refused: list[Refusal] = []
        self.connections = ProxiedConnections(
            self.loop,
            ("10.0.0.0/8", "2001:db8::/32", "192.0.2.9"),
            MOST,
            TIMEOUT,
            self._on_known,
            self._on_refused,
        )

    def _on_known(self, sock: socket.socket, ip: str, port: int) -> None:
        self.known.append((ip, port))
        self.socks.append(sock)

    def _on_refused(self, ip: str, port: int, refusal: Refusal) -> None:
        assert (ip, port) == (BALANCER, PORT)
        self.refused.append(refusal)

    def connect(self, said: bytes = b"") -> socket.socket:
        """The balancer's end of a connection over which this came as soon as it was accepted."""
        ours, theirs = self._stack.enter_context(tcp_pair())
        theirs.sendall(said)
        self.connections.receive(ours, BALANCER, PORT)
        self.loop.settle()
        return theirs

    def say(self, balancer: socket.socket, *said: bytes) -> None:
        for piece in said:
            balancer.sendall(piece)
            self.loop.settle()

    @property
    def texts(self) -> list[str]:
        return list(map(str, self.refused))

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is left of any connection."""
        self.loop.settle()
        timers = [timer for timer in self.loop.timers if not timer.cancelled]
        return not (len(self.connections) or self.loop.readers or timers)

    def close(self) -> None:
        self.connections.close()
        self._stack.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("ip", "included"),
    [
        ("10.255.0.1", True),
        ("11.0.0.1", False),
        ("192.0.2.9", True),
        ("192.0.2.10", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
    ],
)
def test_only_addresses_in_the_networks_are_balancers(stage: Stage, ip: str, included: bool) -> None:
    """Of both families."""
    assert stage.connections.includes(ip) is included


def test_without_networks_nobody_is_one() -> None:
    """The default."""
    none = ProxiedConnections(FakeLoop(), (), MOST, TIMEOUT, lambda *_: None, lambda *_: None)
    assert not none.includes(BALANCER)


@pytest.mark.parametrize(
    ("header", "source"),
    [
        (LINE, CLIENT),
        (v2(0x21, 0x11, V4 + TLV), CLIENT),
        (v2(0x21, 0x21, V6 + bytes(1500)), CLIENT6),
        (b"PROXY UNKNOWN\r\n", (BALANCER, PORT)),
        (v2(0x20, 0x00, b""), (BALANCER, PORT)),
    ],
    ids=["v1", "v2", "v2-long", "unknown", "local"],
)
def test_a_connection_goes_on_as_the_one_whom_it_is_for(
    stage: Stage, header: bytes, source: tuple[str, int]
) -> None:
    """At once when its header has come, with what lies behind it unread."""
    stage.connect(header + BEHIND)
    assert (stage.known, stage.refused) == ([tuple(source)], [])
    assert stage.socks[0].recv(1000) == BEHIND
    assert stage.is_at_rest


@pytest.mark.parametrize("header", [LINE, v2(0x21, 0x11, V4 + TLV)], ids=["v1", "v2"])
def test_a_header_may_come_in_pieces(stage: Stage, header: bytes) -> None:
    """Nothing is asked of the loop meanwhile but to be called for more."""
    balancer = stage.connect()
    stage.say(balancer, header[:3], header[3:20], header[20:-1])
    assert (stage.known, len(stage.connections)) == ([], 1)
    stage.say(balancer, header[-1:] + BEHIND)
    assert stage.known == [tuple(CLIENT)]
    assert stage.socks[0].recv(1000) == BEHIND
    assert stage.is_at_rest


@pytest.mark.parametrize("said", [BEHIND, b"PROXY TCP4 nonsense\r\n", v2(0x21, 0x12, V4)])
def test_what_does_not_begin_with_a_header_is_closed(stage: Stage, said: bytes) -> None:
    """For one reason, which is no offence of anybody."""
    balancer = stage.connect(said)
    (refusal,) = stage.refused
    assert (refusal.reason, refusal.offence) == (RefusalReason.PROXY_HEADER, None)
    assert str(refusal).startswith("proxy header: no valid PROXY header: ")
    with pytest.raises(OSError, match="reset"):  # what was not read is thrown away
        balancer.recv(1)
    assert stage.known == []
    assert stage.is_at_rest


def test_a_balancer_that_looks_whether_somebody_listens_is_no_news(stage: Stage) -> None:
    """It connects and hangs up, every other second."""
    stage.connect().close()
    assert stage.is_at_rest
    assert (stage.known, stage.refused) == ([], [])


def test_one_that_hangs_up_within_its_header_is_told_of(stage: Stage) -> None:
    """A balancer that does so is set up wrongly."""
    stage.connect(LINE[:9]).close()
    assert stage.is_at_rest
    assert stage.texts == ["proxy header: the connection was closed within its PROXY header"]


def test_a_connection_that_breaks_before_its_header_is_no_news(stage: Stage) -> None:
    """It is reset."""
    balancer = stage.connect()
    balancer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    balancer.close()
    assert stage.is_at_rest
    assert stage.refused == []


def test_a_header_has_its_time(stage: Stage) -> None:
    """A byte now and then does not make it longer."""
    balancer = stage.connect()
    for byte in LINE[:4]:
        stage.loop.advance(1.0)
        stage.say(balancer, bytes([byte]))
    stage.loop.advance(1.0)
    assert stage.texts == ["proxy header: none within 5 s"]
    assert stage.is_at_rest


def test_few_wait_at_once(stage: Stage) -> None:
    """One more takes the place of the oldest; those with a header wait for nobody."""
    balancers = [stage.connect() for _ in range(MOST)]
    stage.connect(LINE)
    assert (len(stage.known), stage.refused) == (1, [])
    stage.connect()
    assert [refusal.reason for refusal in stage.refused] == [RefusalReason.HANDSHAKE_LIMIT]
    assert len(stage.connections) == MOST
    stage.say(balancers[1], LINE)
    assert len(stage.known) == 2


def test_all_that_wait_are_closed_with_the_host(stage: Stage) -> None:
    """Nobody is told."""
    balancers = [stage.connect() for _ in range(MOST)]
    stage.connections.close()
    assert [balancer.recv(1) for balancer in balancers] == [b"", b""]
    assert stage.is_at_rest
    assert stage.refused == []
