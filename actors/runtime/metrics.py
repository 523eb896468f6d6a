"""Metrics by class of actor, for systems of any kind: what waits, what was handled, what failed, how long it took.

    measure_actors()                      before the first actor is started
    System.current().metrics()            a snapshot; `peerage.actors.metrics.actor_collector` shows it to Prometheus

What waits is known to every host without being asked to measure. Handlers are measured only after `measure_actors()`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError, Timeout
from peerage.actors.runtime.host import instruments
from peerage.actors.runtime.host.errands import Errand
from peerage.actors.runtime.host.handler_times import (
    BUCKETS,
    MOST_CLASSES,
    NOTHING,
    OTHER,
    Handled,
    HandlerTimes,
)
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS
from peerage.actors.runtime.mail.process import Process, current_port
from peerage.actors.runtime.observer import TIMEOUT_S, Observer

__all__ = ["BUCKETS", "ClassMetrics", "Handled", "MetricsReader", "SystemMetrics", "measure_actors"]

NAME = "measure_actors()"


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """All actors of one class.

    Attributes:
        actor_class: `module:Class`, or `other`, for what is beyond 200 classes.
        actors: how many live.
        mailbox: messages that wait.
        mailbox_bytes: their size.
        oldest_age: seconds that the oldest of them has waited.
        handled: since the system was first asked, those of actors that have ended included; zeros if nothing is measured.
    """

    actor_class: str
    actors: int
    mailbox: int
    mailbox_bytes: int
    oldest_age: float
    handled: Handled


@dataclass(frozen=True, slots=True)
class SystemMetrics:
    """A system at one moment.

    Attributes: hosts, how many live; silent, how many of them did not answer in time, and count as they were before;
        dead_letters, of all processes that are alive; is_measured, whether handlers are measured; classes, by name.
    """

    hosts: int
    silent: int
    dead_letters: int
    is_measured: bool
    classes: tuple[ClassMetrics, ...]


def measure_actors() -> None:
    """Have all handlers measured, in every process of the system that is made next: about a microsecond for each message.

    Raises: RuntimeError, when this process has a system already.
    """
    if instruments.installed(NAME) is None:
        instruments.install(NAME, HandlerTimes(), measure_actors)


def counted_here(_host: str) -> dict[str, Handled]:
    """An errand: what the host that does it has counted."""
    times = instruments.installed(NAME)
    return times.read() if isinstance(times, HandlerTimes) else {}


class MetricsReader:
    """Reads the metrics of a system again and again. Its counts never shrink: what a host had counted when it was last read
    stays when the host has ended. What it has counted between that and its end is lost.

    Safe in any thread.
    """

    def __init__(self, process: Process) -> None:
        self._process, self._observer = process, Observer(process)
        self._last: dict[int, Mapping[str, Handled]] = {}  # by serial of host
        self._ended: dict[str, Handled] = {}
        self._lock = threading.Lock()

    def __call__(self, timeout: float = TIMEOUT_S) -> SystemMetrics:
        """What there is to say now.

        Args: timeout, seconds, for all hosts together. Raises: ActorDeadError, after the system's end.
        """
        with self._lock:
            until = time.monotonic() + timeout
            asked = self._ask() if instruments.installed(NAME) is not None else {}
            observation = self._observer.observe(timeout)
            for serial, answer in asked.items():
                with suppress(ActorDeadError, LimitReachedError, Timeout):
                    self._last[serial] = answer.get(timeout=max(0.0, until - time.monotonic()))
            for serial in self._last.keys() - self._process.table.live.keys():
                _add_all(self._ended, self._last.pop(serial).items())
            handled: dict[str, Handled] = dict(self._ended)
            for counts in self._last.values():
                _add_all(handled, counts.items())
            classes = _Classes(handled)
            for host in observation.hosts:
                for actor in host.actors:
                    classes.add(actor.class_path, 1, actor.mailbox, actor.mailbox_bytes, actor.oldest_age)
                for crowd in host.crowds:
                    classes.add(
                        crowd.class_path, crowd.actors, crowd.mailbox, crowd.mailbox_bytes, crowd.oldest_age
                    )
        by_process = {host.pid: host.dead_letters for host in observation.hosts}
        return SystemMetrics(
            len(observation.hosts),
            sum(not host.answered for host in observation.hosts),
            sum(by_process.values()),
            instruments.installed(NAME) is not None,
            classes.read(),
        )

    def _ask(self) -> dict[int, Future[Any]]:
        requests = current_port().requests
        return {
            serial: requests.ask(serial << THREAD_BITS, Kind.QUERY, Errand(counted_here))
            for serial in list(self._process.table.live)
            if serial != ROOT_SERIAL
        }


class _Classes:
    """Adds up actors by class."""

    def __init__(self, handled: Mapping[str, Handled]) -> None:
        self._handled = handled
        self._rows: dict[str, tuple[int, int, int, float]] = dict.fromkeys(handled, (0, 0, 0, 0.0))

    def add(self, path: str, actors: int, mailbox: int, size: int, oldest_age: float) -> None:
        path = _label(self._rows, path)
        one, two, three, age = self._rows.get(path, (0, 0, 0, 0.0))
        self._rows[path] = one + actors, two + mailbox, three + size, max(age, oldest_age)

    def read(self) -> tuple[ClassMetrics, ...]:
        return tuple(
            ClassMetrics(path, *row, self._handled.get(path, NOTHING))
            for path, row in sorted(self._rows.items())
        )


def _label(known: Mapping[str, object], path: str) -> str:
    """The class itself, as long as there are not too many: each is a label of its own."""
    return path if path in known or len(known) < MOST_CLASSES else OTHER


def _add_all(sums: dict[str, Handled], counts: Iterable[tuple[str, Handled]]) -> None:
    for path, handled in counts:
        label = _label(sums, path)
        sums[label] = sums.get(label, NOTHING).plus(handled)
