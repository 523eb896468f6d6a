"""Why an actor ended.

Values without behaviour: they travel in news, and are compared and logged where nobody knew the actor. So an exception is
kept as text; the object itself might not be readable there.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Literal

from peerage.actors.runtime.errors import limit_behind, text_of

DownKind = Literal["normal", "exception", "killed", "noproc", "shutdown"]


@dataclass(frozen=True, slots=True)
class DownReason:
    """Why an actor is gone.

    `kind` is `normal` (it stopped), `shutdown` (its host was told to stop, or its owner has ended), `exception` (it failed;
    `traceback` is the text), `killed` (its process ended under it; `signal` or `exit_code` say how) or `noproc` (there was
    no such actor). Most of these words are Erlang's. `limit` names the limit of the operating system behind an exception.
    """

    kind: DownKind
    text: str = ""
    signal: int | None = None
    exit_code: int | None = None
    traceback: str = ""
    limit: str = ""

    @property
    def is_orderly(self) -> bool:
        """Whether it went through its `on_stop`, perhaps with work undone (`StopIncompleteError`: without a traceback)."""
        return self.kind in ("normal", "shutdown") or (self.kind == "exception" and not self.traceback)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" if self.text else self.kind


def from_exception(error: BaseException, traceback: str) -> DownReason:
    """The reason of an actor that failed. Args: traceback, as text; empty for a StopIncompleteError."""
    return DownReason("exception", text_of(error), traceback=traceback, limit=limit_behind(error))


def from_status(status: int | None) -> DownReason:
    """The reason of a host process that has ended, for what its actors did not say themselves.

    Args: status, as `waitpid` returns it; None when nobody could collect it, for instance since the fork server has died.
    """
    if status is None:
        return DownReason("killed", "process ended")
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return DownReason("killed", f"process ended by {_signal_name(-code)}", signal=-code)
    return DownReason("normal" if code == 0 else "killed", f"process exited with code {code}", exit_code=code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal between the first and the last
        return f"signal {number}"
