"""How often a peer may ask for addresses, kept by ID so that hanging up and coming back changes nothing.

Nor does our restart: what changed can be drained, kept with the address book, and restored.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.timestamps import SECOND, nanoseconds

FREE_REQUESTS = 2  # reference 8
MAX_IDS = 16_384  # who asked longest ago is forgotten for another
FORGET_AFTER_INTERVALS = (
    6  # who was quiet for so long (a minute by default) begins anew, free requests included
)
# Connections within an interval on which a node may ask too early. One that crashes and is started again, or that is hung up
# on and redials at once now and then, stays far below.
MAX_EARLY = 20
FIRST_BAN_S = 60.0  # design 5, graded bans: for the second offence, doubles with each further one
MAX_BAN_S = 24 * 3600.0  # reference 8
FORGIVE_AFTER_S = 24 * 3600.0  # without an offence: the next is the first again


@dataclass(slots=True)
class _Record:
    requests: int
    last: float
    strikes: int = 0
    last_strike: float = 0.0
    early: int = 0  # since the last that was answered


class RequestRate:
    """Says how long a request for addresses has to wait for its answer.

    The first two requests are free; of the others none is answered sooner than an interval after the last.
    Coming early is no offence: released versions of CometBFT and Tendermint do it by themselves, those that were just
    restarted and those that ask again as soon as they are answered. CometBFT forgets the times when the peer
    disconnects, so that its seeds can be drained by reconnecting; here who reconnects waits as long as before.

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

    def wait(self, node_id: str) -> float:
        """Judge a request that comes now.

        Returns: 0.0 when it is in time, and it counts as made; else in how many seconds it will be. Nothing is kept of a
            request that has to wait until it is answered (`answered`), for its connection may end before.
        """
        now = self._clock()
        record = self._record(node_id, now)
        elapsed = now - record.last
        if elapsed < 0:  # the clock was set back: nobody is to blame
            elapsed = self._interval
        if elapsed >= self._interval * FORGET_AFTER_INTERVALS:
            record.requests = 0
        if record.requests >= FREE_REQUESTS and elapsed < self._interval:
            return self._interval - elapsed
        self._count(record, now)
        return 0.0

    def allow(self, node_id: str) -> bool:
        """Whether a request that comes now is in time. It counts as made if so, and leaves no trace if not."""
        return self.wait(node_id) == 0.0

    def answered(self, node_id: str) -> None:
        """A request that had to wait is answered now: it counts as made."""
        now = self._clock()
        self._count(self._record(node_id, now), now)

    def flood(self, node_id: str) -> float | None:
        """Count a request that came early over a connection of its own, and see whether there are too many of them.

        It is an offence once in an interval, however many come.

        Returns: None as long as they are no flood; else for how many seconds to ban, 0.0 for no ban.
        """
        now = self._clock()
        record = self._record(node_id, now)
        record.early += 1
        if record.early <= MAX_EARLY:
            return None
        return 0.0 if 0 <= now - record.last_strike < self._interval else self.strike(node_id)

    def strike(self, node_id: str) -> float:
        """Note an offence.

        Returns: for how many seconds to ban: 0.0 for the first, which costs no more than the connection, a minute for the
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
                asked = min(last / SECOND, self._clock())  # an earlier version kept turns to come
                self._records[fact.name] = _Record(requests, asked, strikes, last_strike / SECOND)

    @staticmethod
    def _count(record: _Record, now: float) -> None:
        record.requests += 1
        record.last = now
        record.early = 0

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
