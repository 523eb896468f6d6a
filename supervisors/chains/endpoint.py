"""Where something of all chains is served, metrics or the dashboard: a socket from the start on, and a server once somebody
has come.

As with a node's own services, there is none before: it takes more memory than all else in this process.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from os import eventfd, eventfd_write
from typing import TYPE_CHECKING, Final

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import ListenFailedError, address_of, listen
from peerage.actors.runtime.log import get_logger
from peerage.config.listen_address import ListenAddress

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["ChainsEndpoint"]

CHECK_S: Final = 1.0
JOIN_S: Final = 3.0

_log = get_logger("peerage.chains")


class ChainsEndpoint:
    """Args: service, what is served, in a word; address, to listen at; limits, of the clients; app, makes the application,
    once it is needed.

    All but its end happens in a thread of its own. A server that ends for a fault is replaced.

    Raises: ListenFailedError.
    """

    def __init__(
        self, service: str, address: ListenAddress, limits: HttpLimits, app: Callable[[], ASGIApp]
    ) -> None:
        self._service, self._limits, self._app = service, limits, app
        self._listener = listen(address)
        self.address = address_of(self._listener)
        self._stopped = eventfd(0)
        self._thread = threading.Thread(target=self._run, name=f"chains-{service}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        eventfd_write(self._stopped, 1)
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        try:
            while self._wait(self._listener.fileno()):
                self._serve()
        except Exception as error:
            _log.error("not served for the chains", service=self._service, cause=str(error))
        finally:
            self._listener.close()

    def _wait(self, descriptor: int, seconds: float | None = None) -> bool:
        """Wait until there is something to read, or for so many seconds. Returns: False when it is to end."""
        watched = select.poll()  # a program may have more descriptors than select() takes
        for each in {descriptor, self._stopped}:
            watched.register(each, select.POLLIN)
        ready = watched.poll(None if seconds is None else seconds * 1000.0)
        return all(each != self._stopped for each, _ in ready)

    def _serve(self) -> None:
        """Serve until the end, or until the server fails: then there is a listener again."""
        from peerage.actors.http.server import HttpServer, HttpServerDiedError

        name = f"chains-{self._service}"
        server = HttpServer(self._app(), [self._listener], name=name, limits=self._limits)
        try:
            server.start()
            while self._wait(self._stopped, CHECK_S):
                server.check()
        except HttpServerDiedError as error:
            _log.error("interrupted for the chains", service=self._service, cause=str(error))
        finally:
            server.stop()
        while self._wait(self._stopped, CHECK_S):
            try:
                self._listener = listen(ListenAddress.parse(self.address))
            except ListenFailedError as error:
                _log.error("interrupted for the chains", service=self._service, cause=str(error))
            else:
                return
