"""What changes something is for operators and their programs, never for a web page of another site.

A browser sends a page's requests to any address, also to one that only this machine or its network reaches. The page cannot
read the answer, but a request that changes something has had its effect by then. Browsers say where a request comes from:
`Sec-Fetch-Site` (not to plain-HTTP addresses other than loopback), `Origin` (not with a simple GET). Where a browser says
neither, its request is refused too. Programs that are no browsers, curl say, send none of this.
"""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from peerage.actors.http.hosts import HostNames, authority_of
from peerage.wire.remote_text import shown

__all__ = ["why_refused"]

_OWN_SITES: Final = frozenset({"same-origin", "none"})  # none: the user has typed the address
_BROWSER: Final = "mozilla/"  # what the User-Agent of every browser begins with


def why_refused(scope: Scope, names: HostNames) -> str:
    """Why a request that changes something is refused; empty if it is not.

    Args:
        scope: the HTTP request.
        names: under which we are called. Any other may be that of a page whose name leads to us.
    """
    headers = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
    host = authority_of(scope)
    if why := names.why_not(host):
        return why
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None and site.strip().lower() not in _OWN_SITES:
        return f"a web page of another site has sent it (Sec-Fetch-Site: {shown(site)})"
    if origin is not None and origin.lower().partition("://")[2] != host.lower():
        return f"a web page of another site has sent it (Origin: {shown(origin)})"
    if site is None and origin is None and headers.get(b"user-agent", "").lower().startswith(_BROWSER):
        return "a browser has sent it and does not say for which page"
    return ""
