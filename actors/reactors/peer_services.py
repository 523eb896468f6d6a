"""What peers are good for: their own word, each asked for the status of its connection."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from peerage.actors.discovery.manager.events import Service
from peerage.actors.messages import GetStatusOfPeer, PeerStatus
from peerage.actors.runtime import ActorDeadError, ActorRef, Future

__all__ = ["ask_services"]

T = TypeVar("T")


def ask_services(peers: Mapping[T, ActorRef], then: Callable[[Mapping[T, Service]], object]) -> None:
    """Call `then` once all have answered or ended. Those that are no peers any more are left out.

    Args: peers, the actor of each. It is a few only: a host is not asked for all that it has.
    """
    services: dict[T, Service] = {}
    left = set(peers)

    def collect(peer: T, answer: Future[Any]) -> None:
        try:
            status: PeerStatus | None = answer.get(timeout=0)
        except ActorDeadError:
            status = None
        if status is not None:
            round_trip = status.status.round_trip
            services[peer] = Service(math.inf if round_trip is None else round_trip, status.idle)
        left.discard(peer)
        if not left:
            then(services)

    if not peers:
        then(services)
    for peer, ref in peers.items():
        ref.ask(GetStatusOfPeer(), block=False).then(partial(collect, peer))
