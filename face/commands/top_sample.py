"""One look at a node: what it has answered, and what has changed since the look before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peerage.commands.live_table import Column, Row

__all__ = ["Sample"]

_SEARCHED = ("name", "class", "state", "waits_for", "host", "last_cause")


@dataclass(frozen=True, slots=True)
class Sample:
    """Args: actors and peers, results of the methods of these names; rows, the actors with what belongs to their hosts."""

    actors: Mapping[str, Any]
    peers: Mapping[str, Any]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, actors: Mapping[str, Any], peers: Mapping[str, Any], before: Sample | None) -> Sample:
        """What the node has answered. Args: before, the last look; without one there are no rates yet."""
        seconds = actors["time"] - before.actors["time"] if before is not None else 0.0
        hosts = {host["host"]: host for host in actors["hosts"]}
        spent = (
            {} if before is None else {(host["host"], host["pid"]): host for host in before.actors["hosts"]}
        )
        handled = (
            {}
            if before is None
            else {(row["name"], row["host"], row["pid"]): row["handled"] for row in before.rows}
        )
        shared = _shared(actors["hosts"])
        rows: list[Row] = []
        for actor in actors["actors"]:
            host = hosts.get(actor["host"])
            pid = host["pid"] if host is not None else None
            row = {**actor, "pid": pid, "cpu": None, "cpu_time": None, "memory": None}
            if host is not None and actor["name"] == actor["host"]:  # its process stands in one row
                row["cpu_time"], row["memory"] = _time_of(host, shared), host["memory"]
                last = spent.get((actor["host"], pid))
                row["cpu"] = _per_second(row["cpu_time"], last and _time_of(last, shared), seconds)
            last_handled = handled.get((actor["name"], actor["host"], pid))
            row["rate"] = _per_second(actor["handled"], last_handled, seconds)
            rows.append(row)
        return cls(actors, peers, tuple(rows))

    def sorted_actors(self, column: Column | None, *, descending: bool, wanted: str) -> Sequence[Row]:
        """The actors, in the order of a column, or of the tree; those that hold a text, in any case."""
        rows: Sequence[Row] = self.rows
        if wanted:
            text = wanted.casefold()
            rows = [row for row in rows if any(text in str(row[key]).casefold() for key in _SEARCHED)]
        if column is None or column.value is None:
            return rows
        return sorted(rows, key=column.value, reverse=descending)

    @property
    def silent(self) -> list[str]:
        """The hosts that have not answered."""
        hosts = [*self.actors["hosts"], *self.peers["hosts"]]
        return list(dict.fromkeys(host["host"] for host in hosts if not host["answered"]))

    def processes(self, before: Sample | None) -> tuple[int, float | None, int]:
        """How many there are, what share of a core they use together, and their resident bytes."""
        now = {host["pid"]: host for host in self.actors["hosts"]}
        last = {} if before is None else {host["pid"]: host for host in before.actors["hosts"]}
        seconds = 0.0 if before is None else self.actors["time"] - before.actors["time"]
        spent = [
            _per_second(host["processor_time"], last[pid]["processor_time"], seconds)
            for pid, host in now.items()
            if pid in last
        ]
        known = [each for each in spent if each is not None]
        memory = sum(host["memory"] or 0 for host in now.values())
        return len(now), sum(known) if known else None, memory


def _shared(hosts: Sequence[Row]) -> set[int]:
    """The processes of several hosts: each of these is shown with what its own thread has used."""
    counts = Counter(host["pid"] for host in hosts)
    return {pid for pid, count in counts.items() if count > 1}


def _time_of(host: Row, shared: Container[int]) -> float | None:
    time: float | None = host["loop_time" if host["pid"] in shared else "processor_time"]
    return time


def _per_second(now: float | None, before: float | None, seconds: float) -> float | None:
    if now is None or before is None or seconds <= 0.0:
        return None
    return max(0.0, (now - before) / seconds)
