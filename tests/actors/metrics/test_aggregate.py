"""What the node's metrics are, after whatever the sources did."""

from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.metrics.aggregate import (
    MAX_PEERS,
    MAX_SERIES,
    MAX_SERIES_PER_PEER,
    OTHER,
    PEER_LINGER_S,
    MetricsAggregate,
)
from peerage.actors.metrics.buffer import Labels, MetricsBuffer, MetricsDelta, Observations, Series
from peerage.actors.metrics.families import ROUND_TRIP_BUCKETS_S

RECEIVED = "p2p_peer_receive_bytes_total"
PENDING = "p2p_peer_pending_send_bytes"
DIALS = "p2p_dials_total"
ROUND_TRIP = "p2p_round_trip_seconds"


def counters(aggregate: MetricsAggregate, name: str) -> dict[Labels, float]:
    return {
        labels: value for labels, value in values(aggregate, name).items() if isinstance(value, float | int)
    }


def values(aggregate: MetricsAggregate, name: str) -> dict[Labels, float | Observations]:
    (samples,) = (each for each in aggregate.collect() if each.family.name == name)
    return dict(samples.values)


def test_counters_of_all_sources_add_up() -> None:
    """A counter is the sum of all deltas, whoever sent them."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", counters={(DIALS, ("connected",)): 2}), 0.0)
    aggregate.add(MetricsDelta("b", counters={(DIALS, ("connected",)): 3, (DIALS, ("timeout",)): 1}), 1.0)
    assert values(aggregate, DIALS) == {("connected",): 5, ("timeout",): 1}


def test_counters_stay_and_gauges_go_when_their_source_ends() -> None:
    """A dead process takes its gauges along, what it counted stays counted."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", {(DIALS, ("x",)): 2}, {("p2p_peers", ()): 7}), 0.0)
    aggregate.source_gone("a", 1.0)
    assert values(aggregate, DIALS) == {("x",): 2}
    assert values(aggregate, "p2p_peers") == {}
    assert aggregate.statistics().sources == 0


def test_gauges_of_several_sources_add_up() -> None:
    """Each source has its own value of a gauge; the last one of each counts."""
    aggregate = MetricsAggregate()
    for source, value in (("a", 1), ("b", 10), ("a", 2)):
        aggregate.add(MetricsDelta(source, gauges={("p2p_peers", ()): value}), 0.0)
    assert values(aggregate, "p2p_peers") == {(): 12}


def test_gauge_is_taken_away_by_none() -> None:
    """A gauge that its source removed is no longer there."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", gauges={("p2p_peers", ()): 7}), 0.0)
    aggregate.add(MetricsDelta("a", gauges={("p2p_peers", ()): None}), 1.0)
    assert values(aggregate, "p2p_peers") == {}


def test_histograms_add_up() -> None:
    """Buckets and sums of observations add up."""
    aggregate = MetricsAggregate()
    empty = (0,) * (len(ROUND_TRIP_BUCKETS_S) - 1)
    aggregate.add(MetricsDelta("a", histograms={(ROUND_TRIP, ()): Observations((1, 0, *empty), 0.5)}), 0.0)
    aggregate.add(MetricsDelta("b", histograms={(ROUND_TRIP, ()): Observations((2, 4, *empty), 0.25)}), 0.0)
    assert values(aggregate, ROUND_TRIP) == {(): Observations((3, 4, *empty), 0.75)}


def test_series_of_a_connected_peer_are_never_dropped() -> None:
    """However long a peer is silent, its counters stay while any gauge of it is set."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", {(RECEIVED, ("p", "0x20")): 5}, {(PENDING, ("p",)): 0}), 0.0)
    aggregate.expire(1000 * PEER_LINGER_S)
    assert values(aggregate, RECEIVED) == {("p", "0x20"): 5}


