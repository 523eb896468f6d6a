"""actors/metrics/process_metrics.py: what the node's processes use, by the names that dashboards know."""

from __future__ import annotations

import os
import re
import resource
import time
import urllib.request
from collections.abc import Iterator

import psutil
import pytest

from peerage.actors.http.listening import GetAddresses
from peerage.actors.metrics.metrics import MetricsActor
from peerage.actors.metrics.process_metrics import ProcessFacts, ProcessMetrics, facts_of
from peerage.actors.metrics.settings import MetricsSettings
from peerage.actors.runtime import PROCESS, ActorRef, ProcessActor
from tests.nodes import wait_until

NAMES = {
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
}
MEGABYTES = 100_000_000


class Ballast(ProcessActor):
    """Holds so much memory in a process of its own, and uses so much of the processor as it is asked to."""

    def on_start(self) -> None:
        self._ballast = bytearray(os.urandom(1 << 20)) * (MEGABYTES >> 20)

    def on_receive(self, message: float) -> None:
        while time.process_time() < message:
            sum(range(1000))


@pytest.fixture
def metrics() -> Iterator[ActorRef[MetricsActor]]:
    ref = MetricsActor.options(name="process-metrics", place=PROCESS).start(
        MetricsSettings("test", listen_addr="127.0.0.1:0")
    )
    yield ref
    ref.stop()


def scrape(ref: ActorRef[MetricsActor]) -> dict[str, float]:
    (address,) = ref.ask(GetAddresses())
    with urllib.request.urlopen(address.replace("tcp://", "http://"), timeout=5.0) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(process_\w+) (\S+)$", text, re.MULTILINE)}


def test_facts_are_the_kernels() -> None:
    """Compared with what psutil says of this process."""
    facts, known = facts_of(os.getpid()), psutil.Process()
    assert facts is not None
    assert facts.parent == os.getppid()
    assert abs(facts.start_time - known.create_time()) < 1.0
    assert facts.max_fds == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 0.5 < facts.resident_bytes / known.memory_info().rss < 2.0
    assert facts.virtual_bytes >= facts.resident_bytes > 0
    assert facts.open_fds > 0


def test_a_process_that_is_gone_has_no_facts() -> None:
    """Nor is it an error: it may end between two looks."""
    assert facts_of(2**30) is None
    assert list(ProcessMetrics(lambda: [2**30]).collect()) == []


def test_all_processes_of_the_node_count(metrics: ActorRef[MetricsActor]) -> None:
    """Six plain names; memory is the sum, processor time stays when its user has gone."""
    before = scrape(metrics)
    assert set(before) == NAMES
    assert abs(before["process_start_time_seconds"] - psutil.Process().create_time()) < 1.0
    ballast = Ballast.options(name="ballast", place=PROCESS).start()
    ballast.ask(0.5, timeout=10.0)
    during = scrape(metrics)
    assert during["process_resident_memory_bytes"] > before["process_resident_memory_bytes"] + MEGABYTES
    assert during["process_cpu_seconds_total"] > before["process_cpu_seconds_total"] + 0.4
    ballast.stop()

    def less() -> bool:
        after = scrape(metrics)
        assert after["process_cpu_seconds_total"] >= during["process_cpu_seconds_total"]
        return after["process_resident_memory_bytes"] < during["process_resident_memory_bytes"]

    wait_until(less, what="the end of the process")


def test_descriptors_are_those_of_the_fullest_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert on open_fds / max_fds must ring when one process is full, whatever the others have left."""
    table = {
        1: ProcessFacts(1, 0, 1.0, 0.0, 5.0, 10, 1, open_fds=500, max_fds=20_000),
        2: ProcessFacts(2, 3, 2.0, 0.0, 6.0, 10, 1, open_fds=900, max_fds=1024),
        3: ProcessFacts(3, 1, 4.0, 8.0, 5.5, 10, 1, open_fds=0, max_fds=0),
    }
    monkeypatch.setattr("peerage.actors.metrics.process_metrics.facts_of", table.get)
    found = {
        metric.samples[0].name: metric.samples[0].value for metric in ProcessMetrics(lambda: [1, 2]).collect()
    }
    assert found == {
        "process_cpu_seconds_total": 15.0,  # the fork server's own and that of hosts that have ended, too
        "process_max_fds": 1024,
        "process_open_fds": 900,
        "process_resident_memory_bytes": 3.0,
        "process_start_time_seconds": 5.0,
        "process_virtual_memory_bytes": 30.0,
    }
