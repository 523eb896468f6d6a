"""How fast bytes flow: limits on it, and the measuring of it.

The same limit holds for sending and receiving, and counts the same bytes: those of packets. (CometBFT's
differ, which under load makes connections unstable.)
Source: reference 4 and 12.
"""

from __future__ import annotations

import math

from peerage.wire.errors import ConnectionSettingError
from peerage.wire.status import FlowStatus

__all__ = ["FlowMeter", "TokenBucket"]

BURST_S = 0.2  # unused allowance kept for so long: 2 % of 10 s, and a busy host may come back late
RESUME_S = 0.02  # allowance gathered before an exhausted limit lets bytes through again: no packet by packet
UNLIMITED = 2**62

_TICKS_PER_S = 50  # the clock of CometBFT's meter has steps of 20 ms
_SAMPLE_TICKS = 5  # 100 ms
_WINDOW_S = 1.0


class TokenBucket:
    """A limit on bytes per second.

    Bytes that must not wait (pings, a whole packet where only a part had room) may be spent beyond the
    allowance; they are waited for afterwards.
    """

    __slots__ = ("_burst", "_exhausted", "_level", "_now", "_rate", "_resume_level")

    def __init__(self, rate: float, now: float) -> None:
        """Args: rate, bytes per second, 0 for no limit.

        Raises: ConnectionSettingError for a negative rate.
        """
        if rate < 0:
            raise ConnectionSettingError("rate", rate)
        self._rate = rate
        self._burst = rate * BURST_S
        self._resume_level = rate * RESUME_S * 0.999  # reached at `resumes_at` however floats are rounded
        self._level = self._burst
        self._now = now
        self._exhausted = False

    def allowance(self, now: float) -> int:
        """Bytes that may flow now. Once used up, it is 0 until there is enough for more than a packet."""
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
        """Account for bytes that flow now."""
        if self._rate:
            self._level -= count
            if self._level <= 0:
                self._exhausted = True

    def resumes_at(self) -> float | None:
        """When an exhausted limit lets bytes through again; None when it does already."""
        if not self._exhausted:
            return None
        return self._now + max(0.0, RESUME_S - self._level / self._rate)


class FlowMeter:
    """Measures a flow as CometBFT's monitors do, so that operators read the same figures."""

    __slots__ = (
        "_bytes",
        "_current",
        "_last",
        "_peak",
        "_pending",
        "_rate",
        "_sampled",
        "_samples",
        "_start",
    )

    def __init__(self, now: float) -> None:
        self._start = self._last = self._sampled = _tick(now)
        self._bytes = 0
        self._pending = 0  # since the last sample
        self._samples = 0
        self._rate = self._current = self._peak = (
            0.0  # bytes per second: of the last sample, averaged, largest
        )

    def update(self, count: int, now: float) -> None:
        """Count bytes that flowed now; 0 just keeps the figures fresh."""
        tick = _tick(now)
        if count:
            self._last = tick
            self._pending += count
        ticks = tick - self._sampled
        if ticks < _SAMPLE_TICKS:
            return
        seconds = ticks / _TICKS_PER_S
        self._rate = self._pending / seconds
        self._peak = max(self._peak, self._rate)
        weight = math.exp(-seconds / _WINDOW_S) if self._samples else 0.0
        self._current = self._rate + weight * (self._current - self._rate)
        self._bytes += self._pending
        self._pending = 0
        self._samples += 1
        self._sampled = tick

    def status(self, now: float, wall: float) -> FlowStatus:
        """The figures. Args: wall, seconds since 1970 at `now`, to tell in them when it began."""
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
            idle=(_tick(now) - self._last) / _TICKS_PER_S,
        )


def _tick(now: float) -> int:
    return math.floor(now * _TICKS_PER_S + 0.5)


def _round(value: float) -> int:
    return math.floor(value + 0.5)