def test_series_of_a_peer_are_dropped_some_time_after_it_left() -> None:
    """They can still be scraped for a while, counted from its end and not from its last word."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", {(RECEIVED, ("p", "0x20")): 5}, {(PENDING, ("p",)): 1}), 0.0)
    aggregate.add(MetricsDelta("a", gone_peers=frozenset({"p"})), 5000.0)
    assert values(aggregate, PENDING) == {}
    aggregate.expire(4999.0 + PEER_LINGER_S)
    assert values(aggregate, RECEIVED) == {("p", "0x20"): 5}
    aggregate.expire(5000.0 + PEER_LINGER_S)
    assert values(aggregate, RECEIVED) == {}
    assert aggregate.statistics().peers == 0


def test_peer_is_dropped_after_its_source_ended() -> None:
    """The end of a peer's process counts as the peer's."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", {(RECEIVED, ("p", "0x20")): 5}, {(PENDING, ("p",)): 1}), 0.0)
    aggregate.source_gone("a", 10.0)
    aggregate.expire(10.0 + PEER_LINGER_S)
    assert aggregate.statistics() == MetricsAggregate().statistics()


def test_peer_that_comes_back_goes_on_counting() -> None:
    """A reconnected peer's counters continue; leaving and coming back within one delta leaves it
    connected.
    """
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", {(RECEIVED, ("p", "0x20")): 5}, {(PENDING, ("p",)): 1}), 0.0)
    delta = MetricsDelta("a", {(RECEIVED, ("p", "0x20")): 1}, {(PENDING, ("p",)): 2}, {}, frozenset({"p"}))
    aggregate.add(delta, 1.0)
    aggregate.expire(1000 * PEER_LINGER_S)
    assert values(aggregate, RECEIVED) == {("p", "0x20"): 6}
    assert values(aggregate, PENDING) == {("p",): 2}


def test_gone_peer_loses_the_gauges_of_every_source() -> None:
    """The peer actor says that it is gone, the gauge was a reactor's."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("mempool", gauges={("p2p_num_txs", ("p",)): 3}), 0.0)
    aggregate.add(MetricsDelta("peers-0", gone_peers=frozenset({"p", "never seen"})), 1.0)
    assert values(aggregate, "p2p_num_txs") == {}
    assert aggregate.statistics().sources == 0


def test_first_delta_of_a_successor_ends_its_predecessors_gauges() -> None:
    """Nothing of the dead stays, and nothing is added up, when the news of its end comes later or never."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", gauges={("p2p_peers", ()): 3, (PENDING, ("p",)): 1}, life=1), 0.0)
    aggregate.add(MetricsDelta("a", gauges={("p2p_peers", ()): 2}, life=2), 1.0)
    assert values(aggregate, "p2p_peers") == {(): 2}
    assert values(aggregate, PENDING) == {}
    aggregate.source_gone("a", 2.0, life=1)
    assert values(aggregate, "p2p_peers") == {(): 2}
    aggregate.source_gone("a", 3.0, life=2)
    assert values(aggregate, "p2p_peers") == {}


def test_last_words_of_a_predecessor_count_but_set_nothing() -> None:
    """They may arrive behind its successor's first ones."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", gauges={("p2p_peers", ()): 2}, life=2), 0.0)
    aggregate.add(MetricsDelta("a", {(DIALS, ("x",)): 1}, {("p2p_peers", ()): 3}, life=1), 1.0)
    assert values(aggregate, "p2p_peers") == {(): 2}
    assert values(aggregate, DIALS) == {("x",): 1}


def test_peers_are_bounded() -> None:
    """Of too many peers the one unheard for longest goes, connected or not."""
    aggregate = MetricsAggregate()
    for number in range(MAX_PEERS + 3):
        series: dict[tuple[str, Labels], float] = {(RECEIVED, (f"p{number}", "0x0")): 1.0}
        aggregate.add(MetricsDelta("a", series, {(PENDING, (f"p{number}",)): 1.0}), float(number))
        aggregate.add(MetricsDelta("a", {(RECEIVED, ("p0", "0x0")): 1.0}), float(number))
    assert aggregate.statistics().peers == MAX_PEERS
    assert len(values(aggregate, PENDING)) == MAX_PEERS
    assert ("p0", "0x0") in values(aggregate, RECEIVED)
    assert ("p1", "0x0") not in values(aggregate, RECEIVED)


def test_making_room_for_a_peer_may_take_all_of_a_source() -> None:
    """A source whose only gauge goes for want of room keeps the gauge it sets just now."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("a", gauges={(PENDING, ("oldest",)): 1.0}), 0.0)
    gauges: dict[tuple[str, Labels], float | None] = {
        (PENDING, (f"p{number}",)): 1.0 for number in range(MAX_PEERS - 1)
    }
    aggregate.add(MetricsDelta("b", gauges=gauges), 1.0)
    aggregate.add(MetricsDelta("a", gauges={(PENDING, ("newest",)): 2.0}), 2.0)
    assert values(aggregate, PENDING)["newest",] == 2.0
    assert ("oldest",) not in values(aggregate, PENDING)


