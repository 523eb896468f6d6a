"""The supervisor of a pool: it keeps as many workers alive as there are to be, and tells everybody how many that is.

Who sends to the pool needs two things of it: how many workers there are, and how to choose among them. Both stand beside the
pool's name in the registry, and the workers' names follow from them. So no message passes through this actor.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from peerage.actors.runtime import NameTakenError, Registry
from peerage.supervisors.errors import PoolResizeError
from peerage.supervisors.messages import DeleteChild, Request, StartChild, TerminateChild
from peerage.supervisors.routers import AnyRouter
from peerage.supervisors.spec import ChildSpec, Flags
from peerage.supervisors.supervisor import Supervisor

MOST_WORKERS = 10_000


class PoolFacts(Struct, frozen=True):
    """What stands beside a pool's name."""

    size: int
    router: AnyRouter


class Resize(Struct, frozen=True):
    """Have as many workers from now on. Answer: None, once all new ones live, or all that are too many have ended.

    Raises: PoolResizeError, when a new one does not start; those that have started before it stay.
    """

    size: int


def worker_name(pool: str, number: int) -> str:
    """The name of a worker's actor, and of its host."""
    return f"{pool}-{number}"


class PoolSupervisor(Supervisor):
    """Supervises the workers of one pool, whose name is its own.

    Args: template, of a worker, whose id is replaced; size, how many; router, how senders choose; flags, of the supervisor.
    Raises (from start): as Supervisor; NameTakenError.
    """

    def __init__(self, template: ChildSpec, size: int, router: AnyRouter, flags: Flags) -> None:
        self._template, self._router, self._size = template, router, size
        super().__init__([self._spec(number) for number in range(size)], flags)
        self._resizes: deque[tuple[int, Any]] = deque()

    def _spec(self, number: int) -> ChildSpec:
        return self._template.instance(worker_name(self.actor_urn, number))

    def on_start(self) -> None:
        # Looked at before the workers are started: a name that is taken should cost nothing.
        taken = Registry.find(self.actor_urn)
        if taken is not None and taken.ref != self.actor_ref:
            raise NameTakenError(self.actor_urn, str(taken.ref))
        super().on_start()
        try:
            self._announce(self._size)  # and only now: whoever finds the pool can use it
        except BaseException:
            self._end()
            raise

    def _announce(self, size: int) -> None:
        Registry.register(self.actor_urn, self.actor_ref, PoolFacts(size, self._router))

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, Resize):
            return super().on_receive(message)
        self._resizes.append((message.size, self.runtime.defer()))
        if len(self._resizes) == 1:  # one after the other
            self._resize()
        return None

    def _resize(self) -> None:
        """One worker after the other, by the supervisor's own requests: it may be restarting others meanwhile."""
        size, _reply = self._resizes[0]
        if size > self._size:
            self._request(StartChild(self._spec(self._size)), partial(self._resized, self._size + 1))
        elif size < self._size:
            # Said before it is done: nobody chooses a worker that is about to stop. What it has been sent, it handles.
            self._size -= 1
            self._announce(self._size)
            child_id = self._spec(self._size).id
            self._request(
                TerminateChild(child_id), lambda: self._request(DeleteChild(child_id), self._resize)
            )
        else:
            self._resized_all(None)

    def _resized(self, size: int) -> None:
        self._size = size
        self._announce(size)
        self._resize()

    def _resized_all(self, error: BaseException | None) -> None:
        _size, reply = self._resizes.popleft()
        if error is None:
            reply.set(None)
        else:
            reply.set_exception(PoolResizeError(self.actor_urn, self._size, str(error)))
        if self._resizes:
            self._resize()

    def _request(self, request: Request, then: Callable[[], object]) -> None:
        # Each step is a turn of its own: the supervisor is in the middle of one when it answers.
        self._agenda.add_request(
            request,
            _Step(
                partial(self.runtime.call_soon, then),
                partial(self.runtime.call_soon, self._resized_all),
            ),
        )
        self.runtime.call_soon(self._advance)


class _Step:
    """The answer to a request of its own."""

    def __init__(self, then: Callable[[], object], failed: Callable[[BaseException], object]) -> None:
        self._then, self._failed = then, failed

    def set(self, _value: Any = None) -> None:
        self._then()

    def set_exception(self, error: BaseException) -> None:
        self._failed(error)
