"""Room for inbound peers: how many there are, and whose place a newcomer may have when all are taken.

What is known of the peers of all hosts stands in the memory that they share, and the rule is that of
`peerage.actors.discovery.inbound_eviction`.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable, Iterator
from functools import lru_cache

from peerage.actors.discovery.inbound_eviction import InboundEviction, InboundPeer, Outlook, Turns
from peerage.actors.peers.register_memory import Kind, RegisterMemory
from peerage.wire.ip_ranges import group_of, parse_ip, shown_ip

__all__ = ["InboundRoom"]

OUTLOOK_S = 0.05  # for so long the answer holds who would be evicted next: newcomers may come by the hundred

_TIMES = struct.Struct(
    "=ddd"
)  # monotonic seconds when it became a peer, and when it was last useful; latency in seconds
_PEER = Kind.TAKEN | Kind.INBOUND | Kind.STANDS | Kind.COUNTS
_PEER_KINDS = (_PEER, _PEER | Kind.KEPT)


class InboundRoom:
    """That of one node, as one of its hosts sees it. Times are those of the monotonic clock, which all processes share."""

    def __init__(self, memory: RegisterMemory, now: Callable[[], float] = time.monotonic) -> None:
        self._memory = memory
        self._now = now
        self._eviction = InboundEviction(memory.salt)
        self._turns = Turns()
        self._outlook, self._outlook_until = Outlook(None, {}), -math.inf

    def peers(self) -> int:
        """How many inbound peers count."""
        memory, plain, kept = self._memory, *_PEER_KINDS
        found = 0
        for host in range(memory.hosts):
            kinds = memory.kinds(host)
            found += kinds.count(plain) + kinds.count(kept)
        return found

    def victim_for(self, ip: bytes) -> tuple[int, int] | None:
        """Whose place a newcomer from this address would get: the host, and the number of the place. None: nobody's."""
        group = _group(ip)
        victim = self._look_out().victim_for(group, has_turn=self._turns.has(group, self._now()))
        return None if victim is None else _place_of(victim)

    def exchange(self, victim: tuple[int, int], ip: bytes) -> None:
        """Give the place of a peer, of any host, to a newcomer from this address. Under the lock."""
        self._memory.give_away(*victim)
        self._turns.take(_group(ip), self._now())

    def begin(self, number: int) -> None:
        """A connection of this host becomes a peer."""
        self._memory.put("times", number, _TIMES.pack(self._now(), -math.inf, math.inf))

    def note_use(self, number: int) -> None:
        """A peer of this host was useful just now."""
        since, _, latency = self._times(self._memory.index, number)
        self._memory.put("times", number, _TIMES.pack(since, self._now(), latency))

    def note_latency(self, number: int, seconds: float) -> None:
        """A round trip to a peer of this host took so long: the least of all counts."""
        since, last, before = self._times(self._memory.index, number)
        self._memory.put("times", number, _TIMES.pack(since, last, min(before, seconds)))

    def _look_out(self) -> Outlook:
        """Who would be evicted next. One that is gone by now is nobody."""
        now, victim = self._now(), self._outlook.victim
        is_gone = victim is not None and self._memory.kind(*_place_of(victim)) != _PEER
        if is_gone or now >= self._outlook_until:
            self._outlook, self._outlook_until = (
                self._eviction.outlook(self._candidates(now)),
                now + OUTLOOK_S,
            )
        return self._outlook

    def _candidates(self, now: float) -> Iterator[InboundPeer]:
        for host in range(self._memory.hosts):
            for number, kind in enumerate(self._memory.kinds(host)):
                if kind in _PEER_KINDS:
                    since, last, latency = self._times(host, number)
                    group = _group(self._memory.at("ip", host, number))
                    is_kept = bool(kind & Kind.KEPT)
                    yield InboundPeer(f"{host} {number}", group, now - since, latency, now - last, is_kept)

    def _times(self, host: int, number: int) -> tuple[float, float, float]:
        since, last, latency = _TIMES.unpack(self._memory.at("times", host, number))
        return since, last, latency


def _place_of(peer: InboundPeer) -> tuple[int, int]:
    host, number = peer.id.split()
    return int(host), int(number)


@lru_cache(maxsize=4096)
def _group(packed: bytes) -> str:
    return group_of(parse_ip(shown_ip(packed)), strict=False)
