"""How many restarts are normal, how long each waits, and which of them still count. Values: checked when built, picklable.

It needs nothing of the actors' runtime, so whoever restarts something else than actors has it for little.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Final

from msgspec import Struct

from peerage.supervisors.errors import ChildSpecError

SHORTEST_WAIT_AT_LIMIT_S: Final = 0.1
LONGEST_WAIT_AT_LIMIT_S: Final = 2.0


def is_amount(value: object) -> bool:
    """Whether this is a number of something: finite, 0 or more."""
    return isinstance(value, int | float) and isfinite(value) and value >= 0


@dataclass(frozen=True, slots=True)
class Intensity:
    """How many restarts within how many seconds are normal: one more and the supervisor gives up.

    restarts: at least 0 (0: the first restart is one too many). period: seconds, more than 0. Defaults are
    OTP's.
    """

    restarts: int = 1
    period: float = 5.0

    def __post_init__(self) -> None:
        if not is_amount(self.restarts):
            raise ChildSpecError("(supervisor)", "intensity.restarts", repr(self.restarts), "0 or more")
        if not (is_amount(self.period) and self.period > 0):
            raise ChildSpecError(
                "(supervisor)", "intensity.period", repr(self.period), "seconds, more than 0"
            )


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a restart waits: the more restarts within the intensity's period, the longer.

    The first restart comes at once, the second after `base` seconds; each further wait is `factor` times longer, `limit`
    at most. While a child waits, its clock for the intensity stands still (strategy.py), so that a wait never makes a crash
    loop look healthy.

    patience: seconds for which a start that a limit of the operating system refuses (StartLimitError) is tried again
    without being counted, first after 0.1 s, then after as long as it has waited already, 2 s at most. After that it counts
    like any other, so that the supervisor gives up in the end.
    """

    base: float = 0.05
    factor: float = 2.0
    limit: float = 2.0
    patience: float = 60.0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("base", self.base, 0),
            ("factor", self.factor, 1),
            ("limit", self.limit, 0),
            ("patience", self.patience, 0),
        ):
            if not (is_amount(value) and value >= least):
                raise ChildSpecError("(supervisor)", f"backoff.{name}", repr(value), f"{least} or more")

    def delay_at_limit(self, waited: float) -> float:
        """Return the seconds until the next try of a start that has been held up by a limit for so many seconds."""
        return max(SHORTEST_WAIT_AT_LIMIT_S, min(waited, LONGEST_WAIT_AT_LIMIT_S))

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait before restart number `attempt` (1 is the first)."""
        if attempt <= 1 or self.base == 0:
            return 0.0
        # The exponent is capped: float ** large int overflows, and 2 ** 64 times anything is over any
        # sensible limit.
        return float(min(self.limit, self.base * self.factor ** min(attempt - 2, 64)))


class RestartRecord(Struct, frozen=True):
    """One counted restart: the child whose end caused it, and when, on that child's own clock (monotonic seconds)."""

    child: str
    at: float


class History(Struct, frozen=True):
    """The restarts that may still count, oldest first: at most intensity + 1, for older ones are dropped."""

    records: tuple[RestartRecord, ...] = ()

    def within(self, period: float, now: float) -> "History":
        """Return the restarts that are at most `period` seconds old."""
        return History(tuple(record for record in self.records if now <= record.at + period))

    def with_restart(self, child: str, now: float) -> "History":
        """Return the history with one more restart."""
        return History((*self.records, RestartRecord(child, now)))

    def count_of(self, children: frozenset[str]) -> int:
        """Return how many of the restarts were caused by one of these children."""
        return sum(record.child in children for record in self.records)

    def delayed(self, children: frozenset[str], by: float) -> "History":
        """Return the history with these children's clocks stopped for `by` seconds.

        A back-off stretches a crash loop in time. Counted by the wall clock, the loop would slip under the intensity and
        the supervisor would never give up. So the wait is taken out, and the decisions are those of a supervisor that does
        not wait.
        """
        return History(
            tuple(
                RestartRecord(record.child, record.at + by) if record.child in children else record
                for record in self.records
            )
        )
