"""RPC over HTTP: the Starlette application, without a server and without actors.

`/` takes JSON-RPC in the body (with any HTTP method, as CometBFT) and lists the methods when there is no body;
`/<method>` takes the parameters from the query or a form. Source: reference 11; recordings of CometBFT
v0.38.26.
"""

from __future__ import annotations

import html
import posixpath
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.actors.http.cors import CorsLayer, CorsRules
from peerage.actors.http.hosts import HostNames
from peerage.actors.http.protocol import BrokenBody
from peerage.actors.rpc.answering import Answering, Guard, call_method
from peerage.actors.rpc.cross_site import why_refused
from peerage.actors.rpc.go_json import utf8
from peerage.actors.rpc.methods import UNSAFE, Method, RpcBackend, methods
from peerage.actors.rpc.on_the_spot import WATCHING, why_not_told
from peerage.actors.rpc.openapi import Description
from peerage.actors.rpc.protocol import (
    URI_REQUEST_ID,
    InvalidRequestError,
    MethodNotFoundError,
    RefusedRequestError,
    RpcError,
    arguments_of_uri,
    failure,
    read_requests,
    success,
)
from peerage.actors.rpc.response import respond, server_time
from peerage.actors.rpc.results import encode
from peerage.actors.rpc.settings import RpcLimits
from peerage.actors.rpc.websocket import SOCKET_METHODS, Socket

__all__ = ["BROKEN_BODY", "rpc_app"]

_OK: Final = 200
_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_REDIRECT: Final = 307
_SERVER_ERROR: Final = 500
_FORM: Final = "application/x-www-form-urlencoded"
_FORM_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def rpc_app(
    backend: RpcBackend,
    unsafe: bool,
    *,
    limits: RpcLimits = RpcLimits(),  # noqa: B008 - a frozen value
    hide_private_peers: bool = True,
    cors: CorsRules | None = None,
    host_names: tuple[str, ...] = (),
    routes: Mapping[str, ASGIApp | None] | None = None,
    tells_everywhere: bool = True,
) -> ASGIApp:
    """The application that answers for `backend`.

    Args:
        backend: answers all methods.
        limits: of one request.
        unsafe: whether the methods that change something exist.
        hide_private_peers: leave private peers out of `net_info` (CometBFT shows them, reference 12).
        cors: which pages of other origins may read the answers.
        host_names: by which we are called, where something is changed.
        routes: more paths, and who answers there; None: nobody, as if there were no such path.
        tells_everywhere: answer the methods of `on_the_spot.py` at other addresses than loopback, too.
    """
    names = HostNames(host_names)
    table = methods(unsafe=unsafe, hide_private=hide_private_peers)
    guards: dict[str, Guard] = dict.fromkeys(UNSAFE, lambda scope: why_refused(scope, names))
    if not tells_everywhere:
        guards |= dict.fromkeys(WATCHING, why_not_told)
    endpoints: dict[str, ASGIApp] = {
        f"/{name}": _Uri(backend, method, limits, guards.get(name)) for name, method in table.items()
    }
    endpoints["/"] = _JsonRpc(backend, Answering(backend, table, guards), limits)
    endpoints |= {f"/{name}": _OverSocketOnly(backend, limits) for name in SOCKET_METHODS}
    more = {path: each for path, each in (routes or {}).items() if each is not None}
    others: dict[str, ASGIApp] = {"/websocket": Socket(backend, table, guards, cors or CorsRules(), limits)}
    others["/openapi.json"] = Description(table, more)
    app = _Mux({**endpoints, **others, **more}, _Nowhere(backend, limits))
    return CorsLayer(app, cors) if cors is not None and cors.origins else app


class _Mux:
    """Routes as Go's multiplexer: a path that is one of ours is served, one that becomes so when cleaned is redirected."""

    def __init__(self, endpoints: Mapping[str, ASGIApp], nowhere: ASGIApp) -> None:
        self._endpoints = endpoints
        self._nowhere = nowhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["path"], self._nowhere)
        await endpoint(scope, receive, send)


class _Endpoint(ABC):
    """Reads the body up to its limit, and always answers."""

    def __init__(self, backend: RpcBackend, limits: RpcLimits) -> None:
        self._backend = backend
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await _read_body(request, self._limits.max_body_bytes)
        except ClientDisconnect:
            return  # the body cannot be read, and `BROKEN_BODY` has been sent
        except InvalidRequestError as error:
            # We close the connection, so that we need not read the rest.
            response = respond(failure(None, error), _BAD_REQUEST, {"Connection": "close"})
        else:
            response = await self._answer(request, body)
        await response(scope, receive, send)

    @abstractmethod
    async def _answer(self, request: Request, body: bytes) -> Response: ...


