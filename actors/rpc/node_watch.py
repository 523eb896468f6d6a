"""What a running node does, for those who look: its actors, and its peers with their figures.

All hosts are asked at once, and one that does not answer in time is not waited for: what it said last is shown, and that it
is silent. It is not asked again before it has answered. Nothing is asked while nobody looks, and whoever looks within half a
second after somebody else gets the same answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from peerage.actors.messages import GetPeerFigures, PeerFigures
from peerage.actors.rpc.fresh import Fresh
from peerage.actors.runtime import (
    ActorDeadError,
    ActorRef,
    Future,
    LimitReachedError,
    MailboxFullError,
    Observation,
    Observer,
)

__all__ = ["PATIENCE_S", "HostPeers", "NodeWatch"]

PATIENCE_S = 0.4  # for all hosts together


@dataclass(frozen=True, slots=True)
class HostPeers:
    """The peers of one host.

    Args: answered, False: it did not answer in time, and figures are what it said last, if it ever did.
    """

    host: str
    answered: bool
    figures: PeerFigures


class NodeWatch:
    """For one thread with a loop of asyncio. Args: transports, of the node; patience, seconds that hosts have to answer."""

    def __init__(self, transports: Sequence[ActorRef], patience: float = PATIENCE_S) -> None:
        self._transports, self._patience = tuple(transports), patience
        self._observer: Observer | None = None
        self._questions: dict[ActorRef, Future[Any]] = {}
        self._last: dict[ActorRef, PeerFigures] = {}
        self._observation = Fresh(self._observe)
        self._peers = Fresh(self._ask_peers)

    async def actors(self) -> Observation:
        """All hosts of the system with their actors."""
        return await self._observation.get()

    async def peers(self) -> list[HostPeers]:
        """The peers, host by host."""
        return await self._peers.get()

    async def _observe(self) -> Observation:
        self._observer = self._observer or Observer()
        return await self._observer.observe_async(self._patience)

    async def _ask_peers(self) -> list[HostPeers]:
        for transport in self._transports:
            if transport not in self._questions:
                with suppress(ActorDeadError, LimitReachedError, MailboxFullError):
                    self._questions[transport] = transport.ask(GetPeerFigures(), block=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                for question in self._questions.values():
                    with suppress(ActorDeadError, LimitReachedError, MailboxFullError):
                        await question
        return [self._found(transport) for transport in self._transports]

    def _found(self, transport: ActorRef) -> HostPeers:
        question = self._questions.get(transport)
        answered = False
        if question is not None and question.is_ready():
            del self._questions[transport]
            try:
                self._last[transport] = question.get(timeout=0)
                answered = True
            except ActorDeadError:  # with its connections
                self._last.pop(transport, None)
            except (LimitReachedError, MailboxFullError):
                pass
        return HostPeers(transport.name, answered, self._last.get(transport) or PeerFigures((), ()))
