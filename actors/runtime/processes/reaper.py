"""The deaths of host processes: each is heard of by its pidfd, and its exit status from the fork server, its parent.

Two sources, because the quicker one does not say enough. A pidfd becomes readable at the moment of the death, whatever has
become of the fork server, but the status can be collected by the parent alone. So the root hears of the death first, then
waits for the status a little, and does without it if need be: what waits for the dead must not wait for a reason.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.host.descriptors import Descriptors
from peerage.actors.runtime.processes.host_records import HostRecord
from peerage.actors.runtime.processes.waiting_starts import Timers

STATUS_WAIT_S = 0.1  # for the fork server to tell how a process ended, after its pidfd said that it did
STATUS_POLL_S = 0.002
REAP_AGAIN_S = 0.5  # after a death without a status, until the second and last look for it


class Parent(Protocol):
    """The fork server."""

    @property
    def is_started(self) -> bool: ...

    def wait_readable(self, timeout: float, /) -> bool: ...


class Reaper:
    """Args: hear, takes the next report of the fork server, which may set a record's status; on_death, is called with each
    host whose process has died, its status known or not, its pidfd closed.
    """

    def __init__(
        self,
        parent: Parent,
        descriptors: Descriptors[Any],
        timers: Timers,
        hear: Callable[[], None],
        on_death: Callable[[HostRecord], None],
    ) -> None:
        self._parent, self._descriptors, self._timers = parent, descriptors, timers
        self._hear, self._on_death = hear, on_death
        self._unreaped: list[HostRecord] = []

    def watch(self, record: HostRecord) -> None:
        """Hear of its death, from now on and only once. One that has died already is heard of in the loop's next turn."""
        self._descriptors.set(record.pidfd, None, reader=lambda: self._died(record))

    def _died(self, record: HostRecord) -> None:
        # First: a pidfd stays readable, and is closed by whoever is told of the death.
        self._descriptors.clear(record.pidfd, reader=True)
        self._reap(record)
        self._wait_for_status(record)
        if record.status is None:
            self._unreaped.append(record)
            self._timers.call_later(None, REAP_AGAIN_S, self.reap_again)
        self._on_death(record)

    def _wait_for_status(self, record: HostRecord) -> None:
        """Listen to the fork server for a moment, unless the host has said itself why it ends.

        Its report usually follows at once: both were woken by the same death. The loop is held up for 0.1 s at most.
        """
        deadline = time.monotonic() + STATUS_WAIT_S
        while (
            record.status is None
            and record.exit_reason is None
            and self._parent.is_started
            and time.monotonic() < deadline
        ):
            if self._parent.wait_readable(STATUS_POLL_S):
                self._hear()

    def _reap(self, record: HostRecord) -> None:
        """A host whose fork server has died may be our own child now: we are PID 1, or a subreaper.

        Nobody else would reap it, and it would stay as a zombie as long as we live.
        """
        with contextlib.suppress(ChildProcessError):
            done, status = os.waitpid(record.pid, os.WNOHANG)
            if done:
                record.status = status

    def reap_again(self) -> None:
        """Once more, and then no more: the fork server was dying too, and had not yet left its children to us.

        It is for the zombie and not for the reason, which everybody has been told by then.
        """
        for record in self._unreaped:
            self._reap(record)
        self._unreaped.clear()
