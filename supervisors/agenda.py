"""What a supervisor has to do next: the plan that it follows, ends of children, restarts that are due, requests."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from msgspec import Struct

from peerage.supervisors.child import Child
from peerage.supervisors.messages import (
    DeleteChild,
    RenewChild,
    Request,
    RestartChild,
    StartChild,
    TerminateChild,
)
from peerage.supervisors.strategy import Action, Exit, StartAgain, Terminate


class Reply(Protocol):
    """The answer that somebody waits for."""

    def set(self, value: Any = None) -> None: ...

    def set_exception(self, error: BaseException) -> None: ...


class Ended(Struct, frozen=True):
    """A child has ended, or its restart has failed."""

    child: Child
    exit: Exit


class Due(Struct, frozen=True):
    """The next child of a restart is to be started."""

    again: StartAgain


class Asked(Struct, frozen=True):
    """Somebody wants something done about a child."""

    request: Request
    reply: Reply


Entry = Action | Ended | Due | Asked


class Agenda:
    """Gives one thing to do after the other.

    First the plan, and the children behind the one that has just come up in its restart; then ends, restarts that are due,
    and requests, each kind in the order it came.
    """

    def __init__(self) -> None:
        self._plan: deque[Action] = deque()
        self._going_on: deque[Due] = deque()
        self._ends: deque[Ended] = deque()
        self._due: deque[Due] = deque()
        self._asked: deque[Asked] = deque()

    def plan(self, actions: Iterable[Action]) -> None:
        """Do these in their order, before anything else."""
        self._plan.extend(actions)

    def go_on(self, again: StartAgain) -> None:
        """Start the next child of a restart that is under way."""
        self._going_on.append(Due(again))

    def add_end(self, child: Child, exit_: Exit) -> None:
        """A child has ended."""
        self._ends.append(Ended(child, exit_))

    def add_due(self, again: StartAgain) -> None:
        """A restart has waited its time."""
        self._due.append(Due(again))

    def add_request(self, request: Request, reply: Reply) -> None:
        """Somebody has asked."""
        self._asked.append(Asked(request, reply))

    def next(self, *, starts_wait: bool) -> Entry | None:
        """Return what is to be done now, None if nothing is.

        Args: starts_wait, whether a child is starting that the others have to be started after. Then whatever may start
            one waits, and the plan is only followed.
        """
        if self._plan:
            return self._plan.popleft()
        if starts_wait:
            return self._next_request(starts_wait=True)
        for entries in (self._going_on, self._ends, self._due):
            if entries:
                return entries.popleft()
        return self._next_request(starts_wait=False)

    def next_termination(self, condition: Callable[[str], bool]) -> str | None:
        """Return whose termination is planned next, if the condition holds for that child; otherwise it stays planned."""
        if self._plan and isinstance(action := self._plan[0], Terminate) and condition(action.child):
            self._plan.popleft()
            return action.child
        return None

    def take_requests(self) -> list[Asked]:
        """Return all requests: they are not served any more."""
        taken = list(self._asked)
        self._asked.clear()
        return taken

    def _next_request(self, *, starts_wait: bool) -> Asked | None:
        """No request overtakes an earlier one about the same child."""
        held: set[str] = set()
        for entry in self._asked:
            child_id = _child_of(entry.request)
            may_start = isinstance(entry.request, (StartChild, RestartChild, RenewChild))
            if child_id in held or (starts_wait and may_start):
                held.add(child_id)
                continue
            self._asked.remove(entry)
            return entry
        return None


def _child_of(request: Request) -> str:
    match request:
        case StartChild(spec):
            return str(getattr(spec, "id", ""))  # whoever sends something else is answered with the error
        case TerminateChild(child_id) | RestartChild(child_id) | RenewChild(child_id) | DeleteChild(child_id):
            return child_id
        case _:
            return ""
