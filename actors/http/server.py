"""Uvicorn embedded in an actor: in a thread beside the actor's loop, with limits, and ended within a second of `stop`."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from peerage.actors.http.listener import ReservedListener, pass_over_pauses
from peerage.actors.http.protocol import BrokenBody, HttpLimits, guarded_protocol
from peerage.actors.http.rules import AsGoServes
from peerage.config.listen_address import ListenAddress

__all__ = [
    "HttpLimits",
    "HttpServer",
    "HttpServerDiedError",
    "ListenFailedError",
    "listen",
    "listening_sockets",
]

START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 0.9  # an actor's stop must not take longer than a second
_FINISH_TIMEOUT_S: Final = 0.3  # for answers in progress at a stop
_TICK_S: Final = 1.0  # how often uvicorn renews its Date header
_BACKLOG: Final = 128
ERRORS_WRITTEN: Final = 5  # errors of the application, in a window
ERRORS_WINDOW_S: Final = 60.0
_THREAD_PREFIX: Final = "peerage-http-"


class ListenFailedError(Exception):
    """We cannot listen at an address. `address` is the configured one, `cause_text` the system's reason."""

    def __init__(self, address: str, cause_text: str) -> None:
        super().__init__(address, cause_text)
        self.address, self.cause_text = address, cause_text

    def __str__(self) -> str:
        return f"cannot listen at {self.address}: {self.cause_text}"


class HttpServerDiedError(Exception):
    """The server's thread ended without being stopped, or did not start."""


def listen(address: ListenAddress) -> socket.socket:
    """A socket that listens there. An empty host means all interfaces, of IPv4 and, if there is IPv6, of both.

    A unix socket left behind by a dead process is replaced; one that is still listened at is not.

    Raises: ListenFailedError.
    """
    try:
        if address.scheme == "unix":
            return _listen_unix(address.path)
        return _listen_tcp(address)
    except OSError as error:
        # create_server puts the address into the error's text; the text of the errno alone is enough here.
        text = (
            os.strerror(error.errno) if error.errno and not isinstance(error, socket.gaierror) else str(error)
        )
        raise ListenFailedError(str(address), text) from error


