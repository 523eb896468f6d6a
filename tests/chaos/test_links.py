"""links.py: what a link carries, holds back and ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.chaos.links import Link
from tests.nodes import wait_until

PATIENCE_S = 10.0


@pytest.fixture
def link() -> Iterator[Link]:
    """To somebody who sends back what comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_echo, args=(server,))
        thread.start()
        with Link(("127.0.0.1", server.getsockname()[1]), "localhost") as link:
            yield link
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            try:
                while data := connection.recv(1024):
                    connection.sendall(data)
            except OSError:
                continue


def connect(link: Link) -> socket.socket:
    host, _, port = link.address.rpartition(":")
    sock = socket.create_connection((host, int(port)), PATIENCE_S)
    sock.settimeout(PATIENCE_S)
    return sock


def is_ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(10) == b""
    except ConnectionError:
        return True


def test_what_comes_is_carried_and_a_silent_link_keeps_it(link: Link) -> None:
    """Nothing is lost."""
    with connect(link) as sock:
        sock.sendall(b"one")
        assert sock.recv(10) == b"one"
        link.silence()
        sock.sendall(b"two")
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(10)
        link.mend()
        sock.settimeout(PATIENCE_S)
        assert sock.recv(10) == b"two"


def test_a_cut_ends_connections_and_refuses_more_until_it_is_mended(link: Link) -> None:
    """At the same address."""
    with connect(link) as sock:
        sock.sendall(b"one")
        assert sock.recv(10) == b"one"
        link.cut()
        assert is_ended(sock)
        wait_until(lambda: not link.is_in_use)
    with pytest.raises(ConnectionError):
        connect(link)
    link.mend()

    def is_carried() -> bool:
        try:
            with connect(link) as again:
                again.sendall(b"two")
                return again.recv(10) == b"two"
        except OSError:
            return False

    wait_until(is_carried)
