"""What is learned of a place where no node answered: what it says unasked, whether TLS is spoken there, or QUIC.

For `peerage ping`, which is to say what is known about an address; a running node asks nobody such things. No question
says anything about us, and all are bounded in time and bytes.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from typing import Final

from peerage.wire.foreign_protocol import LONGEST_BEGINNING, ForeignProtocol, recognised
from peerage.wire.net_address import NetAddress

__all__ = ["answers_quic", "spoken_at"]

_LONG_HEADER: Final = 0xC0
_VERSION_OF_NOBODY: Final = bytes.fromhex(
    "1a2a3a4a"
)  # set aside for making servers say which versions they know
_NEGOTIATION: Final = bytes(4)
_ID_BYTES: Final = 8
_LEAST_DATAGRAM: Final = 1200  # a shorter one is not answered
_LONGEST_ANSWER: Final = 2048


def spoken_at(address: NetAddress, timeout: float) -> ForeignProtocol | None:
    """What is spoken at a place that hung up without a word when it was greeted; None if that cannot be found out.

    Args: timeout, for the one who speaks unasked and again for TLS.
    """
    unasked = _said_unasked(address, timeout)
    if unasked is not None:
        return unasked
    return ForeignProtocol.TLS if _speaks_tls(address, timeout) else None


def _said_unasked(address: NetAddress, timeout: float) -> ForeignProtocol | None:
    """Tendermint before v0.34 may hang up over our key before it has sent its own, which it does by itself."""
    beginning = b""
    deadline = time.monotonic() + timeout
    try:
        with socket.create_connection((str(address.host), address.port), timeout) as sock:
            while len(beginning) < LONGEST_BEGINNING and (left := deadline - time.monotonic()) > 0:
                sock.settimeout(left)
                data = sock.recv(LONGEST_BEGINNING)
                beginning += data
                if not data or recognised(beginning) is not None:
                    break
    except OSError:
        pass
    return recognised(beginning)


def _speaks_tls(address: NetAddress, timeout: float) -> bool:
    """Whether a TLS client is answered as by a TLS server, even if only by an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # who it is does not matter, and nothing is said to it
    try:
        with socket.create_connection((str(address.host), address.port), timeout) as sock:
            sock.settimeout(timeout)
            context.wrap_socket(sock).close()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # what is no TLS gives WRONG_VERSION_NUMBER, or an end
    except OSError:
        return False
    return True


def answers_quic(address: NetAddress, timeout: float) -> bool:
    """Whether a QUIC server listens on the UDP port of that number.

    It is sent a first packet of a version that nobody speaks, and must answer with those that it does.
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
            sock.connect((str(address.host), address.port))  # others' datagrams do not get in
            sock.send(packet.ljust(_LEAST_DATAGRAM, b"\0"))
            answer = sock.recv(_LONGEST_ANSWER)
    except OSError:  # a timeout is one, and so is a port on which nobody listens
        return False
    return answer[:1] >= b"\x80" and answer[1:].startswith(expected)
