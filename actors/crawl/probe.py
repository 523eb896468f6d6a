"""What can be learned about a place where no node answered: what the other side sends first, and whether it speaks HTTP,
TLS or QUIC.

This is for `peerage ping`, which reports everything it can find out about an address. A running node does not probe. The
probes say nothing about us, and are limited in time and bytes.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final

from peerage.wire.foreign_protocol import LONGEST_BEGINNING, ForeignProtocol, recognised
from peerage.wire.net_address import NetAddress

__all__ = ["Spoken", "answers_quic", "spoken_at"]

_HTTP_QUESTION: Final = b"HEAD / HTTP/1.0\r\n\r\n"
_LONG_HEADER: Final = 0xC0
# reserved: no server supports it, so all of them answer with the versions they support
_VERSION_OF_NOBODY: Final = bytes.fromhex("1a2a3a4a")
_NEGOTIATION: Final = bytes(4)
_ID_BYTES: Final = 8
_LEAST_DATAGRAM: Final = 1200  # servers ignore shorter ones
_LONGEST_ANSWER: Final = 2048


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a place speaks. Args: protocol; beginning, its first bytes, b"" if there is nothing to be shown."""

    protocol: ForeignProtocol
    beginning: bytes = b""


def spoken_at(address: NetAddress, timeout: float) -> Spoken | None:
    """The protocol of a place that said nothing to our greeting; None if we cannot tell.

    Tendermint before v0.34 sends its key without waiting for ours, but may hang up over ours before it has sent it: so we
    listen first.

    Args: timeout, seconds, for each of three probes: listening, TLS and HTTP.
    """
    unasked = _answer_to(b"", address, timeout)
    if (protocol := recognised(unasked)) is not None:
        return Spoken(protocol, unasked)
    # Before HTTP: a web server with TLS answers a request in the clear as well, with an error.
    if _speaks_tls(address, timeout):
        return Spoken(ForeignProtocol.TLS)
    answer = _answer_to(_HTTP_QUESTION, address, timeout)
    return Spoken(protocol, answer) if (protocol := recognised(answer)) is not None else None


def _answer_to(question: bytes, address: NetAddress, timeout: float) -> bytes:
    """The first bytes that the remote sends."""
    beginning = b""
    deadline = time.monotonic() + timeout
    try:
        with socket.create_connection((str(address.host), address.port), timeout) as sock:
            sock.sendall(question)
            while len(beginning) < LONGEST_BEGINNING and (left := deadline - time.monotonic()) > 0:
                sock.settimeout(left)
                data = sock.recv(LONGEST_BEGINNING)
                beginning += data
                if not data or recognised(beginning) is not None:
                    break
    except OSError:
        pass
    return beginning


def _speaks_tls(address: NetAddress, timeout: float) -> bool:
    """Whether the remote answers a TLS client as a TLS server does, even if only by an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # we send nothing, so it does not matter who it is
    try:
        with socket.create_connection((str(address.host), address.port), timeout) as sock:
            sock.settimeout(timeout)
            context.wrap_socket(sock).close()
    except ssl.SSLError as error:
        # other protocols give WRONG_VERSION_NUMBER, or the end of the stream
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
    return True


def answers_quic(address: NetAddress, timeout: float) -> bool:
    """Whether a QUIC server listens on the UDP port of the same number.

    We send a first packet of a version that no server supports. A QUIC server must answer with the versions it supports.
    Source: RFC 8999, section 6; RFC 9000, section 6.
    """
    theirs, ours = secrets.token_bytes(_ID_BYTES), secrets.token_bytes(_ID_BYTES)
    ids = bytes((_ID_BYTES,)) + theirs + bytes((_ID_BYTES,)) + ours
    packet = bytes((_LONG_HEADER,)) + _VERSION_OF_NOBODY + ids
    expected = _NEGOTIATION + bytes((_ID_BYTES,)) + ours + bytes((_ID_BYTES,)) + theirs
    family = socket.AF_INET6 if address.host.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((str(address.host), address.port))  # so that we receive no datagrams of others
            sock.send(packet.ljust(_LEAST_DATAGRAM, b"\0"))
            answer = sock.recv(_LONGEST_ANSWER)
    except OSError:  # includes a timeout, and a port without a listener
        return False
    return answer[:1] >= b"\x80" and answer[1:].startswith(expected)
