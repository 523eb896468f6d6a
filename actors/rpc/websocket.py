"""RPC at /websocket: the same methods as over HTTP, in CometBFT's framing, which is one request a message.

`subscribe` and its like exist only here. A node without consensus has no events: it answers as a CometBFT that lets nobody
subscribe (`max_subscription_clients = 0`), which clients know. Source: CometBFT's rpc/jsonrpc/server/ws_handler.go and
gorilla's websocket, whose checks of a handshake these are; recordings of v0.38.26.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from peerage.actors.http.cors import CorsRules
from peerage.actors.http.handover import HANDOVER, HandedOver, HandOver, Successor
from peerage.actors.http.hosts import authority_of
from peerage.actors.http.rules import refusal_text
from peerage.actors.rpc.answering import Answering, Guard
from peerage.actors.rpc.methods import Method, RpcBackend
from peerage.actors.rpc.protocol import InternalError, Kind, Parameter, ParseError, failure, read_request
from peerage.actors.rpc.response import server_time
from peerage.actors.rpc.results import encode
from peerage.actors.rpc.settings import RpcLimits

__all__ = ["SOCKET_METHODS", "Socket"]

_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_METHOD_NOT_ALLOWED: Final = 405
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_KEY_SIZE: Final = 16


async def _subscribe(_backend: RpcBackend, _query: str) -> Any:
    raise InternalError("max_subscription_clients 0 reached")


async def _unsubscribe(_backend: RpcBackend, _query: str = "") -> Any:
    raise InternalError("subscription not found")


_QUERY: Final = (Parameter("query", Kind.STRING),)
SOCKET_METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "subscribe": Method(_QUERY, _subscribe),
        "unsubscribe": Method(_QUERY, _unsubscribe),
        "unsubscribe_all": Method((), _unsubscribe),
    }
)


class Socket:
    """The ASGI application that upgrades a connection, or says why not.

    A browser lets any page open a WebSocket anywhere and read what comes. So a page of another origin needs to be one whose
    pages may read our answers over HTTP; CometBFT lets all in.

    Args:
        table: the methods.
        guards: of methods that are not for everybody.
        cors: which pages of other origins may read the answers.
    """

    def __init__(
        self,
        backend: RpcBackend,
        table: Mapping[str, Method],
        guards: Mapping[str, Guard],
        cors: CorsRules,
        limits: RpcLimits,
    ) -> None:
        self._answering = Answering(backend, {**table, **SOCKET_METHODS}, guards, InternalError)
        self._cors = cors
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _Headers(scope)
        status = self._refusal(scope, headers)
        hand_over: HandOver | None = scope.get("extensions", {}).get(HANDOVER)
        if status or hand_over is None:
            status = status or _BAD_REQUEST
            more = {"Sec-WebSocket-Version": "13", "X-Content-Type-Options": "nosniff", **server_time()}
            text = refusal_text(status).partition(" ")[2]
            await PlainTextResponse(f"{text}\n", status, more)(scope, receive, send)
            return

        def make(connection: HandedOver) -> Successor:
            # 1.2 MiB that a node nobody opens a WebSocket to does not need
            from peerage.actors.http.websocket import SocketLimits, WebSocket

            async def answer(message: bytes) -> bytes | None:
                return await self._answer(message, scope)

            return WebSocket(connection, SocketLimits(self._limits.max_body_bytes), answer)

        hand_over(_accepted(headers.first(b"sec-websocket-key")), make)

    def _refusal(self, scope: Scope, headers: _Headers) -> int:
        """The status of a refusal, 0 if there is none. The checks come in gorilla's order."""
        if not headers.have(b"connection", "upgrade") or not headers.have(b"upgrade", "websocket"):
            return _BAD_REQUEST
        if scope["method"] != "GET":
            return _METHOD_NOT_ALLOWED
        if not headers.have(b"sec-websocket-version", "13"):
            return _BAD_REQUEST
        origin = headers.first(b"origin").decode("latin-1")
        if origin and not (_is_own(origin, authority_of(scope)) or self._cors.allows_origin(origin)):
            return _FORBIDDEN
        return 0 if _is_key(headers.first(b"sec-websocket-key")) else _BAD_REQUEST

    async def _answer(self, message: bytes, scope: Scope) -> bytes | None:
        try:
            request = read_request(message)
        except ParseError as error:
            return encode(failure(None, error))
        return None if request is None else encode(await self._answering.answer(request, scope))


class _Headers:
    """Of a request, as gorilla looks at them."""

    def __init__(self, scope: Scope) -> None:
        self._headers: Iterable[tuple[bytes, bytes]] = scope["headers"]

    def first(self, name: bytes) -> bytes:
        return next((value for key, value in self._headers if key == name), b"")

    def have(self, name: bytes, token: str) -> bool:
        """Whether a list of tokens has this one, in any case."""
        values = (value for key, value in self._headers if key == name)
        return any(
            token.encode() == each.strip(b" \t").lower() for value in values for each in value.split(b",")
        )


def _is_own(origin: str, host: str) -> bool:
    return origin.partition("://")[2].lower() == host.lower()


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _KEY_SIZE
    except binascii.Error:
        return False


def _accepted(key: bytes) -> bytes:
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
