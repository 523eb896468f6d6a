"""The node's own socket: where the commands of its operator reach a running node, HOME/data/node.sock.

The path of a Unix socket may have 107 bytes, and a home may be deeper. So it is reached through a descriptor of its
directory, whose path is short.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SOCKET_MODE = 0o600  # whoever may use it may change the node
LONGEST_PATH = 107  # bytes
BACKLOG = 16


def listen_for_commands(path: Path) -> socket.socket:
    """A socket that listens at this path, for its owner alone. What is there already is replaced: the home is locked.

    Raises: OSError.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), SOCKET_MODE)  # before there is a file: nobody comes in between
        with _short(path) as place:
            listener.bind(place)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def connect_to_node(path: Path, timeout: float) -> socket.socket:
    """A connection to the node that listens there. Args: timeout, seconds, for each step.

    Raises: OSError, nobody listens there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        with _short(path) as place:
            connection.connect(place)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A path to the same file that is short enough."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
