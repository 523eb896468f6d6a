"""actors/reactors/peer_services.py: what peers are good for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from peerage.actors.discovery.manager.events import Service
from peerage.actors.messages import PeerStatus
from peerage.actors.reactors.peer_services import ask_services
from peerage.actors.runtime import ActorDeadError
from peerage.wire.multiplex import MultiplexConnection
from tests.actors.messages.samples import PEER

STATUS = MultiplexConnection((), now=0.0).status(0.0)


class Asked:
    """A peer actor, and the future of its answer, which comes when it is told to."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.come: Any = None

    def ask(self, _question: object, *, block: bool) -> Asked:
        assert not block
        return self

    def then(self, fn: Any) -> None:
        self.come = lambda: fn(self)

    def get(self, *, timeout: float) -> Any:
        assert timeout == 0
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_the_services_of_all_are_told_once_the_last_has_answered() -> None:
    """Those that have ended, or are no peers yet, are left out."""
    told: list[Any] = []
    peers: Any = {
        "new": Asked(PeerStatus(PEER, STATUS)),
        "useful": Asked(PeerStatus(PEER, replace(STATUS, round_trip=0.25), idle=7.0)),
        "none": Asked(None),
        "gone": Asked(ActorDeadError("gone")),
    }
    ask_services(peers, told.append)
    for peer in peers.values():
        assert told == []
        peer.come()
    assert told == [{"new": Service(math.inf, math.inf), "useful": Service(0.25, 7.0)}]


def test_when_there_is_nobody_that_is_told_at_once() -> None:
    told: list[Any] = []
    ask_services({}, told.append)
    assert told == [{}]
