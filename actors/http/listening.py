"""The sockets that an HTTP service listens on, without the server: whoever opens them need not import one."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from peerage.config.listen_address import ListenAddress

__all__ = ["BACKLOG", "GetAddresses", "ListenFailedError", "address_of", "listen", "listening_sockets"]

BACKLOG: Final = 128


@dataclass(frozen=True, slots=True)
class GetAddresses:
    """An ask to an HTTP actor. Answer: where it listens, texts like `tcp://127.0.0.1:26657`."""


class ListenFailedError(Exception):
    """An address cannot be listened at. `address` is the one configured, `cause_text` the system's reason."""

    def __init__(self, address: str, cause_text: str) -> None:
        super().__init__(address, cause_text)
        self.address, self.cause_text = address, cause_text

    def __str__(self) -> str:
        return f"cannot listen at {self.address}: {self.cause_text}"


def listen(address: ListenAddress) -> socket.socket:
    """A socket that listens there. An empty host means all interfaces, of IPv6 and IPv4 where there is IPv6.

    A unix socket left behind by a dead process is replaced, one that somebody listens at is not.

    Raises: ListenFailedError.
    """
    try:
        if address.scheme == "unix":
            return _listen_unix(address.path)
        return _listen_tcp(address)
    except OSError as error:
        # Of several addresses bound at once asyncio-like helpers wrap the text; the errno's own words are
        # enough.
        text = (
            os.strerror(error.errno) if error.errno and not isinstance(error, socket.gaierror) else str(error)
        )
        raise ListenFailedError(str(address), text) from error


def _listen_tcp(address: ListenAddress) -> socket.socket:
    if not address.host and socket.has_dualstack_ipv6():
        with suppress(
            OSError
        ):  # compiled in but switched off: EADDRNOTAVAIL or EAFNOSUPPORT, and IPv4 decides
            return socket.create_server(
                ("::", address.port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
    host = address.host or "0.0.0.0"
    # For a text, Python imports the tables for international names.
    infos = socket.getaddrinfo(
        host.encode() if host.isascii() else host, address.port, type=socket.SOCK_STREAM
    )
    # Go prefers IPv4 where a name has both; so does an operator who writes localhost.
    family, _, _, _, place = min(infos, key=lambda info: info[0] != socket.AF_INET)
    return socket.create_server(place[:2], family=family, backlog=BACKLOG)


def _listen_unix(path: str) -> socket.socket:
    file = Path(path)
    if file.is_socket() and not _answers(path):
        file.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) in {0, errno.EAGAIN}


def listening_sockets(
    fds: Mapping[str, int], name: str, addresses: Sequence[ListenAddress]
) -> list[socket.socket]:
    """The sockets to serve: the descriptors passed as `name` or `name-…`, else new ones at `addresses`.

    A descriptor is taken over; whoever passed it holds its own, so the port outlives the server and clients
    queue during a restart.

    Raises: ListenFailedError.
    """
    passed = [fd for key, fd in sorted(fds.items()) if key == name or key.startswith(f"{name}-")]
    sockets: list[socket.socket] = []
    try:
        sockets.extend(socket.socket(fileno=fd) for fd in passed)
        if not passed:
            sockets.extend(map(listen, addresses))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def address_of(sock: socket.socket) -> str:
    """Where a socket listens, as `GetAddresses` is answered."""
    if sock.family == socket.AF_UNIX:
        return f"unix://{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return str(ListenAddress("tcp", host, port))
