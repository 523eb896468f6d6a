"""docs/deploy: the Grafana board and the alerts ask for metrics, labels and values that a node has; and the page on metrics.

A parser of PromQL reads every query, and Prometheus's own client library what a node serves. Where Prometheus's `promtool`
is installed, it looks at both as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from peerage.actors.metrics.app import SharedAggregate, metrics_app
from peerage.actors.metrics.buffer import MetricsBuffer
from peerage.actors.metrics.families import FAMILIES, MetricKind
from peerage.actors.metrics.process_metrics import ProcessMetrics
from peerage.actors.metrics.settings import MetricsSettings
from tests.actors.http.asgi_exchange import exchange
from tests.docs.pages import CHECKOUT

BOARD = json.loads((CHECKOUT / "docs/deploy/grafana-peerage.json").read_text())
ALERTS_FILE = CHECKOUT / "docs/deploy/alerts.yml"
ALERTS = [rule for group in yaml.safe_load(ALERTS_FILE.read_text())["groups"] for rule in group["rules"]]
PAGE = (CHECKOUT / "docs/reference/metrics.md").read_text()
SCRAPED = {"instance", "job"}  # labels that Prometheus adds
# What Grafana puts in.
VARIABLES = {
    "${namespace}": "cometbft",
    "$__rate_interval": "5m",
    "$chain_id": "test",
    "$instance": ".*",
}
LIST_OF_LABELS = re.compile(r"label_values\((.+), (\w+)\)")


def panels() -> list[dict[str, Any]]:
    return [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def queries() -> dict[str, str]:
    """All queries, by where they stand."""
    found = {f"alert {rule['alert']}": str(rule["expr"]) for rule in ALERTS}
    for panel in panels():
        for target in panel["targets"]:
            found[f"panel {panel['id']} {target['refId']}"] = target["expr"]
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            listed = LIST_OF_LABELS.fullmatch(variable["query"]["query"])
            assert listed is not None
            found[f"variable {variable['name']}"] = f"count by ({listed[2]}) ({listed[1]})"
    for where, query in found.items():
        for variable, value in VARIABLES.items():
            query = query.replace(variable, value)  # noqa: PLW2901 - one after another
        assert "$" not in query, f"{where}: a variable that the test does not know"
        found[where] = query
    return found


def page() -> str:
    """What a node serves that has something of everything."""
    shared = SharedAggregate(MetricsSettings("test"), FAMILIES)
    buffer = MetricsBuffer("test")
    for family in FAMILIES:
        labels = tuple(f"a-{label}" for label in family.labels)
        match family.kind:
            case MetricKind.COUNTER:
                buffer.inc(family.name, labels)
            case MetricKind.GAUGE:
                buffer.set(family.name, labels, 1.0)
            case MetricKind.HISTOGRAM:
                buffer.observe(family.name, labels, 0.1)
    delta = buffer.drain()
    assert delta is not None
    shared.add(delta)
    app = metrics_app(shared, 0, ProcessMetrics(lambda: [os.getpid()]))
    return exchange(app, "GET", "/metrics").text


@cache
def exposed() -> Mapping[str, set[str]]:
    """Names of series, each with its labels."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def parts(expression: Any) -> Iterator[Any]:
    """An expression and all below it."""
    yield expression
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        below = getattr(expression, name, None)
        if below is not None:
            yield from parts(below)
    for argument in getattr(expression, "args", None) or ():
        yield from parts(argument)


@pytest.mark.parametrize("where", queries())
def test_every_query_asks_for_what_there_is(where: str) -> None:
    """Each metric that it names, with each label that it picks or adds up by."""
    every = list(parts(promql_parser.parse(queries()[where])))
    selectors = [part for part in every if isinstance(part, promql_parser.VectorSelector)]
    assert selectors
    known = exposed()
    labels: set[str] = set(SCRAPED)
    for selector in selectors:
        assert selector.name is not None
        assert selector.name in known, f"no metric {selector.name}"
        labels |= known[selector.name]
        assert {matcher.name for matcher in selector.matchers.matchers} <= known[selector.name] | SCRAPED
    for part in every:
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            assert set(part.modifier.labels) <= labels


def test_board_asks_for_nearly_everything() -> None:
    """What is worth counting is worth seeing: but for one that reactors of others set, and a constant."""
    asked = " ".join(queries().values())
    unseen = {family.name for family in FAMILIES if f"cometbft_{family.name}" not in asked}
    assert unseen == {"p2p_num_txs"}
    assert {name for name in exposed() if name.startswith("process_") and name not in asked} == {
        "process_start_time_seconds"
    }


def test_panels_say_what_they_show() -> None:
    """With a title, a sentence and a place of their own; legends name labels that the query keeps."""
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    places: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith(".")
        place = panel["gridPos"]
        taken = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert places.isdisjoint(taken)
        assert max(x for x, _ in taken) < 24
        places |= taken
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert re.search(rf"by \([^)]*\b{label}\b", target["expr"]), target["expr"]


def test_alerts_are_whole() -> None:
    """A name of its own each, how bad it is, and what it means."""
    names = [rule["alert"] for rule in ALERTS]
    assert len(names) == len(set(names))
    for rule in ALERTS:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert re.fullmatch(r"[0-9]+m", rule.get("for", "1m"))


def test_page_on_metrics_names_each_with_its_type_and_labels() -> None:
    """In a row of a table, and nothing that does not exist."""
    described: dict[str, tuple[str, list[str]]] = {}
    for line in PAGE.splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if name.startswith("`") and cells[:1] and cells[0] in {"counter", "gauge", "histogram"}:
            labels = re.findall(r"`(\w+)`", cells[1]) if len(cells) > 2 else []
            described[name.strip("`")] = (cells[0], labels)
    expected = {family.name: (family.kind.value, list(family.labels)) for family in FAMILIES}
    served = {family.name: str(family.type) for family in text_string_to_metric_families(page())}
    for name, kind in served.items():
        if name.startswith("process_"):
            own = f"{name}_total" if kind == "counter" else name
            expected[own] = (kind, [])
    # of a seed of many chains
    expected |= {"peerage_chain_up": ("gauge", []), "peerage_chain_restarts_total": ("counter", [])}
    assert described == expected


def test_promtool_agrees_where_it_is() -> None:
    """Everything above is looked at in any case; this is a second opinion. It dislikes CometBFT's label `chID`."""
    promtool = shutil.which("promtool")
    if promtool is not None:
        rules = told_by(promtool, "rules", str(ALERTS_FILE))
        assert "FAILED" not in rules
        assert f"{len(ALERTS)} rules found" in rules
        complaints = told_by(promtool, "metrics", given=page()).splitlines()
        assert [
            line for line in complaints if "label names should be written in 'snake_case'" not in line
        ] == []


def told_by(promtool: str, what: str, *files: str, given: str | None = None) -> str:
    command = [promtool, "check", what, *files]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_files_are_where_the_docs_say() -> None:
    for name in ("grafana-peerage.json", "alerts.yml"):
        assert f"../deploy/{name}" in PAGE
        assert Path(CHECKOUT / "docs/deploy" / name).exists()
