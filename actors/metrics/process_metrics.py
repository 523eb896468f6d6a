"""The `process_…` metrics of Go's process collector, for all processes of the node together, without labels.

Dashboards read them by these names. Values are added up where that makes sense. File descriptors run out in one process, not
in the sum, so they are those of the process that has used the most of its limit. Source: proc(5).
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from peerage.actors.runtime.limits import open_descriptors

__all__ = ["ProcessFacts", "ProcessMetrics", "facts_of"]

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """Facts about one process, from the kernel.

    Args:
        cpu_seconds: used by the process itself.
        children_cpu_seconds: used by its children that have ended.
        start_time: seconds since 1970.
        open_fds, max_fds: 0 when we may not read them (before Linux 6.2 also of peer hosts, unless we are root).
    """

    pid: int
    parent: int
    cpu_seconds: float
    children_cpu_seconds: float
    start_time: float
    virtual_bytes: int
    resident_bytes: int
    open_fds: int
    max_fds: int


def facts_of(pid: int) -> ProcessFacts | None:
    """The facts of a process; None if there is no such process."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    _state, parent, *_ = fields
    times = [int(ticks) / _TICKS_PER_S for ticks in fields[11:15]]
    try:
        open_fds = open_descriptors(pid)
        max_fds = resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
    except OSError:
        open_fds = max_fds = 0  # it is about to end, or belongs to another user
    return ProcessFacts(
        pid=pid,
        parent=int(parent),
        cpu_seconds=sum(times[:2]),
        children_cpu_seconds=sum(times[2:]),
        start_time=_boot_time() + int(fields[19]) / _TICKS_PER_S,
        virtual_bytes=int(fields[20]),
        resident_bytes=int(fields[21]) * _PAGE,
        open_fds=open_fds,
        max_fds=max_fds,
    )


class ProcessMetrics(Collector):
    """The collector. Args: process_ids, returns the IDs of the node's processes, the embedder's first."""

    def __init__(self, process_ids: Callable[[], Iterable[int]]) -> None:
        self._process_ids = process_ids
        self._cpu_seconds = 0.0

    def describe(self) -> list[Metric]:
        """Return nothing, which saves the registry a collection when this collector is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Six metrics, or none when the processes cannot be read."""
        found = [facts for pid in self._process_ids() if (facts := facts_of(pid)) is not None]
        if not found:
            return
        root, *hosts = found
        servers = _fork_servers(root, hosts)
        everyone = (root, *hosts, *servers)
        # When a process ends, its CPU time moves to its parent, the fork server, so it stays in the sum. If it ends between
        # our two readings we miss it, and a counter must not shrink: hence the maximum.
        used = sum(each.cpu_seconds for each in everyone) + sum(each.children_cpu_seconds for each in servers)
        self._cpu_seconds = max(self._cpu_seconds, used)
        fullest = max(everyone, key=lambda each: each.open_fds / max(each.max_fds, 1))
        yield CounterMetricFamily(
            "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", self._cpu_seconds
        )
        for name, text, value in (
            ("max_fds", "Maximum number of open file descriptors.", fullest.max_fds),
            ("open_fds", "Number of open file descriptors.", fullest.open_fds),
            ("resident_memory_bytes", "Resident memory size in bytes.", _sum(everyone, "resident_bytes")),
            ("start_time_seconds", "Start time of the process since unix epoch in seconds.", root.start_time),
            ("virtual_memory_bytes", "Virtual memory size in bytes.", _sum(everyone, "virtual_bytes")),
        ):
            yield GaugeMetricFamily(f"process_{name}", text, value)


def _sum(processes: Iterable[ProcessFacts], field: str) -> float:
    return float(sum(getattr(each, field) for each in processes))


def _fork_servers(root: ProcessFacts, hosts: Iterable[ProcessFacts]) -> list[ProcessFacts]:
    """The fork servers: the processes between the embedder and the hosts."""
    parents = {host.parent for host in hosts} - {root.pid}
    found = [facts for pid in sorted(parents) if (facts := facts_of(pid)) is not None]
    return [facts for facts in found if facts.parent == root.pid]


@cache
def _boot_time() -> float:
    for line in (_PROC / "stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0
