"""By which names a service may be called: a web page must not reach the services of its reader's machine under its own name.

A page of evil.example.org may have its name resolved anew, to 127.0.0.1, and then asks a service there as its own origin
(DNS rebinding). The Host header still has the page's name. So what arrives at a loopback address is answered only if its
Host is none that a stranger can have: an IP address, a name without a dot, one that ends in `.localhost`, this machine's, or
one that the operator has allowed. A service that listens elsewhere is called by names of all kinds; there only what changes
something is checked (`actors/rpc/cross_site.py`).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import cache
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.wire.remote_text import shown

__all__ = ["HostLayer", "HostNames", "authority_of", "is_loopback"]

_FORBIDDEN: Final = 403
_AUTHORITY: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]*)?")


@dataclass(frozen=True, slots=True)
class HostNames:
    """The names that an operator has allowed, in any case; `*` allows all."""

    allowed: tuple[str, ...] = ()

    def knows(self, authority: str) -> bool:
        """Whether a Host header is none that a stranger's page can have. Args: authority, the header: a name, and a port."""
        found = _AUTHORITY.fullmatch(authority.lower())
        if found is None:
            return False
        name = found[1].removesuffix(".")
        if "*" in self.allowed or "." not in name or name.endswith(".localhost"):
            return True
        return _is_address(name) or name == _own_name() or name in map(str.lower, self.allowed)

    def why_not(self, authority: str) -> str:
        """Why a request is refused; empty if it is not."""
        if self.knows(authority):
            return ""
        return (
            f"the Host header is {shown(authority)!r}; expected an IP address, localhost, a name without a dot, or one of "
            "peerage.http_hosts"
        )


class HostLayer:
    """Around an application: refuses what has arrived at a loopback address under a stranger's name, with 403."""

    def __init__(self, app: ASGIApp, names: HostNames) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = self._names.why_not(authority_of(scope)) if is_loopback(scope.get("server")) else ""
        if why:
            response = PlainTextResponse(f"403 Forbidden: {why}\n", _FORBIDDEN, {"Connection": "close"})
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def authority_of(scope: Scope) -> str:
    """The Host header of a request; empty if it has none."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_loopback(server: tuple[str, int | None] | None) -> bool:
    """Whether a request has arrived there. Not by a unix socket, which no browser opens."""
    if server is None or server[1] is None:
        return False
    try:
        address = ipaddress.ip_address(server[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


@cache
def _own_name() -> str:
    return socket.gethostname().lower()
