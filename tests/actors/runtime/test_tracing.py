"""Spans follow messages: who has asked whom, in whichever process, is one trace with the right parents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[3]
PROGRAM_S = 120
Span = dict[str, Any]


class Spans:
    """All spans of a program, of all its processes."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans = spans
        self._by_id = {span["context"]["span_id"]: span for span in spans}

    def lines(self, root: str) -> list[list[str]]:
        """The spans below a root that have none below them, each with all above it."""
        parents = {span["parent_id"] for span in self._spans}
        leaves = [span for span in self._spans if span["context"]["span_id"] not in parents]
        lines = [self._line(span) for span in leaves]
        return sorted([span["name"] for span in line] for line in lines if line[0]["name"] == root)

    def of(self, root: str) -> list[Span]:
        return [span for span in self._spans if self._line(span)[0]["name"] == root]

    def roots(self) -> list[str]:
        return [span["name"] for span in self._spans if span["parent_id"] is None]

    def _line(self, span: Span) -> list[Span]:
        parent = span["parent_id"]
        return [*([] if parent is None else self._line(self._by_id[parent])), span]


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory) -> Spans:
    """What the processes of the program have written."""
    path = tmp_path_factory.mktemp("spans") / "spans.jsonl"
    program = subprocess.run(
        [sys.executable, "-m", "tests.actors.runtime.tracing_program", str(path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    return Spans([json.loads(line) for line in path.read_text().splitlines()])


@pytest.mark.timeout(PROGRAM_S)
def test_an_ask_through_two_processes_is_one_trace(spans: Spans) -> None:
    """The program asks A, and A asks B. Nothing is lost at the end of the processes."""
    assert spans.lines("chain") == [["chain", "ask Front", "handle Front", "ask Back", "handle Back"]]
    found = spans.of("chain")
    assert len({span["context"]["trace_id"] for span in found}) == 1
    kinds = {span["name"]: span["kind"].removeprefix("SpanKind.") for span in found}
    assert (kinds["ask Front"], kinds["handle Front"]) == ("CLIENT", "SERVER")
    about = next(span["attributes"] for span in found if span["name"] == "handle Back")
    assert about["peerage.actor.name"] == about["peerage.actor.host"] == "back"
    assert about["peerage.actor.class"].endswith(":Back")
    assert about["peerage.message.class"] == "str"
    assert 0 < about["peerage.message.queue_seconds"] < PROGRAM_S


def test_an_error_is_recorded_all_the_way(spans: Spans) -> None:
    """Where it was raised, and wherever it arrived."""
    found = {span["name"]: span for span in spans.of("fail")}
    for name in ("handle Back", "ask Back", "handle Front", "ask Front"):
        assert found[name]["status"]["status_code"] == "ERROR", name
        (event,) = found[name]["events"]
        assert event["attributes"]["exception.message"] == "boom"
    (dead,) = [span for span in spans.of("dead") if span["name"] == "ask actor"]
    assert dead["attributes"]["peerage.actor.name"] == "nobody"
    assert dead["status"]["status_code"] == "ERROR"


def test_tells_are_followed(spans: Spans) -> None:
    """One by one, and many at once."""
    line = ["tell", "ask Front", "handle Front", "tell Back", "handle Back"]
    assert spans.lines("tell") == [line] * 3


@pytest.mark.parametrize("root", ["future", "frames"])
def test_an_ask_is_followed_in_whatever_way_it_is_made(spans: Spans, root: str) -> None:
    """A future that is waited for later; raw frames; an actor in a thread."""
    assert spans.lines(root) == [[root, "ask Back", "handle Back"]]


def test_a_call_of_a_proxy_is_named_for_its_method(spans: Spans) -> None:
    """Looking at the actor's attributes, which a proxy does first, is no span."""
    assert spans.lines("proxy") == [["proxy", "ask Back", "handle Back"]]
    called = {span["attributes"].get("peerage.message.class") for span in spans.of("proxy")}
    assert called == {None, "double()"}


def test_what_is_published_is_followed_to_each_subscriber(spans: Spans) -> None:
    """It is packed once, with the trace of its publisher."""
    assert spans.lines("topic") == [["topic", "handle Back"]] * 2


def test_from_asyncio(spans: Spans) -> None:
    """A task's span is the parent."""
    assert spans.lines("asyncio") == [
        ["asyncio", "ask Back", "handle Back"],
        ["asyncio", "tell Back", "handle Back"],
    ]


def test_a_neighbour_that_runs_in_between_has_its_own_trace(spans: Spans) -> None:
    """It handles its message in the thread of an actor that waits, and is a child of whoever has told it."""
    assert spans.lines("neighbour") == [
        ["neighbour", "ask Front", "handle Front", "ask Back", "handle Back"],
        ["neighbour", "ask Front", "handle Front", "tell Front", "handle Front"],
    ]


def test_outside_of_spans_there_are_none(spans: Spans) -> None:
    """A message that nobody traces begins no trace."""
    assert sorted(spans.roots()) == sorted(
        ["chain", "fail", "tell", "neighbour", "future", "proxy", "frames", "topic", "asyncio", "dead"]
    )
