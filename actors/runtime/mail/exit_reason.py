"""How an actor ended, and waiting for it from outside."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pykka import Timeout

from peerage.actors.runtime.errors import text_of

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.port import Port
    from peerage.actors.runtime.mail.ref import ActorRef

DownKind = Literal["normal", "exception", "killed", "noproc", "shutdown"]


@dataclass(frozen=True, slots=True)
class DownReason:
    """Why an actor is gone.

    `kind` is `normal` (it stopped), `shutdown` (its host was told to stop), `exception` (it failed;
    `traceback` is the text), `killed` (its process ended under it; `signal` or `exit_code` say how) or
    `noproc` (it was not there).
    """

    kind: DownKind
    text: str = ""
    signal: int | None = None
    exit_code: int | None = None
    traceback: str = ""

    @property
    def is_orderly(self) -> bool:
        """Whether it went through its `on_stop`, be it with work undone (`StopIncompleteError`: without a traceback)."""
        return self.kind in ("normal", "shutdown") or (self.kind == "exception" and not self.traceback)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" if self.text else self.kind


def from_exception(error: BaseException, traceback: str) -> DownReason:
    return DownReason("exception", text_of(error), traceback=traceback)


def from_status(status: int | None) -> DownReason:
    """The reason behind a process's wait status, None when nobody could collect it."""
    if status is None:
        return DownReason("killed", "process ended")
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return DownReason("killed", f"process ended by {_signal_name(-code)}", signal=-code)
    return DownReason("normal" if code == 0 else "killed", f"process exited with code {code}", exit_code=code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Watch:
    """A watch held by a thread that is no actor. Without a port, the actor is out of reach: the reason is known."""

    def __init__(self, port: Port | None, ref: ActorRef, reason: DownReason | None = None) -> None:
        self._port, self.ref, self._reason = port, ref, reason
        self._is_near, self._number = False, 0
        if port is not None:
            self._number = port.watch(ref, self._down)
            route = port.route(ref) if self._reason is None else None
            self._is_near = route is not None and route.local

    def _down(self, _ref: ActorRef, reason: DownReason) -> None:
        self._reason = reason

    def wait(self, timeout: float | None = None) -> DownReason:
        """Wait until the actor has ended; to be called by the thread that made the watch.

        Raises: Timeout, when it lives on after `timeout` seconds.
        """
        if self._port is None:
            assert self._reason is not None
            return self._reason
        # An actor of this very host can only end while its loop turns.
        if not self._port.wait(lambda: self._reason is not None, timeout, nested=self._is_near):
            raise Timeout(f"{self.ref} still lives after {timeout} s")
        assert self._reason is not None
        return self._reason

    def cancel(self) -> None:
        """Forget it; `wait` must not be called any more."""
        if self._port is not None:
            self._port.unwatch(self._number)
