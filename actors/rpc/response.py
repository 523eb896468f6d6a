"""What every answer of RPC has: JSON as Go writes it, and the server's time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from peerage.actors.rpc.results import encode

__all__ = ["respond", "server_time"]

_OK: Final = 200


def respond(answer: Any, status: int = _OK, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON. Args: answer, JSON values; headers, more of them."""
    return Response(encode(answer), status, {**server_time(), **(headers or {})}, "application/json")


def server_time() -> dict[str, str]:
    """CometBFT's header: seconds since 1970."""
    return {"X-Server-Time": str(int(time.time()))}
