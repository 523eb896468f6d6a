"""What a supervisor knows of its children: one record for each, in start order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from peerage.actors.runtime import PROCESS, ActorRef, ChildFacts, DownReason, Future, Timer
from peerage.supervisors.errors import (
    ChildAlreadyPresentError,
    ChildAlreadyStartedError,
    ChildRestartingError,
    ChildRunningError,
    SupervisorGaveUpError,
    UnknownChildError,
)
from peerage.supervisors.messages import ChildCounts, ChildInfo
from peerage.supervisors.spec import ChildSpec, ChildType
from peerage.supervisors.strategy import ChildState, Exit, ExitKind, StartAgain, Status

CAUSE_CHARS = 500  # of a cause that is kept and logged: an exception's text may hold a whole message


class Clock(Protocol):
    """Monotonic seconds and what is due: an actor's `self.runtime`, or a test's own."""

    def now(self) -> float: ...

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> Timer: ...


class Starting(Protocol):
    """A child's start under way. See PendingStart."""

    @property
    def outcome(self) -> Future[ActorRef]: ...

    def give_up(self) -> None: ...

    def wait(self, timeout: float | None) -> bool: ...


class Probes(Protocol):
    """The health checks of one life of a child."""

    def stop(self) -> None: ...


@dataclass(slots=True, eq=False)
class Child:
    """One child.

    exit: set from its end until the strategy has decided on it, or until something overtook that.
    batch: the restart that it waits for.
    verdict: why we killed it, which is a better cause than "process ended by SIGKILL".
    limited_since: when a limit of the operating system first refused its restart.
    is_dynamic: one of many without an order: it stops beside the others.
    """

    spec: ChildSpec
    is_dynamic: bool = False
    status: Status = Status.STOPPED
    ref: ActorRef | None = None
    last_ref: ActorRef | None = None  # of the life before
    start: Starting | None = None  # while it is under way
    exit: Exit | None = None
    batch: StartAgain | None = None
    verdict: str | None = None
    restarts: int = 0
    last_cause: str = ""
    limited_since: float | None = None
    probes: Probes | None = None
    timers: list[Timer] = field(default_factory=list)

    @property
    def has_own_process(self) -> bool:
        """Whether it can be killed without harm to others."""
        return self.spec.start.options.get("place", PROCESS) is PROCESS

    def begin(self, start: Starting) -> None:
        """Its start has begun."""
        self.start, self.status, self.exit, self.batch = start, Status.STARTING, None, None

    def came_up(self, ref: ActorRef) -> None:
        """Its actor lives."""
        self.ref, self.status, self.start = ref, Status.RUNNING, None
        self.exit = self.batch = self.limited_since = None

    def gone(self) -> None:
        """Forget the actor; the spec stays."""
        self.last_ref, self.ref, self.start, self.verdict = self.ref or self.last_ref, None, None, None
        self.unwind()

    def unwind(self) -> None:
        """Call off what is due for this life of it: probes and deadlines."""
        if self.probes is not None:
            self.probes.stop()
            self.probes = None
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()

    def rest(self) -> None:
        """It is stopped, or being stopped, and no restart is on its way."""
        self.status, self.exit, self.batch, self.limited_since = Status.STOPPED, None, None, None

    def end_for(self, reason: DownReason) -> Exit:
        """Return what its end was, as the strategy sees it. As in OTP, a supervisor that gives up ends with `shutdown`."""
        cause = (self.verdict or str(reason))[:CAUSE_CHARS]
        if self.verdict is not None:
            kind = ExitKind.ABNORMAL
        elif reason.kind == "normal":
            kind = ExitKind.NORMAL
        elif reason.kind == "shutdown" or _gave_up(reason):
            kind = ExitKind.SHUTDOWN
        else:
            kind = ExitKind.ABNORMAL
        return Exit(self.spec.id, kind, cause)

    def failed_start(self, cause: str, began: float, now: float, *, is_limit: bool) -> Exit:
        """Return the end that a restart's failure is; at a limit it also says for how long that has lasted."""
        if not is_limit:
            self.limited_since = None
            return Exit(self.spec.id, ExitKind.START_FAILED, cause, now - began)
        if self.limited_since is None:
            self.limited_since = began
        return Exit(self.spec.id, ExitKind.LIMITED, cause, now - began, now - self.limited_since)

    def info(self) -> ChildInfo:
        """Return what others may know of it."""
        return ChildInfo(
            id=self.spec.id,
            name=self.spec.name,
            status=self.status,
            ref=self.ref if self.status is Status.RUNNING else None,
            type=self.spec.type,
            restart=self.spec.restart,
            restarts=self.restarts,
            last_cause=self.last_cause,
        )

    def facts(self) -> ChildFacts:
        """Return what an observer is told of it."""
        ref, spec = self.ref or self.last_ref, self.spec
        return ChildFacts(
            spec.id,
            spec.name,
            ref.host if ref is not None else spec.name,
            spec.type.value,
            self.status.value,
            spec.restart.value,
            self.restarts,
            self.last_cause,
        )


