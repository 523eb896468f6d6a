"""The header of the PROXY protocol, versions 1 and 2: whom a load balancer has accepted a connection from.

It stands before everything else on the connection, once.

::

    version 1   "PROXY " TCP4 or TCP6 " " source " " destination " " source port " " destination port CR LF
                "PROXY UNKNOWN" anything CR LF                                            107 bytes at most
    version 2   0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a | version 2, command: 1 | family: 1 | length: 2, big-endian
                | source, destination: 4 or 16 each | ports: 2 each | further fields (TLV), which are skipped

A balancer that speaks for itself (its health check) says LOCAL, or UNKNOWN: the source is that of the TCP connection then,
as it is for a client on a Unix socket. A datagram is nothing that a TCP connection could carry.

Source: the PROXY protocol, https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, sections 2.1 and 2.2.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final, NamedTuple

from peerage.wire.errors import ProxyHeaderError
from peerage.wire.ip_ranges import normal
from peerage.wire.remote_text import quoted

__all__ = ["LONGEST", "LONGEST_LINE", "ProxyHeader", "ProxySource"]

LONGEST_LINE: Final = 107  # bytes of version 1, its end included
LONGEST: Final = 4096  # bytes of version 2; addresses have 52, what balancers add is a few hundred

_LINE_BEGINS: Final = b"PROXY "
_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_LINE_ENDS: Final = b"\r\n"
_PORT: Final = re.compile(rb"0|[1-9][0-9]{0,4}")
_MOST_PORT: Final = 65535
_HEAD: Final = Struct("!12sBBH")
_LOCAL, _PROXY = 0x20, 0x21  # version and command
_CLASSES: Final[dict[bytes, type[IPv4Address | IPv6Address]]] = {
    b"TCP4": IPv4Address,
    b"TCP6": IPv6Address,
}
# Family and transport → the addresses; None: there is no IP to take.
_TCP4, _TCP6 = Struct("!4s4sHH"), Struct("!16s16sHH")
_ADDRESSES: Final = {0x00: None, 0x11: _TCP4, 0x21: _TCP6, 0x31: None}


class ProxySource(NamedTuple):
    """Whom the balancer speaks for. Args: ip, in its normal form: IPv4 inside IPv6 is IPv4."""

    ip: str
    port: int


class ProxyHeader:
    """Reads one header, however it is cut.

    Promises: the same verdict for any cut of the same bytes; keeps at most LONGEST_LINE bytes.

    Attributes: is_done; source, then, None where the TCP connection's own counts.
    """

    __slots__ = ("_kept", "_layout", "_rest", "is_done", "source")

    def __init__(self) -> None:
        self.is_done = False
        self.source: ProxySource | None = None
        self._kept = b""
        self._layout: Struct | None = None  # of the addresses, behind the head of version 2
        self._rest: int | None = None  # bytes behind that head that are still to come

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come yet."""
        return not self._kept and self._rest is None

    def receive(self, data: bytes) -> int:
        """Take what came from the socket.

        Returns: how many of the bytes belong to the header; all of them, unless it is done with that.
        Raises: ProxyHeaderError, the bytes begin no header, or break its rules.
        """
        taken = 0
        while taken < len(data) and not self.is_done:
            taken += self._take(data[taken:])
        return taken

    def _take(self, data: bytes) -> int:
        if self._rest is not None:
            return self._take_rest(data, self._rest)
        if (self._kept or data)[:1] == _LINE_BEGINS[:1]:
            return self._take_line(data)
        return self._take_head(data)

    def _take_line(self, data: bytes) -> int:
        before = len(self._kept)
        self._kept = kept = self._kept + data[: LONGEST_LINE - before]
        _check_beginning(kept, _LINE_BEGINS)
        end = kept.find(_LINE_ENDS)
        if end < 0:
            if len(kept) == LONGEST_LINE:
                raise ProxyHeaderError(f"no end of the line within {LONGEST_LINE} bytes")
            return len(kept) - before
        self.source = _source_in(kept[:end])
        self.is_done = True
        return end + len(_LINE_ENDS) - before

    def _take_head(self, data: bytes) -> int:
        before = len(self._kept)
        self._kept = kept = self._kept + data[: _HEAD.size - before]
        _check_beginning(kept, _SIGNATURE)
        if len(kept) == _HEAD.size:
            self._kept = b""
            self._begin_rest(*_HEAD.unpack(kept)[1:])
        return len(kept) - before

    def _begin_rest(self, command: int, family: int, length: int) -> None:
        if command not in {_LOCAL, _PROXY}:
            raise ProxyHeaderError(f"version and command {command:#04x}")
        if length > LONGEST - _HEAD.size:
            raise ProxyHeaderError(f"{length} bytes behind its head, at most {LONGEST - _HEAD.size} are read")
        if command == _PROXY:
            if family not in _ADDRESSES:
                raise ProxyHeaderError(f"family and transport {family:#04x}")
            self._layout = layout = _ADDRESSES[family]
            if layout is not None and length < layout.size:
                raise ProxyHeaderError(f"addresses of {length} bytes, they have {layout.size}")
        self._rest = length
        self.is_done = not length

    def _take_rest(self, data: bytes, rest: int) -> int:
        taken = min(rest, len(data))
        if self._layout is not None and self.source is None:
            self._kept += data[: min(taken, self._layout.size - len(self._kept))]
            if len(self._kept) == self._layout.size:
                packed, _, port, _ = self._layout.unpack(self._kept)
                ip = IPv4Address(packed) if self._layout is _TCP4 else normal(IPv6Address(packed))
                self.source, self._kept = ProxySource(str(ip), port), b""
        self._rest = rest - taken
        self.is_done = not self._rest
        return taken


def _check_beginning(kept: bytes, beginning: bytes) -> None:
    if not (kept.startswith(beginning) or beginning.startswith(kept)):
        raise ProxyHeaderError("other bytes instead of it")


def _source_in(line: bytes) -> ProxySource | None:
    """What a line of version 1 says. Raises: ProxyHeaderError."""
    words = line[len(_LINE_BEGINS) :].split(b" ")
    if words[0] == b"UNKNOWN":
        return None
    try:
        family, source, destination, *ports = words
        address_class = _CLASSES[family]
        ip, _ = (address_class(each.decode("ascii")) for each in (source, destination))
        port, _ = map(_port, ports)
    except (KeyError, ValueError):  # also an IP address that is none, and too few words or too many
        raise ProxyHeaderError(f"the line {quoted(line)}") from None
    if b"%" in source:  # a zone, which means something on the balancer's machine alone
        raise ProxyHeaderError(f"the line {quoted(line)}")
    return ProxySource(str(normal(ip)), port)


def _port(text: bytes) -> int:
    if not _PORT.fullmatch(text) or int(text) > _MOST_PORT:
        raise ValueError(text)
    return int(text)
