"""The coroutines of one actor: those of its hooks and callbacks, and those that it starts itself.

They run on an asyncio loop of the actor's, which is made when the first one comes and makes its turns as the actor: never in
the middle of a plain hook, and with whatever they send being the actor's. Between two turns the actor and its neighbours go
on. Where the actor has to wait for a coroutine (`finish`), it is in the middle of a hook, as one that waits for an answer
is; its other coroutines go on nevertheless.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from peerage.actors.runtime.host.guest_loop import GuestLoop
from peerage.actors.runtime.host.hooks import is_async
from peerage.actors.runtime.host.loop import NESTED_LIMIT, Loop, Task, Timer

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.port import Port

CLEANUP_S = 1.0  # that coroutines have for their `finally`, when they are cancelled at the actor's end


class Running(Task, Protocol):
    """The actor, as the loop runs it."""

    @property
    def ended(self) -> bool: ...


class Home(Protocol):
    """The host."""

    @property
    def loop(self) -> Loop[Any]: ...

    @property
    def port(self) -> Port: ...


class Coroutines:
    """To be used in the host's thread."""

    __slots__ = ("_cell", "_crash", "_guest", "_home", "_is_due", "_waits", "_watched", "_when")

    def __init__(self, cell: Running, home: Home) -> None:
        self._cell, self._home = cell, home
        self._guest: GuestLoop | None = None
        self._is_due = False  # a turn is coming
        self._when: Timer | None = None  # the turn that a timer of asyncio's wants
        self._watched = False  # whether the host waits for the guest's descriptor
        self._waits = 0  # hooks that wait for a coroutine, nested in each other
        self._crash: BaseException | None = None  # what ended a turn, while a hook waits

    @property
    def is_running(self) -> bool:
        """Whether one of them runs now, and not one of the actor's plain hooks."""
        return self._guest is not None and self._guest.is_running()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside everything else that the actor does. What it raises ends the actor.

        Raises (in the loop's thread): RuntimeError, when the actor has ended.
        """
        task = self.task(work)
        task.add_done_callback(self._on_done)
        return task

    def task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """As `start`, but what it raises is the caller's to see to."""
        if self._cell.ended:
            work.close()
            raise RuntimeError("the actor has ended: it runs no coroutine any more")
        return self._loop().create_task(work)

    def takes(self, fn: Callable[..., object], args: tuple[Any, ...]) -> bool:
        """Begin a callback that is a coroutine function, if a hook waits for coroutines now. Returns: whether it did."""
        if not self._waits or not is_async(fn):
            return False
        work = fn(*args)
        if is_coroutine(work):
            self.start(work)
        return True

    def finish(self, work: Coroutine[Any, Any, Any], timeout: float | None = None) -> Any:
        """Run a coroutine, and return what it returns, or raise what it raises. The caller is a plain hook, which waits.

        Args: timeout, seconds, after which it is cancelled.
        """
        task = self.task(work)
        self._turn_within()  # most need no more than this
        try:
            if not self.wait(task.done, timeout):
                task.cancel()
                self.wait(task.done, CLEANUP_S)
        except BaseException:
            task.cancel()
            raise
        return task.result() if task.done() else None

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Have a plain hook wait for what coroutines do: they go on, and so do the other actors of the host.

        Args: timeout, seconds; None for no limit.
        Returns: whether it is `done`.
        """
        if self._crash is None and done():
            return True
        self._waits += 1
        try:
            if self._guest is not None:
                self._set_due()
            is_done = self._home.port.wait(partial(self._is_over, done), timeout, nested=True)
        finally:
            self._waits -= 1
        crash, self._crash = self._crash, None
        if crash is not None:
            raise crash
        return is_done

    def _is_over(self, done: Callable[[], bool]) -> bool:
        # So deep that the host lets no other actor run any more: its own coroutines still do, now and again.
        if self._home.loop.depth > NESTED_LIMIT and self._guest is not None and not self._guest.is_running():
            self._turn_within()
        return self._crash is not None or done()

    def close(self) -> None:
        """The actor has ended: cancel what runs, give it a second for its cleanup, and close the loop."""
        guest, self._guest = self._guest, None
        if guest is None:
            return
        if self._when is not None:
            self._when.cancel()
        self._home.loop.descriptors.clear(guest.fileno(), reader=True)
        self._home.port.face.leave(guest)
        try:
            with contextlib.suppress(Exception):
                guest.finish(_cancelled(asyncio.all_tasks(guest)))
        finally:
            guest.close()

    # Turns

    def _loop(self) -> GuestLoop:
        if self._guest is None:
            self._guest = GuestLoop(self._set_due)
            self._watch()
        return self._guest

    def _watch(self) -> None:
        # Of no task: it has to be reported while the actor waits in the middle of a hook, for its own coroutine.
        if not self._watched and self._guest is not None:
            self._watched = True
            self._home.loop.descriptors.set(self._guest.fileno(), None, reader=self._due)

    def _set_due(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._home.loop.call_soon(None, self._due_soon)

    def _due_soon(self) -> None:
        if self._is_due:  # it was not made meanwhile
            self._due()

    def _due(self) -> None:
        """A turn is due. Called between the tasks, so nothing may be raised here."""
        self._is_due = False
        cell, guest = self._cell, self._guest
        if guest is None or cell.ended or guest.is_running():
            return
        if not cell.busy:
            cell.call(self._turn, ())
        elif self._waits:
            self._turn_within()
        else:  # in the middle of a plain hook, which may take long: the descriptor must not wake the loop all the time
            self._is_due = True
            if self._watched:
                self._watched = False
                self._home.loop.descriptors.clear(guest.fileno(), reader=True)
            cell.call(self._turn, ())

    def _turn_within(self) -> None:
        """A turn while a hook of the actor waits for it, further down on the stack."""
        stack = self._home.loop.stack
        stack.append(self._cell)
        try:
            self._turn()
        except BaseException as error:
            self._crash = error
        finally:
            stack.pop()

    def _turn(self) -> None:
        self._is_due = False
        if self._guest is None or self._guest.is_running():
            return
        self._watch()
        wanted = self._guest.turn()
        if self._when is not None:
            self._when.cancel()
            self._when = None
        if wanted is not None and self._guest is not None:
            if wanted <= 0:
                self._set_due()
            else:
                self._when = self._home.loop.call_later(None, wanted, self._due)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._home.loop.call_soon(self._cell, _raise, error)


def is_coroutine(result: object) -> TypeGuard[Coroutine[Any, Any, Any]]:
    """Whether a hook or callback has returned a coroutine, which nobody has begun yet."""
    return type(result) is CoroutineType


def _raise(error: BaseException) -> None:
    raise error


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLEANUP_S)
    await asyncio.get_running_loop().shutdown_asyncgens()
