"""Uvicorn embedded in an actor: in a thread beside the actor's loop, with limits, and ended within a second of `stop`."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from peerage.actors.http.hosts import HostLayer, HostNames
from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listener import ReservedListener, pass_over_pauses
from peerage.actors.http.listening import BACKLOG, address_of
from peerage.actors.http.protocol import STOPPING, BrokenBody, guarded_protocol
from peerage.actors.http.rules import AsGoServes

__all__ = [
    "HttpServer",
    "HttpServerDiedError",
]

START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 0.9  # an actor's stop must not take longer than a second
_FINISH_TIMEOUT_S: Final = 0.3  # what answers in progress get at a stop
_TICK_S: Final = 1.0  # uvicorn renews its Date header so often
ERRORS_WRITTEN: Final = 5  # of the application, in a window
ERRORS_WINDOW_S: Final = 60.0
_THREAD_PREFIX: Final = "peerage-http-"


class HttpServerDiedError(Exception):
    """The server's thread ended without being stopped, or did not start."""


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
        self.addresses = tuple(address_of(sock) for sock in sockets)
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
            AsGoServes(HostLayer(app, HostNames(limits.host_names))),
            http=guarded_protocol(limits, broken_body),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
        )
        super().__init__(config)
        # Annotated as int, but passed to asyncio.wait_for, so fractions of a second work.
        config.timeout_graceful_shutdown = _FINISH_TIMEOUT_S  # type: ignore[assignment]
        self.is_ready = threading.Event()
        self._stopping = asyncio.Event()
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping = self.lifespan.state[STOPPING] = asyncio.Event()  # every request's scope has it
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)
        # The transport of a client that does not read its answer would stay open beyond the loop's end.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # connection_lost is called in the loop's next turn
