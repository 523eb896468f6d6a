"""Rates: limits on how fast bytes may flow, and meters of how fast they do.

The same kind of limit holds for sending and receiving, and counts the same bytes: those of packets. (In CometBFT the
two count differently, which makes connections unstable under load.)
Source: reference 4 and 12.
"""

from __future__ import annotations

import math

from peerage.wire.errors import ConnectionSettingError
from peerage.wire.status import FlowStatus

__all__ = ["FlowMeter", "TokenBucket"]

BURST_S = 0.2  # how long unused allowance is kept: 2 % of 10 s, and a busy host may be late by that much
RESUME_S = 0.02  # allowance that an exhausted limit gathers first, so that it does not let packets through one by one
UNLIMITED = 2**62

_TICKS_PER_S = 50  # the clock of CometBFT's meter advances in steps of 20 ms
_SAMPLE_TICKS = 5  # 100 ms
_WINDOW_S = 1.0


class TokenBucket:
    """A limit on bytes per second.

    Bytes that must not wait (pings, or a whole packet when only part of it had room) may be spent beyond the allowance;
    the flow then pauses until they are paid for.
    """

    __slots__ = ("_burst", "_exhausted", "_level", "_now", "_rate", "_resume_level")

    def __init__(self, rate: float, now: float) -> None:
        """Args: rate, bytes per second, 0 for no limit.

        Raises: ConnectionSettingError for a negative rate.
        """
        self.change(rate, now)

    def change(self, rate: float, now: float) -> None:
        """Another limit from now on. What was spent beyond the former one need not be paid for. Args, Raises: as of the
        constructor.
        """
        if rate < 0:
            raise ConnectionSettingError("rate", rate)
        self._rate = rate
        self._burst = rate * BURST_S
        # A little less, so that it is surely reached at `resumes_at`, however floats are rounded.
        self._resume_level = rate * RESUME_S * 0.999
        self._level = self._burst
        self._now = now
        self._exhausted = False

    def allowance(self, now: float) -> int:
        """Bytes that may flow now. Once it is used up it stays 0 until there is enough for more than a packet."""
        if not self._rate:
            return UNLIMITED
        if now > self._now:
            self._level = min(self._burst, self._level + (now - self._now) * self._rate)
            self._now = now
        if self._exhausted:
            if self._level < self._resume_level:
                return 0
            self._exhausted = False
        return max(1, int(self._level))

    def spend(self, count: int) -> None:
        """Record bytes that flow now."""
        if self._rate:
            self._level -= count
            if self._level <= 0:
                self._exhausted = True

    def resumes_at(self) -> float | None:
        """When an exhausted limit will let bytes through again; None if it does so now."""
        if not self._exhausted:
            return None
        return self._now + max(0.0, RESUME_S - self._level / self._rate)


class FlowMeter:
    """Measures a flow the way CometBFT's monitors do, so that operators see comparable figures."""

    __slots__ = (
        "_bytes",
        "_current",
        "_due",
        "_last",
        "_peak",
        "_pending",
        "_rate",
        "_sampled",
        "_samples",
        "_start",
    )

    def __init__(self, now: float) -> None:
        self._start = self._sampled = _tick(now)
        self._last = now
        self._due = _time_of(self._sampled + _SAMPLE_TICKS)  # of the next sample
        self._bytes = 0
        self._pending = 0  # since the last sample
        self._samples = 0
        self._rate = self._current = self._peak = (
            0.0  # bytes per second: of the last sample, averaged, largest
        )

    def update(self, count: int, now: float) -> None:
        """Count bytes that flowed now; 0 only brings the figures up to date."""
        if count:
            self._last = now
            self._pending += count
        if now < self._due:  # nearly always
            return
        tick = _tick(now)
        ticks = tick - self._sampled
        seconds = ticks / _TICKS_PER_S
        self._rate = self._pending / seconds
        self._peak = max(self._peak, self._rate)
        weight = math.exp(-seconds / _WINDOW_S) if self._samples else 0.0
        self._current = self._rate + weight * (self._current - self._rate)
        self._bytes += self._pending
        self._pending = 0
        self._samples += 1
        self._sampled = tick
        self._due = _time_of(tick + _SAMPLE_TICKS)

    def brief(self, now: float) -> tuple[float, int, float]:
        """The current rate, all bytes so far, and seconds since the last of them."""
        self.update(0, now)
        return self._current, self._bytes + self._pending, (_tick(now) - _tick(self._last)) / _TICKS_PER_S

    def status(self, now: float, wall: float) -> FlowStatus:
        """The figures as of now. Args: wall, seconds since 1970 at `now`, in which the start is reported."""
        self.update(0, now)
        duration = (self._sampled - self._start) / _TICKS_PER_S
        return FlowStatus(
            start=wall - (now - self._start / _TICKS_PER_S),
            bytes=self._bytes,
            samples=self._samples,
            inst_rate=_round(self._rate) if duration else 0,
            cur_rate=_round(self._current) if duration else 0,
            avg_rate=_round(self._bytes / duration) if duration else 0,
            peak_rate=_round(self._peak),
            duration=duration,
            idle=(_tick(now) - _tick(self._last)) / _TICKS_PER_S,
        )


def _tick(now: float) -> int:
    return math.floor(now * _TICKS_PER_S + 0.5)


def _time_of(tick: int) -> float:
    """When it begins."""
    return (tick - 0.5) / _TICKS_PER_S


def _round(value: float) -> int:
    return math.floor(value + 0.5)
