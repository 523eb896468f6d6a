"""Recognises other protocols by the first bytes of a connection.

An honest connection begins with the delimited ephemeral key, 34 bytes long: ``22 0a 20`` and the key. None of the
beginnings below can be a valid one: those that begin with a number are too short to hold a key, and the texts would need
a field that nobody sends. So we can tell at once that the other side speaks something else, instead of waiting for a
timeout.

::

    who                          first bytes                                                    seen with
    Tendermint before v0.34      21 20, 32 bytes of key (amino)                                 Tendermint v0.33.9
    HTTP                         "HTTP/", "GET /" and the like, a page without a head           Go, Python, curl
    HTTP/2 (gRPC)                "PRI * HTTP/2.0", a SETTINGS frame                             curl, grpc-go
    TLS                          16 03 (handshake) or 15 03 (alert), version below 5            OpenSSL, curl
    SSH                          "SSH-"                                                         OpenSSH
    libp2p                       13 "/multistream/"                                             go-libp2p v0.47
    Bitcoin and its kind         4 bytes, then "version" filled up to 12 with zeros             the protocol's text
    PROXY protocol               "PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN", 0d 0a 0d 0a 00  the protocol's text

gno.land's nodes begin as ours do. They are recognised by their authentication message, in which field 1 is the key itself
instead of a message that contains it. Protocols that begin with random bytes (Ethereum's RLPx, Bitcoin's v2 transport)
are not recognised.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

__all__ = ["KEY_EXCHANGE", "LONGEST_BEGINNING", "ForeignProtocol", "recognised"]

KEY_EXCHANGE: Final = b"\x22\x0a\x20"  # how every implementation begins
LONGEST_BEGINNING: Final = 24  # bytes; any further ones would add nothing


class ForeignProtocol(StrEnum):
    """Another protocol that the remote may speak. The value is its name in messages."""

    AMINO = "Tendermint before v0.34 (amino)"
    GNO = "gno.land (TM2)"
    HTTP = "HTTP"
    HTTP2 = "HTTP/2 (gRPC)"
    TLS = "TLS"
    SSH = "SSH"
    LIBP2P = "libp2p"
    BITCOIN = "Bitcoin's protocol"
    PROXY = "the PROXY protocol (of a load balancer)"


_BEGINNINGS: Final = (
    (ForeignProtocol.AMINO, rb"\x21\x20"),
    (ForeignProtocol.HTTP2, rb"PRI \* HTTP/2"),
    # a SETTINGS frame on stream 0; it has up to a hundred settings of 6 bytes
    (ForeignProtocol.HTTP2, rb"\x00[\x00-\x02].\x04\x00\x00\x00\x00\x00"),
    (ForeignProtocol.HTTP, rb"HTTP/[0-9]"),
    (ForeignProtocol.HTTP, rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE) (?:/|\*|http)"),
    (ForeignProtocol.HTTP, rb"CONNECT [^ ]+"),
    (ForeignProtocol.HTTP, rb"(?i:<!doctype html|<html)"),
    (ForeignProtocol.TLS, rb"[\x15\x16]\x03[\x00-\x04]"),
    (ForeignProtocol.SSH, rb"SSH-[12]\."),
    (ForeignProtocol.LIBP2P, rb"\x13/multistream/"),
    (ForeignProtocol.BITCOIN, rb".{4}version\x00{5}"),
    (ForeignProtocol.PROXY, rb"PROXY (?:TCP[46]|UNKNOWN)"),
    (ForeignProtocol.PROXY, rb"\r\n\r\n\x00\r\nQUIT\n"),
)
_PATTERNS: Final = tuple((protocol, re.compile(pattern, re.DOTALL)) for protocol, pattern in _BEGINNINGS)


def recognised(beginning: bytes) -> ForeignProtocol | None:
    """The protocol of a stream that begins like this; None if it is unknown, or cannot be told yet.

    Args: beginning, what has arrived so far; only the first LONGEST_BEGINNING bytes matter.
    """
    beginning = beginning[:LONGEST_BEGINNING]
    return next((protocol for protocol, pattern in _PATTERNS if pattern.match(beginning)), None)
