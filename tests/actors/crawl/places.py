"""Places that a survey may find: whatever accepts a connection there is the test's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from peerage.actors.discovery.survey.visit import Errand
from peerage.wire.net_address import NetAddress

ID = "0" * 39 + "7"


def errand_to(port: int) -> Errand:
    return Errand(NetAddress(ID, "127.0.0.1", port))


@contextmanager
def server(serve: Callable[[socket.socket], object]) -> Iterator[tuple[int, list[socket.socket]]]:
    """Serve each connection in turn; yields the port, and the connections so far. They end with the block."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connections.append(connection)
                    with suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], connections
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()
            thread.join(10.0)


def silent(_connection: socket.socket) -> None:
    """Accepts, and that is all."""