def _listen_tcp(address: ListenAddress) -> socket.socket:
    if not address.host and socket.has_dualstack_ipv6():
        # compiled in but switched off: EADDRNOTAVAIL or EAFNOSUPPORT, and IPv4 decides
        with suppress(OSError):
            return socket.create_server(
                ("::", address.port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
            )
    infos = socket.getaddrinfo(address.host or "0.0.0.0", address.port, type=socket.SOCK_STREAM)
    # Where a name has both, Go prefers IPv4, and an operator who writes localhost expects it.
    family, _, _, _, place = min(infos, key=lambda info: info[0] != socket.AF_INET)
    return socket.create_server(place[:2], family=family, backlog=_BACKLOG)


def _listen_unix(path: str) -> socket.socket:
    file = Path(path)
    if file.is_socket() and not _answers(path):
        file.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        sock.listen(_BACKLOG)
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
    """The sockets to serve: the descriptors passed as `name` or `name-…`; if there are none, new ones at `addresses`.

    A descriptor is taken over. The process that passed it keeps its own copy, so the port outlives the server, and clients
    wait in its queue during a restart.

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


class HttpServer:
    """Serves an ASGI application on sockets until `stop`. It takes over the sockets, and installs no signal handlers."""

    def __init__(
        self,
        app: ASGIApp,
        sockets: Sequence[socket.socket],
        *,
        name: str,
        limits: HttpLimits,
        socket_files: Sequence[str] = (),
        broken_body: BrokenBody | None = None,
    ) -> None:
        """Prepare; nothing is served yet.

        Args:
            app: the application.
            sockets: listening sockets.
            name: of the thread.
            limits: for the clients.
            socket_files: files of unix sockets, which are removed at the end.
            broken_body: the answer to a request whose body cannot be read.
        """
        self.addresses = tuple(_address_of(sock) for sock in sockets)
        self._sockets = list(sockets)
        self._socket_files = tuple(socket_files)
        self._server = _GuestServer(app, limits, broken_body)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=_THREAD_PREFIX + name, daemon=True)

    def start(self) -> None:
        """Start, and return once it accepts requests. Raises: HttpServerDiedError."""
        logger = logging.getLogger("uvicorn.error")
        if _quiet not in logger.filters:
            logger.addFilter(_quiet)
        self._thread.start()
        if not self._server.is_ready.wait(START_TIMEOUT_S) or self._failure is not None:
            self.stop()
            raise HttpServerDiedError(f"HTTP server did not start: {self._failure!r}") from self._failure

    def check(self) -> None:
        """Check that it runs. Raises: HttpServerDiedError."""
        if not self._thread.is_alive():
            raise HttpServerDiedError(f"HTTP server ended: {self._failure!r}") from self._failure

    def stop(self) -> bool:
        """Stop: give answers in progress a moment, then cut the connections. Returns: whether its thread has ended.

        May be called twice, and before `start`. Waits at most 0.9 s.
        """
        self._server.request_stop()
        if self._thread.ident is not None:
            self._thread.join(STOP_TIMEOUT_S)
        for sock in self._sockets:
            sock.close()
        for path in self._socket_files:
            Path(path).unlink(missing_ok=True)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._sockets = [ReservedListener(sock) for sock in self._sockets]
            asyncio.run(self._server.serve(sockets=list(self._sockets)))
        except BaseException as error:  # uvicorn raises SystemExit when it cannot start
            self._failure = error
        finally:
            self._server.is_ready.set()


def _address_of(sock: socket.socket) -> str:
    if sock.family == socket.AF_UNIX:
        return f"unix://{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return str(ListenAddress("tcp", host, port))


class _Quiet(logging.Filter):
    """Keeps uvicorn's messages (such as its warning for each invalid request) out of the log, for our threads only.

    Errors of the application are logged, but only a few per minute: a client that has found one could cause it any number
    of times.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._window_ends = float("-inf")
        self._written = self._more = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if not (record.threadName or "").startswith(_THREAD_PREFIX):
            return True
        # Errors of the application are kept; a request that a stop cancels is not one.
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(error, asyncio.CancelledError):
            return False
        if self._clock() >= self._window_ends:
            self._window_ends = self._clock() + ERRORS_WINDOW_S
            if self._more:
                record.msg = f"{record.msg} (and {self._more} more before)"
            self._written = self._more = 0
        self._written += 1
        self._more += self._written > ERRORS_WRITTEN
        return self._written <= ERRORS_WRITTEN


_quiet: Final = _Quiet()


class _GuestServer(uvicorn.Server):
    """Uvicorn's server, woken by `request_stop` instead of ten times a second."""

    def __init__(self, app: ASGIApp, limits: HttpLimits, broken_body: BrokenBody | None) -> None:
        config = uvicorn.Config(
            AsGoServes(app),
            http=guarded_protocol(limits, broken_body),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
        )
        super().__init__(config)
        # Annotated as int, but passed to asyncio.wait_for, so fractions of a second work.
        config.timeout_graceful_shutdown = _FINISH_TIMEOUT_S  # type: ignore[assignment]
        self.is_ready = threading.Event()
        self._lock = threading.Lock()
        self._waker: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def request_stop(self) -> None:
        """Begin to stop, from any thread."""
        with self._lock:
            self.should_exit = True
            if self._waker is not None:
                loop, event = self._waker
                loop.call_soon_threadsafe(event.set)

    async def main_loop(self) -> None:
        stopped = asyncio.Event()
        asyncio.get_running_loop().set_exception_handler(pass_over_pauses)
        with self._lock:
            self._waker = (asyncio.get_running_loop(), stopped)
        try:
            while not self.should_exit:
                await self.on_tick(0)
                self.is_ready.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopped.wait(), _TICK_S)
        finally:
            with self._lock:  # the loop is about to close and must not be woken any more
                self._waker = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        # The transport of a client that does not read its answer would stay open beyond the loop's end.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # connection_lost is called in the loop's next turn
