"""The root's line to its fork server, which is started again when it dies.

Hosts survive the fork server, so its death is no reason to end anything. What is lost with it are fork requests that it had
not served, and the exit statuses of the hosts that it had forked, which have another parent now. The first are asked for
again; without the second, the reason for the end of such a host is that its process has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.errors import text_of
from peerage.actors.runtime.host.descriptors import Descriptors
from peerage.actors.runtime.limits import lack_behind
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail.exit_reason import from_status

RENEWALS = 5  # of the fork server, within RENEWAL_PERIOD_S, before starts in flight are given up
RENEWAL_PERIOD_S = 10.0
# Before the next report is looked at, when they keep dying: the loop is held up, but it does not spend all its time on this.
RENEWAL_PAUSE_S = 0.2
NO_FORK_SERVER = "the fork server cannot be started again"


class Server(Protocol):
    """The fork server, as far as it is listened to."""

    @property
    def is_started(self) -> bool: ...

    @property
    def pid(self) -> int: ...

    def fileno(self) -> int: ...

    def start(self) -> None: ...

    def end(self) -> int | None: ...

    def wait_readable(self, timeout: float, /) -> bool: ...

    def receive(self) -> tuple[Any, list[int]]: ...

    def leave_out(self, module: str, /) -> None: ...


class ForkServerLine:
    """Hears the fork server's reports.

    Args:
        on_report: called with each report about a host, and the descriptors that came with it.
        on_renewed: called when the fork server has died, and whether another has taken its place: with why none has (empty
            if one has), and which limit of the operating system has kept it from that.
        on_gone: called instead when the system ends, and needs no other.
    """

    def __init__(
        self,
        server: Server,
        descriptors: Descriptors[Any],
        *,
        on_report: Callable[[tuple[Any, ...], list[int]], None],
        on_renewed: Callable[[str, str], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._server, self._descriptors = server, descriptors
        self._on_report, self._on_renewed, self._on_gone = on_report, on_renewed, on_gone
        self._renewals: list[float] = []  # when it was started again, lately, in monotonic seconds
        # The system ends, and needs no other: hosts that have not been forked never will be.
        self.is_over = False
        self._listen()

    def _listen(self) -> None:
        # Anew for each server: it has another descriptor.
        self._descriptors.set(self._server.fileno(), None, reader=self.hear)

    def stop_listening(self) -> None:
        """Hear nothing more of it. To be called before its descriptor is closed, whose number is used again."""
        self._descriptors.clear(self._server.fileno(), reader=True)

    def start(self) -> None:
        """Start a new one, after one that has died and could not be replaced then. Raises: OSError."""
        self._server.start()
        self._listen()

    def hear(self) -> None:
        """Take the next report, if there is one. Called when the line is readable, and by whoever looks into a death.

        One report in each call: what a report means may end the line, or ask the server for something.
        """
        if not self._server.wait_readable(0.0):
            return  # read already, while a death was looked into in the same turn
        try:
            report, fds = self._server.receive()
        except (EOFError, OSError):
            self._renew()
            return
        match report:
            case ("preload failed", name, text):
                logger().warning("preload failed", module=name, cause=text)
            case ("preload unsafe", name):
                logger().warning("module not preloaded", module=name, cause="importing it starts threads")
                self._server.leave_out(name)
                self._renew(wanted=True)
            case _:
                self._on_report(report, fds)

    def _renew(self, *, wanted: bool = False) -> None:
        """The server has gone: start another one, and say how that went.

        Args: wanted, whether it has left of its own accord, because a module had made it unfit to fork.
        """
        self.stop_listening()
        if self.is_over:
            self._on_gone()
            return

        # Ended, and so reaped, before another one is started: at a limit of processes, its place may be the only one.
        pid = self._server.pid
        status = self._server.end()
        if not wanted:
            logger().error("fork server died", cause=str(from_status(status)), pid=pid)
        now = time.monotonic()
        self._renewals = [at for at in self._renewals if now - at < RENEWAL_PERIOD_S] + [now] * (not wanted)
        fault = limit = ""
        try:
            self.start()
        # Too few descriptors or processes, most likely. It stays so: starts are refused, and each of them tries again.
        except OSError as error:
            limit = lack_behind(error)
            fault = f"{NO_FORK_SERVER}: {limit or text_of(error)}"
            logger().error(NO_FORK_SERVER, cause=limit or text_of(error))
        if len(self._renewals) > RENEWALS:
            # It cannot live here (an interpreter that cannot import us, no memory): nobody may wait for it. One more stands
            # ready all the same, in case that the trouble passes.
            fault = fault or f"the fork server keeps dying: {from_status(status)}"
            time.sleep(RENEWAL_PAUSE_S)
        self._on_renewed(fault, limit)
