"""Which metrics there are, while reactors come, go and come again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.metrics.aggregate import MetricsAggregate
from peerage.actors.metrics.buffer import MetricsBuffer, MetricsDelta
from peerage.actors.metrics.declared import LINGER_S, MOST_DECLARED, DeclaredFamilies
from peerage.actors.metrics.families import FAMILIES, MetricFamily, MetricKind

LINES = MetricFamily("reactor_chat_lines_total", MetricKind.COUNTER, "Lines.", ("room",))
QUEUE = MetricFamily("reactor_chat_queue", MetricKind.GAUGE, "Waiting.")
OTHER_QUEUE = MetricFamily("reactor_chat_queue", MetricKind.GAUGE, "Something else.")


def names(aggregate: MetricsAggregate) -> set[str]:
    return {each.family.name for each in aggregate.collect()}


def test_what_a_source_declares_is_counted_and_goes_after_its_end() -> None:
    """Its successor takes it over, if one comes within a minute."""
    aggregate = MetricsAggregate()
    buffer = MetricsBuffer("chat")
    buffer.declare([LINES, QUEUE])
    buffer.inc(LINES.name, ("lobby",), 2)
    buffer.set(QUEUE.name, (), 5)
    delta = buffer.drain()
    assert delta is not None
    aggregate.add(delta, 0.0)
    assert {LINES.name, QUEUE.name} < names(aggregate)

    aggregate.source_gone("chat", 1.0)
    successor = MetricsBuffer("chat")
    successor.declare([LINES, QUEUE])
    successor.inc(LINES.name, ("lobby",))
    delta = successor.drain()
    assert delta is not None
    aggregate.add(delta, 2.0)
    aggregate.expire(2.0 + LINGER_S)
    (lines,) = (each for each in aggregate.collect() if each.family.name == LINES.name)
    assert lines.values == {("lobby",): 3}

    aggregate.source_gone("chat", 100.0)
    aggregate.expire(99.0 + LINGER_S)
    assert LINES.name in names(aggregate)
    aggregate.expire(100.0 + LINGER_S)
    assert names(aggregate) == {family.name for family in FAMILIES}


def test_metrics_are_declared_first_and_whenever_all_is_sent_again() -> None:
    """The metrics actor may have been restarted."""
    buffer = MetricsBuffer("chat")
    buffer.declare([LINES])
    told = []
    for again in (False, False, True):
        if again:
            buffer.resend()
        delta = buffer.drain()
        told.append(() if delta is None else delta.families)
    assert told == [(LINES,), (), (LINES,)]


def test_a_name_that_is_taken_is_refused() -> None:
    """By a metric of every node, and by another definition of the same name."""
    declared = DeclaredFamilies(FAMILIES)
    assert declared.declare("a", FAMILIES[:1]) == 1
    assert declared.declare("a", [QUEUE]) == 0
    assert declared.declare("b", [QUEUE]) == 0
    assert declared.declare("b", [OTHER_QUEUE]) == 1
    assert declared.known[QUEUE.name] is QUEUE


def test_what_nobody_has_declared_is_ignored() -> None:
    """A delta that is late, or from a source that was forgotten."""
    aggregate = MetricsAggregate()
    aggregate.add(MetricsDelta("chat", {(LINES.name, ("lobby",)): 1}), 0.0)
    assert aggregate.statistics().ignored == 1
    assert LINES.name not in names(aggregate)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["declare", "gone", "expire"]), st.sampled_from("ab"), st.integers(0, 200))
    )
)
def test_no_source_has_more_than_its_share(steps: list[tuple[str, str, int]]) -> None:
    """Whatever it declares, and in whatever order sources come and go."""
    declared, now = DeclaredFamilies(FAMILIES), 0.0
    for what, source, number in steps:
        now += number
        if what == "declare":
            many = [
                MetricFamily(f"{source}_{each}", MetricKind.GAUGE, "x")
                for each in range(number, number + MOST_DECLARED)
            ]
            declared.declare(source, many)
        elif what == "gone":
            declared.source_gone(source, now)
        else:
            declared.expire(now)
        assert len(declared.known) <= len(FAMILIES) + 2 * MOST_DECLARED
    for source in "ab":
        declared.source_gone(source, now)
    declared.expire(now + LINGER_S)
    assert [*declared.known.values()] == [*FAMILIES]
