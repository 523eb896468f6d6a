"""What speaks something else is known by its first bytes, as real programs sent them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.delimited import delimit
from peerage.wire.errors import ForeignProtocolError
from peerage.wire.foreign_protocol import LONGEST_BEGINNING, ForeignProtocol, recognised
from peerage.wire.handshake_messages import EphemeralKey
from peerage.wire.keys import NodeKey
from peerage.wire.secret_connection import SecretConnection

# Recorded: whom we greeted, and who greeted us.
SEEN: dict[str, tuple[ForeignProtocol, str | bytes]] = {
    "Tendermint v0.33.9, either way": (
        ForeignProtocol.AMINO,
        "2120770ba7e89e24990b9c65d944ad44511100291aa79c32",
    ),
    "Go's net/http to us": (ForeignProtocol.HTTP, b"HTTP/1.1 400 Bad Request\r\nContent-Type: text"),
    "Python's http.server to us": (ForeignProtocol.HTTP, b'<!DOCTYPE HTML>\n<html lang="en">\n    <head>'),
    "curl 7.88": (ForeignProtocol.HTTP, b"GET / HTTP/1.1\r\nHost: 127.0.0.1:21803\r\n"),
    "a client of CometBFT's RPC": (ForeignProtocol.HTTP, b"POST / HTTP/1.1\r\nHost: 127.0.0.1"),
    "a websocket's client": (ForeignProtocol.HTTP, b"GET /websocket HTTP/1.1\r\nUpgrade: websocket"),
    "a proxy's client": (ForeignProtocol.HTTP, b"CONNECT example.org:443 HTTP/1.1\r\n"),
    "curl 7.88, HTTP/2": (ForeignProtocol.HTTP2, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04"),
    "a gRPC server": (ForeignProtocol.HTTP2, "000006040000000000000500004000"),
    "curl 7.88, https": (ForeignProtocol.TLS, "1603010200010001fc030303fa17a615148cddf7bf74d840"),
    "OpenSSL 3.0, s_client": (ForeignProtocol.TLS, "16030101240100012003032f0c1a89bdb6388b59a3cb9369"),
    "an alert of TLS 1.0": (ForeignProtocol.TLS, "15030100020246"),
    "OpenSSH 9.2": (ForeignProtocol.SSH, b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u6\r\n"),
    "go-libp2p v0.47, either way": (ForeignProtocol.LIBP2P, b"\x13/multistream/1.0.0\n"),
    "go-libp2p v0.47, with its choice": (ForeignProtocol.LIBP2P, b"\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n"),
    "a node of Bitcoin": (
        ForeignProtocol.BITCOIN,
        bytes.fromhex("f9beb4d9") + b"version\0\0\0\0\0\x66\0\0\0",
    ),
    "a node of its testnet": (ForeignProtocol.BITCOIN, bytes.fromhex("0b110907") + b"version\0\0\0\0\0"),
    "a load balancer": (ForeignProtocol.PROXY, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
    "a load balancer, version 2": (ForeignProtocol.PROXY, b"\r\n\r\n\0\r\nQUIT\n\x21\x11"),
}
NOBODY_KNOWN = [
    b"",
    b"\0",
    b"\x22\x0a\x20",
    b"\xff" * 24,
    b"GETTING",
    b"HTTPS",
    b"\x16\x02\x00",
    b"220 mail ESMTP\r\n",
]


def octets(beginning: str | bytes) -> bytes:
    return bytes.fromhex(beginning) if isinstance(beginning, str) else beginning


def feed(connection: SecretConnection, stream: bytes, step: int) -> None:
    for at in range(0, len(stream), step):
        connection.receive_data(stream[at : at + step])


@pytest.mark.parametrize("who", SEEN)
def test_who_speaks_something_else_is_told_apart(who: str) -> None:
    """By the first bytes that real programs sent."""
    protocol, beginning = SEEN[who]
    assert recognised(octets(beginning)) is protocol


@pytest.mark.parametrize("who", SEEN)
def test_the_secret_connection_ends_at_once_however_the_bytes_are_cut(who: str) -> None:
    """It does not wait for the message whose length the first byte would announce."""
    protocol, beginning = SEEN[who]
    for step in (1, 2, 5, 100):
        connection = SecretConnection(NodeKey.generate())
        stream = octets(beginning)
        if stream[:1] in b"\0\xf9\x0b" and step < 16:
            continue  # a length that is wrong by itself: refused as such when no more is here
        with pytest.raises(ForeignProtocolError) as caught:
            feed(connection, stream, step)
        assert caught.value.protocol == protocol
        assert not connection.is_silent


@pytest.mark.parametrize("beginning", NOBODY_KNOWN)
def test_nobody_is_taken_for_somebody(beginning: bytes) -> None:
    """A protocol that is not certain is not named."""
    assert recognised(beginning) is None


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40))
def test_an_honest_beginning_is_never_taken_for_another_protocol(key: bytes, rest: bytes) -> None:
    """Whatever the key is, and however much of it has arrived."""
    stream = delimit(EphemeralKey(key).encode()) + rest
    assert not any(recognised(stream[:length]) for length in range(len(stream)))


@given(st.binary(max_size=80))
def test_any_bytes_are_looked_at_without_an_error(stream: bytes) -> None:
    """Only the first LONGEST_BEGINNING of them matter."""
    assert recognised(stream) == recognised(stream[:LONGEST_BEGINNING])
