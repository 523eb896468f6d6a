"""Starts a child anew with another spec, by request: as a restart, but nothing is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from peerage.supervisors.agenda import Reply
from peerage.supervisors.child import Child
from peerage.supervisors.errors import ChildStartError
from peerage.supervisors.launching import Launcher
from peerage.supervisors.stopping import Stopper
from peerage.supervisors.strategy import Status

__all__ = ["Renewals"]


class Renewals:
    """Those of one supervisor.

    Args:
        now: monotonic seconds.
        may_start: whether children are started any more.
        came_up: called with a child that lives again; failed, with one that does not, the error and when its stop began.
        advance: called when something else may be done.
    """

    def __init__(
        self,
        launcher: Launcher,
        stopper: Stopper,
        *,
        now: Callable[[], float],
        may_start: Callable[[], bool],
        came_up: Callable[[Child], object],
        failed: Callable[[Child, ChildStartError, float], object],
        advance: Callable[[], object],
    ) -> None:
        self._launcher, self._stopper = launcher, stopper
        self._now, self._may_start, self._came_up = now, may_start, came_up
        self._failed, self._advance = failed, advance

    def begin(self, child: Child, reply: Reply) -> None:
        """Stop a child that runs and start it again. One that does not come up is restarted as if it had just ended."""
        if child.status not in {Status.RUNNING, Status.STARTING}:
            reply.set(None)
            return
        began = self._now()

        def over(child: Child, error: ChildStartError | None) -> None:
            if self._stopper.is_stopping(child):
                self._stopper.start_is_over(child)
            elif error is None:
                self._came_up(child)
            else:
                self._failed(child, error, began)
            if error is None:
                reply.set(None)
            else:
                reply.set_exception(error)
            self._advance()

        def stopped() -> None:
            if self._may_start():
                self._launcher.begin(child, over, anew=True)
                self._advance()

        self._stopper.stop(child, stopped)
