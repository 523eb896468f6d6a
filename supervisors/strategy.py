"""What a supervisor does about the end of a child: a pure function of (flags, children, history, exit, now).

No clock, no actor, no log: `decide` gives actions, supervisor.py does them in their order.
The rules are OTP's (stdlib, supervisor): restart type by exit kind, the strategy's group, intensity within a
period.
"""

from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from peerage.supervisors.errors import UnknownChildError
from peerage.supervisors.intensity import History
from peerage.supervisors.spec import AutoShutdown, ChildSpec, Flags, Restart, Strategy


class ExitKind(Enum):
    """How a child ended."""

    NORMAL = "normal"  # it stopped, by itself or because somebody asked it to
    SHUTDOWN = "shutdown"  # its host was told to stop; or a supervisor gave up, or shut down by itself
    ABNORMAL = (
        "abnormal"  # an exception or a signal; or it was killed because it hung or used too much memory
    )
    START_FAILED = "start_failed"  # its restart failed
    LIMITED = "limited"  # a limit of the operating system did not allow its restart


class Exit(Struct, frozen=True):
    """The end of one child.

    cause: a short text for logs and errors. took: seconds that a failed start took. waited: seconds for which its restart
    has been LIMITED, over all tries.
    """

    child: str
    kind: ExitKind
    cause: str = ""
    took: float = 0.0
    waited: float = 0.0


class Status(Enum):
    """What a supervisor knows of a child between two events."""

    RUNNING = "running"
    STOPPED = "stopped"  # OTP's `undefined`: has a spec, no actor, and no restart on its way
    RESTARTING = "restarting"  # no actor; a restart is on its way
    STARTING = "starting"  # its actor is being made, and does not serve yet


class ChildState(Struct, frozen=True):
    """One child, in start order among its siblings."""

    spec: ChildSpec
    status: Status


class Forget(Struct, frozen=True):
    """Drop the child and its spec: a temporary child has ended."""

    child: str


class Rest(Struct, frozen=True):
    """Keep the child's spec: it does not run, and nothing but a request restarts it."""

    child: str


class Terminate(Struct, frozen=True):
    """Stop the child: ask, wait for its shutdown time, kill."""

    child: str


class StartAgain(Struct, frozen=True):
    """Start these children in this order, `delay` seconds from now; until then they are restarting.

    trigger: the child whose end caused it. cause: of that end. attempt: the number of this restart within the period,
    1 for the first.
    """

    children: tuple[str, ...]
    delay: float
    trigger: str
    cause: str
    attempt: int


class GiveUp(Struct, frozen=True):
    """End the supervisor with an error: more restarts than the intensity allows. attempts: restarts within the period."""

    child: str
    cause: str
    attempts: int


class ShutDown(Struct, frozen=True):
    """End the supervisor in good order: a significant child ended by itself."""

    child: str


Action = Forget | Rest | Terminate | StartAgain | GiveUp | ShutDown


class Decision(Struct, frozen=True):
    """What to do, in this order, and the history to decide the next exit with."""

    actions: tuple[Action, ...]
    history: History


def decide(
    flags: Flags, children: Sequence[ChildState], history: History, exit_: Exit, now: float
) -> Decision:
    """Decide what the end of one child means.

    Args: children, all of them in start order, the ended one included; history, as the last decision left
        it; now, monotonic seconds, never less than at the last decision.
    Returns: the actions in order. Children are terminated last started first, and started first started
        first. GiveUp and ShutDown come last, behind the termination of everyone who still runs.
    Raises: UnknownChildError, when no child has the exit's id.
    """
    position = _position(children, exit_.child)
    ended = children[position].spec
    if not is_restarted(ended.restart, exit_.kind):
        return Decision(_leave_ended(flags, children, ended), history)

    group = _group(flags.strategy, children, position)
    members = frozenset(child.spec.id for child in group)
    # Starts that fail slowly, by a timeout say, are a crash loop too. As with a back-off, their time does not count.
    history = history.delayed(members, exit_.took)
    if exit_.kind is ExitKind.LIMITED and exit_.waited <= flags.backoff.patience:
        # This restart was counted when the child ended, and goes on where it was held up. The machine is short of something,
        # and giving up would cost the children that live.
        delay = flags.backoff.delay_at_limit(exit_.waited)
        rest = [child for child in group if child.status is not Status.RUNNING]
        attempt = history.count_of(members)
        return Decision(_start_again(rest, exit_, delay, attempt), history.delayed(members, delay))
    history = history.within(flags.intensity.period, now).with_restart(ended.id, now)
    attempts = len(history.records)
    if attempts > flags.intensity.restarts:
        return Decision(
            (*terminate_all(children, but=ended.id), GiveUp(ended.id, exit_.cause, attempts)), history
        )

    attempt = history.count_of(members)
    delay = flags.backoff.delay(attempt)
    again = _start_again(group, exit_, delay, attempt)
    return Decision((*terminate_all(group, but=ended.id), *again), history.delayed(members, delay))


def _start_again(group: Sequence[ChildState], exit_: Exit, delay: float, attempt: int) -> tuple[Action, ...]:
    # Temporary siblings are terminated with the group, and never restarted.
    again = tuple(child.spec.id for child in group if child.spec.restart is not Restart.TEMPORARY)
    temporary = tuple(Forget(child.spec.id) for child in group if child.spec.restart is Restart.TEMPORARY)
    return (*temporary, StartAgain(again, delay, exit_.child, exit_.cause, attempt))


def is_restarted(restart: Restart, kind: ExitKind) -> bool:
    """Tell whether a child of this restart type is restarted after this kind of end.

    Only a child that is being restarted can fail to start: that decision stands, so the start is tried again.
    """
    if kind in (ExitKind.START_FAILED, ExitKind.LIMITED) or restart is Restart.PERMANENT:
        return True
    return restart is Restart.TRANSIENT and kind is ExitKind.ABNORMAL


def terminate_all(children: Sequence[ChildState], *, but: str | None = None) -> tuple[Terminate, ...]:
    """Return the termination of all children that run or start, last started first, without the one named `but`."""
    return tuple(
        Terminate(child.spec.id)
        for child in reversed(children)
        if child.status in (Status.RUNNING, Status.STARTING) and child.spec.id != but
    )


def _position(children: Sequence[ChildState], child_id: str) -> int:
    for position, child in enumerate(children):
        if child.spec.id == child_id:
            return position
    raise UnknownChildError(child_id)


def _group(strategy: Strategy, children: Sequence[ChildState], position: int) -> Sequence[ChildState]:
    """Return the children that are restarted together. As in OTP, siblings that had stopped before are started, too."""
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return children[position : position + 1]
        case Strategy.ONE_FOR_ALL:
            return children
        case Strategy.REST_FOR_ONE:
            return children[position:]


def _leave_ended(flags: Flags, children: Sequence[ChildState], ended: ChildSpec) -> tuple[Action, ...]:
    left: Action = Forget(ended.id) if ended.restart is Restart.TEMPORARY else Rest(ended.id)
    if _shuts_down(flags.auto_shutdown, children, ended):
        return (left, *terminate_all(children, but=ended.id), ShutDown(ended.id))
    return (left,)


def _shuts_down(auto: AutoShutdown, children: Sequence[ChildState], ended: ChildSpec) -> bool:
    if not ended.significant or auto is AutoShutdown.NEVER:
        return False
    if auto is AutoShutdown.ANY_SIGNIFICANT:
        return True
    return not any(
        child.spec.significant and child.status is not Status.STOPPED and child.spec.id != ended.id
        for child in children
    )
