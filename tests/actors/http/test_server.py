"""Uvicorn as a guest: it comes and goes as told, and no client holds it."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from peerage.actors.http import protocol
from peerage.actors.http import server as module
from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import ListenFailedError, listen, listening_sockets
from peerage.actors.http.protocol import STOPPING, STREAM
from peerage.actors.http.server import (
    ERRORS_WINDOW_S,
    ERRORS_WRITTEN,
    STOP_TIMEOUT_S,
    HttpServer,
    HttpServerDiedError,
    _Quiet,
)
from peerage.config.listen_address import ListenAddress

ANY_PORT = ListenAddress.parse("tcp://127.0.0.1:0")
DEFAULTS = HttpLimits()
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def stop_is_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a thread is gone in time depends on who else is busy; whether it goes at all does not."""
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 30.0)


class HangingThread:
    """Notes how long somebody has waited for it."""

    ident = 1

    def __init__(self) -> None:
        self.waits: list[float] = []

    def join(self, timeout: float) -> None:
        self.waits.append(timeout)

    def is_alive(self) -> bool:
        return True


async def streamed(scope: Scope, send: Send) -> None:
    """Sends a word now and then until the server stops; /endless as much as the client takes."""
    scope["state"][STREAM] = True
    await send({"type": "http.response.start", "status": 200})
    while not scope["state"][STOPPING].is_set():
        word = bytes(1_000_000) if scope["path"] == "/endless" else b"word"
        await send({"type": "http.response.body", "body": word, "more_body": True})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(scope["state"][STOPPING].wait(), 0.05)
    await send({"type": "http.response.body", "body": b"bye"})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body; /slow never does, /large with 32 MB; /stream and /endless are streams."""
    if scope["path"] in {"/stream", "/endless"}:
        await streamed(scope, send)
        return
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(3600)
    body = bytes(32_000_000) if scope["path"] == "/large" else str(size).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(limits: HttpLimits = DEFAULTS) -> Iterator[tuple[HttpServer, Callable[[], socket.socket]]]:
    """A server, and how to connect to it."""
    sock = listen(ANY_PORT)
    address = sock.getsockname()
    server = HttpServer(echo, [sock], name="test", limits=limits)
    server.start()
    clients: list[socket.socket] = []

    def connect() -> socket.socket:
        client = socket.create_connection(address, timeout=5.0)
        clients.append(client)
        return client

    try:
        yield server, connect
    finally:
        for client in clients:
            client.close()
        assert server.stop()


def read_answer(client: socket.socket) -> bytes:
    """One answer of `echo`: its head and its one digit."""
    received = b""
    while not received.partition(b"\r\n\r\n")[2]:
        chunk = client.recv(1000)
        assert chunk
        received += chunk
    return received


def read_all(client: socket.socket) -> bytes:
    """What comes until the server closes; a reset is a close too."""
    received = b""
    try:
        while chunk := client.recv(1 << 20):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def test_answers_until_stopped_and_leaves_no_thread() -> None:
    """A connection that is kept alive does not hold it up, and the port is closed."""
    before = threading.active_count()
    with serving() as (server, connect):
        client = connect()
        client.sendall(GET)
        assert read_answer(client).startswith(b"HTTP/1.1 200")
        assert server.stop()
        assert read_all(client) == b""
        with pytest.raises(ConnectionRefusedError):
            connect()
    assert threading.active_count() == before


def test_stop_does_not_wait_for_slow_answers_nor_slow_readers() -> None:
    """What is in progress gets a moment, then it is cut: long before the clients' own limits."""
    with serving(HttpLimits(read_timeout_s=3600.0, write_timeout_s=3600.0)) as (server, connect):
        slow, deaf, half = connect(), connect(), connect()
        slow.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        deaf.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        half.sendall(b"GET /")
        assert deaf.recv(1) == b"H"
        assert server.stop()


def test_stop_waits_less_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """An actor's stop must not take longer: what still runs then is told, and left."""
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", STOP_TIMEOUT_S)
    server = HttpServer(echo, [listen(ANY_PORT)], name="test", limits=DEFAULTS)
    thread = HangingThread()
    monkeypatch.setattr(server, "_thread", thread)
    assert not server.stop()
    assert thread.waits == [STOP_TIMEOUT_S]
    assert STOP_TIMEOUT_S < 1.0


