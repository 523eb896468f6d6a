"""Metrics by class: of actors in processes and threads, of those that have died, and without anything being measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from peerage.actors.runtime import System, measure_actors
from peerage.actors.runtime.host.handler_times import MOST_CLASSES, NOTHING, OTHER
from peerage.actors.runtime.metrics import _label
from tests.actors.runtime.cast import Echo

CHECKOUT = Path(__file__).parents[3]
PROGRAM_S = 120


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the program says: it begins to measure before it has a system."""
    program = subprocess.run(
        [sys.executable, "-m", "tests.actors.runtime.metrics_program"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    answer: dict[str, Any] = json.loads(program.stdout)
    return answer


@pytest.mark.timeout(PROGRAM_S)
def test_messages_of_all_kinds_are_counted(told: dict[str, Any]) -> None:
    """Tells, asks, several at once, the calls of a proxy; in a process and in a thread. Of two times eleven, two fail."""
    assert told["both"] == [2, 0, 22, 2]


def test_a_host_that_does_not_answer_is_told_as_such(told: dict[str, Any]) -> None:
    """Its figures are those of before."""
    assert told["silent"] == [2, 1]
    assert told["later"] == [2, 0, 28, 2]


def test_counts_do_not_shrink_when_a_process_is_killed(told: dict[str, Any]) -> None:
    """What it had counted when it was last read stays."""
    assert told["killed"] == [1, 0, 28, 2]


def test_prometheus_reads_them(told: dict[str, Any]) -> None:
    """A histogram for each class; nothing without a system."""
    assert told["before"] == told["after"] == ""
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(told["page"])
        for sample in family.samples
        if sample.labels.get("actor_class", ":Meter").endswith(":Meter")
        and sample.labels.get("le", "+Inf") == "+Inf"
    }
    assert samples["peerage_actor_handler_seconds_count"] == 28
    assert samples["peerage_actor_handler_seconds_bucket"] == 28
    assert samples["peerage_actor_messages_failed_total"] == 2
    assert samples["peerage_actor_actors"] == samples["peerage_actor_hosts"] == 1


def test_what_waits_is_known_without_measuring(system: System) -> None:
    """Handlers are not measured in this system, and it is said so; to begin now would be too late."""
    Echo.start().ask("hello")
    metrics = system.metrics()
    (row,) = metrics.classes
    assert (row.actor_class.rpartition(":")[2], row.actors, row.mailbox) == ("Echo", 1, 0)
    assert (metrics.is_measured, row.handled) == (False, NOTHING)
    with pytest.raises(RuntimeError, match="before the first actor is started"):
        measure_actors()


def test_labels_have_a_bound() -> None:
    """Prometheus keeps each of them for ever."""
    known = {str(number): None for number in range(MOST_CLASSES)}
    assert [_label(known, "0"), _label(known, "new")] == ["0", OTHER]
