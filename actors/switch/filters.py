"""The operator's filters: each may refuse a connection before its handshake, or a peer after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from peerage.actors.messages import ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import Timer
from peerage.wire.remote_text import shown

ConnectionFilter = Callable[[ConnectionFacts], "str | None"]
PeerFilter = Callable[[PeerInfo], "str | None"]
Decided = Callable[["Refusal | None"], None]


class Run(Protocol):
    """Calls `work` beside the loop, then `then` in it with the result or the exception."""

    def __call__(self, work: Callable[[], Any], then: Callable[[Any], None], /) -> None: ...


class Filters:
    """Runs filters in parallel in threads, because they may block. The first refusal decides, or the timeout.

    Args: timeout, seconds that all filters of one connection have together.
    """

    def __init__(
        self,
        connection_filters: Sequence[ConnectionFilter],
        peer_filters: Sequence[PeerFilter],
        *,
        run: Run,
        call_later: Callable[..., Timer],
        timeout: float,
    ) -> None:
        self._connection_filters, self._peer_filters = connection_filters, peer_filters
        self._run, self._call_later, self._timeout = run, call_later, timeout

    def judge_connection(self, facts: ConnectionFacts, decided: Decided) -> None:
        """Call `decided` with the refusal, or None; at once when there is no filter."""
        self._judge([partial(judge, facts) for judge in self._connection_filters], decided)

    def judge_peer(self, info: PeerInfo, decided: Decided) -> None:
        """As `judge_connection`."""
        self._judge([partial(judge, info) for judge in self._peer_filters], decided)

    def _judge(self, calls: Sequence[Callable[[], str | None]], decided: Decided) -> None:
        if not calls:
            decided(None)
            return
        left = len(calls)
        is_settled = False

        def decide(refusal: Refusal | None) -> None:
            nonlocal is_settled
            if not is_settled:
                is_settled = True
                timer.cancel()
                decided(refusal)

        def take(result: str | Exception | None) -> None:
            nonlocal left
            left -= 1
            if result is not None:
                decide(Refusal(RefusalReason.FILTERED, shown(str(result))))
            elif left == 0:
                decide(None)

        too_late = Refusal(RefusalReason.FILTER_TIMEOUT, f"no verdict within {self._timeout:g} s")
        timer = self._call_later(self._timeout, decide, too_late)
        for call in calls:
            self._run(call, take)
