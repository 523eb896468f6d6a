"""Hosts that have had a SIGTERM: whether it was meant for each of them, or for the program.

One that comes to all processes (from a service manager, `timeout`, a shell's `kill` of a job) is meant for the program,
which ends its hosts in order, or ignores it.
"""

from __future__ import annotations

from collections.abc import Callable

from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from peerage.actors.runtime.processes.waiting_starts import Timers

# Between one that comes to a host and one that comes to the program, sent at once to all.
SIGTERM_WAIT_S = 0.2


class TerminatedHosts:
    """Decides a moment after the first report.

    Args: has_program_had_one, whether a SIGTERM has come to the program within a number of seconds; stop, has one host
    stop its actors and end, apart from the end of the system.
    """

    def __init__(
        self,
        records: HostRecords,
        timers: Timers,
        has_program_had_one: Callable[[float], bool],
        stop: Callable[[HostRecord], None],
    ) -> None:
        self._records, self._timers = records, timers
        self._has_program_had_one, self._stop = has_program_had_one, stop
        self._reported: set[int] = set()
        self.is_over = False  # the system ends: all are stopped in order

    def report(self, serial: int) -> None:
        """A host has had one."""
        if not self._reported:
            self._timers.call_later(None, SIGTERM_WAIT_S, self.decide)
        self._reported.add(serial)

    def decide(self) -> None:
        """Stop those that have had one, unless it has come to all."""
        reported, self._reported = self._reported, set()
        hosts = {record.serial: record for record in self._records.processes() if record.is_up}
        for_all = len(hosts) > 1 and hosts.keys() <= reported
        if self.is_over or for_all or self._has_program_had_one(2 * SIGTERM_WAIT_S):
            return
        for serial in sorted(reported & hosts.keys()):
            self._stop(hosts[serial])
