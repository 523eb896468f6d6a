"""The dashboard of a seed with many chains: a page of all, and below it the page of each, all at one address.

    /dashboard/              the page of all chains, which asks for /chains
    /chains                  how all stand, as JSON
    /chains/ID/dashboard/    the page of one chain's node, the same as the node's own
    /chains/ID/METHOD        what that page asks; the node answers it

The rules are those of a node's page (`actors/rpc/dashboard/layer.py`): loopback addresses only unless `peerage.dashboard`
says otherwise, a Host header that no stranger can have, nothing from elsewhere. Nothing can be changed here: of a node's
methods, those that its page asks for are passed on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.actors.http.hosts import HostNames, authority_of
from peerage.actors.rpc.dashboard.layer import (
    EVERYWHERE,
    OFF,
    PREFIX,
    DashboardLayer,
    Files,
    files,
    files_in,
    is_told,
)
from peerage.supervisors.chains.keeper import ChainStatus
from peerage.supervisors.chains.node_relay import NodeRelay
from peerage.supervisors.chains.overview import ChainPlace, ChainsOverview

__all__ = ["chains_dashboard"]

CHAINS: Final = "/chains"
ASKED: Final = frozenset({"/actors", "/peers", "/history", "/book", "/log_tail", "/status", "/events"})
_LOOPBACK: Final = "loopback"
_SHARED: Final = ("dom.js", "format.js", "icon.svg", "style.css", "table.js", "tiles.js")  # of a node's page
_REDIRECT: Final = 307
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404


def chains_dashboard(
    places: Iterable[ChainPlace],
    statuses: Callable[[], Sequence[ChainStatus]],
    host_names: tuple[str, ...] = (),
) -> ASGIApp:
    """The application. Args: statuses, how the keeper sees the chains; host_names, by which we may be called."""
    return _Dashboard(tuple(places), statuses, HostNames(host_names))


@cache
def page_files() -> Files:
    """The page of all chains: its own files, and those that it has in common with a node's."""
    shared = files()
    return {**files_in(Path(__file__).parent / "page"), **{name: shared[name] for name in _SHARED}}


class _Dashboard:
    def __init__(
        self, places: Sequence[ChainPlace], statuses: Callable[[], Sequence[ChainStatus]], names: HostNames
    ) -> None:
        self._names = names
        self._overview = overview = ChainsOverview(places, statuses)
        wheres = {place.where for place in places}
        self._where = wheres.pop() if len(wheres) == 1 else _LOOPBACK
        self._page = DashboardLayer(self._answer, self._where, names, page_files())
        self._nodes = {place.id: _NodePage(place, overview, names) for place in places}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._page(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever is not below /dashboard."""
        path = scope["path"]
        chain, _, rest = path.removeprefix(f"{CHAINS}/").partition("/")
        node = self._nodes.get(chain) if path.startswith(f"{CHAINS}/") and rest else None
        if node is not None:
            await node(_below(scope, f"{CHAINS}/{chain}"), receive, send)
            return
        if path == CHAINS and is_told(self._where, scope) and scope["method"] == "GET":
            if why := self._names.why_not(authority_of(scope)):
                response: Response = PlainTextResponse(f"403 Forbidden: {why}\n", _FORBIDDEN)
            else:
                headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
                response = Response(json.dumps({"result": await self._overview.get()}), headers=headers)
        elif path == "/" and is_told(self._where, scope):
            response = Response(status_code=_REDIRECT, headers={"Location": f"{PREFIX}/"})
        else:
            response = _nowhere()
        await response(scope, receive, send)


class _NodePage:
    """What is below /chains/ID: a node's page, and what it asks."""

    def __init__(self, place: ChainPlace, overview: ChainsOverview, names: HostNames) -> None:
        self._where, self._names = place.where, names
        self._relay = NodeRelay(place.rpc, lambda: overview.state_of(place.id))
        self._page = DashboardLayer(self._ask, place.where, names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._page(scope, receive, send)

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._where == OFF or scope["path"] not in ASKED:
            await _nowhere()(scope, receive, send)
        elif not is_told(self._where, scope):
            why = f'it is told at loopback addresses alone; peerage.dashboard = "{EVERYWHERE}" opens it'
            await PlainTextResponse(f"403 Forbidden: {why}\n", _FORBIDDEN)(scope, receive, send)
        elif why := self._names.why_not(authority_of(scope)):
            await PlainTextResponse(f"403 Forbidden: {why}\n", _FORBIDDEN)(scope, receive, send)
        else:
            await self._relay(scope, receive, send)


def _below(scope: Scope, prefix: str) -> Scope:
    """The scope of what is served below this prefix."""
    path = scope["path"].removeprefix(prefix)
    return {
        **scope,
        "path": path,
        "raw_path": path.encode(),
        "root_path": scope.get("root_path", "") + prefix,
    }


def _nowhere() -> Response:
    return PlainTextResponse("404 page not found\n", _NOT_FOUND, {"X-Content-Type-Options": "nosniff"})
