"""Stops all children of a supervisor that ends: it waits for them, for nobody waits for it."""

from collections.abc import Callable, Sequence
from math import inf
from operator import itemgetter
from typing import Protocol

from peerage.actors.runtime import ActorRef, DownReason, Timeout
from peerage.actors.runtime import watch as watch_actor
from peerage.actors.runtime.log import get_logger
from peerage.supervisors import stopping
from peerage.supervisors.child import CAUSE_CHARS, Child, Children, Clock
from peerage.supervisors.child_process import kill_process
from peerage.supervisors.spec import INFINITY
from peerage.supervisors.stopping import is_killed_at_once, overdue, seconds_of
from peerage.supervisors.strategy import Status

log = get_logger("peerage.supervisors")


class Watch(Protocol):
    """Waits for the end of one actor."""

    @property
    def ref(self) -> ActorRef: ...

    def wait(self, timeout: float | None = None) -> DownReason: ...


class FinalStop:
    """The end of all children.

    Args: name, of the supervisor, for the log. undone, called with id and cause of each child that could not do what it
        owed at its end.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        undone: Callable[[str, str], object],
        *,
        watch: Callable[[ActorRef], Watch] = watch_actor,
        kill: Callable[[ActorRef], bool] = kill_process,
    ) -> None:
        self._name, self._clock, self._undone = name, clock, undone
        self._watch, self._kill = watch, kill

    def run(self, children: Children) -> None:
        """Stop them, last started first, dynamic neighbours beside each other; each in its own shutdown time."""
        for group in children.stopped_together():
            self._settle_starts([child for child in group if child.start is not None])
            self._stop([(child, child.ref) for child in group if child.ref is not None])
            for child in group:
                if child.ref is not None:
                    child.gone()
                elif child.status in (Status.RESTARTING, Status.STARTING):
                    self._undone(child.spec.id, "it was not running")
                child.rest()

    def _settle_starts(self, starting: Sequence[Child]) -> None:
        """Kill those that are starting; those that cannot be killed, or have all the time, are waited for."""
        for child in starting:
            if is_killed_at_once(child):
                child.start.give_up()  # type: ignore[union-attr]  # they are starting
        for child in starting:
            start, shutdown = child.start, child.spec.shutdown
            assert start is not None
            child.start = None
            if child.has_own_process and shutdown is not INFINITY:
                patience: float | None = stopping.KILL_WAIT_S
            else:
                patience = None if shutdown is INFINITY else seconds_of(shutdown)
            if not start.wait(patience):
                log.error("child cannot be ended", supervisor=self._name, child=child.spec.id)
                start.give_up()  # it is stopped when it comes up
            elif start.outcome.error is None:
                child.came_up(start.outcome.get(timeout=0))

    def _stop(self, living: Sequence[tuple[Child, ActorRef]]) -> None:
        due: list[tuple[float, Child, Watch]] = []
        killed: list[Watch] = []
        for child, ref in living:
            ended, shutdown = self._watch(ref), child.spec.shutdown
            if is_killed_at_once(child):
                self._kill(ref)
                killed.append(ended)
                continue
            ref.stop(block=False)
            seconds = inf if shutdown is INFINITY else seconds_of(shutdown)
            due.append((self._clock.now() + seconds, child, ended))
        for deadline, child, ended in sorted(due, key=itemgetter(0)):
            if not self._has_stopped(child, ended, deadline):
                self._kill(ended.ref)
                killed.append(ended)
        self._await_killed(killed)

    def _has_stopped(self, child: Child, ended: Watch, deadline: float) -> bool:
        try:
            reason = ended.wait(None if deadline == inf else max(0.0, deadline - self._clock.now()))
        except Timeout:
            cause = overdue(seconds_of(child.spec.shutdown))
            log.warning("child killed", supervisor=self._name, child=child.spec.id, cause=cause)
            self._undone(child.spec.id, cause)
            return False
        if reason.kind not in ("normal", "shutdown"):
            self._undone(child.spec.id, str(reason)[:CAUSE_CHARS])
        return True

    def _await_killed(self, killed: Sequence[Watch]) -> None:
        patience = self._clock.now() + stopping.KILL_WAIT_S
        for ended in killed:
            try:
                ended.wait(max(0.0, patience - self._clock.now()))
            except Timeout:
                log.error("child cannot be ended", supervisor=self._name, child=ended.ref.name)
