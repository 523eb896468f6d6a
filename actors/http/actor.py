"""An actor that serves HTTP. Its loop serves the mailbox, and the server runs in a thread beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from starlette.types import ASGIApp

from peerage.actors.http.protocol import BrokenBody
from peerage.actors.http.server import HttpLimits, HttpServer, listening_sockets
from peerage.actors.runtime import ProcessActor
from peerage.actors.runtime.log import get_logger
from peerage.config.listen_address import ListenAddress

__all__ = ["GetAddresses", "HttpActor"]

CHECK_INTERVAL_S: Final = 1.0

_log = get_logger("peerage.http")


@dataclass(frozen=True, slots=True)
class GetAddresses:
    """Ask an HTTP actor where it listens. Answer: texts like `tcp://127.0.0.1:26657`."""


class HttpActor(ProcessActor):
    """Serves from its `on_start` to its end, however it ends. If the server dies, so does the actor.

    A listening socket passed to its host as `socket_name` is used instead of the addresses. Such a port stays open during a
    restart, and clients wait in its queue.
    """

    socket_name: ClassVar[str]
    broken_body: ClassVar[BrokenBody | None] = None  # the answer to a request whose body cannot be read

    def __init__(self, laddr: str, limits: HttpLimits) -> None:
        super().__init__()
        self._laddr = laddr
        self._limits = limits
        self._server: HttpServer | None = None

    def application(self) -> ASGIApp:
        """The application. This is called once, in `on_start`; the application itself runs in the server's thread."""
        raise NotImplementedError

    def on_start(self) -> None:
        """Listen and serve. Raises: ListenFailedError; ValueError, an address does not parse."""
        addresses = ListenAddress.parse_list(self._laddr)
        fds = self.runtime.fds
        sockets = listening_sockets(fds, self.socket_name, addresses)
        used = {sock.getsockname() for sock in sockets}
        server = HttpServer(
            self.application(),
            sockets,
            name=self.socket_name,
            limits=self._limits,
            socket_files=[address.path for address in addresses if address.path in used],
            broken_body=self.broken_body,
        )
        server.start()
        self._server = server
        self.runtime.call_later(CHECK_INTERVAL_S, self._check_server)
        _log.info("serving HTTP", service=self.socket_name, addresses=server.addresses)

    def on_receive(self, message: Any) -> Any:
        """Answer `GetAddresses`; ignore other messages."""
        if isinstance(message, GetAddresses) and self._server is not None:
            return self._server.addresses
        return None

    def on_stop(self) -> None:
        """Stop serving, within a second."""
        server, self._server = self._server, None
        if server is not None and not server.stop():
            _log.warning("HTTP server's thread did not end in time", service=self.socket_name)

    def on_failure(self, *_exception: Any) -> None:
        """As `on_stop`, which is not called after a failure."""
        self.on_stop()

    def _check_server(self) -> None:
        if self._server is not None:
            self._server.check()
            self.runtime.call_later(CHECK_INTERVAL_S, self._check_server)
