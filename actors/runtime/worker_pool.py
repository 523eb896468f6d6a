"""Work that an actor has done by other processes: a bounded number of them, and a bounded queue before them.

    work ──> waits ──> handed to a worker ──> its future has the result, or what the function raised
      └────> no room: the caller is told, or waits
    a worker dies ───> the work that it had fails with WorkerDiedError; another worker takes its place

Workers are hosts of the runtime, forked from its fork server, and are killed with the actor. They are made when there is
work for them. Results come by the actor's mailbox: callbacks of their futures run in its turns.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, WorkerDiedError, WorkQueueFullError
from peerage.actors.runtime.mail.codec import Encoded, packed
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.patience import is_gone
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.window import DEFAULT_WAIT, Drop, Fail, WhenFull

if TYPE_CHECKING:
    from peerage.actors.runtime.host.context import ActorContext


class Start(Protocol):
    """A start that is under way."""

    @property
    def outcome(self) -> Future[ActorRef[Any]]: ...


@dataclass(slots=True, eq=False)
class _Work:
    """What is to be done. Pickled when it is asked for, so that its caller may change the arguments afterwards."""

    message: Encoded
    name: str
    result: Future[Any]


class _Worker:
    """One process, or what will be one."""

    __slots__ = ("ref", "work")

    def __init__(self) -> None:
        self.ref: ActorRef[Any] | None = None
        self.work: _Work | None = None


class WorkerPool:
    """Belongs to one actor, and to its host's thread.

    Args:
        start: begins to start a worker; called as the actor. What it starts calls the function of what it is asked.
        most: processes.
        room: how much work may wait while all of them are busy.
    """

    def __init__(self, runtime: ActorContext, start: Callable[[], Start], most: int, room: int) -> None:
        self._runtime, self._start, self._most, self._room = runtime, start, most, room
        self._workers: set[_Worker] = set()
        self._waiting: deque[_Work] = deque()
        self._is_closed = False

    def work(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        when_full: WhenFull | None,
    ) -> Future[Any]:
        """Have a worker call a function. Args and errors: as of `ActorContext.work`."""
        if isinstance(when_full, Drop):
            raise TypeError("when_full=DROP is for tells: dropped work would never be done")
        work = _Work(packed((function, args, kwargs)), _name_of(function), Future())
        if not self._has_room() and not isinstance(when_full, Fail):
            self._runtime.coroutines.wait(self._makes_room, (when_full or DEFAULT_WAIT).timeout)
        if not self._has_room():
            raise WorkQueueFullError(self._most, self._room)
        self._waiting.append(work)
        self._hand_out()
        return work.result

    def _has_room(self) -> bool:
        idle = sum(worker.work is None for worker in self._workers) + self._most - len(self._workers)
        return len(self._waiting) < self._room + idle

    def _makes_room(self) -> bool:
        # The actor is in the middle of the hook that waits: nobody else could start a worker in place of a dead one.
        self._hand_out()
        return self._has_room()

    def _hand_out(self) -> None:
        """Give work to those who have none, as the actor; make workers if there are too few."""
        if self._is_closed:
            return
        for worker in self._workers:
            if self._waiting and worker.ref is not None and worker.work is None:
                self._give(worker, worker.ref, self._waiting.popleft())
        starting = sum(worker.ref is None for worker in self._workers)
        while len(self._workers) < self._most and starting < len(self._waiting):
            worker = _Worker()
            self._workers.add(worker)
            starting += 1
            outcome = self._start().outcome
            outcome.when_done(partial(self._soon, self._came_up, worker, outcome))

    def _soon(self, fn: Callable[..., object], *args: Any) -> None:
        """Called by whoever resolves a future, in whatever thread. Not as the actor, which may be waiting for this."""
        self._runtime.call_between(fn, *args)

    def _came_up(self, worker: _Worker, outcome: Future[ActorRef[Any]]) -> None:
        try:
            worker.ref = outcome.get(timeout=0)
        except Exception as error:
            self._workers.discard(worker)
            if not self._workers:  # nobody is left who could do it
                self._refuse(error)
            return
        if self._waiting and not self._is_closed:
            self._give(worker, worker.ref, self._waiting.popleft())

    def _give(self, worker: _Worker, ref: ActorRef[Any], work: _Work) -> None:
        worker.work = work
        answer: Future[Any] = ref.ask(work.message, block=False, exempt=True)
        answer.when_done(partial(self._soon, self._done, worker, work, answer))

    def _done(self, worker: _Worker, work: _Work, answer: Future[Any]) -> None:
        worker.work = None
        try:
            value = answer.get(timeout=0)
        except BaseException as error:
            if is_gone(error):
                self._workers.discard(worker)
                fault = WorkerDiedError(work.name, str(error))
                fault.__cause__ = error
                work.result.resolve(None, fault)
            else:
                work.result.resolve(None, error)
        else:
            work.result.resolve(value)
        if not self._waiting or self._is_closed:
            return
        if worker in self._workers and worker.ref is not None:
            self._give(worker, worker.ref, self._waiting.popleft())
        else:
            self._runtime.call_soon(self._hand_out)  # starting is for actors

    def _refuse(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, deque()
        for work in waiting:
            work.result.resolve(None, error)

    def close(self) -> None:
        """The actor has ended, and its workers are killed. What was not done fails."""
        self._is_closed = True
        error = ActorDeadError("the actor that wanted it has ended")
        for worker in self._workers:
            if worker.work is not None:
                worker.work.result.resolve(None, error)
            if worker.ref is not None:
                with contextlib.suppress(ActorDeadError):
                    worker.ref.stop(block=False)
        self._refuse(error)


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__qualname__", None) or function)
