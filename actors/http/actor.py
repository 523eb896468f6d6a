"""An actor that serves HTTP: its loop stays with its mailbox, the server runs in a thread beside it.

The actor is up as soon as it listens. A server takes as much memory as all else in its process, and longer to import than a
host to start. So there is none until the first client comes, which waits in the socket's queue meanwhile.
"""

from __future__ import annotations

import socket
import threading
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import GetAddresses, address_of, listening_sockets
from peerage.actors.runtime import ProcessActor
from peerage.actors.runtime.limits import lack_behind
from peerage.actors.runtime.log import get_logger
from peerage.config.listen_address import ListenAddress

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from peerage.actors.http.protocol import BrokenBody
    from peerage.actors.http.server import HttpServer

__all__ = ["HttpActor"]

CHECK_INTERVAL_S: Final = 1.0

_log = get_logger("peerage.http")


class HttpActor(ProcessActor):
    """Listens from its `on_start` to its end, whichever way it ends; if the server dies or cannot start, so does the actor.

    A listening socket passed to its host as `socket_name` is used instead of the addresses. Such a port stays open during a
    restart, and clients wait in its queue.
    """

    socket_name: ClassVar[str]

    def __init__(self, laddr: str, limits: HttpLimits) -> None:
        super().__init__()
        self._laddr = laddr
        self._limits = limits
        self._addresses: tuple[str, ...] = ()
        self._sockets: Sequence[socket.socket] = ()  # until there is a server, which owns them
        self._socket_files: Sequence[str] = ()
        self._server: HttpServer | None = None
        self._lock = threading.Lock()
        self._is_over = False

    @abstractmethod
    def application(self) -> ASGIApp:
        """What is served. Called once, in the server's thread, as is the application: import there what it needs."""

    def broken_body(self) -> BrokenBody | None:
        """The answer to a request whose body cannot be read. Called as `application`."""
        return None

    def on_start(self) -> None:
        """Listen. Raises: ListenFailedError; ValueError, the address does not parse."""
        addresses = ListenAddress.parse_list(self._laddr)
        self._sockets = listening_sockets(self.runtime.fds, self.socket_name, addresses)
        self._addresses = tuple(map(address_of, self._sockets))
        used = {sock.getsockname() for sock in self._sockets}
        self._socket_files = [address.path for address in addresses if address.path in used]
        self._await_client()
        _log.debug("serving HTTP", service=self.socket_name, addresses=self._addresses)

    def _await_client(self) -> None:
        for sock in self._sockets:
            self.runtime.add_reader(sock.fileno(), self._on_client)

    def _on_client(self) -> None:
        """The first one: have a server made for it and for those behind it."""
        for sock in self._sockets:
            self.runtime.remove_reader(sock.fileno())
        try:
            threading.Thread(target=self._serve, name=f"{self.socket_name}-start", daemon=True).start()
        except (
            RuntimeError
        ) as error:  # there can be no more threads now: the client waits, and we are no worse for it
            _log.warning(
                "HTTP server put off", service=self.socket_name, cause=lack_behind(error) or str(error)
            )
            self.runtime.call_later(CHECK_INTERVAL_S, self._await_client)

    def on_receive(self, message: Any) -> Any:
        """Answer `GetAddresses`; what it does not know is ignored."""
        return self._addresses if isinstance(message, GetAddresses) else None

    def on_stop(self) -> None:
        """Stop serving, within a second."""
        with self._lock:
            self._is_over = True
            server, self._server = self._server, None
        if server is None:
            for sock in self._sockets:
                sock.close()
            for path in self._socket_files:
                Path(path).unlink(missing_ok=True)
        elif not server.stop():
            _log.warning("HTTP server's thread did not end in time", service=self.socket_name)

    def on_failure(self, *_exception: Any) -> None:
        """As `on_stop`, which is not called after a failure."""
        self.on_stop()

    def _serve(self) -> None:
        """In a thread: import a server, and start it, unless the actor has ended by then."""
        try:
            from peerage.actors.http.server import HttpServer

            application, broken_body = self.application(), self.broken_body()
            with self._lock:
                if self._is_over:
                    return
                server = self._server = HttpServer(
                    application,
                    self._sockets,
                    name=self.socket_name,
                    limits=self._limits,
                    socket_files=self._socket_files,
                    broken_body=broken_body,
                )
            server.start()
        except Exception as error:
            self.runtime.call_threadsafe(self._fail, error)
        else:
            self.runtime.call_threadsafe(self._check_server)

    def _fail(self, error: Exception) -> None:
        raise error

    def _check_server(self) -> None:
        if self._server is not None:
            self._server.check()
            self.runtime.call_later(CHECK_INTERVAL_S, self._check_server)
