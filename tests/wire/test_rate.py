"""Rate limits, and the figures of `net_info`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.errors import ConnectionSettingError
from peerage.wire.rate import BURST_S, UNLIMITED, FlowMeter, TokenBucket

RATE = 5_120_000


def flow(bucket: TokenBucket, steps: list[float], most: int = 2**40) -> int:
    """Bytes that get through when as many as allowed, but at most so many at once, are spent at these times."""
    total = 0
    for now in steps:
        count = min(most, bucket.allowance(now))
        bucket.spend(count)
        total += count
    return total


@pytest.mark.parametrize("rate", [1000, 50_000, RATE, 10**9])
@pytest.mark.parametrize("interval", [0.0005, 0.01, 0.1])
def test_ten_seconds_let_ten_times_the_rate_through(rate: int, interval: float) -> None:
    """Within 5 %, however often the owner asks."""
    steps = [number * interval for number in range(round(10 / interval) + 1)]
    assert flow(TokenBucket(rate, 0.0), steps) == pytest.approx(10 * rate, rel=0.05)


def test_overdrafts_are_paid_back() -> None:
    """Whole packets are sent where only a part had room, and the average still holds."""
    bucket, total = TokenBucket(10_000, 0.0), 0
    for tick in range(10_000):
        if bucket.allowance(tick / 1000):
            bucket.spend(1034)
            total += 1034
    assert total == pytest.approx(100_000, rel=0.05)


def test_a_pause_does_not_pile_up() -> None:
    """After an hour there is a burst of 0.2 s and no more."""
    bucket = TokenBucket(RATE, 0.0)
    assert bucket.allowance(3600.0) == RATE * BURST_S


def test_another_limit_counts_at_once() -> None:
    """Whatever was spent beyond the former one; none at all is a limit, too."""
    bucket = TokenBucket(RATE, 5.0)
    bucket.spend(100 * RATE)
    bucket.change(10 * RATE, 5.0)
    assert bucket.resumes_at() is None
    assert bucket.allowance(5.0) == 10 * RATE * BURST_S
    bucket.change(0, 5.0)
    assert bucket.allowance(5.0) == UNLIMITED
    with pytest.raises(ConnectionSettingError):
        bucket.change(-1, 5.0)


def test_an_exhausted_limit_says_when_it_goes_on() -> None:
    """Nothing passes before, and then there is enough for more than a packet."""
    bucket = TokenBucket(RATE, 5.0)
    assert bucket.resumes_at() is None
    bucket.spend(bucket.allowance(5.0))
    at = bucket.resumes_at()
    assert at is not None
    assert bucket.allowance(at - 0.001) == 0
    assert bucket.allowance(at) > 10_000
    assert bucket.resumes_at() is None


@given(st.lists(st.integers(0, 10**7), max_size=20))
def test_no_limit_is_none(counts: list[int]) -> None:
    """Rate 0 means no limit, as in CometBFT."""
    bucket = TokenBucket(0, 0.0)
    for count in counts:
        bucket.spend(count)
        assert bucket.allowance(0.0) == UNLIMITED
        assert bucket.resumes_at() is None


def test_a_clock_that_stands_still_or_jumps_back_gives_nothing() -> None:
    """Only time that passes adds allowance."""
    bucket = TokenBucket(RATE, 10.0)
    bucket.spend(bucket.allowance(10.0))
    assert bucket.allowance(9.0) == bucket.allowance(10.0) == 0


def test_a_negative_rate_is_refused() -> None:
    """The configuration refuses it earlier."""
    with pytest.raises(ConnectionSettingError):
        TokenBucket(-1, 0.0)


def test_the_meter_samples_as_cometbfts_does() -> None:
    """In steps of 20 ms, with a sample after 100 ms and an average that forgets within about a second."""
    meter = FlowMeter(100.0)
    meter.update(500, 100.05)  # no sample yet
    early = meter.status(100.08, wall=2e9)
    assert (early.bytes, early.samples, early.inst_rate, early.avg_rate) == (0, 0, 0, 0)
    meter.update(500, 100.1)
    first = meter.status(100.1, wall=2e9)
    assert (first.bytes, first.samples) == (1000, 1)
    assert first.inst_rate == first.cur_rate == first.avg_rate == first.peak_rate == 10_000
    assert first.start == pytest.approx(2e9 - 0.1)
    later = meter.status(101.1, wall=2e9 + 1)
    assert (later.bytes, later.samples, later.inst_rate, later.peak_rate) == (1000, 2, 0, 10_000)
    assert later.avg_rate == round(1000 / 1.1)
    assert later.cur_rate == 3679  # 10,000 / e
    assert later.duration == pytest.approx(1.1)
    assert later.idle == pytest.approx(1.0)
    assert later.start == pytest.approx(first.start)
    assert (later.bytes_rem, later.time_rem, later.progress, later.active) == (0, 0, 0, True)


def test_the_meter_tells_a_little_at_less_cost() -> None:
    """The same rate; all bytes, also those since the last sample."""
    meter = FlowMeter(0.0)
    meter.update(1000, 0.2)
    meter.update(500, 0.26)
    rate, size, idle = meter.brief(0.3)
    assert (round(rate), size, round(idle, 2)) == (meter.status(0.3, 0.0).cur_rate, 1500, 0.04)
