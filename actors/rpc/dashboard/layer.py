"""Serves the dashboard beside RPC: a page, its style and its scripts, all of them files of this package.

The page asks RPC for everything that it shows, as any client does. It loads nothing from elsewhere, its scripts make no
markup of what they show, and a browser is told to allow neither (Content-Security-Policy). So what a remote calls itself is
text, whatever it looks like.

It is for whoever is at the machine: what does not arrive at a loopback address is not found, unless the operator has said
otherwise. The Host header must be none that a stranger can have, at any address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.actors.http.hosts import HostNames, authority_of, is_loopback

__all__ = ["EVERYWHERE", "OFF", "PREFIX", "DashboardLayer", "Files", "files", "files_in", "is_told"]

PREFIX: Final = "/dashboard"
OFF, EVERYWHERE = "off", "any"  # peerage.dashboard; anything else: where it is loopback

Files = Mapping[str, tuple[bytes, str, str]]

_FORBIDDEN: Final = 403
_NOT_MODIFIED: Final = 304
_REDIRECT: Final = 308
_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing from elsewhere, no script but our files, nobody's frame.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class DashboardLayer:
    """Around an application: answers what is below /dashboard, and passes on everything else.

    Args: where, `peerage.dashboard`; names, by which we are called; page, what is served there, by default a node's page.
    """

    def __init__(self, app: ASGIApp, where: str, names: HostNames, page: Files | None = None) -> None:
        self._app, self._where, self._names = app, where, names
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        is_ours = path == PREFIX or path.startswith(f"{PREFIX}/")
        if is_ours and is_told(self._where, scope) and scope["method"] in {"GET", "HEAD"}:
            await self._answer(scope, path)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _answer(self, scope: Scope, path: str) -> Response:
        if why := self._names.why_not(authority_of(scope)):
            return PlainTextResponse(f"403 Forbidden: {why}\n", _FORBIDDEN)
        if path == PREFIX:  # so that the page's own names are below it
            return Response(
                status_code=_REDIRECT, headers={"Location": f"{scope.get('root_path', '')}{PREFIX}/"}
            )
        page = files() if self._page is None else self._page
        file = page.get(path.removeprefix(f"{PREFIX}/") or "index.html")
        if file is None:
            return PlainTextResponse("404 page not found\n", 404, dict(_HEADERS))
        content, kind, tag = file
        headers = {**_HEADERS, "ETag": tag}
        known = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
        if tag.encode() in known:
            return Response(status_code=_NOT_MODIFIED, headers=headers)
        return Response(content, headers={**headers, "Content-Type": kind})


def is_told(where: str, scope: Scope) -> bool:
    """Whether what a request has come for is told where it has arrived. Args: where, `peerage.dashboard`."""
    return where == EVERYWHERE or (where != OFF and is_loopback(scope.get("server")))


@cache
def files() -> Files:
    """The files of a node's page by name: content, type, and a tag that changes with the content."""
    return files_in(Path(__file__).parent / "page")


def files_in(directory: Path) -> Files:
    """The files of a page, as of `files`."""
    found = {}
    for path in sorted(directory.iterdir()):
        if kind := _TYPES.get(path.suffix):
            content = path.read_bytes()
            found[path.name] = content, kind, f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return found
