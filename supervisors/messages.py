"""What a supervisor can be asked, what it answers, and a typed face for asking.

Each request is one frozen value for `ref.ask`; SupervisorRef asks the same things as methods.
"""

from typing import cast

from msgspec import Struct

from peerage.actors.runtime import ActorRef
from peerage.supervisors.spec import ChildSpec, ChildType, Restart
from peerage.supervisors.strategy import Status


class StartChild(Struct, frozen=True):
    """Add a child behind the others and start it. Answer: its ref, once it lives; the supervisor does not wait for it.

    Raises: ChildAlreadyStartedError, also while a child of this id is starting; ChildAlreadyPresentError; ChildSpecError;
        ChildStartError, and then the spec is not kept.
    """

    spec: ChildSpec


class TerminateChild(Struct, frozen=True):
    """Stop a child, or call its restart off. Its spec stays, unless the child is temporary. Answer: None.

    A significant child that ends by this request does not shut the supervisor down.
    Raises: UnknownChildError.
    """

    child_id: str


class RestartChild(Struct, frozen=True):
    """Start a child that is stopped. Answer: its ref, once it lives. This does not count toward the intensity.

    Raises: UnknownChildError, ChildRunningError, ChildRestartingError, ChildStartError.
    """

    child_id: str


class RenewChild(Struct, frozen=True):
    """Stop a child that runs, and start it with the spec that it has now. Answer: None, once it lives.

    Nothing is done about a child that is stopped, or being restarted: its next start is by that spec anyway. A renewal does
    not count toward the intensity; a start that fails counts as that of a restart.
    Raises: UnknownChildError, ChildStartError.
    """

    child_id: str


class DeleteChild(Struct, frozen=True):
    """Forget a child that is stopped. Answer: None.

    Raises: UnknownChildError, ChildRunningError, ChildRestartingError.
    """

    child_id: str


class WhichChildren(Struct, frozen=True):
    """Answer: a tuple of ChildInfo, in start order; at once, also while children start or stop."""


class CountChildren(Struct, frozen=True):
    """Answer: ChildCounts; at once, also while children start or stop."""


class GetChildSpec(Struct, frozen=True):
    """Answer: the ChildSpec. Raises: UnknownChildError."""

    child_id: str


Request = (
    StartChild
    | TerminateChild
    | RestartChild
    | RenewChild
    | DeleteChild
    | WhichChildren
    | CountChildren
    | GetChildSpec
)


class ChildInfo(Struct, frozen=True):
    """One child as its supervisor sees it.

    ref: None unless it runs. restarts: since the supervisor started. last_cause: why the last of them was needed, empty if
    there was none.
    """

    id: str
    name: str
    status: Status
    ref: ActorRef | None
    type: ChildType
    restart: Restart
    restarts: int
    last_cause: str


class ChildCounts(Struct, frozen=True):
    """specs: all children; active: those with a living actor; supervisors, workers: children by type."""

    specs: int
    active: int
    supervisors: int
    workers: int


class SupervisorRef:
    """A supervisor's ref with its requests as methods. Picklable like the ref.

    timeout: seconds that every request may take; to start or stop a child takes as long as the child does.
    All methods raise ActorDeadError when the supervisor has ended, and Timeout.
    """

    def __init__(self, ref: ActorRef, timeout: float | None = None) -> None:
        self.ref, self.timeout = ref, timeout

    def start_child(self, spec: ChildSpec) -> ActorRef:
        """See StartChild."""
        return cast("ActorRef", self.ref.ask(StartChild(spec), timeout=self.timeout))

    def terminate_child(self, child_id: str) -> None:
        """See TerminateChild."""
        self.ref.ask(TerminateChild(child_id), timeout=self.timeout)

    def restart_child(self, child_id: str) -> ActorRef:
        """See RestartChild."""
        return cast("ActorRef", self.ref.ask(RestartChild(child_id), timeout=self.timeout))

    def renew_child(self, child_id: str) -> None:
        """See RenewChild."""
        self.ref.ask(RenewChild(child_id), timeout=self.timeout)

    def delete_child(self, child_id: str) -> None:
        """See DeleteChild."""
        self.ref.ask(DeleteChild(child_id), timeout=self.timeout)

    def which_children(self) -> tuple[ChildInfo, ...]:
        """See WhichChildren."""
        return cast("tuple[ChildInfo, ...]", self.ref.ask(WhichChildren(), timeout=self.timeout))

    def count_children(self) -> ChildCounts:
        """See CountChildren."""
        return cast("ChildCounts", self.ref.ask(CountChildren(), timeout=self.timeout))

    def child_spec(self, child_id: str) -> ChildSpec:
        """See GetChildSpec."""
        return cast("ChildSpec", self.ref.ask(GetChildSpec(child_id), timeout=self.timeout))
