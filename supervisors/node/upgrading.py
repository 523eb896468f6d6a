"""Starts a reactor of a running node anew with the code that is there now.

    inspector, in a fresh process ── fit ──> the old one stops, the new one starts in a fresh process
                                  └─ unfit: the old one goes on

Connections live in other processes, and so stay. The new reactor is told of every peer as after any restart. From then on
each restart of it imports its code as it is then: the fork server has the old code. So it is from there that the old one is
started again if the new one does not start. It cannot be where the fork server has not imported it (it was an upgraded one,
too, or the system was not made by this node): then a start is tried again and again with what is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, Protocol

from peerage.actors.names import NodeNames
from peerage.actors.reactors.inspection import ReactorInspector, bare
from peerage.actors.runtime import Future
from peerage.actors.runtime.log import get_logger
from peerage.actors.runtime.named_actor import NamedActor
from peerage.supervisors.child import Child
from peerage.supervisors.errors import ChildStartError
from peerage.supervisors.node.errors import ReactorUpgradeError, UnknownReactorError
from peerage.supervisors.spec import Start

__all__ = ["INSPECTION_S", "Upgrades"]

INSPECTION_S: Final = 30.0  # for the import of the new code

log = get_logger("peerage.node")


class Answer(Protocol):
    """Of whoever asked."""

    def set(self, value: Any = None) -> None: ...

    def set_exception(self, error: BaseException) -> None: ...


class Upgrades:
    """Args: children, of the tree; renew, has a child stopped and started anew, and answers when it is; inspect, has the
    code of a start looked at, and calls with what is wrong with it.
    """

    def __init__(
        self,
        names: NodeNames,
        children: Iterable[Child],
        renew: Callable[[str, Answer], object],
        inspect: Callable[[str, Start, Callable[[str], object]], object] | None = None,
    ) -> None:
        self._names, self._children, self._renew = names, children, renew
        self._inspect = inspect or inspect_in_fresh_process
        self._under_way: set[str] = set()

    def begin(self, name: str, reply: Answer) -> None:
        """Upgrade a reactor. The reply gets None when it is done, or a ReactorUpgradeError or UnknownReactorError."""
        try:
            child = self._find(name)
        except (ReactorUpgradeError, UnknownReactorError) as error:
            reply.set_exception(error)
            return
        self._under_way.add(name)

        def inspected(fault: str) -> None:
            if fault:
                self._over(name, reply, f"{fault}; the old code goes on")
            else:
                self._renew_with(name, child, reply)

        self._inspect(child.spec.id, child.spec.start, inspected)

    def _find(self, name: str) -> Child:
        """Raises: UnknownReactorError; ReactorUpgradeError, it cannot be upgraded."""
        if name not in self._names.reactors:
            raise UnknownReactorError(name, self._names.reactors)
        if name in self._under_way:
            raise ReactorUpgradeError(name, "it is being upgraded already")
        child_id = self._names.reactor(name).name
        child = next(child for child in self._children if child.spec.id == child_id)
        actor_class = child.spec.start.actor_class
        if isinstance(actor_class, NamedActor):
            raise ReactorUpgradeError(name, "it is peerage's own: a restart of the node brings another one")
        if actor_class.__module__ == "__main__" or "." in actor_class.__qualname__:
            where = "the program itself" if actor_class.__module__ == "__main__" else actor_class.__qualname__
            raise ReactorUpgradeError(
                name, f"its class is defined in {where}; one at the top of a module is expected"
            )
        return child

    def _renew_with(self, name: str, child: Child, reply: Answer) -> None:
        was_fresh = bool(child.spec.start.options.get("fresh"))
        _be_fresh(child, fresh=True)

        def over(error: BaseException | None) -> None:
            if error is None:
                self._over(name, reply, "")
                return
            _be_fresh(child, fresh=was_fresh)  # before it is restarted
            cause = error.cause if isinstance(error, ChildStartError) else str(error)
            self._over(name, reply, f"the new code did not start: {cause}; it is started again as it was")

        self._renew(child.spec.id, _Renewed(over))

    def _over(self, name: str, reply: Answer, fault: str) -> None:
        self._under_way.discard(name)
        if fault:
            log.error("reactor not upgraded", reactor=name, cause=fault)
            reply.set_exception(ReactorUpgradeError(name, fault))
        else:
            log.info("reactor upgraded", reactor=name)
            reply.set(None)


class _Renewed:
    """The answer to a renewal: it is over, well or not."""

    def __init__(self, over: Callable[[BaseException | None], object]) -> None:
        self._over = over

    def set(self, value: Any = None) -> None:
        self._over(None)

    def set_exception(self, error: BaseException) -> None:
        self._over(error)


def _be_fresh(child: Child, *, fresh: bool) -> None:
    child.spec = replace(child.spec, start=child.spec.start.using(fresh=fresh))


def inspect_in_fresh_process(child_id: str, start: Start, then: Callable[[str], object]) -> None:
    """Have the code of a start imported where nothing of it is known. Args: then, called with what is wrong, or ""."""
    actor_class = start.actor_class
    assert isinstance(actor_class, type)
    inspector = ReactorInspector.options(
        name=f"{child_id}-inspector",
        start_timeout=INSPECTION_S,
        log_setup=start.options.get("log_setup"),
        fresh=True,
    )
    channels = bare(getattr(actor_class, "channels", ()))
    pending = inspector.start_nowait(actor_class.__module__, actor_class.__name__, channels)

    def answered(answer: Future[Any]) -> None:
        then(str(answer.error) if answer.error is not None else answer.get(timeout=0))

    def started(outcome: Future[Any]) -> None:
        if outcome.error is not None:
            then(f"it cannot be looked at: {outcome.error}")
            return
        ref = outcome.get(timeout=0)
        ref.ask(None, block=False).then(answered)
        ref.stop(block=False)

    pending.outcome.then(started)
