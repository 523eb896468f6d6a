"""The end of a system: which hosts are told to stop when, and which are killed.

The root tells the hosts that belong to nobody, the last started first. A host that is linked to an owner is left to that
owner: supervisors stop their children in their order, each in its own shutdown time, wherever the children live. A host
with an actor that stops others (a *patient* host) is told alone, and is waited for as long as it takes. The *plain* hosts
between two patient ones are told together, and are killed if they are still there `grace` seconds later. Hosts that nobody
has stopped by then are told last.

The alternatives were a second supervisor in the root, which would have to know every actor and its shutdown time, and
telling everybody at once, as it was before: then what an `on_stop` uses is gone while it runs (docs/decisions/0031).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

from peerage.actors.runtime.host.stopping import Leave
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords

KILL_WAIT_S = 1.0  # a killed process that is still there by then hangs in the kernel
LONGEST_TURN_S = 3600.0  # for patient hosts there is no time to wake up at


class Ending:
    """Belongs to the root's loop.

    Args:
        is_free: whether a host belongs to nobody.
        stop: tells the host with this serial to stop, and whom to leave to an owner.
        kill: kills a host.
        turn: makes one turn of the loop, which sleeps up to a number of seconds, or until a condition is true.
        pid: the root's own process.
        grace: seconds that plain hosts have to stop before they are killed.
        caller: the serial of the host whose actor has called `System.shutdown` and waits for all this: it cannot stop
            before its handler has returned.
    """

    def __init__(
        self,
        records: HostRecords,
        *,
        is_free: Callable[[HostRecord], bool],
        stop: Callable[[int, Leave], None],
        kill: Callable[[HostRecord], None],
        turn: Callable[[float, Callable[[], bool]], None],
        pid: int,
        grace: float,
        caller: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records, self._is_free, self._stop, self._kill = records, is_free, stop, kill
        self._turn, self._pid, self._grace, self._clock = turn, pid, grace, clock
        self._told = set() if caller is None else {caller}
        self._told_all = set(self._told)  # those that were to leave nobody to an owner
        self._due: dict[int, float] = {}  # those that are waited for, and until when
        self._look_at = inf
        self._killed: set[int] = set()
        self.is_hurried = False

    def run(self) -> None:
        """Tell one wave of hosts after the other.

        Returns when all have ended or were given up on, or at once after `hurry`.
        """
        # The caller's own host stops after all others. It is told now, and not waited for.
        for serial in self._told:
            self._stop(serial, Leave.NONE)
        while not self.is_hurried and (wave := self._next()):
            for record, leave in wave:
                self._tell(record, leave)
            self._wait()

    def hurry(self) -> None:
        """Stop waiting: the caller kills what is left."""
        self.is_hurried = True
        self._due.clear()

    # What the root hears meanwhile

    def over(self, record: HostRecord) -> None:
        """A host has ended: do not wait for it any longer."""
        self._due.pop(record.serial, None)
        if record.standing.is_patient:
            self._look_at = 0.0  # its process may be a plain one now

    def is_up(self, record: HostRecord) -> None:
        """A host has come up. What it was told before did not reach it, so it is told again."""
        if record.request is not None:
            self._stop(record.serial, Leave.NONE)  # its actor is not started any more
        elif record.serial in self._told:
            self._stop(record.serial, Leave.NONE if record.serial in self._told_all else Leave.OWNED)

    def stands(self, record: HostRecord) -> None:
        """A host has said how it stands: see `Standing`.

        One that only waits for the owners of its actors is waited for no longer: their turn is yet to come, and it must not
        be killed for that.
        """
        if record.standing.waits_for_owners and record.serial not in self._told_all:
            self._due.pop(record.serial, None)
        self._look_at = 0.0

    def has_killed(self, record: HostRecord) -> bool:
        """Whether a host was killed for being late. The hosts linked to it then had no chance to stop in order."""
        return record.serial in self._killed

    def orphaned(self, record: HostRecord) -> None:
        """The owner of a host has ended in good order without stopping it: the host is told now."""
        if record.serial not in self._told and not self.is_hurried:
            self._tell(record, Leave.OWNED)

    # Order

    def _next(self) -> list[tuple[HostRecord, Leave]]:
        """The next wave: among the hosts that belong to nobody, the last started one, with its plain neighbours.

        Empty when all have been told and have ended. Computed anew each time, because hosts end and become free meanwhile.
        """
        free = [
            record
            for record in reversed(self._records.all())
            if record.serial not in self._told and self._is_free(record)
        ]
        # All that belong to nobody have had their turn. Whoever is left now has an owner that did not stop it, because that
        # one hangs or was given up on.
        if not free:
            rest = [record for record in self._records.all() if record.serial not in self._told_all]
            return [(record, Leave.NONE) for record in rest]
        patient = self._patient()
        wave: list[tuple[HostRecord, Leave]] = []
        for record in free:
            if record.serial in patient:
                if not wave:
                    wave.append((record, Leave.OWNED))
                break
            wave.append((record, Leave.OWNED))
        return wave

    def _patient(self) -> set[int]:
        """The hosts that are waited for as long as it takes, including processes that have such a host in a thread."""
        found = [record for record in self._records.all() if record.standing.is_patient]
        pids = {record.pid for record in found} - {0, self._pid}
        return {record.serial for record in found} | {
            record.serial for pid in pids for record in self._records.in_process(pid)
        }

    def _tell(self, record: HostRecord, leave: Leave) -> None:
        self._told.add(record.serial)
        if leave is Leave.NONE:
            self._told_all.add(record.serial)
        self._stop(record.serial, leave)
        self._wait_for(record, self._grace)

    # Time

    def _wait_for(self, record: HostRecord, seconds: float) -> None:
        self._due[record.serial] = due = self._clock() + seconds
        self._look_at = min(self._look_at, due)

    def _wait(self) -> None:
        while self._due:
            left = self._look_at - self._clock()
            if left > 0:
                self._turn(min(left, LONGEST_TURN_S), lambda: not self._due)
            else:
                self._look()

    def _look(self) -> None:
        """Kill the hosts whose time is over, and find out when to look again."""
        now, patient = self._clock(), self._patient()
        self._look_at = inf
        for serial, due in list(self._due.items()):
            record = self._records.of_serial(serial)
            assert record is not None  # those that have ended are waited for no longer
            # One that was killed stops nobody any more, whatever its last word on that was.
            if serial in patient and serial not in self._killed:
                self._due[serial] = inf
            elif due == inf:  # it is patient no more
                self._wait_for(record, self._grace)
            elif due > now:
                self._look_at = min(self._look_at, due)
            elif record.request is None or serial in self._killed:
                self._give_up(record)
            else:
                self._killed.add(serial)
                record.condemn(f"not stopped within {self._grace:g} s")
                self._kill(record)
                self._wait_for(record, KILL_WAIT_S)

    def _give_up(self, record: HostRecord) -> None:
        """Stop waiting for a host that cannot be killed (a thread), or that hangs in the kernel though it was killed."""
        del self._due[record.serial]
        self._told_all.add(record.serial)
        logger().bind(**record.signature).warning(
            "host cannot be ended", host=record.name, pid=record.pid, serial=record.serial
        )
