"""The loop of a host: one thread that takes turns over messages, actors, descriptors and timers.

The loop knows nothing of actors: it runs *tasks*, each of which does one thing at a time. A task that waits in the middle
of something is served by a nested turn, in which the others go on; it stays on the stack meanwhile and is not entered again.

It is not asyncio's, because a handler here may wait by simply calling `ask`. In asyncio that would need a turn within a
turn, which it forbids, or every actor written in coroutines, and Pykka's actors are not.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from peerage.actors.runtime.host.descriptors import Descriptors

PUMP_LIMIT = 1000  # messages taken from ZeroMQ in a turn, before actors, descriptors and timers get theirs
FEW_TIMERS = 1000
LONGEST_SLEEP_S = 3600.0  # of a loop with nothing to do; whatever it has to notice wakes it

# Blocked handlers on one stack that still let other actors of the host run. Each costs several frames of Python's stack, and
# actors that ask each other in a chain could otherwise pile up until it overflows, in whatever code happens to be on top.
NESTED_LIMIT = 16

Function = Callable[..., object]


class Timer:
    """A call that is due at `when` (monotonic seconds)."""

    __slots__ = ("args", "cancelled", "fn", "task", "when")

    def __init__(self, task: Task | None, when: float, fn: Function, args: tuple[Any, ...]) -> None:
        self.task, self.when, self.fn, self.args = task, when, fn, args
        self.cancelled = False

    def cancel(self) -> None:
        """Do not call; no effect once called.

        What would have been called is let go at once. The timer itself stays in the heap for a while, since taking it out
        would mean looking through all of them; so it must not keep an actor, or a large message, alive.
        """
        self.cancelled = True
        self.fn, self.args = _nothing, ()
        task, self.task = self.task, None
        if task is not None:
            task.timers.discard(self)


def _nothing() -> None:
    """What a cancelled timer holds."""


class Task(Protocol):
    """Something that does one thing at a time, in the loop's thread: an actor."""

    busy: bool  # in the middle of something: on the loop's stack
    fds: set[int]  # descriptors that it waits for
    timers: set[Timer]  # those that have not fired yet

    def run(self, left: int = ..., /) -> None:
        """Handle messages that wait for the task, up to `left` of them."""

    def call(self, fn: Function, args: tuple[Any, ...], /) -> None:
        """Call `fn(*args)` as the task; later, if it is busy."""


class Inbox(Protocol):
    """What signals that messages have come.

    ZeroMQ's descriptor signals edges: it becomes readable once when messages come, and not again while any are left. Whoever
    sleeps on it must have taken everything before.
    """

    def fileno(self) -> int:
        """The descriptor that becomes readable when messages come."""

    def signal(self) -> None:
        """The descriptor is readable."""

    def has_arrivals(self) -> bool:
        """Whether messages are there."""


