"""/livez and /readyz: whether the process serves, and whether the node does what it is there for.

As Kubernetes has them: a line for each check, 200 if all of them hold and else 503. Every part of the node is asked
something through its mailbox, all at the same time; one that has not answered within 0.7 s does not work, so that there is
an answer within a second, whatever a part does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.wire.remote_text import shown

__all__ = ["PATIENCE_S", "Check", "CheckFailedError", "health_routes"]

PATIENCE_S: Final = 0.7
_OK: Final = 200
_BAD_REQUEST: Final = 400
_UNAVAILABLE: Final = 503
_HEADERS: Final = {"Cache-Control": "no-cache, private", "X-Content-Type-Options": "nosniff"}

Check = Callable[[], Awaitable[object]]
"""Returns if all is well, raises if not: the text of the exception is the reason. It may take as long as it likes."""


class CheckFailedError(Exception):
    """Something is not as it should be. The text is the reason."""


class _Rounds:
    """Does all checks at once. Whoever asks during a round shares it: many probes cost what one does.

    Args: patience_s, so long each check may take.
    """

    def __init__(self, checks: Mapping[str, Check], patience_s: float) -> None:
        self._checks = checks
        self._patience_s = patience_s
        self._under_way: asyncio.Task[dict[str, str]] | None = None

    async def reasons(self) -> dict[str, str]:
        """Why each check failed, by its name; an empty text if it did not."""
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._do())
            self._under_way.add_done_callback(self._done)
        # a client that disconnects must not cancel the round for the others
        return await asyncio.shield(self._under_way)

    def _done(self, _task: object) -> None:
        self._under_way = None

    async def _do(self) -> dict[str, str]:
        reasons = await asyncio.gather(*(self.reason(check) for check in self._checks.values()))
        return dict(zip(self._checks, reasons, strict=True))

    async def reason(self, check: Check) -> str:
        """Why this check failed; empty if it did not."""
        try:
            async with asyncio.timeout(self._patience_s):
                await check()
        except TimeoutError:
            return f"no answer within {self._patience_s:g} s"
        except Exception as error:
            return str(error) or type(error).__name__
        return ""


class _Health:
    """One path. Args: name, of the path; peers, how many peers there are, if that may be asked for."""

    def __init__(self, name: str, rounds: _Rounds, peers: Callable[[], Awaitable[int]] | None = None) -> None:
        self._name = name
        self._rounds = rounds
        self._peers = peers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> PlainTextResponse:
        query = request.query_params
        wanted = query.get("peers", "0")
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) <= 9):
            text = f"peers: found {shown(wanted)!r}, expected a number\n"
            return PlainTextResponse(text, _BAD_REQUEST, _HEADERS)
        round_, peers = self._rounds.reasons(), self._lack_of_peers(int(wanted))
        reasons, lack = await asyncio.gather(round_, peers)
        if int(wanted) and self._peers is not None:
            reasons = {**reasons, "peers": lack}
        excluded = frozenset(query.getlist("exclude"))
        failed = any(reason for name, reason in reasons.items() if name not in excluded)
        lines = [_line(name, reason, name in excluded) for name, reason in reasons.items()]
        lines.append(f"{self._name} check {'failed' if failed else 'passed'}")
        return PlainTextResponse("\n".join(lines) + "\n", _UNAVAILABLE if failed else _OK, _HEADERS)

    async def _lack_of_peers(self, wanted: int) -> str:
        ask = self._peers
        if not wanted or ask is None:
            return ""

        async def check() -> None:
            found = await ask()
            if found < wanted:
                raise CheckFailedError(f"{found} connected, {wanted} wanted")

        return await self._rounds.reason(check)


def _line(name: str, reason: str, is_excluded: bool) -> str:
    if is_excluded:
        return f"[+]{name} excluded: {reason or 'ok'}"
    return f"[-]{name} failed: {reason}" if reason else f"[+]{name} ok"


async def _serves() -> None:
    """Whoever reads the answer knows."""


def health_routes(
    checks: Mapping[str, Check],
    peers: Callable[[], Awaitable[int]] | None = None,
    patience_s: float = PATIENCE_S,
) -> dict[str, ASGIApp]:
    """The paths, and who answers there.

    Args:
        checks: of /readyz, in the order of their lines.
        peers: how many peers there are, for /readyz?peers=N.
        patience_s: so long a check may take.
    """
    live = _Rounds({"http": _serves}, patience_s)
    ready = _Rounds({"http": _serves, **checks}, patience_s)
    return {"/livez": _Health("livez", live), "/readyz": _Health("readyz", ready, peers)}
