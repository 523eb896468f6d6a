"""Seed mode: whom to visit, and who has stayed long enough.

Source: reference 8, Seed mode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

CRAWL_PERIOD_S = 30.0  # reference 8
MIN_BETWEEN_CRAWLS_S = 120.0  # reference 8, of one peer
MAX_STAY_S = 28 * 3600.0  # reference 8
FORGET_AFTER_S = 24 * 3600.0  # reference 8
VISITS_PER_ROUND = 250  # as many as an answer holds; 15,000 addresses are visited again within half an hour


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody connected, since how many seconds, and whether for ever."""

    id: NodeID
    connected_s: float
    persistent: bool = False


class Crawler:
    """Remembers when each ID was last visited, for as long as the address book may hold it.

    Args: group_limit, how many addresses of one group of IP addresses are due at once at most; 0: no limit.
    """

    def __init__(
        self, *, clock: Callable[[], float], max_stay: float = MAX_STAY_S, group_limit: int = 0
    ) -> None:
        self._clock = clock
        self._max_stay = max_stay
        self._group_limit = group_limit
        self._visited: dict[NodeID, float] = {}

    def __len__(self) -> int:
        return len(self._visited)

    def due(self, selection: Iterable[NetAddress]) -> list[NetAddress]:
        """Those that were not visited in the last two minutes, noted as visited now."""
        now = self._clock()
        due: list[NetAddress] = []
        groups: Counter[str] = Counter()
        for address in selection:
            last = self._visited.get(address.id)
            if last is not None and 0 <= now - last < MIN_BETWEEN_CRAWLS_S:
                continue
            if self._group_limit:
                group = address.group(strict=False)
                if groups[group] >= self._group_limit:
                    continue  # its turn comes in another round
                groups[group] += 1
            self._visited[address.id] = now
            due.append(address)
        return due

    def overstayed(self, peers: Iterable[Stay]) -> list[NodeID]:
        """Who has to make room for others: not persistent, and connected for the whole wait period."""
        return [peer.id for peer in peers if not peer.persistent and peer.connected_s >= self._max_stay]

    def forget_old(self) -> int:
        """Forget who was not visited for a day: the book has them no more. Returns: how many."""
        now = self._clock()
        old = [node_id for node_id, last in self._visited.items() if now - last > FORGET_AFTER_S]
        for node_id in old:
            del self._visited[node_id]
        return len(old)