class Children:
    """All children of a supervisor, in start order."""

    def __init__(self, specs: Iterable[ChildSpec]) -> None:
        self._children = [Child(spec) for spec in specs]

    def __iter__(self) -> Iterator[Child]:
        return iter(self._children)

    @property
    def specs(self) -> list[ChildSpec]:
        """Their specs."""
        return [child.spec for child in self._children]

    @property
    def any_starting(self) -> bool:
        """Whether one of them is on its way up."""
        return any(child.status is Status.STARTING for child in self._children)

    def find(self, child_id: str) -> Child:
        """Return the child with this id. Raises: UnknownChildError."""
        for child in self._children:
            if child.spec.id == child_id:
                return child
        raise UnknownChildError(child_id)

    def find_stopped(self, child_id: str) -> Child:
        """Return a child that nothing is done about. Raises: as `find`; ChildRunningError, ChildRestartingError."""
        child = self.find(child_id)
        if child.status is Status.RUNNING:
            raise ChildRunningError(child_id)
        if child.status is not Status.STOPPED:
            raise ChildRestartingError(child_id)
        return child

    def of(self, ref: ActorRef) -> Child | None:
        """Return the child whose actor this is."""
        return next((child for child in self._children if child.ref is not None and child.ref == ref), None)

    def waiting_for(self, again: StartAgain) -> Child | None:
        """Return the first child that still waits for this restart: a request or a newer restart takes some away."""
        return next((child for child in self._children if child.batch is again), None)

    def check_new(self, child_id: str) -> None:
        """Raises: ChildAlreadyStartedError, ChildAlreadyPresentError, when the id is taken."""
        for child in self._children:
            if child.spec.id == child_id:
                if child.status is Status.STOPPED:
                    raise ChildAlreadyPresentError(child_id)
                raise ChildAlreadyStartedError(child_id)

    def add(self, spec: ChildSpec) -> Child:
        """Put a child behind the others."""
        child = Child(spec, is_dynamic=spec.is_instance)
        self._children.append(child)
        return child

    def remove(self, child: Child) -> None:
        """Forget a child, if it is not forgotten already."""
        if child in self._children:
            self._children.remove(child)

    def states(self) -> Sequence[ChildState]:
        """Return what the strategy decides on."""
        return [ChildState(child.spec, child.status) for child in self._children]

    def infos(self) -> tuple[ChildInfo, ...]:
        """Return the answer to WhichChildren."""
        return tuple(child.info() for child in self._children)

    def facts(self) -> tuple[ChildFacts, ...]:
        """Return what an observer is told of them."""
        return tuple(child.facts() for child in self._children)

    def counts(self) -> ChildCounts:
        """Return the answer to CountChildren."""
        supervisors = sum(child.spec.type is ChildType.SUPERVISOR for child in self._children)
        return ChildCounts(
            specs=len(self._children),
            active=sum(child.status is Status.RUNNING for child in self._children),
            supervisors=supervisors,
            workers=len(self._children) - supervisors,
        )

    def stopped_together(self) -> Iterator[list[Child]]:
        """Yield the children in the order they stop in, last started first: one by one, dynamic neighbours together."""
        group: list[Child] = []
        for child in reversed(self._children):
            if group and not (child.is_dynamic and group[-1].is_dynamic):
                yield group
                group = []
            group.append(child)
        if group:
            yield group


def _gave_up(reason: DownReason) -> bool:
    return reason.kind == "exception" and reason.text.startswith(f"{SupervisorGaveUpError.__name__}:")
