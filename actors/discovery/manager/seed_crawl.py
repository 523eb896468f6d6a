"""Seed mode: which addresses to visit, and which peers have stayed long enough.

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
VISITS_PER_ROUND = 250  # as many as an answer holds: enough to visit 15,000 addresses within half an hour


@dataclass(frozen=True, slots=True)
class Stay:
    """A connected peer, for how many seconds it has been connected, and whether it may stay."""

    id: NodeID
    connected_s: float
    persistent: bool = False


class Crawler:
    """Remembers for a day when each ID was last visited.

    Args: group_limit, how many addresses of one group of IP addresses are visited in one round at most; 0: no limit.
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
        """The addresses that were not visited in the last two minutes. They are noted as visited now."""
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
                    continue  # it is visited in another round
                groups[group] += 1
            self._visited[address.id] = now
            due.append(address)
        return due

    def overstayed(self, peers: Iterable[Stay]) -> list[NodeID]:
        """The peers that have to make room for others: not persistent, and connected for `max_stay`."""
        return [peer.id for peer in peers if not peer.persistent and peer.connected_s >= self._max_stay]

    def forget_old(self) -> int:
        """Forget the IDs that were not visited for a day. Returns: how many they were."""
        now = self._clock()
        old = [node_id for node_id, last in self._visited.items() if now - last > FORGET_AFTER_S]
        for node_id in old:
            del self._visited[node_id]
        return len(old)
