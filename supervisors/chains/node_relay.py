"""Passes what a page of a chain asks on to the chain's node, over the socket of its RPC, and the answer back as it comes.

It reads nothing of it and keeps nothing of it: as fast as the page reads, so fast the node is read. A node that does not
answer costs the others nothing; its page is told so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h11
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from peerage.actors.http.protocol import STOPPING, STREAM
from peerage.config.node_socket import connect_to_node

__all__ = ["ANSWER_S", "NodeRelay", "NodeSilentError", "ask_node"]

ANSWER_S: Final = 10.0  # from one part of an answer to the next; a node waits for its own parts for 5 s
SILENCE_S: Final = 60.0  # of a stream: it has a sign of life every 15 s
MOST_HEAD: Final = 64 * 1024
MOST_RESULT: Final = 1024 * 1024  # bytes of an answer that is read here
_PART: Final = 64 * 1024
_BAD_GATEWAY: Final = 502
_METHOD_NOT_ALLOWED: Final = 405
_EVENTS: Final = b"text/event-stream"
_PASSED_ON: Final = frozenset({b"accept", b"last-event-id"})
_PASSED_BACK: Final = frozenset(
    {b"content-type", b"content-length", b"cache-control", b"x-content-type-options", b"retry-after"}
)
_STALE: Final = (OSError, TimeoutError, h11.RemoteProtocolError)


class NodeSilentError(Exception):
    """A node was not there, did not answer in time, or not with what was asked for. The text says so."""


@dataclass(slots=True, eq=False)
class _Answer:
    """What a node answers, its head first."""

    reader: asyncio.StreamReader
    connection: h11.Connection
    patience: float
    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def read_head(self) -> None:
        """Wait for the status and the headers."""
        event = await self._next()
        while isinstance(event, h11.InformationalResponse):
            event = await self._next()
        assert isinstance(event, h11.Response)  # a connection that ends before is an error of the protocol
        self.status, self.headers = event.status_code, tuple(event.headers)
        if any(name == b"content-type" and value.startswith(_EVENTS) for name, value in self.headers):
            self.patience = SILENCE_S

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    async def _next(self) -> Any:
        while (event := self.connection.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(self.patience):
                self.connection.receive_data(await self.reader.read(_PART))
        return event


@asynccontextmanager
async def _asked(
    socket: Path, target: bytes, headers: Iterable[tuple[bytes, bytes]]
) -> AsyncIterator[_Answer]:
    """Ask a node. Gives its answer, whose head is there. Raises: what `_STALE` lists."""
    # In a thread: a full queue of one node would hold up all others here.
    sock = await asyncio.to_thread(connect_to_node, socket, ANSWER_S)
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    try:
        connection = h11.Connection(h11.CLIENT, MOST_HEAD)
        request = h11.Request(
            method="GET",
            target=target,
            headers=[(b"Host", b"localhost"), (b"Connection", b"close"), *headers],
        )
        writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        answer = _Answer(reader, connection, ANSWER_S)
        await answer.read_head()
        yield answer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def ask_node(socket: Path, target: str) -> Any:
    """The result of a method of a node. Args: target, `/method?parameters`. Raises: NodeSilentError."""
    try:
        async with asyncio.timeout(ANSWER_S), _asked(socket, target.encode(), ()) as answer:
            body = bytearray()
            async for part in answer.parts():
                body += part
                if len(body) > MOST_RESULT:
                    raise NodeSilentError(f"it answers with more than {MOST_RESULT} bytes")
        found = json.loads(body)
    except (*_STALE, ValueError) as error:
        raise NodeSilentError(_why(error)) from error
    if not isinstance(found, dict) or "result" not in found:
        raise NodeSilentError("it answers with an error")
    return found["result"]


class NodeRelay:
    """An ASGI application: GET requests are the node's to answer.

    Args: socket, of its RPC; state, tells how the chain stands, for a page whose node is not there.
    """

    def __init__(self, socket: Path, state: Callable[[], str]) -> None:
        self._socket, self._state = socket, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await Response("405 Method Not Allowed\n", _METHOD_NOT_ALLOWED, {"Allow": "GET"})(
                scope, receive, send
            )
            return
        passing = asyncio.create_task(self._pass(scope, receive, send))
        over = [asyncio.create_task(_gone(receive))]
        if (stopping := scope.get("state", {}).get(STOPPING)) is not None:
            over.append(asyncio.create_task(stopping.wait()))
        try:
            await asyncio.wait({passing, *over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (passing, *over):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await passing

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        headers = [(name, value) for name, value in scope["headers"] if name in _PASSED_ON]
        has_begun = False
        try:
            async with _asked(self._socket, target, headers) as answer:
                if answer.patience > ANSWER_S:
                    scope["state"][STREAM] = True
                kept = [each for each in answer.headers if each[0] in _PASSED_BACK]
                has_begun = True
                await send({"type": "http.response.start", "status": answer.status, "headers": kept})
                async for part in answer.parts():
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except _STALE as error:
            if not has_begun:  # otherwise the page sees that its connection is cut
                await self._silent(error)(scope, receive, send)

    def _silent(self, error: BaseException) -> Response:
        text = f"the chain is {self._state()}: {_why(error)}"
        answer = {
            "jsonrpc": "2.0",
            "id": -1,
            "error": {"code": -32603, "message": "Internal error", "data": text},
        }
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return Response(json.dumps(answer), _BAD_GATEWAY, headers)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "its node does not answer"
    if isinstance(error, (FileNotFoundError, ConnectionError)):
        return "no node serves its RPC"
    return f"its node does not answer: {error or type(error).__name__}"