def test_series_of_a_metric_are_bounded() -> None:
    """Labels beyond the bound are counted together, nothing is lost."""
    aggregate = MetricsAggregate()
    for number in range(MAX_SERIES + 10):
        aggregate.add(MetricsDelta("a", {(DIALS, (f"{number}",)): 1}), 0.0)
    dials = values(aggregate, DIALS)
    assert len(dials) == MAX_SERIES + 1
    assert dials[OTHER,] == 10


def test_gauges_of_a_source_are_bounded() -> None:
    """A source cannot fill the memory with gauges."""
    aggregate = MetricsAggregate()
    for number in range(MAX_PEERS + 10):
        aggregate.add(MetricsDelta("a", gauges={(PENDING, (f"{number}",)): 1}), 0.0)
    assert aggregate.statistics().series == MAX_PEERS


def test_series_of_a_peer_are_bounded() -> None:
    """Channels beyond the bound are counted together, the peer keeps its name."""
    aggregate = MetricsAggregate()
    for channel in range(MAX_SERIES_PER_PEER + 10):
        aggregate.add(MetricsDelta("a", {(RECEIVED, ("p", f"{channel:#x}")): 1}), 0.0)
    received = values(aggregate, RECEIVED)
    assert len(received) == MAX_SERIES_PER_PEER + 1
    assert received["p", OTHER] == 10
    aggregate.expire(PEER_LINGER_S)
    assert values(aggregate, RECEIVED) == {}


def test_what_fits_no_metric_is_ignored_and_counted() -> None:
    """Unknown names, wrong labels, amounts that would spoil a sum: none of them gets in."""
    aggregate = MetricsAggregate()
    bad_counters: dict[tuple[str, Labels], float] = {
        ("nothing", ()): 1.0,
        (DIALS, ()): 1.0,
        (DIALS, ("x",)): -1.0,
        (DIALS, ("y",)): float("nan"),
        (DIALS, ("z",)): float("inf"),
        ("p2p_peers", ()): 1.0,
    }
    delta = MetricsDelta(
        "a", bad_counters, {(DIALS, ("x",)): 1.0}, {(ROUND_TRIP, ()): Observations((1,), 1.0)}, frozenset()
    )
    aggregate.add(delta, 0.0)
    assert aggregate.statistics().ignored == len(bad_counters) + 2
    assert aggregate.statistics().series == 0


