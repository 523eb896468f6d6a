"""One question to all peer hosts: the state of their connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from peerage.actors.messages import GetPeerStatuses, PeerStatus
from peerage.actors.runtime import ActorDeadError, ActorRef, Future, Timer

STATUS_TIMEOUT_S = 2.0  # a peer host that hangs is left out


def collect_statuses(
    transports: Sequence[ActorRef],
    call_later: Callable[..., Timer],
    then: Callable[[Sequence[PeerStatus]], None],
) -> None:
    """Call `then` once with the answers of the peer hosts, when all have answered or the time is over."""
    statuses: list[PeerStatus] = []
    left = len(transports)

    def collect(answer: Future[Any]) -> None:
        nonlocal left
        left -= 1
        with suppress(ActorDeadError):
            statuses.extend(answer.get(timeout=0))
        if left == 0:
            over()

    def over() -> None:
        if not timer.cancelled:
            timer.cancel()
            then(statuses)

    timer = call_later(STATUS_TIMEOUT_S, over)
    for transport in transports:
        transport.ask(GetPeerStatuses(), block=False).then(collect)
