"""Starts the children of a supervisor: in turn at first, later without waiting for them."""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime import ActorRef, HostAliveError, StartLimitError
from peerage.actors.runtime.errors import limit_of, text_of
from peerage.supervisors.child import CAUSE_CHARS, Child, Starting
from peerage.supervisors.child_process import kill_process
from peerage.supervisors.errors import ChildStartError
from peerage.supervisors.strategy import Status

Over = Callable[[Child, ChildStartError | None], object]


class Held(Protocol):
    """A process that waits for its actor. See HeldStart."""

    def start(self, *args: Any, **kwargs: Any) -> ActorRef: ...

    def give_up(self) -> None: ...


class Launcher:
    """Starts children under their supervisor's eyes.

    Args: owner, the supervisor: no child outlives it. watch, which has the end of an actor told to the supervisor.
    """

    def __init__(
        self,
        owner: ActorRef,
        watch: Callable[[ActorRef], object],
        kill: Callable[[ActorRef], bool] = kill_process,
    ) -> None:
        self._owner, self._watch, self._kill = owner, watch, kill
        self._held: dict[str, Held] = {}  # by child

    def hold(self, child: Child) -> None:
        """Have the process of a child made before it is its turn to start."""
        if child.has_own_process:
            with contextlib.suppress(Exception):  # its start meets the same, and it is told then
                self._held[child.spec.id] = self._starter(child).hold()

    def let_go(self) -> None:
        """Those that are held are not started any more."""
        while self._held:
            self._held.popitem()[1].give_up()

    def start(self, child: Child) -> None:
        """Start a child and wait until it lives. Raises: ChildStartError."""
        try:
            ref = self._start(child)
            self._look_after(ref)
        except (Exception, SystemExit) as error:  # SystemExit: of a child in this very host
            raise start_error(child, error) from error
        child.came_up(ref)

    def _start(self, child: Child) -> ActorRef:
        args, kwargs = child.spec.start.args, child.spec.start.kwargs
        held = self._held.pop(child.spec.id, None)
        if held is not None:
            with contextlib.suppress(
                StartLimitError
            ):  # several at once want more room than one after the other
                return held.start(*args, **kwargs)
        ref: ActorRef = self._starter(child).start(*args, **kwargs)
        return ref

    def begin(self, child: Child, over: Over, *, anew: bool = False) -> None:
        """Begin to start a child; `over(child, error)` is called when it lives, or could not be started.

        Args: anew, whether what is left of its last life may be killed. Actors that the child started beside itself may
            keep its process alive, and the name would never be free again. A child's process is the child's.
        """
        try:
            start = self._starter(child).start_nowait(*child.spec.start.args, **child.spec.start.kwargs)
        except Exception as error:  # options that no actor can be started with
            over(child, start_error(child, error))
            return
        child.begin(start)
        start.outcome.then(lambda _outcome: self._is_over(child, start, over, anew=anew))

    def _is_over(self, child: Child, start: Starting, over: Over, *, anew: bool) -> None:
        if child.start is not start:
            return  # given up, and not waited for
        error = start.outcome.error
        if anew and child.status is Status.STARTING and self._makes_way(child, error):
            self.begin(child, over)
            return
        child.start = None
        if error is None:
            ref = start.outcome.get(timeout=0)
            try:
                self._look_after(ref)
            except Exception as fault:
                error = fault
            else:
                child.came_up(ref)
        over(child, None if error is None else start_error(child, error))

    def _starter(self, child: Child) -> Any:
        spec = child.spec
        options = {**spec.start.options, "name": spec.name, "linked_to": self._owner}
        return spec.start.actor_class.options(**options)

    def _look_after(self, ref: ActorRef) -> None:
        try:
            self._watch(ref)
        except Exception:  # nobody would hear of its end
            self._kill(ref)
            raise

    def _makes_way(self, child: Child, error: BaseException | None) -> bool:
        last = child.last_ref
        if last is None or not isinstance(error, HostAliveError) or error.serial != last.serial:
            return False
        return self._kill(last)


def start_error(child: Child, error: BaseException) -> ChildStartError:
    """Return what the supervisor and those who asked are told of a start's error; that error is its cause."""
    told = ChildStartError(child.spec.id, text_of(error)[:CAUSE_CHARS])
    told.__cause__ = error
    return told


def is_limit(error: ChildStartError) -> bool:
    """Whether a start found no room: no process, or no thread for what the child does beside its loop."""
    cause = error.__cause__
    return isinstance(cause, StartLimitError) or (isinstance(cause, RuntimeError) and bool(limit_of(cause)))
