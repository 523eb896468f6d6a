"""What is for whoever is at the machine: RPC on a public address does not tell how the node is built and whom it knows.

CometBFT's methods are public where RPC is. `actors` tells processes, and in the causes of restarts the text of exceptions;
`book` tells which groups of addresses fill it and who has told of them, which whoever would surround the node wants to know;
`log_tail` tells the addresses of everybody who came.
"""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from peerage.actors.http.hosts import is_loopback

__all__ = ["WATCHING", "why_not_told"]

WATCHING: Final = frozenset({"actors", "peers", "history", "book", "log_tail"})


def why_not_told(scope: Scope) -> str:
    """Why a request for one of these is refused, unless the operator has opened them; empty if it is not."""
    server = scope.get("server")
    if server is None or server[1] is None or is_loopback(server):  # a unix socket, or this machine
        return ""
    return 'it is told at loopback addresses alone; peerage.dashboard = "any" opens it'
