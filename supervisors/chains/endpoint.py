"""Where the metrics of all chains are served: a socket from the start on, and a server once somebody has come.

As with a node's own services, there is none before: it takes more memory than all else in this process.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from os import eventfd, eventfd_write
from typing import TYPE_CHECKING, Final

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import address_of, listen
from peerage.actors.runtime.log import get_logger
from peerage.config.listen_address import ListenAddress

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from peerage.actors.http.server import HttpServer

__all__ = ["MetricsEndpoint"]

MAX_CONNECTIONS: Final = 64  # as of a node's metrics
MAX_IN_FLIGHT: Final = 3
JOIN_S: Final = 1.0

_log = get_logger("peerage.chains")


class MetricsEndpoint:
    """Args: address, to listen at; host_names, `peerage.http_hosts`; collector, makes what is served, once it is needed.

    Raises: ListenFailedError.
    """

    def __init__(
        self, address: ListenAddress, host_names: tuple[str, ...], collector: Callable[[], Collector]
    ) -> None:
        self._listener: socket.socket | None = listen(address)
        self.address = address_of(self._listener)
        self._limits = HttpLimits(max_connections=MAX_CONNECTIONS, host_names=host_names)
        self._collector = collector
        self._server: HttpServer | None = None
        self._lock = threading.Lock()  # of the listener, which goes over to the server
        self._stopped = eventfd(0)
        self._thread = threading.Thread(target=self._run, name="chains-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        eventfd_write(self._stopped, 1)
        self._thread.join(JOIN_S)
        with self._lock:
            if self._server is not None:
                self._server.stop()
            if self._listener is not None:
                self._listener.close()
                self._listener = None

    def _run(self) -> None:
        assert self._listener is not None
        readable, _, _ = select.select([self._listener, self._stopped], [], [])
        if self._stopped in readable:
            return
        from peerage.actors.http.server import HttpServer
        from peerage.actors.metrics.app import metrics_app

        with self._lock:
            listener, self._listener = self._listener, None
            if listener is None:
                return
            app = metrics_app(self._collector(), MAX_IN_FLIGHT)
            self._server = HttpServer(app, [listener], name="chains-metrics", limits=self._limits)
            try:
                self._server.start()
            except Exception as error:
                _log.error("metrics of the chains not served", cause=str(error))
