"""Starts of hosts whose name is not free yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from peerage.actors.runtime.errors import ActorStartError, HostAliveError
from peerage.actors.runtime.processes.host_records import SYSTEM_ENDS, HostRecord, HostRecords, WaitingStart

# Between an actor's end, seen by its watchers, and its host's goodbye, seen by the root. A host that has shown no sign of
# leaving by then lives on, and a start that waits for its name is refused.
NEWS_DELAY_S = 0.1


class Timers(Protocol):
    """Calls later: a loop."""

    def call_later(self, task: None, delay: float, fn: Callable[..., object], /, *args: object) -> object: ...


class WaitingStarts:
    """Has a start go on once no host of its name is left, nor any that ends with one; refuses it if the bearer lives on.

    Whoever has just seen an actor stop may start its successor at once: the news of the old host's end may come a moment
    after.

    Args: own_name, the root's, which is never free.
    """

    def __init__(self, records: HostRecords, timers: Timers, own_name: str) -> None:
        self._records, self._timers, self._own_name = records, timers, own_name
        self.is_over = False  # the system ends: nothing is started any more

    def when_free(self, start: WaitingStart) -> None:
        """Let a start go on now, later or never."""
        name, actor, asker, make = start
        if self.is_over:
            asker.refuse(ActorStartError(actor, SYSTEM_ENDS))
        elif name == self._own_name:
            asker.refuse(ActorStartError(actor, f"the host name {name!r} is taken"))
        elif (record := self._records.in_the_way_of(name)) is None:
            asker.serve(make)
        else:
            record.waiting.append(start)
            self._timers.call_later(None, NEWS_DELAY_S, self._soon_or_never, record)

    def _soon_or_never(self, record: HostRecord) -> None:
        # A host that leaves may take its time. Its end lets the starts go on: the root has them from `record.waiting`.
        if not record.is_leaving:
            starts, record.waiting = record.waiting, []
            for start in starts:
                start.asker.refuse(HostAliveError(start.actor, record.name, record.serial))

    def give_up(self, asker: tuple[int, int]) -> None:
        """Refuse the starts that this asker (its address, and its number for the request) waits for."""
        for record in self._records.all():
            starts, record.waiting = record.waiting, []
            for start in starts:
                if (start.asker.source, start.asker.corr) == asker:
                    start.asker.refuse(ActorStartError(start.actor, "its start was given up"))
                else:
                    record.waiting.append(start)
