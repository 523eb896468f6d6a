"""Stops children one by one while their supervisor goes on: asked, waited for, killed, and given up on in the end.

    stop ── asked to stop ──> it has ended
                │ shutdown time
                ╰── killed ──> it has ended
                       │ KILL_WAIT_S
                       ╰── given up on

A child that is starting has done nothing yet that it would have to finish, so it is killed at once; with INFINITY, or where
there is no process of its own to kill, it is asked to stop when it has come up.
"""

from collections.abc import Callable

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.log import get_logger
from peerage.supervisors.child import Child, Clock
from peerage.supervisors.child_process import kill_process
from peerage.supervisors.spec import BRUTAL_KILL, INFINITY, Shutdown

log = get_logger("peerage.supervisors")

KILL_WAIT_S = 5.0  # a killed process that is still there by then hangs in the kernel; its parent must not


class Stopper:
    """The children that are being stopped. Args: name, of the supervisor, for the log."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        unwatch: Callable[[ActorRef], object],
        kill: Callable[[ActorRef], bool] = kill_process,
    ) -> None:
        self._name, self._clock, self._unwatch, self._kill_process = name, clock, unwatch, kill
        self._done: dict[Child, Callable[[], object]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether any child is being stopped."""
        return bool(self._done)

    def is_stopping(self, child: Child) -> bool:
        """Whether this one is."""
        return child in self._done

    def stop(self, child: Child, done: Callable[[], object]) -> None:
        """Stop a child, or call its restart off; `done()` is called when that is done."""
        child.rest()
        child.unwind()
        if child.ref is None and child.start is None:
            done()
            return
        self._done[child] = done
        shutdown = child.spec.shutdown
        if is_killed_at_once(child):
            self.kill(child)
            return
        if child.ref is not None:
            child.ref.stop(block=False)
        if shutdown is not INFINITY:
            seconds = seconds_of(shutdown)
            child.timers.append(self._clock.call_later(seconds, self._kill_overdue, child, seconds))

    def start_is_over(self, child: Child) -> None:
        """A child that was starting when it was to be stopped lives now, and is stopped like others; or it never will."""
        if child.ref is None:
            self.ended(child)
        else:
            self.stop(child, self._done.pop(child))

    def ended(self, child: Child) -> None:
        """A child that is being stopped has ended, or has not come up."""
        done = self._done.pop(child)
        child.gone()
        child.rest()
        done()

    def kill(self, child: Child) -> None:
        """Kill a child's process. One that is being stopped and cannot be killed is given up on after a while."""
        if child.start is not None:
            child.start.give_up()
        elif child.ref is not None:
            self._kill_process(child.ref)
        if child in self._done:
            child.timers.append(self._clock.call_later(KILL_WAIT_S, self._abandon, child))

    def _kill_overdue(self, child: Child, seconds: float) -> None:
        log.warning("child killed", supervisor=self._name, child=child.spec.id, cause=overdue(seconds))
        self.kill(child)

    def _abandon(self, child: Child) -> None:
        # A thread cannot be killed. Its name stays taken, so that a restart fails, counts, and escalates.
        log.error("child cannot be ended", supervisor=self._name, child=child.spec.id)
        if child.ref is not None:
            self._unwatch(child.ref)
        self.ended(child)


def is_killed_at_once(child: Child) -> bool:
    """Whether a child is not asked to stop: BRUTAL_KILL, or it is starting and need not be waited for."""
    shutdown = child.spec.shutdown
    return child.has_own_process and (
        shutdown is BRUTAL_KILL or (child.start is not None and shutdown is not INFINITY)
    )


def seconds_of(shutdown: float | Shutdown | None) -> float:
    """Return how long a child may take that cannot be killed at once; not for INFINITY."""
    return 0.0 if isinstance(shutdown, Shutdown) or shutdown is None else shutdown


def overdue(seconds: float) -> str:
    """Return why a child is killed that has not stopped in its time."""
    return f"not stopped within {seconds:g} s"
