"""A connection that changes its protocol: what HTTP hands to whoever speaks on it from then on.

ASGI has no way for it (its WebSockets are the server's own), so an application that answers an upgrade finds a function in
its scope: `scope["extensions"][HANDOVER]`. The successor is counted as a connection as long as it lives, as in Go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.pending_bytes import Share

__all__ = ["HANDOVER", "HandOver", "HandedOver", "Successor"]

HANDOVER: Final = "peerage.handover"


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a successor takes over.

    Args:
        transport: whose protocol it becomes. What it receives begins behind the request.
        share: of the bytes that all clients together may have sent and not been answered.
        limits: of the server.
        forget: to be called when the connection is lost.
    """

    transport: asyncio.Transport
    share: Share
    limits: HttpLimits
    forget: Callable[[], None]


class Successor(Protocol):
    """The next protocol of a connection, an `asyncio.Protocol`."""

    transport: asyncio.Transport

    def begin(self) -> None:
        """The answer to the request is written, and the transport is ours."""

    def shutdown(self) -> None:
        """The server stops: say goodbye and close."""


class HandOver(Protocol):
    """Ends HTTP on a connection. The application must answer nothing else after it.

    A client that has sent more than its request did not wait for the answer: its connection is closed, as Go's library does.
    """

    def __call__(self, answer: bytes, make: Callable[[HandedOver], Successor]) -> None:
        """Args: answer, the response as bytes, 101 as a rule; make, the successor."""
