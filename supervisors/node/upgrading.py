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
from itertools import count
from typing import Any, Final, Protocol

from peerage.actors.messages.steering import UpgradeProgress, UpgradeReactor
from peerage.actors.names import NodeNames
from peerage.actors.reactors.inspection import ReactorInspector, bare
from peerage.actors.runtime import Future, Timer
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


class Upgrade:
    """One, from its beginning; what came of it is kept until the next one of its reactor."""

    def __init__(self, number: int, call_later: Callable[..., Timer]) -> None:
        self.number, self._call_later = number, call_later
        self._waiting: list[Answer] = []
        self._end: UpgradeProgress | ReactorUpgradeError | None = None

    @property
    def is_over(self) -> bool:
        """Well or not."""
        return self._end is not None

    def answer(self, reply: Answer, within: float) -> None:
        """Answer when it is over. Args: within, seconds after which it is answered anyway; 0 for never."""
        self._waiting.append(reply)
        if self.is_over:
            self._tell()
        elif within:
            self._call_later(within, self._answer_now, reply)

    def end(self, error: ReactorUpgradeError | None) -> None:
        """It is over."""
        self._end = error or UpgradeProgress(self.number, done=True)
        self._tell()

    def _answer_now(self, reply: Answer) -> None:
        if reply in self._waiting:
            self._waiting.remove(reply)
            reply.set(UpgradeProgress(self.number, done=False))

    def _tell(self) -> None:
        while self._waiting:
            reply = self._waiting.pop()
            if isinstance(self._end, ReactorUpgradeError):
                reply.set_exception(self._end)
            else:
                reply.set(self._end)


class Upgrades:
    """Args: children, of the tree; call_later, a timer; renew, has a child stopped and started anew, and answers when it is;
    inspect, has the code of a start looked at, and calls with what is wrong with it.
    """

    def __init__(
        self,
        names: NodeNames,
        children: Iterable[Child],
        call_later: Callable[..., Timer],
        renew: Callable[[str, Answer], object],
        inspect: Callable[[str, Start, Callable[[str], object]], object] | None = None,
    ) -> None:
        self._names, self._children, self._call_later, self._renew = names, children, call_later, renew
        self._inspect = inspect or inspect_in_fresh_process
        self._last: dict[str, Upgrade] = {}  # of each reactor
        self._numbers = count(1)

    def serve(self, request: UpgradeReactor, reply: Answer) -> None:
        """Answer a request: at the end of the upgrade that it begins or asks for, or earlier, as it says."""
        try:
            upgrade = self._asked_for(request) if request.number else self._begin(request.name)
        except (ReactorUpgradeError, UnknownReactorError) as error:
            reply.set_exception(error)
        else:
            upgrade.answer(reply, request.within)

    def _asked_for(self, request: UpgradeReactor) -> Upgrade:
        """Raises: ReactorUpgradeError, there is none."""
        upgrade = self._last.get(request.name)
        if upgrade is None or upgrade.number != request.number:
            raise ReactorUpgradeError(request.name, f"upgrade {request.number} is not its last one")
        return upgrade

    def _begin(self, name: str) -> Upgrade:
        """Raises: as `_find`."""
        child = self._find(name)
        upgrade = self._last[name] = Upgrade(next(self._numbers), self._call_later)

        def inspected(fault: str) -> None:
            if fault:
                _end(upgrade, name, f"{fault}; the old code goes on")
            else:
                self._renew_with(name, child, upgrade)

        self._inspect(child.spec.id, child.spec.start, inspected)
        return upgrade

    def _find(self, name: str) -> Child:
        """Raises: UnknownReactorError; ReactorUpgradeError, it cannot be upgraded."""
        if name not in self._names.reactors:
            raise UnknownReactorError(name, self._names.reactors)
        if name in self._last and not self._last[name].is_over:
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

    def _renew_with(self, name: str, child: Child, upgrade: Upgrade) -> None:
        was_fresh = bool(child.spec.start.options.get("fresh"))
        _be_fresh(child, fresh=True)

        def over(error: BaseException | None) -> None:
            if error is None:
                _end(upgrade, name, "")
                return
            _be_fresh(child, fresh=was_fresh)  # before it is restarted
            cause = error.cause if isinstance(error, ChildStartError) else str(error)
            _end(upgrade, name, f"the new code did not start: {cause}; it is started again as it was")

        self._renew(child.spec.id, _Renewed(over))


def _end(upgrade: Upgrade, name: str, fault: str) -> None:
    if fault:
        log.error("reactor not upgraded", reactor=name, cause=fault)
        upgrade.end(ReactorUpgradeError(name, fault))
    else:
        log.info("reactor upgraded", reactor=name)
        upgrade.end(None)


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
