"""The requests that Go's HTTP server refuses before a handler sees them, so that our services answer as CometBFT's do.

An ASGI application around ours, for the requests that h11 accepts. Checked against a real CometBFT v0.38.26.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["AsGoServes", "HttpRefusal", "refusal_text"]

_OK: Final = 200
_BAD_REQUEST: Final = 400
_METHOD_NOT_ALLOWED: Final = 405
_EXPECTATION_FAILED: Final = 417
_VERSION_NOT_SUPPORTED: Final = 505
_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ORIGIN: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")  # of a target in absolute form
_HOST: Final = re.compile(rb"[A-Za-z0-9!$%&'()*+,.:;=\[\]_~-]*")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class HttpRefusal:
    """An answer given instead of the application's. `text` follows the name of the status; None: no body."""

    status: int
    text: str | None = ""


class AsGoServes:
    """Passes only those requests to the application that Go's server would; a target in absolute form becomes a path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope)
        if refusal is not None:
            await _response(refusal)(scope, receive, send)
            return
        path: bytes = scope["raw_path"]
        if not path.startswith(b"/"):
            path = _ORIGIN.sub(b"", path, count=1) or b"/"
            scope = {**scope, "raw_path": path, "path": unquote(path.decode("ascii"))}
        await self._app(scope, receive, send)


def refusal_text(status: int, text: str = "") -> str:
    """The body of a refusal: the status with its name, and details."""
    name = f"{status} {HTTPStatus(status).phrase}"
    return f"{name}: {text}" if text else name


def _refusal(scope: Scope) -> HttpRefusal | None:
    path, method = scope["raw_path"], scope["method"]
    if not scope["http_version"].startswith("1."):
        return HttpRefusal(_VERSION_NOT_SUPPORTED, "unsupported protocol version")
    if method == "CONNECT":  # h11 sends no body with a 200, so it would be half an answer
        return HttpRefusal(_METHOD_NOT_ALLOWED)
    if path == b"*":
        return HttpRefusal(_OK if method == "OPTIONS" else _BAD_REQUEST, None)
    if not (path.startswith(b"/") or _ORIGIN.match(path)) or _BAD_PERCENT.search(path):
        return HttpRefusal(_BAD_REQUEST)
    return _refusal_of_headers(scope["headers"])


def _refusal_of_headers(headers: Iterable[tuple[bytes, bytes]]) -> HttpRefusal | None:
    for name, value in headers:
        if _CONTROL.search(value):
            return HttpRefusal(_BAD_REQUEST)
        if name == b"host" and not _HOST.fullmatch(value):
            return HttpRefusal(_BAD_REQUEST, "malformed Host header")
        if name == b"expect" and value.lower() != b"100-continue":
            return HttpRefusal(_EXPECTATION_FAILED, None)
    return None


def _response(refusal: HttpRefusal) -> Response:
    headers = {"Connection": "close"}
    if refusal.text is None:
        return Response(status_code=refusal.status, headers=headers)
    return PlainTextResponse(refusal_text(refusal.status, refusal.text), refusal.status, headers)
