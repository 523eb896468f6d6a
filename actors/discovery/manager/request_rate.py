"""How often a peer may ask for addresses. It is kept by ID, so that reconnecting does not reset it.

Nor does our restart: what changed can be drained, stored with the address book, and restored.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.timestamps import SECOND, nanoseconds

FREE_REQUESTS = 2  # reference 8
MAX_IDS = 16_384  # beyond, the ID that asked longest ago is forgotten
FORGET_AFTER_INTERVALS = 6  # of silence (a minute by default); then the free requests are granted again
FORGOTTEN_AFTER_S = 60.0  # the same in seconds, with the interval that nodes run with
# How many connections of a node may each bring an early request before one of them is answered. A node that crashes and is
# restarted, or that is hung up on and redials at once, stays far below.
MAX_EARLY = 20
FIRST_BAN_S = 60.0  # design 5, graded bans: for the second offence, doubles with each further one
MAX_BAN_S = 24 * 3600.0  # reference 8
FORGIVE_AFTER_S = 24 * 3600.0  # without an offence; after that the next one counts as the first


@dataclass(slots=True)
class _Record:
    requests: int
    last: float
    strikes: int = 0
    last_strike: float = 0.0
    early: int = 0  # requests since the last one that was answered


class RequestRate:
    """Says how long a request for addresses has to wait for its answer.

    The first two requests are free; each later one is answered an interval after the last at the earliest. An early request
    is not an offence: released versions of CometBFT and Tendermint send them, after a restart or because they ask again as
    soon as they are answered. CometBFT forgets the times when the peer disconnects, so its seeds can be drained by
    reconnecting; here a node that reconnects waits as long as before.

    Args: clock, seconds; interval, seconds; on_record, called with each ID of which there is a record from now on.
    Source: reference 8; reference 12 (spec, pex protocol note).
    """

    def __init__(
        self, clock: Callable[[], float], interval: float, on_record: Callable[[str], object] | None = None
    ) -> None:
        self._clock = clock
        self._on_record = on_record
        self._interval = interval
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._touched: set[str] = set()

    def __len__(self) -> int:
        return len(self._records)

    def wait(self, node_id: str) -> float:
        """Judge a request that comes now.

        Returns: 0.0 when it is in time; it is counted then. Otherwise in how many seconds it may be answered. A request
            that has to wait is counted when it is answered (`answered`), since its connection may end before that.
        """
        now = self._clock()
        record = self._record(node_id, now)
        elapsed = now - record.last
        if elapsed < 0:  # the clock was set back, which is not the node's fault
            elapsed = self._interval
        if elapsed >= self._interval * FORGET_AFTER_INTERVALS:
            record.requests = 0
        if record.requests >= FREE_REQUESTS and elapsed < self._interval:
            return self._interval - elapsed
        self._count(record, now)
        return 0.0

    def allow(self, node_id: str) -> bool:
        """Whether a request that comes now is in time. Only if it is, it is counted."""
        return self.wait(node_id) == 0.0

    def answered(self, node_id: str) -> None:
        """A request that had to wait is answered now: count it."""
        now = self._clock()
        self._count(self._record(node_id, now), now)

    def flood(self, node_id: str) -> float | None:
        """Count an early request over a connection of its own, and judge whether there are too many.

        However many come, that is one offence per interval.

        Returns: None while there are not too many; after that, for how many seconds to ban, 0.0 for no ban.
        """
        now = self._clock()
        record = self._record(node_id, now)
        record.early += 1
        if record.early <= MAX_EARLY:
            return None
        return 0.0 if 0 <= now - record.last_strike < self._interval else self.strike(node_id)

    def strike(self, node_id: str) -> float:
        """Note an offence.

        Returns: for how many seconds to ban: 0.0 for the first offence, which only costs the connection, a minute for the
            second, then twice as long each time.
        """
        now = self._clock()
        record = self._record(node_id, now)
        if not 0 <= now - record.last_strike < FORGIVE_AFTER_S:
            record.strikes = 0
        record.strikes += 1
        record.last_strike = now
        if record.strikes == 1:
            return 0.0
        return min(FIRST_BAN_S * 2.0 ** min(record.strikes - 2, 16), MAX_BAN_S)

    def drain(self) -> list[Fact]:
        """What changed since the last call, to be stored."""
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
        """Take over stored records. Facts of other kinds are ignored."""
        for fact in facts:
            if fact.kind is FactKind.ASKED and len(fact.numbers) == 4 and len(self._records) < MAX_IDS:
                requests, last, strikes, last_strike = fact.numbers
                asked = min(last / SECOND, self._clock())  # an earlier version stored times in the future
                self._records[fact.name] = _Record(requests, asked, strikes, last_strike / SECOND)
                if self._on_record is not None:
                    self._on_record(fact.name)

    @staticmethod
    def _count(record: _Record, now: float) -> None:
        record.requests += 1
        record.last = now
        record.early = 0

    def _record(self, node_id: str, now: float) -> _Record:
        record = self._records.get(node_id)
        self._touched.add(node_id)
        if self._on_record is not None:
            self._on_record(node_id)
        if record is None:
            record = self._records[node_id] = _Record(0, now)
            if len(self._records) > MAX_IDS:
                self._touched.add(self._records.popitem(last=False)[0])
        else:
            self._records.move_to_end(node_id)
        return record
