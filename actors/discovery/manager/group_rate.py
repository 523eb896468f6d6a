"""How often one group of IP addresses may ask for addresses, under whatever IDs: a token bucket for each group."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.timestamps import SECOND, nanoseconds

BURST = 250  # requests at once; a /16 may well be a data centre full of honest nodes
PER_SECOND = 10.0
MAX_GROUPS = 16_384  # beyond, the group that asked longest ago is forgotten
MILLI = 1000
# A group that has fewer requests left is not answered by peer hosts, which tell of it later: up to three times each.
SCARCE = 64.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    last: float


class GroupRate:
    """Judges requests by group.

    Args: clock, Unix seconds; burst, how many requests are allowed at once; per_second, how many on average.
    """

    def __init__(
        self, clock: Callable[[], float], *, burst: int = BURST, per_second: float = PER_SECOND
    ) -> None:
        self._clock = clock
        self._burst = float(burst)
        self._per_second = per_second
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._touched: set[str] = set()
        self._scarce: set[str] = set()  # the groups that had few left when they asked last

    def __len__(self) -> int:
        return len(self._buckets)

    def allow(self, group: str) -> bool:
        """Whether a request of this group is allowed now. If it is, it is counted."""
        now = self._clock()
        bucket = self._buckets.get(group)
        if bucket is None:
            bucket = self._buckets[group] = _Bucket(self._burst, now)
            if len(self._buckets) > MAX_GROUPS:
                forgotten = self._buckets.popitem(last=False)[0]
                self._touched.add(forgotten)
                self._scarce.discard(forgotten)
        self._buckets.move_to_end(group)
        bucket.tokens = self._left(bucket, now)
        bucket.last = now
        self._touched.add(group)
        is_allowed = bucket.tokens >= 1.0
        if is_allowed:
            bucket.tokens -= 1.0
        if bucket.tokens < SCARCE:
            self._scarce.add(group)
        return is_allowed

    def scarce(self) -> frozenset[str]:
        """The groups that have few requests left."""
        now = self._clock()
        self._scarce = {group for group in self._scarce if self._left(self._buckets[group], now) < SCARCE}
        return frozenset(self._scarce)

    def _left(self, bucket: _Bucket, now: float) -> float:
        # max: a clock that was set back takes no tokens away
        return min(self._burst, bucket.tokens + max(0.0, now - bucket.last) * self._per_second)

    def drain(self) -> list[Fact]:
        """What changed since the last call, to be stored."""
        touched, self._touched = self._touched, set()
        facts = []
        for group in touched:
            bucket = self._buckets.get(group)
            numbers = () if bucket is None else (int(bucket.tokens * MILLI), nanoseconds(bucket.last))
            facts.append(Fact(FactKind.GROUP, group, numbers))
        return facts

    def restore(self, facts: Iterable[Fact]) -> None:
        """Take over stored buckets. Facts of other kinds are ignored."""
        for fact in facts:
            if fact.kind is FactKind.GROUP and len(fact.numbers) == 2 and len(self._buckets) < MAX_GROUPS:
                tokens, last = fact.numbers
                self._buckets[fact.name] = _Bucket(min(tokens / MILLI, self._burst), last / SECOND)
