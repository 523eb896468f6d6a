"""Cross-origin requests: which pages of other origins may read our answers in a browser.

A layer around an ASGI application that answers every request as CometBFT does. Source: CometBFT's `[rpc] cors_allowed_…`
settings; recordings of v0.38.26.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CorsLayer", "CorsRules"]

_MOST_HEADERS: Final = 64  # in one preflight request; a browser sends a handful
_PREFLIGHT_VARY: Final = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

_Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class CorsRules:
    """What pages of other origins may do. Without origins they may do nothing, and no CORS header is sent.

    Args:
        origins: `https://example.org`, in any case; one `*` inside stands for any text, "*" alone for any origin.
        methods: in capitals, as in requests. OPTIONS is always allowed.
        headers: names of request headers, in any case; "*" for any.
    """

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this origin may read our answers."""
        folded = origin.lower()
        return any(_matches(pattern.lower(), folded) for pattern in self.origins)

    def allows_method(self, method: str) -> bool:
        """Whether they may use this method."""
        return method == "OPTIONS" or method in self.methods

    def allows_headers(self, names: str) -> bool:
        """Whether they may send these headers. Args: names, separated by commas."""
        if "*" in self.headers:
            return True
        allowed = {name.lower() for name in self.headers}
        asked = [name.strip(" \t") for name in names.split(",", _MOST_HEADERS)]
        return len(asked) <= _MOST_HEADERS and all(name in allowed for name in asked if name)


class CorsLayer:
    """Answers preflight requests, and adds CORS headers to all other answers."""

    def __init__(self, app: ASGIApp, rules: CorsRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
        if scope["method"] == "OPTIONS" and asked.get(b"access-control-request-method"):
            await send({"type": "http.response.start", "status": 204, "headers": self._of_preflight(asked)})
            await send({"type": "http.response.body", "body": b""})
            return
        ours = self._of_request(scope["method"], asked)

        async def send_with_ours(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *ours]}
            await send(message)

        await self._app(scope, receive, send_with_ours)

    def _of_preflight(self, asked: dict[bytes, str]) -> _Headers:
        vary: _Headers = [(b"vary", _PREFLIGHT_VARY)]
        origin, method = asked.get(b"origin", ""), asked[b"access-control-request-method"]
        names = asked.get(b"access-control-request-headers", "")
        rules = self._rules
        if not origin or not (rules.allows_origin(origin) and rules.allows_method(method)):
            return vary
        if not rules.allows_headers(names):
            return vary
        answer = [
            *vary,
            self._allowed_origin(origin),
            (b"access-control-allow-methods", method.encode("latin-1")),
        ]
        if names:
            answer.append((b"access-control-allow-headers", names.encode("latin-1")))
        return answer

    def _of_request(self, method: str, asked: dict[bytes, str]) -> _Headers:
        origin = asked.get(b"origin", "")
        answer: _Headers = [(b"vary", b"Origin")]
        if origin and self._rules.allows_origin(origin) and self._rules.allows_method(method):
            answer.append(self._allowed_origin(origin))
        return answer

    def _allowed_origin(self, origin: str) -> tuple[bytes, bytes]:
        value = "*" if "*" in self._rules.origins else origin
        return b"access-control-allow-origin", value.encode("latin-1")


def _matches(pattern: str, origin: str) -> bool:
    start, star, end = pattern.partition("*")
    if not star:
        return pattern == origin
    return len(origin) >= len(start) + len(end) and origin.startswith(start) and origin.endswith(end)