PEERS = st.sampled_from(["p", "q", "r"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("inc"), PEERS, st.integers(0, 5)),
        st.tuples(st.just("set"), PEERS, st.integers(0, 5)),
        st.tuples(st.just("gone"), PEERS, st.just(0)),
        st.tuples(st.just("send"), st.just(""), st.just(0)),
        st.tuples(st.just("die"), st.just(""), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_counters_never_shrink_and_lose_nothing(steps: list[tuple[str, str, int]]) -> None:
    """Whatever sources do, a counter read later is not smaller, and equals what was sent."""
    aggregate, buffer = MetricsAggregate(), MetricsBuffer("a")
    sent: dict[str, float] = {}
    pending: dict[str, float] = {}
    for now, (step, peer, number) in enumerate(steps):
        before = counters(aggregate, RECEIVED)
        if step == "inc":
            buffer.inc(RECEIVED, (peer, "0x0"), number)
            pending[peer] = pending.get(peer, 0) + number
        elif step == "set":
            buffer.set(PENDING, (peer,), number)
        elif step == "gone":
            buffer.peer_gone(peer)
        elif step == "die":
            aggregate.source_gone("a", float(now))
            buffer, pending = MetricsBuffer("a"), {}
        elif (delta := buffer.drain()) is not None:
            aggregate.add(delta, float(now))
            for name, amount in pending.items():
                sent[name] = sent.get(name, 0) + amount
            pending = {}
        after = counters(aggregate, RECEIVED)
        assert all(after[series] >= value for series, value in before.items())
    assert counters(aggregate, RECEIVED) == {(peer, "0x0"): amount for peer, amount in sent.items()}


def test_peers_without_a_series_of_their_own_are_one() -> None:
    """Their bytes add up by channel; what does not add up, a round-trip time say, is not shown."""
    aggregate = MetricsAggregate(most_peers=1)
    for peer in "abc":
        counts: dict[Series, float] = {(RECEIVED, (peer, "0x0")): 1.0, (RECEIVED, (peer, "0x20")): 10.0}
        aggregate.add(MetricsDelta(peer, counts, {(PENDING, (peer,)): 7.0}), 0.0)
    assert values(aggregate, RECEIVED) == {
        ("a", "0x0"): 1.0,
        ("a", "0x20"): 10.0,
        (OTHER, "0x0"): 2.0,
        (OTHER, "0x20"): 20.0,
    }
    assert values(aggregate, PENDING) == {("a",): 7.0}
    assert aggregate.statistics().peers == 1


def test_no_peer_is_named_where_that_is_off() -> None:
    """The totals are the same."""
    aggregate = MetricsAggregate(most_peers=0)
    for number in range(1000):
        aggregate.add(MetricsDelta("x", {(RECEIVED, (f"p{number}", "0x0")): 1.0}), 0.0)
    assert values(aggregate, RECEIVED) == {(OTHER, "0x0"): 1000.0}
    assert aggregate.statistics().series == 1


def test_series_of_a_peer_that_gives_way_are_dropped_and_none_shrinks() -> None:
    """What the new one did before stays with the others."""
    aggregate = MetricsAggregate(most_peers=1)

    def carry(peer: str, size: float) -> None:
        aggregate.add(MetricsDelta("h", {(RECEIVED, (peer, "0x0")): size}, {(PENDING, (peer,)): 1.0}), 0.0)

    carry("a", 10)
    carry("b", 1000)
    aggregate.expire(1000.0)
    assert values(aggregate, RECEIVED) == {(OTHER, "0x0"): 1000.0}
    assert values(aggregate, PENDING) == {}
    carry("b", 5)
    carry("a", 3)
    assert values(aggregate, RECEIVED) == {(OTHER, "0x0"): 1003.0, ("b", "0x0"): 5.0}
    assert values(aggregate, PENDING) == {("b",): 1.0}


def test_peer_that_left_makes_room_when_its_series_go() -> None:
    """Not before: there are never more than were asked for."""
    aggregate = MetricsAggregate(most_peers=1)
    aggregate.add(MetricsDelta("h", {(RECEIVED, ("a", "0x0")): 1.0}), 0.0)
    aggregate.add(MetricsDelta("h", gone_peers=frozenset({"a"})), 1.0)
    aggregate.add(MetricsDelta("h", {(RECEIVED, ("b", "0x0")): 1.0}), 2.0)
    assert set(values(aggregate, RECEIVED)) == {("a", "0x0"), (OTHER, "0x0")}
    aggregate.expire(2.0 + PEER_LINGER_S)
    aggregate.add(MetricsDelta("h", {(RECEIVED, ("b", "0x0")): 1.0}), 100.0)
    assert values(aggregate, RECEIVED) == {(OTHER, "0x0"): 1.0, ("b", "0x0"): 1.0}


def test_private_peers_take_no_slot() -> None:
    """Nobody sees them, so that they are in nobody's way; also those that are private from now on."""
    aggregate = MetricsAggregate(private=frozenset({"a"}), most_peers=1)
    for peer in "ab":
        aggregate.add(MetricsDelta("h", {(RECEIVED, (peer, "0x0")): 1.0}), 0.0)
    assert values(aggregate, RECEIVED) == {("b", "0x0"): 1.0}
    aggregate.hide(frozenset({"a", "b"}))
    aggregate.add(MetricsDelta("h", {(RECEIVED, ("c", "0x0")): 1.0}), 0.0)
    assert values(aggregate, RECEIVED) == {("c", "0x0"): 1.0}
