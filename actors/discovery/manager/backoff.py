"""When an address that could not be reached may be dialled again."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.timestamps import SECOND, nanoseconds

MAX_FAILURES = 16  # reference 8: after more, the address is given up
MAX_JITTER_S = 1.0  # reference 8
MAX_ADDRESSES = 65_536  # beyond, the address that failed longest ago is forgotten


class Verdict(Enum):
    """Whether to dial."""

    DIAL = auto()
    WAIT = auto()
    """Too early."""
    GIVE_UP = auto()
    """It failed too often: ban it."""


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: float
    pause: float


class DialBackoff:
    """Counts failed dials by IP and port. After k failures the next dial waits 2^k seconds, and up to one second more.

    The counts survive a restart: what changed can be drained, stored and restored.

    Args: clock, seconds; persistent_max, the longest pause before a persistent peer is dialled (0: no limit of its own).
    Source: reference 8, Dialling with back-off.
    """

    def __init__(
        self, clock: Callable[[], float], rng: random.Random, *, persistent_max: float = 0.0
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._persistent_max = persistent_max
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._touched: set[str] = set()

    def failures(self, place: str) -> int:
        """How often dialling this ip:port has failed since it last succeeded."""
        failures = self._failures.get(place)
        return 0 if failures is None else failures.count

    def verdict(self, place: str, *, persistent: bool = False) -> Verdict:
        """Whether this ip:port may be dialled now. A persistent peer is never given up."""
        failures = self._failures.get(place)
        if failures is None:
            return Verdict.DIAL
        if failures.count > MAX_FAILURES and not persistent:
            return Verdict.GIVE_UP
        pause = failures.pause
        if persistent and self._persistent_max > 0:
            pause = min(pause, self._persistent_max)
        elapsed = self._clock() - failures.last
        # a clock that is set back must not make a pause longer
        return Verdict.WAIT if 0 <= elapsed < pause else Verdict.DIAL

    def failed(self, place: str) -> int:
        """Note a failed dial. Returns: how many failures there are now."""
        count = self.failures(place) + 1
        # beyond the limit only persistent peers are dialled, and the pause grows no more
        pause = 2.0 ** min(count, MAX_FAILURES) + self._rng.random() * MAX_JITTER_S
        self._failures[place] = _Failures(count, self._clock(), pause)
        self._failures.move_to_end(place)
        self._touched.add(place)
        if len(self._failures) > MAX_ADDRESSES:
            self._touched.add(self._failures.popitem(last=False)[0])
        return count

    def forget(self, place: str) -> None:
        """Clear the count, because a dial succeeded or the address was banned."""
        if self._failures.pop(place, None) is not None:
            self._touched.add(place)

    def drain(self) -> list[Fact]:
        """What changed since the last call, to be stored."""
        touched, self._touched = self._touched, set()
        facts = []
        for place in touched:
            failures = self._failures.get(place)
            numbers = (
                ()
                if failures is None
                else (failures.count, nanoseconds(failures.last), nanoseconds(failures.pause))
            )
            facts.append(Fact(FactKind.FAILED, place, numbers))
        return facts

    def restore(self, facts: Iterable[Fact]) -> None:
        """Take over stored counts. A dial that has failed since then takes precedence. Facts of other kinds are ignored."""
        for fact in facts:
            if (
                fact.kind is FactKind.FAILED
                and fact.name not in self._failures
                and len(fact.numbers) == 3
                and len(self._failures) < MAX_ADDRESSES
            ):
                count, last, pause = fact.numbers
                self._failures[fact.name] = _Failures(count, last / SECOND, pause / SECOND)