def test_no_signal_handler_is_touched() -> None:
    """Signals are the host's business."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with serving():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_stop_may_come_twice_and_before_start() -> None:
    """Whoever is first, the socket is closed."""
    sock = listen(ANY_PORT)
    server = HttpServer(echo, [sock], name="test", limits=HttpLimits())
    assert server.stop()
    assert server.stop()
    assert sock.fileno() == -1


def test_server_that_ends_by_itself_is_noticed() -> None:
    """`check` raises when nobody asked for the end."""
    with serving() as (server, _):
        server.check()
        server._server.request_stop()
        server._thread.join(5.0)
        with pytest.raises(HttpServerDiedError):
            server.check()


def test_server_that_cannot_start_says_so() -> None:
    """A socket that is no listening one, for instance."""
    sock = listen(ANY_PORT)
    server = HttpServer(echo, [sock], name="test", limits=HttpLimits())
    sock.close()
    with pytest.raises(HttpServerDiedError, match="did not start"):
        server.start()
    assert not server._thread.is_alive()


def test_request_that_does_not_arrive_is_cut() -> None:
    """No bytes, half a header, half a body, and one byte now and then: each ends at the read timeout,
    and who has begun is told so, as by Go.
    """
    with serving(HttpLimits(read_timeout_s=0.2)) as (_, connect):
        silent, header, body, trickle = connect(), connect(), connect(), connect()
        header.sendall(b"GET / HT")
        body.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while True:  # this would not end if each byte extended the time
                trickle.sendall(b"G")
                trickle.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    if not trickle.recv(1):
                        break
        assert read_all(silent) == b""
        assert [read_all(client)[:12] for client in (header, body)] == [b"HTTP/1.1 400"] * 2


def test_second_request_of_a_connection_has_its_own_time() -> None:
    """A connection may live longer than the timeout of a request, an unfinished one is cut also then."""
    with serving(HttpLimits(read_timeout_s=0.3, write_timeout_s=5.0)) as (_, connect):
        client = connect()
        begin = time.monotonic()
        while time.monotonic() - begin < 0.5:
            client.sendall(GET)
            assert read_answer(client).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /")
        assert read_all(client).startswith(b"HTTP/1.1 400")


def test_client_that_does_not_read_is_cut() -> None:
    """At the write timeout the answer's rest is given up."""
    with serving(HttpLimits(write_timeout_s=0.2)) as (server, connect):
        client = connect()
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1) == b"H"
        while server._server.server_state.connections:
            threading.Event().wait(0.01)  # the connection ends in the other thread, which tells nobody
        assert len(read_all(client)) < 32_000_000


def test_answer_that_does_not_come_is_cut() -> None:
    """An application that hangs does not hold its client for ever."""
    with serving(HttpLimits(write_timeout_s=0.2)) as (_, connect):
        client = connect()
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_all(client) == b""


def test_a_stream_goes_on_beyond_the_time_of_an_answer_and_ends_in_words() -> None:
    """As long as its client reads."""
    with serving(HttpLimits(write_timeout_s=0.1)) as (server, connect):
        client = connect()
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while received.count(b"word") < 10:
            received += client.recv(1000)
        assert server.stop()
        assert read_all(client).endswith(b"bye\r\n0\r\n\r\n")


def test_a_stream_that_nobody_reads_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STREAM_PATIENCE_S", 0.3)
    with serving(HttpLimits(write_timeout_s=0.1)) as (server, connect):
        client = connect()
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1) == b"H"
        while server._server.server_state.connections:
            threading.Event().wait(0.01)


def test_connections_are_bounded() -> None:
    """One too many gets 503, and a place becomes free when a connection ends."""
    with serving(HttpLimits(max_connections=2)) as (_, connect):
        first, second = connect(), connect()
        for client in (first, second):
            client.sendall(GET)
            assert read_answer(client).startswith(b"HTTP/1.1 200")
        assert read_all(connect()).startswith(b"HTTP/1.1 503")
        first.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_all(first).startswith(b"HTTP/1.1 200")
        third = connect()
        third.sendall(GET)
        assert read_answer(third).startswith(b"HTTP/1.1 200")