class _Uri(_Endpoint):
    """One method: parameters in the query, or in a form. Args: guard, says why a request is refused, or nothing."""

    def __init__(self, backend: RpcBackend, method: Method, limits: RpcLimits, guard: Guard | None) -> None:
        super().__init__(backend, limits)
        self._method = method
        self._guard = guard

    async def _answer(self, request: Request, body: bytes) -> Response:
        if self._guard is not None and (why := self._guard(request.scope)):
            return respond(failure(URI_REQUEST_ID, RefusedRequestError(why)), _FORBIDDEN)
        try:
            arguments = arguments_of_uri(self._method.parameters, _uri_values(request, body))
            result = await call_method(self._backend, self._method, arguments)
        except RpcError as error:
            return respond(failure(URI_REQUEST_ID, error), _SERVER_ERROR)
        return respond(success(URI_REQUEST_ID, result))


class _JsonRpc(_Endpoint):
    """All methods: takes requests in the body; without a body it returns a page that lists the methods."""

    def __init__(self, backend: RpcBackend, answering: Answering, limits: RpcLimits) -> None:
        super().__init__(backend, limits)
        self._answering = answering

    async def _answer(self, request: Request, body: bytes) -> Response:
        if not body:
            return HTMLResponse(
                _index(request.headers.get("host", ""), self._answering.methods),
                headers={"Content-Type": "text/html", **server_time()},
            )
        try:
            requests = read_requests(body, self._limits.max_batch)
        except InvalidRequestError as error:
            return respond(failure(None, error))
        except RpcError as error:
            return respond(failure(None, error), _SERVER_ERROR)
        answers = [await self._answering.answer(each, request.scope) for each in requests]
        if not answers:  # notifications only
            return Response(status_code=_OK, headers=server_time())
        # If only one request of a batch wants an answer, it is answered as if it had come alone.
        return respond(answers[0] if len(answers) == 1 else answers)


class _OverSocketOnly(_Endpoint):
    """A method that there is at /websocket only."""

    async def _answer(self, _request: Request, _body: bytes) -> Response:
        return respond(failure(URI_REQUEST_ID, MethodNotFoundError()), _NOT_FOUND)


class _Nowhere(_Endpoint):
    """Any other path."""

    async def _answer(self, request: Request, _body: bytes) -> Response:
        path = request.scope["raw_path"].decode("ascii")
        clean = _clean_path(path)
        if clean == path:
            headers = {"X-Content-Type-Options": "nosniff", **server_time()}
            return PlainTextResponse("404 page not found\n", _NOT_FOUND, headers)
        query = request.scope["query_string"].decode("ascii")
        headers = {"Location": f"{clean}?{query}" if query else clean, **server_time()}
        if request.method not in {"GET", "HEAD"}:
            return Response(status_code=_REDIRECT, headers=headers)
        page = f'<a href="{html.escape(headers["Location"])}">Temporary Redirect</a>.\n\n'
        return HTMLResponse(page, _REDIRECT, headers)


def _clean_path(path: str) -> str:
    """The path without empty, `.` and `..` parts, as Go's multiplexer cleans it."""
    clean = "/" + posixpath.normpath(path).lstrip("/")
    return clean + "/" if path.endswith(("/", "/.", "/..")) and clean != "/" else clean


async def _read_body(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise InvalidRequestError("error reading request body: http: request body too large")
    return bytes(body)


def _uri_values(request: Request, body: bytes) -> dict[str, str]:
    """The parameters of a request: the query's, and a form's where the query has none or an empty one."""
    values: dict[str, str] = {}
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method in _FORM_METHODS and content_type == _FORM:
        values = _decode_query(body)
    in_query = _decode_query(request.scope["query_string"])
    return values | {name: value for name, value in in_query.items() if value}


def _decode_query(raw: bytes) -> dict[str, str]:
    """Names and values. Of a name given twice the first counts; pairs that Go would drop are dropped; bytes that are not
    UTF-8 become surrogates.
    """
    values: dict[str, str] = {}
    for pair in raw.split(b"&"):
        if b";" in pair or _BAD_PERCENT.search(pair):
            continue
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        values.setdefault(
            utf8(unquote_to_bytes(name)), unquote_to_bytes(value).decode(errors="surrogateescape")
        )
    return values


def _index(host: str, table: Mapping[str, Method]) -> str:
    """The page at `/`: a link to each method. The host name comes from the client, so it is escaped."""

    def link(name: str) -> str:
        query = "&".join(f"{parameter.name}=_" for parameter in table[name].parameters)
        url = html.escape(f"//{host}/{name}?{query}" if query else f"//{host}/{name}")
        return f'<a href="{url}">{url}</a></br>'

    plain = "".join(link(name) for name in sorted(table) if not table[name].parameters)
    with_parameters = "".join(link(name) for name in sorted(table) if table[name].parameters)
    return (
        f"<html><body><br>Available endpoints:<br>{plain}"
        f"<br>Endpoints that require arguments:<br>{with_parameters}</body></html>"
    )


BROKEN_BODY: Final = BrokenBody(
    "application/json",
    encode(failure(None, InvalidRequestError("error reading request body: it breaks off, or is no HTTP"))),
)
