"""What can go wrong with a supervisor.

SupervisorError
├── ChildSpecError              a child spec, or the set of them, breaks a rule
├── SupervisorGaveUpError       more restarts than the intensity allows: the supervisor ended itself
├── ChildStartError             a child did not start
├── PoolSizeError               a pool cannot have so many workers
├── PoolResizeError             a pool has fewer workers than it was to have
└── ChildError                  a request about one child that cannot be granted
    ├── UnknownChildError           no child has this id
    ├── ChildAlreadyStartedError    start_child: this id is taken and its actor lives
    ├── ChildAlreadyPresentError    start_child: this id is taken, its actor does not live
    ├── ChildRunningError           restart_child, delete_child: its actor lives
    └── ChildRestartingError        restart_child, delete_child: a restart is already on its way

All of them survive pickling: they are answers of a supervisor that may live in another process.
"""


class SupervisorError(Exception):
    """Every error of this package is one."""


class ChildSpecError(SupervisorError):
    """A child spec breaks a rule; nothing was started.

    Attributes: child_id, the spec's id; field, the offending field; found, its value as text; allowed, the
    rule.
    """

    def __init__(self, child_id: str, field: str, found: str, allowed: str) -> None:
        super().__init__(child_id, field, found, allowed)
        self.child_id, self.field, self.found, self.allowed = child_id, field, found, allowed

    def __str__(self) -> str:
        return f"child {self.child_id!r}: {self.field} is {self.found}, allowed is {self.allowed}"


class SupervisorGaveUpError(SupervisorError):
    """A child needed more restarts than the intensity allows. The supervisor has stopped all children and ended.

    Attributes: supervisor and child_id, their names; cause, of the last exit; attempts, restarts counted
    within period; restarts and period, the intensity that was exceeded.
    """

    def __init__(
        self, supervisor: str, child_id: str, cause: str, attempts: int, restarts: int, period: float
    ) -> None:
        super().__init__(supervisor, child_id, cause, attempts, restarts, period)
        self.supervisor, self.child_id, self.cause = supervisor, child_id, cause
        self.attempts, self.restarts, self.period = attempts, restarts, period

    def __str__(self) -> str:
        return (
            f"supervisor {self.supervisor!r} gave up: child {self.child_id!r} needed restart {self.attempts} "
            f"within {self.period:g} s where {self.restarts} are allowed; its last end: {self.cause}"
        )


class PoolSizeError(SupervisorError, ValueError):
    """A pool cannot have `size` workers; at least 1 and at most `most` it can."""

    def __init__(self, size: int, most: int) -> None:
        super().__init__(size, most)
        self.size, self.most = size, most

    def __str__(self) -> str:
        return f"a pool has 1 to {self.most} workers, not {self.size}"


class PoolResizeError(SupervisorError):
    """A worker did not start: `pool` has `size` workers now, for the reason that `cause` says."""

    def __init__(self, pool: str, size: int, cause: str) -> None:
        super().__init__(pool, size, cause)
        self.pool, self.size, self.cause = pool, size, cause

    def __str__(self) -> str:
        return f"pool {self.pool!r} has {self.size} workers: {self.cause}"


class ChildStartError(SupervisorError):
    """A child did not start.

    Attributes: child_id; cause, the text of what its start raised (chained within a process).
    """

    def __init__(self, child_id: str, cause: str) -> None:
        super().__init__(child_id, cause)
        self.child_id, self.cause = child_id, cause

    def __str__(self) -> str:
        return f"child {self.child_id!r} did not start: {self.cause}"


class ChildError(SupervisorError):
    """A request about one child that cannot be granted. Attribute: child_id."""

    _says = "request refused"

    def __init__(self, child_id: str) -> None:
        super().__init__(child_id)
        self.child_id = child_id

    def __str__(self) -> str:
        return f"child {self.child_id!r}: {self._says}"


class UnknownChildError(ChildError):
    """No child has this id."""

    _says = "no child has this id"


class ChildAlreadyStartedError(ChildError):
    """start_child: this id is taken and its actor lives."""

    _says = "already started"


class ChildAlreadyPresentError(ChildError):
    """start_child: this id is taken and its actor does not live."""

    _says = "already present but not running: restart or delete it"


class ChildRunningError(ChildError):
    """restart_child, delete_child: the child's actor lives."""

    _says = "is running: terminate it first"


class ChildRestartingError(ChildError):
    """restart_child, delete_child: the supervisor is about to restart it by itself."""

    _says = "is being restarted: terminate it first"