class Mail(Protocol):
    """Where the loop's messages come from: a port."""

    has_skipped: bool  # messages may be there that the descriptor does not signal: one was read alone

    @property
    def inbox(self) -> Inbox: ...

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to deliver, as far as the descriptor, which was just looked at, has said."""

    def pump(self, limit: int = ..., /) -> int:
        """Deliver what has arrived. Returns: how many messages; `limit` means that there may be more."""

    def flush(self) -> None:
        """Hand over what was gathered to be sent."""


T = TypeVar("T", bound=Task)


class Loop(Generic[T]):
    """Turns until it is `finished`. All methods but `call_threadsafe` belong to the thread that made it.

    Attributes:
        ready: tasks that have messages to handle. Whoever gives an idle task a message puts it there.
        stack: tasks in the middle of something, the running one last.
        depth: how many waits are nested in each other now. Whoever waits counts up and down, and keeps the bound.
        now: when the current turn began, in the clock's seconds; for time stamps that need not be exact.
        end_hooks: calls for the end of the current turn, when everything that had come in it was handled.
        thread: the one that runs the loop, for others to wait for.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, descriptors: Descriptors[T] | None = None
    ) -> None:
        self._clock = clock
        self._thread = threading.get_ident()
        self.thread = threading.current_thread()
        self.now = clock()
        self.ready: deque[T] = deque()
        self.stack: list[T] = []
        self.depth = 0
        self.finished = False
        self.end_hooks: list[tuple[T, Callable[[], object]]] = []
        self.descriptors: Descriptors[T] = Descriptors() if descriptors is None else descriptors
        self._mail: Mail | None = None
        self._has_polled = False  # in this turn, or in the one before
        self._soon: deque[tuple[T | None, Function, tuple[Any, ...]]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._timer_numbers = count()
        self._most_timers = FEW_TIMERS  # before cancelled ones are looked for
        self._threadsafe: deque[tuple[T | None, Function, tuple[Any, ...]]] = deque()
        # Reentrant: a signal's handler that calls `call_threadsafe` may have interrupted its own thread in the middle of it.
        self._wake_lock = threading.RLock()
        try:
            self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # No descriptor is left: give back the epoll's, and let the caller refuse what it was for.
        except OSError:
            self.descriptors.close()
            raise
        self.descriptors.set_own(self._wake_fd, self._take_threadsafe)

    def read(self, mail: Mail) -> None:
        """Take messages from here, first thing in each turn."""
        self._mail = mail
        self.descriptors.set_own(mail.inbox.fileno(), mail.inbox.signal)

    @property
    def current(self) -> T | None:
        """The task that runs now."""
        return self.stack[-1] if self.stack else None

    def is_mine(self) -> bool:
        """Whether the calling thread runs this loop."""
        return threading.get_ident() == self._thread

    # Turns

    def run(self) -> None:
        """Turn until the loop is finished."""
        while not self.finished:
            self.turn(LONGEST_SLEEP_S)

    def turn(
        self, longest: float, done: Callable[[], bool] | None = None, until: float | None = None
    ) -> None:
        """One turn: messages, calls, tasks, descriptors, timers, hooks.

        Each part is bounded by what was there when it began, so that none of them can starve the others: what is added
        meanwhile waits for the next turn. A turn sleeps, in the middle, only if nothing of all this is there.

        Args:
            longest: seconds to sleep at most when there is nothing to do.
            done: for a nested turn, whether what it waits for is there: if so after the messages, the turn is cut short.
            until: monotonic seconds when a nested turn ends: nothing more is begun then.
        """
        self.now = self._clock()
        mail = self._mail
        has_polled, self._has_polled = self._has_polled, False
        full = mail is not None and not (has_polled and mail.is_quiet) and mail.pump(PUMP_LIMIT) >= PUMP_LIMIT
        if done is not None and done():
            return
        if self._threadsafe:
            self._take_threadsafe()
        if self._soon:
            self._run_soon(until)
        if self.ready:
            self._run_tasks(until)
        timeout = 0.0
        if not (
            full
            or self.ready
            or self._soon
            or self.end_hooks
            or self.finished
            or (done is not None and done())
        ):
            timeout = min(longest, self._until_due()) if self._timers else longest
            # A nested wait since the pump may have taken the descriptor's only signal and left messages behind.
            if mail is not None and mail.has_skipped and mail.inbox.has_arrivals():
                timeout = 0.0
        if mail is not None:
            mail.flush()  # tells that wait for company must not wait while the loop sleeps
        if timeout or self.descriptors.in_use:
            self._run_descriptors(timeout)
        if self._timers:
            self._run_timers()
        if self.end_hooks:
            self._run_hooks()

    def _until_due(self) -> float:
        """Seconds until the next timer. Cancelled ones at the front are dropped: they should wake nobody."""
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - self._clock()) if self._timers else LONGEST_SLEEP_S

    def _drop_cancelled(self) -> None:
        """Take the cancelled timers out of the heap, whenever it has doubled: most time limits are cancelled long before."""
        self._timers = [each for each in self._timers if not each[2].cancelled]
        heapq.heapify(self._timers)
        self._most_timers = max(FEW_TIMERS, 2 * len(self._timers))

    def _run_soon(self, until: float | None) -> None:
        # A number and not the queue itself: a call that has itself called soon again would otherwise never end the turn.
        for _ in range(len(self._soon)):
            if not self._soon:  # one of them has waited, in a turn of its own, which took the others
                return
            if until is not None and self._clock() >= until:
                return
            task, fn, args = self._soon.popleft()
            _call(task, fn, args)

    def _run_tasks(self, until: float | None) -> None:
        for _ in range(len(self.ready)):
            if not self.ready:  # as above
                return
            if until is None:
                self.ready.popleft().run()
            # Somebody waits for this turn with a deadline: looked at after each message.
            elif self._clock() < until:
                self.ready.popleft().run(1)
            else:
                return

    def _run_descriptors(self, timeout: float) -> None:
        self._has_polled = True
        for fd, events in self.descriptors.poll(timeout):
            task, reader, writer = self.descriptors.callbacks(fd, events)
            if task is None:
                if reader is not None:
                    reader()
            # It cannot be entered, and epoll would report the descriptor in each poll from now on.
            elif task.busy:
                self.descriptors.mute(fd)
            else:
                if reader is not None:
                    task.call(reader, ())
                # The reader may have removed the writer, closed the descriptor or ended the task.
                if writer is not None and fd in task.fds:
                    task.call(writer, ())

    def _run_timers(self) -> None:
        now = self._clock()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.task is not None:
                timer.task.timers.discard(timer)
            if not timer.cancelled:
                _call(timer.task, timer.fn, timer.args)

    def _run_hooks(self) -> None:
        # Taken out first: a hook that asks for another one means the next turn's.
        hooks, self.end_hooks = self.end_hooks, []
        for task, fn in hooks:
            task.call(fn, ())

    # What is to be called

    def call_soon(self, task: T | None, fn: Function, *args: Any) -> None:
        """In the next turn have `fn(*args)` called, as the task if there is one. From any thread; see `call_threadsafe`."""
        if threading.get_ident() == self._thread:
            self._soon.append((task, fn, args))
        else:
            self.call_threadsafe(task, fn, *args)

    def call_later(self, task: T | None, delay: float, fn: Function, *args: Any) -> Timer:
        """The same `delay` seconds later, unless the timer is cancelled before. For the loop's own thread only."""
        timer = Timer(task, self._clock() + delay, fn, args)
        # The number keeps timers that are due at the same time in their order; timers themselves cannot be compared.
        heapq.heappush(self._timers, (timer.when, next(self._timer_numbers), timer))
        if len(self._timers) > self._most_timers:
            self._drop_cancelled()
        if task is not None:
            task.timers.add(timer)
        return timer

    def call_threadsafe(self, task: T | None, fn: Function, *args: Any) -> None:
        """From any thread, or a signal's handler: have `fn` called in the loop. After the loop's end nothing happens."""
        self._threadsafe.append((task, fn, args))  # before the loop is woken, so that it finds the call
        with self._wake_lock:  # the loop may take the call at once, end, and close the descriptor meanwhile
            if self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)

    def _take_threadsafe(self) -> None:
        # Appended, and not yet written: the eventfd wakes us once more.
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
        while self._threadsafe:
            self._soon.append(self._threadsafe.popleft())

    # The end

    def disown(self) -> None:
        """In a forked child: let go of what is shared with the parent's loop, without closing it.

        An epoll is one object for both processes: what the child took out of it, its parent would not hear of any more. And
        a write to the eventfd would wake the parent's loop.
        """
        self._wake_lock, self._wake_fd = threading.RLock(), -1
        self.descriptors = Descriptors()
        self._mail = None  # its messages are the parent's

    def close(self) -> None:
        """Close the descriptors that are the loop's own."""
        self.descriptors.close()
        # Under the lock, and forgotten before it is closed: another thread would otherwise write to whatever file gets the
        # number next.
        with self._wake_lock:
            fd, self._wake_fd = self._wake_fd, -1
            os.close(fd)


def _call(task: T | None, fn: Function, args: tuple[Any, ...]) -> None:
    # Without a task nothing is caught: such a call is the runtime's own, and what it raises is raised by the turn.
    if task is None:
        fn(*args)
    else:
        task.call(fn, args)
