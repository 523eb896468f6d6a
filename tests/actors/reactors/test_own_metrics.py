"""A reactor's own metrics: declared in its class, bounded, served with the node's."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from peerage import ChannelDescriptor, Counter, Envelope, Gauge, Histogram, Reactor
from peerage.actors.metrics.buffer import MetricsBuffer
from peerage.actors.metrics.declared import MOST_DECLARED
from peerage.actors.reactors.own_metrics import (
    LONGEST_VALUE,
    MOST_SERIES,
    OTHER,
    MetricNameError,
    families_of,
)
from peerage.testing import FakePeer, ReactorHarness, connected_nodes, wait_until
from tests.actors.reactors.stage import CHANNEL


class Chat(Reactor):
    channels = (ChannelDescriptor(id=CHANNEL),)
    lines = Counter("lines_total", "Lines of chat, by room.", ["room"])
    waiting = Gauge("waiting", "Lines that wait.")
    length = Histogram("line_bytes", "Length of lines.", buckets=(1, 10, 100))

    def receive(self, envelope: Envelope) -> None:
        self.lines.inc(room="lobby")
        self.waiting.set(3)
        self.length.observe(len(envelope.message))

    def handle(self, message: Any) -> Any:
        match message:
            case "drain":
                return self.metrics.buffer.drain()
            case ("flood", many):
                for number in range(many):
                    self.lines.inc(room=f"room {number}")
                    self.waiting.set(number)
                self.waiting.remove()
            case "long":
                self.lines.inc(room="x" * 1000)
            case "wrong":
                self.lines.inc(2, place="lobby")
        return None


def drained(message: Any, *, prometheus: bool = True) -> Any:
    """What the reactor reports after this message."""
    with ReactorHarness(Chat, instrumentation={"prometheus": prometheus}) as harness:
        if isinstance(message, bytes):
            peer: FakePeer = harness.connect()
            peer.send(CHANNEL, message)
            peer.wait_until_handled()
        else:
            harness.ask(message)
        return harness.ask("drain")


def test_a_reactor_writes_its_metrics_under_its_own_name() -> None:
    """The name that it was registered by."""
    delta = drained(b"hello")
    assert delta.counters[("reactor_tested_lines_total", ("lobby",))] == 1
    assert delta.gauges[("reactor_tested_waiting", ())] == 3
    observed = delta.histograms[("reactor_tested_line_bytes", ())]
    assert (observed.buckets, observed.total) == ((0, 1, 0, 0), 5)
    assert [family.name for family in delta.families] == [
        "reactor_tested_lines_total",
        "reactor_tested_waiting",
        "reactor_tested_line_bytes",
    ]


def test_nothing_is_kept_where_no_metrics_are_served() -> None:
    """It would grow for nobody."""
    delta = drained(b"hello", prometheus=False)
    assert delta is None or (not delta.counters and not delta.gauges)


def test_series_are_bounded_whatever_is_in_their_labels() -> None:
    """What is beyond the bound counts together."""
    counters = drained(("flood", MOST_SERIES + 7)).counters
    assert len(counters) == MOST_SERIES + 1
    assert counters[("reactor_tested_lines_total", (OTHER,))] == 7
    assert ("reactor_tested_lines_total", ("x" * LONGEST_VALUE,)) in drained("long").counters


def test_labels_are_given_as_they_are_declared() -> None:
    """A mistake says which there are."""
    with pytest.raises(MetricNameError, match="'reactor_tested_lines_total': labels place; room expected"):
        drained("wrong")


@pytest.mark.parametrize(
    ("declare", "fault"),
    [
        (lambda: Counter("Lines_total", "x"), "small letters"),
        (lambda: Counter("lines total", "x"), "small letters"),
        (lambda: Counter("lines", "x"), "of a counter ends in _total"),
        (lambda: Gauge("lines_total", "x"), "of a counter ends in _total"),
        (lambda: Gauge("lines", " "), "one line"),
        (lambda: Gauge("lines", "two\nlines"), "one line"),
        (lambda: Gauge("lines", "x", ["chain_id"]), "label 'chain_id'"),
        (lambda: Gauge("lines", "x", ["Room"]), "label 'Room'"),
        (lambda: Gauge("lines", "x", ["a", "a"]), "each once"),
        (lambda: Gauge("lines", "x", [f"l{number}" for number in range(9)]), "at most 8 labels"),
        (lambda: Histogram("lines", "x", buckets=[2, 1]), "ascending"),
        (lambda: Histogram("lines", "x", buckets=[]), "ascending"),
        (lambda: type("R", (Reactor,), {"a": Gauge("x", "x"), "b": Gauge("x", "x")}), "R declares it twice"),
        (
            lambda: type("R", (Reactor,), {f"m{n}": Gauge(f"m{n}", "x") for n in range(MOST_DECLARED + 1)}),
            "R declares more than 64",
        ),
    ],
)
def test_what_is_wrong_is_said_when_the_class_is_made(declare: Any, fault: str) -> None:
    """With the name of the metric."""
    with pytest.raises(MetricNameError, match=fault):
        declare()


def test_a_class_has_the_metrics_of_its_bases() -> None:
    """The nearest one counts, as with methods."""

    class Quiet(Chat):
        waiting = Gauge("waiting", "Lines that wait, quietly.")
        rooms = Gauge("rooms", "Rooms.")

    families = {family.name: family.help for family in families_of(Quiet, "MY-CHAT 2")}
    assert families["reactor_my_chat_2_waiting"] == "Lines that wait, quietly."
    assert [*families] == [
        f"reactor_my_chat_2_{name}" for name in ("lines_total", "waiting", "line_bytes", "rooms")
    ]


def test_a_node_serves_them_with_its_own() -> None:
    """From the start of the reactor on, with what they are."""
    settings = {"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"}
    with connected_nodes(1, {"CHAT": Chat}, instrumentation=settings) as (node,):
        address = node.metrics_addresses()[0].replace("tcp://", "http://")
        node.reactor("CHAT").ask(("flood", 1), timeout=10.0)

        def served() -> str:
            with urllib.request.urlopen(f"{address}/metrics", timeout=5.0) as response:
                return str(response.read(), "utf-8")

        wanted = 'cometbft_reactor_chat_lines_total{chain_id="test",room="room 0"} 1.0'
        wait_until(lambda: wanted in served())
        assert "# TYPE cometbft_reactor_chat_line_bytes histogram" in served()


def test_without_a_node_they_are_of_no_effect() -> None:
    """A unit test may call the methods of a reactor that was never started."""
    chat = Chat()
    chat.lines.inc(room="lobby")
    assert Chat.lines.family.name == "lines_total"
    assert isinstance(MetricsBuffer("x"), MetricsBuffer)
