"""The end of a system: who is told to stop when, and who is killed.

Who belongs to nobody is told by the root, last started first. Who is linked to another one is left to it: supervisors stop
their children in their order, each in its own shutdown time, wherever they live. A host with an actor that stops others is
told alone and waited for as long as it takes; those between two such are told together and have `grace` seconds.
What nobody has stopped is told at last.

Plain in the sense of this module is a host whose actors stop nobody but themselves.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from peerage.actors.runtime.host.stopping import Leave, Stop
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.message import Kind

if TYPE_CHECKING:
    from peerage.actors.runtime.processes.root import Root
    from peerage.actors.runtime.processes.root import _HostRecord as HostRecord

KILL_WAIT_S = 1.0  # a killed process that is still there by then hangs in the kernel
LONGEST_TURN_S = 3600.0


class Ending:
    """Belongs to the root's loop.

    Args: grace, seconds that plain hosts have from being told to being killed; caller, the serial of a host on whose
    thread somebody waits for all this: it cannot stop.
    """

    def __init__(
        self, root: Root, kill: Callable[[HostRecord], None], grace: float, caller: int | None
    ) -> None:
        self._root, self._kill, self._grace = root, kill, grace
        self._told = set() if caller is None else {caller}
        self._told_all = set(self._told)  # those that were to leave nobody to an owner
        self._due: dict[int, float] = {}  # those that are waited for, and until when
        self._look_at = inf
        self._killed: set[int] = set()
        self.is_hurried = False

    def run(self) -> None:
        """Returns when all have ended, or have been given up on; at once when it is hurried."""
        for serial in self._told:
            self._send_stop(serial, Leave.NONE)
        while not self.is_hurried and (wave := self._next()):
            for record, leave in wave:
                self._tell(record, leave)
            self._wait()

    def hurry(self) -> None:
        """Nobody is waited for any longer."""
        self.is_hurried = True
        self._due.clear()

    # What the root hears meanwhile

    def over(self, record: HostRecord) -> None:
        """A host has ended."""
        self._due.pop(record.serial, None)
        if record.standing.is_patient:
            self._look_at = 0.0  # its process may be a plain one now

    def is_up(self, record: HostRecord) -> None:
        """A host can be told from now on; what it was told before has not reached it."""
        if record.request is not None:
            self._send_stop(record.serial, Leave.NONE)  # its actor is not started any more
        elif record.serial in self._told:
            self._send_stop(record.serial, Leave.NONE if record.serial in self._told_all else Leave.OWNED)

    def stands(self, record: HostRecord) -> None:
        """A host has told how far it is."""
        if record.standing.waits_for_owners and record.serial not in self._told_all:
            self._due.pop(record.serial, None)
        self._look_at = 0.0

    def has_killed(self, record: HostRecord) -> bool:
        """Whether a host was killed for being late: what is linked to it has not had its turn yet."""
        return record.serial in self._killed

    def orphaned(self, record: HostRecord) -> None:
        """The owner of a host has ended in good order and left it behind."""
        if record.serial not in self._told and not self.is_hurried:
            self._tell(record, Leave.OWNED)

    # Order

    def _next(self) -> list[tuple[HostRecord, Leave]]:
        """Who is to be told now: of those who belong to nobody the last started, with its plain neighbours."""
        root = self._root
        free = [
            record
            for record in reversed(root.records.values())
            if record.serial not in self._told and root.is_free(record)
        ]
        if not free:
            rest = [record for record in root.records.values() if record.serial not in self._told_all]
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
        """Hosts that are waited for as long as it takes; a process with such a host on a thread of it is one, too."""
        root = self._root
        found = [record for record in root.records.values() if record.standing.is_patient]
        pids = {record.pid for record in found} - {0, root.pid}
        return {record.serial for record in found} | {
            record.serial for record in root.records.values() if record.pid in pids
        }

    def _tell(self, record: HostRecord, leave: Leave) -> None:
        self._told.add(record.serial)
        if leave is Leave.NONE:
            self._told_all.add(record.serial)
        self._send_stop(record.serial, leave)
        self._wait_for(record, self._grace)

    def _send_stop(self, serial: int, leave: Leave) -> None:
        self._root.port.send(serial << THREAD_BITS, Kind.HOST_STOP, body=wire.dumps(Stop(leave=leave)))

    # Time

    def _wait_for(self, record: HostRecord, seconds: float) -> None:
        self._due[record.serial] = due = time.monotonic() + seconds
        self._look_at = min(self._look_at, due)

    def _wait(self) -> None:
        while self._due:
            left = self._look_at - time.monotonic()
            if left > 0:
                self._root.careful_turn(min(left, LONGEST_TURN_S), lambda: not self._due)
            else:
                self._look()

    def _look(self) -> None:
        """Kill those whose time is over."""
        now, patient = time.monotonic(), self._patient()
        self._look_at = inf
        for serial, due in list(self._due.items()):
            record = self._root.records[serial]
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
                text = f"not stopped within {self._grace:g} s"
                record.verdict = DownReason("killed", text, signal=signal.SIGKILL)
                self._kill(record)
                self._wait_for(record, KILL_WAIT_S)

    def _give_up(self, record: HostRecord) -> None:
        """A thread cannot be killed; what is on it ends with its process."""
        del self._due[record.serial]
        self._told_all.add(record.serial)
        logger().bind(**record.signature).warning(
            "host cannot be ended", host=record.name, pid=record.pid, serial=record.serial
        )
