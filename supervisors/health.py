"""Looks at a child that has not ended: how much memory its process uses, and whether it still answers."""

from collections.abc import Callable
from typing import Protocol

from pykka.messages import ProxyGetAttr

from peerage.actors.runtime import Timer
from peerage.actors.runtime.log import get_logger
from peerage.supervisors.child import Child, Clock
from peerage.supervisors.child_process import resident_bytes
from peerage.supervisors.spec import HealthCheck

log = get_logger("peerage.supervisors")

PING = ProxyGetAttr(attr_path=("actor_urn",))  # every actor answers it, in the order of its mailbox
LATE_S = 0.5  # a look that is this late says more about the supervisor than about the child


class Ping(Protocol):
    """A question that is under way to the child."""

    def is_ready(self) -> bool: ...


class HealthProbes:
    """The probes of one life of a child, from its start until `stop`, or until it is condemned.

    Args: ping, which asks the child something through its mailbox; memory, which measures its process, in bytes; condemn,
        called once with the reason when the child is to be killed.
    """

    def __init__(
        self,
        check: HealthCheck,
        clock: Clock,
        *,
        ping: Callable[[], Ping],
        memory: Callable[[], int],
        condemn: Callable[[str], object],
    ) -> None:
        self._check, self._clock = check, clock
        self._ask, self._memory, self._condemn = ping, memory, condemn
        self._ping: Ping | None = None
        self._timer: Timer | None = clock.call_later(check.every, self._look)
        self._is_over = False

    def stop(self) -> None:
        """Look no more: the child has ended, or is being stopped."""
        self._is_over, self._ping = True, None
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Measure the memory now, ask with a deadline, and look again after a while."""
        check = self._check
        if check.max_rss is not None and (used := self._memory()) > check.max_rss:
            self._kill(f"memory: {used} bytes resident, {check.max_rss} allowed")
            return
        if check.deadline is not None and (self._ping is None or self._ping.is_ready()):
            self._ping = self._ask()
            self._await_answer(self._ping, check.deadline)
        self._timer = self._clock.call_later(check.every, self._look)

    def _await_answer(self, ping: Ping, deadline: float) -> None:
        self._clock.call_later(deadline, self._look_for_answer, ping, self._clock.now() + deadline, deadline)

    def _look_for_answer(self, ping: Ping, due: float, deadline: float) -> None:
        # An error is an answer here: it says that the child has ended, and its supervisor hears that in another way.
        if self._is_over or self._ping is not ping or ping.is_ready():
            return
        if self._clock.now() > due + LATE_S:
            # This process stood still (Ctrl-Z, a debugger, a starved machine), and perhaps the child did, too.
            self._await_answer(ping, deadline)
            return
        self._kill(f"hung: no answer within {deadline:g} s")

    def _kill(self, verdict: str) -> None:
        self.stop()
        self._condemn(verdict)


def probe_health(child: Child, supervisor: str, clock: Clock, kill: Callable[[Child], object]) -> None:
    """Begin to look at a child that has just come up, if its spec says so; `kill(child)` when it is condemned."""
    check, ref = child.spec.health, child.ref
    if check is None or ref is None:
        return

    def condemn(verdict: str) -> None:
        child.verdict = verdict
        log.error("child killed", supervisor=supervisor, child=child.spec.id, cause=verdict)
        kill(child)

    child.probes = HealthProbes(
        check,
        clock,
        # Outside the window: a full mailbox must not make its supervisor wait.
        ping=lambda: ref.ask(PING, block=False, exempt=True),
        memory=lambda: resident_bytes(ref),
        condemn=condemn,
    )
