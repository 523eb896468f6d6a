"""How the chains of a seed stand, for their page: what their keeper knows, and what each node says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from peerage.actors.rpc.fresh import Fresh
from peerage.supervisors.chains.keeper import ChainState, ChainStatus
from peerage.supervisors.chains.node_relay import NodeSilentError, ask_node

__all__ = ["ChainPlace", "ChainsOverview"]

MAX_AGE_S: Final = 1.0
PATIENCE_S: Final = 2.0  # for all nodes together
MOST_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """Where a chain's node answers. Args: commands, its own socket; rpc, that of its RPC; where, its `peerage.dashboard`."""

    id: str
    commands: Path
    rpc: Path
    where: str


class ChainsOverview:
    """For one loop of asyncio; nothing is asked while nobody looks. Args: statuses, how the keeper sees the chains."""

    def __init__(
        self,
        places: Iterable[ChainPlace],
        statuses: Callable[[], Sequence[ChainStatus]],
        patience: float = PATIENCE_S,
    ) -> None:
        self._places, self._statuses, self._patience = tuple(places), statuses, patience
        self._fresh = Fresh(self._look, MAX_AGE_S)
        self._asked: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def get(self) -> dict[str, Any]:
        """All chains, in their order."""
        return await self._fresh.get()

    def state_of(self, chain: str) -> str:
        """How a chain stands, in a word."""
        return next((each.state.value for each in self._statuses() if each.chain == chain), "unknown")

    async def _look(self) -> dict[str, Any]:
        statuses = {status.chain: status for status in self._statuses()}
        room = asyncio.Semaphore(MOST_AT_ONCE)
        for place in self._places:
            if place.id not in self._asked and statuses[place.id].state is ChainState.RUNNING:
                self._asked[place.id] = asyncio.create_task(_facts(place, room))
        if self._asked:  # one that owes an answer is not asked again
            await asyncio.wait(self._asked.values(), timeout=self._patience)
        return {
            "time": time.time(),
            "chains": [self._row(place, statuses[place.id]) for place in self._places],
        }

    def _row(self, place: ChainPlace, status: ChainStatus) -> dict[str, Any]:
        node, why = None, ""
        task = self._asked.get(place.id)
        if task is not None and task.done():
            del self._asked[place.id]
            try:
                node = task.result()
            except NodeSilentError as error:
                why = str(error)
        elif task is not None:
            why = f"its node has not answered within {self._patience:g} s"
        is_running = status.state is ChainState.RUNNING
        return {
            "chain": place.id,
            "state": status.state.value,
            "is_up": is_running and node is not None,
            "why": why if is_running else status.cause,
            "address": status.address,
            "pid": status.pid,
            "restarts": status.restarts,
            "has_page": place.where != "off",
            "node": node if is_running else None,
        }


async def _facts(place: ChainPlace, room: asyncio.Semaphore) -> dict[str, Any]:
    """What the node says of itself; its peers are counted as its RPC counts them, which says nothing of private ones."""
    async with room:
        overview, peers = await asyncio.gather(
            ask_node(place.commands, "/overview"), ask_node(place.rpc, "/peers?limit=1")
        )
    try:
        return _told(overview, peers)
    except (KeyError, TypeError) as error:
        raise NodeSilentError(f"its node answers what is not known here: {error}") from error


def _told(overview: Any, peers: Any) -> dict[str, Any]:
    outbound = peers["n_outbound"]
    book = overview["addresses"] or {}
    return {
        "id": overview["id"],
        "moniker": overview["moniker"],
        "version": overview["version"],
        "uptime": overview["uptime_s"],
        "inbound": peers["n_peers"] - outbound,
        "outbound": outbound,
        "recv_rate": peers["recv_rate"],
        "send_rate": peers["send_rate"],
        "addresses": book.get("size"),
        "proved": book.get("old"),
        "banned": book.get("banned"),
        "restarts": overview["restarts"],
    }