def test_headers_are_bounded() -> None:
    """Too long a request is refused, not kept."""
    with serving(HttpLimits(max_header_bytes=10_000)) as (_, connect):
        client = connect()
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)
        assert read_all(client)[:12] == b"HTTP/1.1 431"


def test_pipelined_requests_are_answered_in_order() -> None:
    """Two requests in one segment get two answers."""
    with serving() as (_, connect):
        client = connect()
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        received = read_all(client)
        assert received.count(b"HTTP/1.1 200") == 2
        assert received.index(b"\r\n\r\n3") < received.index(b"\r\n\r\n0")


def test_unix_socket_file_comes_and_goes(tmp_path: Path) -> None:
    """A dead one is replaced, a live one is not, and it is removed at the end."""
    path = tmp_path / "rpc.sock"
    address = ListenAddress.parse(f"unix://{path}")
    listen(address).close()
    assert path.exists()
    server = HttpServer(echo, [listen(address)], name="test", limits=HttpLimits(), socket_files=[str(path)])
    server.start()
    assert server.addresses == (f"unix://{path}",)
    with pytest.raises(ListenFailedError, match="already in use"):
        listen(address)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(GET)
        assert read_answer(client).startswith(b"HTTP/1.1 200")
    assert server.stop()
    assert not path.exists()


def test_passed_socket_is_used_and_stays_open() -> None:
    """The port outlives the server: a successor answers who connected meanwhile."""
    with listen(ANY_PORT) as passed:

        def serve() -> HttpServer:
            fds = {"rpc": os.dup(passed.fileno()), "other": -1}
            sockets = listening_sockets(fds, "rpc", [ANY_PORT])
            server = HttpServer(echo, sockets, name="x", limits=HttpLimits())
            server.start()
            return server

        assert serve().stop()
        with socket.create_connection(passed.getsockname(), timeout=5.0) as client:
            client.sendall(GET)
            second = serve()
            assert read_answer(client).startswith(b"HTTP/1.1 200")
            assert second.stop()


def test_an_error_of_the_application_that_comes_again_and_again_is_written_a_few_times() -> None:
    """A client that has found one cannot fill the log; the next window says how many there were."""
    now = 0.0
    quiet = _Quiet(lambda: now)

    def record() -> logging.LogRecord:
        error = ValueError("found")
        made = logging.LogRecord("uvicorn.error", 40, "", 0, "Exception", None, (ValueError, error, None))
        made.threadName = "peerage-http-rpc"
        return made

    assert [quiet.filter(record()) for _ in range(100)] == [True] * ERRORS_WRITTEN + [False] * 95
    now = ERRORS_WINDOW_S
    later = record()
    assert quiet.filter(later)
    assert later.getMessage() == "Exception (and 95 more before)"


@pytest.mark.parametrize(
    "begun",
    [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n"],
    ids=["head", "body"],
)
def test_requests_that_do_not_come_to_an_end_do_not_fill_the_memory(begun: bytes) -> None:
    """One too many is refused, small ones are answered as ever, and whoever leaves makes room."""
    with serving(HttpLimits(max_pending_bytes=100_000)) as (_server, connect):
        slow = connect()
        slow.sendall(begun + b"a" * 80_000)
        with connect() as second:  # by then the first one's bytes have been read
            second.sendall(GET)
            assert read_answer(second).startswith(b"HTTP/1.1 200")
        refused = connect()
        refused.sendall(begun + b"a" * 80_000)
        assert read_all(refused).startswith(b"HTTP/1.1 503")
        small = connect()
        small.sendall(GET)
        assert read_answer(small).startswith(b"HTTP/1.1 200")
        slow.close()
        whole = connect()
        whole.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + b"a" * 90_000)
        assert read_answer(whole).endswith(b"90000")


def test_a_page_under_a_stranger_s_name_is_refused() -> None:
    """Its name leads to this machine."""
    with serving() as (_server, connect):
        client = connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: evil.example.org\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 403")
    with serving(HttpLimits(host_names=("rpc.example.org",))) as (_server, connect):
        client = connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: rpc.example.org:443\r\n\r\n")
        assert read_answer(client).startswith(b"HTTP/1.1 200")
