"""What an actor tells of itself between two deltas."""

import pickle

import pytest

from peerage.actors.metrics.buffer import (
    RESEND_EVERY,
    MetricsBuffer,
    MetricsDelta,
    Observations,
    UnknownMetricError,
)
from peerage.actors.metrics.families import (
    FAMILIES,
    ROUND_TRIP_BUCKETS_S,
    channel_label,
    families_by_name,
    message_type_label,
)

PENDING = "p2p_peer_pending_send_bytes"


def test_drain_gives_what_happened_since_the_last() -> None:
    """A delta holds what is new, and there is none when nothing is."""
    buffer = MetricsBuffer("switch")
    assert buffer.drain() is None
    buffer.inc("p2p_dials_total", ("connected",))
    buffer.inc("p2p_dials_total", ("connected",), 2)
    buffer.set("p2p_peers", (), 3)
    assert buffer.drain() == MetricsDelta(
        "switch", {("p2p_dials_total", ("connected",)): 3}, {("p2p_peers", ()): 3}
    )
    buffer.set("p2p_peers", (), 3)
    assert buffer.drain() is None


def test_delta_survives_pickling() -> None:
    """It crosses mailboxes."""
    buffer = MetricsBuffer("a")
    buffer.inc("p2p_dials_total", ("connected",))
    buffer.observe("p2p_round_trip_seconds", (), 0.1)
    buffer.peer_gone("p")
    delta = buffer.drain()
    assert delta is not None
    assert pickle.loads(pickle.dumps(delta)) == delta


def test_drained_delta_does_not_change_any_more() -> None:
    """What is counted later is in the next one."""
    buffer = MetricsBuffer("a")
    buffer.inc("p2p_dials_total", ("x",))
    delta = buffer.drain()
    buffer.inc("p2p_dials_total", ("x",))
    assert delta is not None
    assert delta.counters == {("p2p_dials_total", ("x",)): 1}


def test_gauges_are_sent_again_now_and_then() -> None:
    """A restarted metrics actor learns them without asking."""
    buffer = MetricsBuffer("a")
    buffer.set("p2p_peers", (), 3)
    deltas = [buffer.drain() for _ in range(RESEND_EVERY)]
    assert [delta is not None for delta in deltas] == [True, *[False] * (RESEND_EVERY - 2), True]
    assert deltas[-1] == MetricsDelta("a", gauges={("p2p_peers", ()): 3})


def test_removed_gauge_is_told_once() -> None:
    """As None, and never again."""
    buffer = MetricsBuffer("a")
    buffer.set("p2p_peers", (), 3)
    buffer.remove("p2p_peers", ())
    buffer.remove("p2p_num_txs", ("p",))
    delta = buffer.drain()
    assert delta is not None
    assert delta.gauges == {("p2p_peers", ()): None}
    assert [buffer.drain() for _ in range(RESEND_EVERY)] == [None] * RESEND_EVERY


def test_gone_peer_takes_its_gauges_along() -> None:
    """They are neither sent nor sent again; other peers' are."""
    buffer = MetricsBuffer("a")
    buffer.set(PENDING, ("p",), 1)
    buffer.set(PENDING, ("q",), 2)
    buffer.set("p2p_peers", (), 2)
    buffer.peer_gone("p")
    assert buffer.drain() == MetricsDelta(
        "a", gauges={(PENDING, ("q",)): 2, ("p2p_peers", ()): 2}, gone_peers=frozenset({"p"})
    )


def test_peer_that_comes_back_has_its_gauge_sent() -> None:
    """The same value as before it left is news again."""
    buffer = MetricsBuffer("a")
    buffer.set(PENDING, ("p",), 1)
    buffer.drain()
    buffer.peer_gone("p")
    buffer.set(PENDING, ("p",), 1)
    assert buffer.drain() == MetricsDelta("a", gauges={(PENDING, ("p",)): 1}, gone_peers=frozenset({"p"}))


def test_observations_go_into_the_bucket_whose_bound_they_do_not_exceed() -> None:
    """Bounds belong to their bucket, what exceeds all of them has the last one."""
    buffer = MetricsBuffer("a")
    for value in (ROUND_TRIP_BUCKETS_S[1], 0.0, 1e9):
        buffer.observe("p2p_round_trip_seconds", (), value)
    delta = buffer.drain()
    assert delta is not None
    (observed,) = delta.histograms.values()
    between = (0,) * (len(ROUND_TRIP_BUCKETS_S) - 2)
    assert observed == Observations((1, 1, *between, 1), ROUND_TRIP_BUCKETS_S[1] + 1e9)


def test_unknown_metrics_are_the_callers_mistake() -> None:
    """Wrong name, kind or number of labels is refused where it happens."""
    buffer = MetricsBuffer("a")
    with pytest.raises(UnknownMetricError, match="'nothing' with 0"):
        buffer.inc("nothing")
    with pytest.raises(UnknownMetricError):
        buffer.inc("p2p_peers")
    with pytest.raises(UnknownMetricError):
        buffer.set("p2p_dials_total", ("x",), 1)
    with pytest.raises(UnknownMetricError):
        buffer.observe("p2p_round_trip_seconds", ("x",), 1)
    with pytest.raises(ValueError, match="cannot shrink"):
        buffer.inc("p2p_dials_total", ("x",), -1)
    assert buffer.drain() is None


def test_unknown_metric_error_survives_pickling() -> None:
    """It may cross a mailbox."""
    with pytest.raises(UnknownMetricError) as caught:
        MetricsBuffer("a").inc("nothing", ("x",))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_labels_are_written_as_cometbft_does() -> None:
    """Reference 11: `0x20`, `0x0` for PEX, `p2p_PexRequest`."""

    class PexRequest:
        pass

    assert [channel_label(channel) for channel in (0x00, 0x20, 0xFF)] == ["0x0", "0x20", "0xff"]
    assert message_type_label(PexRequest) == "p2p_PexRequest"


def test_metrics_are_declared_once_and_counters_end_in_total() -> None:
    """Prometheus' rule of names."""
    table = families_by_name(FAMILIES)
    assert len(table) == len(FAMILIES)
    assert all(family.name.endswith("_total") == (family.kind.value == "counter") for family in FAMILIES)
    with pytest.raises(ValueError, match="declared twice"):
        families_by_name([*FAMILIES, FAMILIES[0]])


def test_all_gauges_are_sent_again_when_asked_for() -> None:
    """For a metrics actor that has never heard of them."""
    buffer = MetricsBuffer("a")
    buffer.set("p2p_peers", (), 2)
    buffer.set(PENDING, ("p",), 1)
    buffer.drain()
    buffer.resend()
    assert buffer.drain() == MetricsDelta("a", gauges={("p2p_peers", ()): 2, (PENDING, ("p",)): 1})


def test_ones_own_gauges_about_a_peer_are_taken_away() -> None:
    """What others say about it stays: they are not told that it has gone."""
    buffer = MetricsBuffer("a")
    buffer.set(PENDING, ("p",), 1)
    buffer.set(PENDING, ("q",), 1)
    buffer.drain()
    buffer.remove_peer("p")
    assert buffer.drain() == MetricsDelta("a", gauges={(PENDING, ("p",)): None})


def test_each_buffer_is_a_later_life() -> None:
    """By the machine's clock, which all processes share."""
    deltas = []
    for _ in range(2):
        buffer = MetricsBuffer("a")
        buffer.set("p2p_peers", (), 2)
        deltas.append(buffer.drain())
    first, second = deltas
    assert first is not None
    assert second is not None
    assert 0 < first.life < second.life
