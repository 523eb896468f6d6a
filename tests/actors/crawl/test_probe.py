"""actors/crawl/probe.py: what is found out about a place where no node answered."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from peerage.actors.crawl.probe import Spoken, answers_quic, spoken_at
from peerage.wire.foreign_protocol import LONGEST_BEGINNING, ForeignProtocol
from peerage.wire.net_address import NetAddress

ID = "0" * 39 + "7"
LOOPBACK = "127.0.0.1"
PATIENCE_S = 10.0
TLS_ALERT = bytes.fromhex("15030300020228")  # a fatal alert: handshake failure


def place(port: int) -> NetAddress:
    return NetAddress(ID, LOOPBACK, port)


@contextmanager
def tcp_place(serve: Callable[[socket.socket], object]) -> Iterator[NetAddress]:
    """A place where each connection is served in turn, until the block ends."""
    with socket.create_server((LOOPBACK, 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _address = listener.accept()
                    with connection, suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield place(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def when_asked(serve: Callable[[socket.socket], object]) -> Callable[[socket.socket], object]:
    """At the first connection nothing is asked, and it is hung up on: so that nobody waits for what does not come."""
    connections = itertools.count()

    def serve_others(connection: socket.socket) -> None:
        if next(connections):
            serve(connection)

    return serve_others


@contextmanager
def udp_place(answer: Callable[[bytes], bytes]) -> Iterator[tuple[NetAddress, list[bytes]]]:
    """A place that answers one datagram; yields it, and what it was sent."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK, 0))
        sock.settimeout(PATIENCE_S)

        def serve() -> None:
            data, remote = sock.recvfrom(4096)
            heard.append(data)
            sock.sendto(answer(data), remote)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield place(sock.getsockname()[1]), heard
        finally:
            thread.join()


def versions_for(packet: bytes) -> bytes:
    """A QUIC server's answer to a version that nobody speaks: the IDs the other way round, and what it knows."""
    theirs, ours = packet[6:14], packet[15:23]
    return b"\x80" + bytes(4) + b"\x08" + ours + b"\x08" + theirs + bytes.fromhex("00000001")


@pytest.mark.parametrize(
    ("said", "protocol"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", ForeignProtocol.SSH),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ForeignProtocol.HTTP),
    ],
)
def test_who_speaks_unasked_is_known_by_the_first_bytes(said: bytes, protocol: ForeignProtocol) -> None:
    with tcp_place(lambda connection: connection.sendall(said)) as address:
        assert spoken_at(address, PATIENCE_S) == Spoken(protocol, said[:LONGEST_BEGINNING])


def test_a_tls_server_gives_itself_away_by_an_alert() -> None:
    """It says nothing unasked, and does not like how we greet."""

    def serve(connection: socket.socket) -> None:
        if connection.recv(4096):
            connection.sendall(TLS_ALERT)

    with tcp_place(when_asked(serve)) as address:
        assert spoken_at(address, PATIENCE_S) == Spoken(ForeignProtocol.TLS)


def test_a_web_server_that_hangs_up_on_noise_answers_a_request() -> None:
    """It says nothing unasked, and nothing to a TLS client."""

    def serve(connection: socket.socket) -> None:
        if connection.recv(4096).startswith(b"HEAD / HTTP/1.0\r\n"):
            connection.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")

    with tcp_place(when_asked(serve)) as address:
        assert spoken_at(address, PATIENCE_S) == Spoken(ForeignProtocol.HTTP, b"HTTP/1.0 404 Not Found\r\n")


def test_a_web_server_with_tls_is_one_with_tls() -> None:
    """Although it answers a request in the clear, too."""

    def serve(connection: socket.socket) -> None:
        asked = connection.recv(4096)
        if asked:
            connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n" if asked[:1] == b"H" else TLS_ALERT)

    with tcp_place(when_asked(serve)) as address:
        assert spoken_at(address, PATIENCE_S) == Spoken(ForeignProtocol.TLS)


def test_who_hangs_up_on_everything_stays_unknown() -> None:
    with tcp_place(lambda _connection: None) as address:
        assert spoken_at(address, PATIENCE_S) is None


def test_a_place_where_nobody_listens_stays_unknown() -> None:
    with socket.create_server((LOOPBACK, 0)) as gone:
        port = gone.getsockname()[1]
    assert spoken_at(place(port), PATIENCE_S) is None
    assert not answers_quic(place(port), PATIENCE_S)


def test_a_quic_server_says_which_versions_it_knows() -> None:
    """It is asked in a datagram that is long enough to be answered, and that says nothing about us."""
    with udp_place(versions_for) as (address, heard):
        assert answers_quic(address, PATIENCE_S)
    assert len(heard[0]) == 1200


@pytest.mark.parametrize(
    "answer", [lambda data: data, lambda _data: b"", lambda data: versions_for(data[1:])]
)
def test_any_other_answer_is_no_quic(answer: Callable[[bytes], bytes]) -> None:
    with udp_place(answer) as (address, _heard):
        assert not answers_quic(address, PATIENCE_S)
