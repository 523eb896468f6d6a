"""How often a peer may ask for addresses, kept by ID so that hanging up and coming back changes nothing.

Nor does our restart: what changed can be drained, kept with the address book, and restored.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peerage.discovery.facts import Fact, FactKind
from peerage.discovery.timestamps import SECOND, nanoseconds

FREE_REQUESTS = 2  # reference 8
MAX_IDS = 16_384  # who asked longest ago is forgotten for another
FORGET_AFTER_INTERVALS = (
    6  # who was quiet for so long (a minute by default) begins anew, free requests included
)
FIRST_BAN_S = 60.0  # design 5, graded bans: doubles with each offence
MAX_BAN_S = 24 * 3600.0  # reference 8
FORGIVE_AFTER_S = 24 * 3600.0  # without an offence: the next is the first again


@dataclass(slots=True)
class _Record:
    requests: int
    last: float
    strikes: int = 0
    last_strike: float = 0.0


class RequestRate:
    """Judges requests for addresses.

    The first two requests are free; of the others none may come sooner than an interval after the last.
    CometBFT forgets the times when the peer disconnects, so that its seeds can be drained by reconnecting.

    Args: clock, seconds; interval, seconds.
    Source: reference 8; reference 12 (spec, pex protocol note).
    """

    def __init__(self, clock: Callable[[], float], interval: float) -> None:
        self._clock = clock
        self._interval = interval
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._touched: set[str] = set()

    def __len__(self) -> int:
        return len(self._records)

    def allow(self, node_id: str) -> bool:
        """Whether a request that comes now is in time. One that is too soon is not counted as the last."""
        now = self._clock()
        record = self._record(node_id, now)
        elapsed = now - record.last
        if elapsed < 0:  # the clock was set back: nobody is to blame
            record.last, elapsed = now, self._interval
        if elapsed >= self._interval * FORGET_AFTER_INTERVALS:
            record.requests = 0
        if record.requests >= FREE_REQUESTS and elapsed < self._interval:
            return False
        record.requests += 1
        record.last = now
        return True

    def reserve(self, node_id: str) -> float | None:
        """When a request that comes now is in time, for who would rather wait than be refused. It counts as made then.

        Returns: in how many seconds, 0.0 at once; None when another one of this ID is waiting already.
        """
        now = self._clock()
        record = self._record(node_id, now)
        ahead = record.last - now
        if 0 < ahead <= self._interval:
            return None
        if self.allow(node_id):
            return 0.0
        wait = record.last + self._interval - now
        record.requests += 1
        record.last = now + wait
        return wait

    def strike(self, node_id: str) -> float:
        """Note an offence. Returns: for how many seconds to ban; a minute first, then twice as long each time."""
        now = self._clock()
        record = self._record(node_id, now)
        if not 0 <= now - record.last_strike < FORGIVE_AFTER_S:
            record.strikes = 0
        record.strikes += 1
        record.last_strike = now
        return min(FIRST_BAN_S * 2.0 ** min(record.strikes - 1, 16), MAX_BAN_S)

    def drain(self) -> list[Fact]:
        """What changed since the last call, to be kept."""
        touched, self._touched = self._touched, set()
        facts = []
        for node_id in touched:
            record = self._records.get(node_id)
            numbers = (
                ()
                if record is None
                else (
                    record.requests,
                    nanoseconds(record.last),
                    record.strikes,
                    nanoseconds(record.last_strike),
                )
            )
            facts.append(Fact(FactKind.ASKED, node_id, numbers))
        return facts

    def restore(self, facts: Iterable[Fact]) -> None:
        """Go on from what was kept. Facts of other kinds are left alone."""
        for fact in facts:
            if fact.kind is FactKind.ASKED and len(fact.numbers) == 4 and len(self._records) < MAX_IDS:
                requests, last, strikes, last_strike = fact.numbers
                asked = min(last / SECOND, self._clock())  # nobody waits over a restart
                self._records[fact.name] = _Record(requests, asked, strikes, last_strike / SECOND)

    def _record(self, node_id: str, now: float) -> _Record:
        record = self._records.get(node_id)
        self._touched.add(node_id)
        if record is None:
            record = self._records[node_id] = _Record(0, now)
            if len(self._records) > MAX_IDS:
                self._touched.add(self._records.popitem(last=False)[0])
        else:
            self._records.move_to_end(node_id)
        return record
