"""How many messages the actors of each class have handled, how many of them failed, and how long that took.

Each host counts for itself, in its own thread, so that counting needs no lock. What an actor has counted stays when it ends;
what a host has counted ends with the host, and whoever adds up remembers it (`metrics.py`).
"""

from __future__ import annotations

import bisect
import time
from typing import Any, Final, NamedTuple

from peerage.actors.runtime.host.instruments import Receive
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.process import current_process
from peerage.actors.runtime.mail.ref import ActorRef

# Seconds; the last bucket is for all that took longer.
BUCKETS: Final = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
MOST_CLASSES = 200  # of one host that have a row of their own
OTHER = "other"


class Handled(NamedTuple):
    """The messages of one class of actors.

    Attributes:
        handled: how many, failures included.
        failed: how many of them raised.
        seconds: spent in handlers, waiting for answers included.
        buckets: how many took up to each of BUCKETS and longer than the one before; then those that took longer than all.
    """

    handled: int
    failed: int
    seconds: float
    buckets: tuple[int, ...]

    def plus(self, other: Handled) -> Handled:
        """Both together."""
        return Handled(
            self.handled + other.handled,
            self.failed + other.failed,
            self.seconds + other.seconds,
            tuple(map(sum, zip(self.buckets, other.buckets, strict=True))),
        )


NOTHING: Final = Handled(0, 0, 0.0, (0,) * (len(BUCKETS) + 1))


class Row:
    """The counts of one class in one host."""

    __slots__ = ("buckets", "failed", "seconds")

    def __init__(self) -> None:
        self.failed, self.seconds = 0, 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        self.buckets[bisect.bisect_left(BUCKETS, seconds)] += 1

    def read(self) -> Handled:
        return Handled(sum(self.buckets), self.failed, self.seconds, tuple(self.buckets))


class HandlerTimes:
    """An instrument. Its rows are kept by host and by class."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], dict[str, Row]] = {}

    def around(self, ref: ActorRef[Any], receive: Receive) -> Receive:
        key = _host_key()
        if key not in self._rows:
            self._forget_the_dead()
        rows = self._rows.setdefault(key, {})
        path = ref.class_path
        row = rows.setdefault(path if path in rows or len(rows) < MOST_CLASSES else OTHER, Row())
        add, clock = row.add, time.perf_counter

        def measured(message: Any) -> Any:
            began = clock()
            try:
                return receive(message)
            except BaseException:
                row.failed += 1
                raise
            finally:
                add(clock() - began)

        return measured

    def finish(self) -> None:
        """Nothing is held back."""

    def read(self) -> dict[str, Handled]:
        """What the calling host has counted, by class."""
        return {path: row.read() for path, row in self._rows.get(_host_key(), {}).items()}

    def _forget_the_dead(self) -> None:
        # Hosts in threads come and go, and systems too; nobody asks one that has ended.
        process = current_process()
        for key in list(self._rows):
            system, serial = key
            if process is None or system != process.system or process.table.is_dead(serial):
                self._rows.pop(key, None)


def _host_key() -> tuple[str, int]:
    """The system and the serial of the calling host. The next system of this process uses the same serials again."""
    process, host = current_process(), here.host()
    return "" if process is None else process.system, 0 if host is None else host.serial
