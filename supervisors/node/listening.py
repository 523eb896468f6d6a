"""The sockets that a node listens on. They belong to the embedding process: no restart of a part gives one up."""

from __future__ import annotations

import socket

from peerage.actors.http.listening import ListenFailedError, listen
from peerage.config import ListenAddress
from peerage.supervisors.node.errors import ListenError

BACKLOG = 1024  # connections that the kernel keeps while the hosts are busy


def listen_for_peers(laddr: str) -> socket.socket:
    """Return the socket that peers connect to; the peer hosts share it. Raises: ListenError."""
    address = ListenAddress.parse(laddr)
    try:
        family, *_, where = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ListenError("p2p.laddr", laddr, error.strerror or str(error)) from error
    return listener


def listen_for_http(key: str, laddr: str) -> list[socket.socket]:
    """Return a socket for each of the addresses in a setting, all or none. Raises: ListenError."""
    listeners: list[socket.socket] = []
    try:
        listeners.extend(map(listen, ListenAddress.parse_list(laddr)))
    except ListenFailedError as error:
        for listener in listeners:
            listener.close()
        raise ListenError(key, error.address, error.cause_text) from error
    return listeners
