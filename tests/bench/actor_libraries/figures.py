"""What is measured of a library, and how medians and ratios are made of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, fields

PAYLOAD = b"x" * 100
LARGE = bytes(50_000_000)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one library in one turn, or the medians of several. None: the library has no such thing.

    Attributes:
        ask: microseconds of a round trip with PAYLOAD, one at a time.
        tell: messages a second with PAYLOAD, until the actor has had the last one.
        tell_many: the same, with all messages handed over at once.
        fan_out: asks a second when all are sent before the first answer is looked at.
        large: milliseconds of a round trip with LARGE.
    """

    ask: float | None = None
    tell: float | None = None
    tell_many: float | None = None
    fan_out: float | None = None
    large: float | None = None


def medians(figures: list[Figures]) -> Figures:
    """Of each figure by itself."""
    found = {}
    for field in fields(Figures):
        values = [value for each in figures if (value := getattr(each, field.name)) is not None]
        found[field.name] = statistics.median(values) if values else None
    return Figures(**found)


@dataclass(frozen=True, slots=True)
class Floor:
    """What is asked of one ratio within a round.

    Args:
        figure: a field of `Figures`.
        above, below: the libraries whose figures are divided.
        below_figure: of the library below; without it, the same figure.
        asked: the least ratio, or with `at_most` the largest.
        aim: what would be better still.
    """

    figure: str
    above: str
    below: str
    asked: float
    aim: float | None = None
    at_most: bool = False
    below_figure: str | None = None

    @property
    def text(self) -> str:
        if self.below_figure is not None:
            return f"{self.figure} ÷ {self.below_figure}: {self.above}"
        return f"{self.figure.replace('_', '-')}: {self.above} ÷ {self.below}"

    def ratio(self, race: dict[str, Figures]) -> float:
        """Of one round. Raises: KeyError, TypeError when a library was not measured."""
        above = getattr(race[self.above], self.figure)
        below = getattr(race[self.below], self.below_figure or self.figure)
        ratio: float = above / below
        return ratio


FLOORS = (
    Floor("ask", "peerage", "bare", 2.0, 1.4, at_most=True),
    Floor("ask", "xoscar", "peerage", 2.0, 3.0),
    Floor("ask", "Thespian", "peerage", 5.0),
    Floor("ask", "Ray", "peerage", 4.0),
    Floor("tell", "peerage", "bare", 0.5),
    Floor("tell_many", "peerage", "peerage", 3.0, below_figure="tell"),
    Floor("fan_out", "peerage", "xoscar", 3.0, 10.0),
    Floor("fan_out", "peerage", "Ray", 3.0, 10.0),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A ratio over the rounds, and whether its median is what was asked."""

    text: str
    median: float
    min: float
    max: float
    asked: float
    aim: float | None
    at_most: bool
    is_met: bool


def judge(floor: Floor, rounds: list[dict[str, Figures]]) -> Outcome:
    """Compare the median of a ratio with its floor."""
    ratios = [floor.ratio(each) for each in rounds]
    median = statistics.median(ratios)
    is_met = median <= floor.asked if floor.at_most else median >= floor.asked
    return Outcome(
        floor.text, median, min(ratios), max(ratios), floor.asked, floor.aim, floor.at_most, is_met
    )


def rate(send_all: Callable[[], object], messages: int) -> float:
    """Returns: messages a second."""
    begun = time.perf_counter()
    send_all()
    return messages / (time.perf_counter() - begun)
