"""A host: one loop that runs actors, their descriptors and their timers, in a process of its own or in a
thread.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, MutableSequence
from itertools import count
from typing import TYPE_CHECKING, Any

import zmq
from pykka import ActorRegistry

from peerage.actors.runtime.errors import ActorStartError, text_of
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.context import Timer
from peerage.actors.runtime.host.descriptors import Descriptors, close_all
from peerage.actors.runtime.host.host_port import HostPort
from peerage.actors.runtime.host.stopping import SHUTDOWN, Leave, Standing
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import definitions
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.handled_counts import DEAD, ENTRIES, SETTLED, WORDS, Ledger
from peerage.actors.runtime.mail.handled_counts import path_of as ledger_path
from peerage.actors.runtime.mail.host_table import LAST_WORDS_S, ROOT_ADDRESS, ROOT_SERIAL, THREAD_BITS
from peerage.actors.runtime.mail.message import EXEMPT, Kind, Raw
from peerage.actors.runtime.mail.port import ACK
from peerage.actors.runtime.mail.ref import ActorRef, path_of
from peerage.actors.runtime.mail.request import Request
from peerage.actors.runtime.mail.window import ACK_BYTES, ACK_DELAY_S, ACK_MESSAGES, Account
from peerage.actors.runtime.processes import starting
from peerage.actors.runtime.processes.directory import LOOK_S

if TYPE_CHECKING:
    from peerage.actors.runtime.actor import ProcessActor
    from peerage.actors.runtime.mail.process import Process

PUMP_LIMIT = 1000  # messages taken from ZeroMQ in a turn, before actors, descriptors and timers get theirs
EXIT_LINGER_S = 1.0  # how long a leaving host waits for its last messages to be taken over
REMEMBERED_REASONS = 256  # of actors that have ended in a host that lives on
TOLD_REASONS = 32  # of them, when the host itself ends: every process of the system hears them


class Host:
    """The loop. All methods but `call_threadsafe` belong to the thread that runs it."""

    def __init__(self, process: Process, name: str, serial: int, *, keep: bool) -> None:
        self.process, self.name, self.serial, self.keep = process, name, serial, keep
        self.pid = os.getpid()
        self.thread: threading.Thread = threading.current_thread()
        self.cells: dict[bytes, ActorCell] = {}
        self.ready: deque[ActorCell] = deque()
        self.stack: list[ActorCell] = []  # actors in the middle of something, the running one last
        self.depth = 0
        self.end_hooks: list[tuple[ActorCell, Callable[[], object]]] = []
        self.descriptors = Descriptors()
        self.passed_fds: dict[str, int] = {}
        self.last_reasons: OrderedDict[bytes, DownReason] = OrderedDict()
        self.closing = False
        self.finished = False
        self.system_ends = False  # as far as the root has told
        self.patience = 0  # actors that stop others and belong to nobody
        self._standing = Standing()
        self.reason = DownReason("normal", "no actors left")
        self.now = time.monotonic()
        self._soon: deque[tuple[ActorCell | None, Callable[..., object], tuple[Any, ...]]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._timer_numbers = count()
        self._dirty: list[Account] = []
        self._ledger: Ledger | None = None
        self.words: MutableSequence[int] | memoryview[int] = [0] * WORDS  # of the ledger: see there
        self._ack_at = 0.0
        self._sweep_at = 0.0
        self._wake_lock = threading.RLock()  # a signal's handler may find its own thread holding it
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._threadsafe: deque[tuple[ActorCell | None, Callable[..., object], tuple[Any, ...]]] = deque()
        try:
            self.port = HostPort(self, serial << THREAD_BITS)
        except BaseException:  # no descriptor left, say
            os.close(self._wake_fd)
            self.descriptors.close()
            raise
        self.descriptors.set(
            self.port.inbox.fileno(), None, reader=self.port.inbox.signal
        )  # the next turn pumps
        self.descriptors.set(self._wake_fd, None, reader=self._take_threadsafe)
        process.hosts[serial] = self
        process.kept[serial] = definitions.EVERYTHING
        process.here.host, process.here.port = self, self.port

    @property
    def cell(self) -> ActorCell | None:
        """The actor that runs now."""
        return self.stack[-1] if self.stack else None

    @property
    def is_system_ending(self) -> bool:
        """Whether the system has begun to end, be it that this host's turn to stop is yet to come."""
        root = self.process.hosts.get(ROOT_SERIAL)
        return self.closing or self.system_ends or (root is not None and root.closing)

    def is_on_stack(self, name: bytes) -> bool:
        return any(cell.name == name for cell in self.stack)

    # The loop

    def run(self) -> None:
        """Turn until the host has nothing left to do, then close."""
        try:
            if self.process.main is self:
                self.look()
            while not self.finished:
                self.turn(3600.0)
        except zmq.ContextTerminated:
            self.reason = SHUTDOWN
        finally:
            self._close()

    def turn(
        self, longest: float, done: Callable[[], bool] | None = None, until: float | None = None
    ) -> None:
        """One turn: messages, actors, descriptors, timers, hooks, acknowledgements.

        Args:
            longest: seconds to sleep at most when there is nothing to do.
            done: when given and true after the messages, the turn is cut short (a nested turn whose answer
            is there).
            until: monotonic seconds when a nested turn ends: no further message is handled then.
        """
        self.now = time.monotonic()
        if self._sweep_at and self.now >= self._sweep_at:
            self._sweep_at = 0.0
            self.port.sweep()
        full = self.port.pump(PUMP_LIMIT) >= PUMP_LIMIT
        if done is not None and done():
            return
        if self._threadsafe:
            self._take_threadsafe()
        if self._soon:
            self._run_soon(until)
        if self.ready:
            self._run_actors(until)
        timeout = 0.0
        if not (
            full
            or self.ready
            or self._soon
            or self.end_hooks
            or self.finished
            or (done is not None and done())
        ):
            timeout = min(longest, self._until_due())
            # A nested wait since the pump may have taken the socket's only signal and left messages behind.
            if self.port.has_skipped and self.port.inbox.has_arrivals():
                timeout = 0.0
        self.port.flush()
        if timeout or self.descriptors.in_use:
            self._run_descriptors(timeout)
        if self._timers:
            self._run_timers()
        if self.end_hooks:
            self._run_hooks()
        if self._dirty and time.monotonic() >= self._ack_at:
            self.acknowledge_all()

    def _until_due(self) -> float:
        if not (self._timers or self._dirty or self._sweep_at):
            return 3600.0
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        now = time.monotonic()
        due = self._timers[0][0] if self._timers else now + 3600.0
        if self._dirty:
            due = min(due, self._ack_at)
        if self._sweep_at:
            due = min(due, self._sweep_at)
        return max(0.0, due - now)

    def _run_soon(self, until: float | None = None) -> None:
        for _ in range(len(self._soon)):
            if not self._soon:  # one of them has waited, in a turn of its own, which took the others
                return
            if until is not None and time.monotonic() >= until:
                return
            cell, fn, args = self._soon.popleft()
            self._call(cell, fn, args)

    def _call(self, cell: ActorCell | None, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        if cell is None:
            fn(*args)
        else:
            cell.call(fn, args)

    def _run_actors(self, until: float | None = None) -> None:
        for _ in range(len(self.ready)):
            if not self.ready:  # as above
                return
            if until is None:
                self.ready.popleft().run()
            elif time.monotonic() < until:
                self.ready.popleft().run(1)
            else:
                return

    def _run_descriptors(self, timeout: float) -> None:
        for fd, events in self.descriptors.poll(timeout):
            cell, reader, writer = self.descriptors.callbacks(fd, events)
            if cell is None:
                if reader is not None:
                    reader()
            elif cell.busy:
                self.descriptors.mute(fd)
            else:
                if reader is not None:
                    cell.call(reader, ())
                if writer is not None and fd in cell.fds:
                    cell.call(writer, ())

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.cell is not None:
                timer.cell.timers.discard(timer)
            if not timer.cancelled:
                self._call(timer.cell, timer.fn, timer.args)

    def _run_hooks(self) -> None:
        hooks, self.end_hooks = self.end_hooks, []
        for cell, fn in hooks:
            cell.call(fn, ())

    def add_timer(self, timer: Timer) -> None:
        heapq.heappush(self._timers, (timer.when, next(self._timer_numbers), timer))
        if timer.cell is not None:
            timer.cell.timers.add(timer)

    def sweep_later(self) -> None:
        """Look again at the dead once their last words must have arrived."""
        if not self._sweep_at:
            self._sweep_at = time.monotonic() + LAST_WORDS_S

    def call_soon(self, cell: ActorCell | None, fn: Callable[..., object], *args: Any) -> None:
        if not self.port.is_mine():
            self.call_threadsafe(cell, fn, *args)
        else:
            self._soon.append((cell, fn, args))

    def call_threadsafe(self, cell: ActorCell | None, fn: Callable[..., object], *args: Any) -> None:
        """From any thread: have `fn` called in the loop. After the host's end nothing happens."""
        self._threadsafe.append((cell, fn, args))
        with self._wake_lock:  # the loop may take the call at once, end, and close the descriptor meanwhile
            if self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)

    def _take_threadsafe(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
        while self._threadsafe:
            self._soon.append(self._threadsafe.popleft())

    # Acknowledging

    def account(self, source: int, target: bytes) -> Account:
        """A new account, with its entry in the ledger, which is opened with the first one."""
        if self._ledger is None and not self.finished:
            path = ledger_path(self.process.directory, self.serial)
            try:
                self._ledger = Ledger(path, self.cells.__contains__)
            except OSError as error:  # losses after a kill are then reported too high
                logger().warning("ledger cannot be made", host=self.name, cause=str(error))
            else:
                self.words = self._ledger.words
        return Account(source, target, self._ledger.entry(source, target) if self._ledger is not None else 0)

    def look(self) -> None:
        """See whether the directory of the mailboxes is still there, now and again: one host of each process does."""
        self.add_timer(Timer(None, time.monotonic() + LOOK_S, self.look, ()))
        self.process.mend()

    def on_mended(self) -> None:
        """The directory was made again: put back what of ours is no mailbox."""
        if self._ledger is not None and not self.finished:
            with contextlib.suppress(OSError):  # losses after a kill are then reported too high
                self._ledger.write_again(ledger_path(self.process.directory, self.serial))
                self.words = self._ledger.words

    def settle(self, account: Account, flags: int, size: int, dead: int, messages: int = 1) -> None:
        """Note tells as handled (or dead) and acknowledge when a quarter of the window has gathered."""
        if flags & EXEMPT:
            account.exempt += messages
        else:
            account.messages += messages
            account.size += size
        account.dead += dead
        if account.messages + account.exempt >= ACK_MESSAGES or account.size >= ACK_BYTES:
            self.acknowledge(account)
        elif not account.dirty:
            account.dirty = True
            if not self._dirty:
                self._ack_at = time.monotonic() + ACK_DELAY_S
            self._dirty.append(account)

    def acknowledge(self, account: Account) -> None:
        was_dirty = account.dirty
        counts = account.take()
        account.dirty = was_dirty  # it stays in the list; an empty account is skipped there
        if counts != (0, 0, 0, 0):
            self.port.send(account.source, Kind.ACK, target=account.target, body=ACK.pack(*counts))

    def acknowledge_all(self) -> None:
        dirty, self._dirty = self._dirty, []
        for account in dirty:
            account.dirty = False
            self.acknowledge(account)

    def dead_on_arrival(self, source: int, target: bytes, flags: int, size: int, messages: int) -> None:
        """Tells for an actor that is not here: their sender counts them."""
        account = self.account(source, target)
        self.words[account.entry + SETTLED] += messages
        self.words[account.entry + DEAD] += messages
        self.settle(account, flags, size, messages, messages)
        self.acknowledge(account)

    # Actors

    def start_from(self, asker: Request, body: Raw) -> None:
        """Start an actor as another process asked: the answer is this host's serial, or the exception."""
        fds, self.passed_fds = self.passed_fds, {}
        name = ""
        try:
            try:
                with starting.reading():
                    name, cls_and_args, extra = wire.decode(0, body, ())
                    cls, args, kwargs = wire.decode(0, cls_and_args, ())
            except BaseException:
                close_all(fds)
                raise
            self.start_here(cls, name, args, kwargs, (fds, extra))
        except BaseException as error:
            failure = error
            if not isinstance(
                failure, Exception
            ):  # SystemExit: it ends the actor, not those who asked for it
                failure = ActorStartError(name, text_of(error))
                failure.__cause__ = error
            asker.refuse(failure)
            self._leave_if_empty()
        else:
            asker.answer(self.serial)

    def start_here(
        self,
        cls: type[ProcessActor],
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        context: tuple[dict[str, int], Any],
    ) -> ActorRef[Any]:
        """Construct an actor and run its `on_start`. Raises: what these raise; ActorStartError when the name
        is taken.
        """
        key = name.encode()
        if self.closing or key in self.cells:
            close_all(context[0])  # no actor will
            fault = f"host {self.name!r} is stopping"
            raise ActorStartError(name, fault if self.closing else f"the name is taken in host {self.name!r}")
        ref: ActorRef[Any] = ActorRef(name, self.name, self.serial, path_of(cls), self.process.system)
        cell = ActorCell(self, ref, context)
        actor = cls.__new__(cls)
        actor._bind(cell)  # noqa: SLF001 - before __init__, so that a subclass needs no extra parameters
        self.cells[key] = cell
        cell.is_patient = cls.stops_others and cell.owner is None
        self.patience += cell.is_patient
        self._tell_standing()
        cell.enter()
        try:
            actor.__init__(*args, **kwargs)  # type: ignore[misc]  # constructing in two steps, as above
            cell.actor = actor
            ActorRegistry.register(ref)
            actor.on_start()
        except BaseException as error:
            cell.actor = None
            cell.fail(error)
            raise
        finally:
            cell.leave()
        tell = logger().debug if cls.is_passing else logger().info
        tell("actor started", actor=name, host=self.name, pid=self.pid)
        return ref

    def forget(self, cell: ActorCell) -> None:
        self.cells.pop(cell.name, None)
        for timer in tuple(cell.timers):
            timer.cancel()

    def actor_ended(self, cell: ActorCell, reason: DownReason) -> None:
        self.last_reasons.pop(cell.name, None)  # a name used again counts as new
        self.last_reasons[cell.name] = reason
        while len(self.last_reasons) > REMEMBERED_REASONS:
            self.last_reasons.popitem(last=False)
        if not self.cells:
            self.reason = reason
        self.patience -= cell.is_patient
        self._tell_standing()
        self._leave_if_empty()

    def _leave_if_empty(self) -> None:
        if not self.cells and (self.closing or not self.keep):
            self.finished = True

    def shutdown(self, reason: DownReason = SHUTDOWN, leave: Leave = Leave.NONE) -> None:
        """Stop the actors, the last started first, each after what is in its mailbox; then end.

        Args: leave, who is left to his owner: the host ends when they have.
        """
        if self.closing and leave is not Leave.NONE:
            return
        if not self.closing:
            self.closing = True
            self.reason = reason
        body = wire.dumps(self.reason)
        for cell in reversed(list(self.cells.values())):
            if not self._is_left(cell, leave):
                self.port.send(self.port.address, Kind.STOP, target=cell.name, body=body)
        self._tell_standing()
        self._leave_if_empty()

    def report_sigterm(self) -> None:
        """This process is to end: the root knows whether it alone is."""
        self.port.send(ROOT_ADDRESS, Kind.HOST_SIGTERM, self.serial)

    def _is_left(self, cell: ActorCell, leave: Leave) -> bool:
        if cell.owner is None or leave is Leave.NONE:
            return False
        return leave is Leave.OWNED or cell.owner.serial in self.process.hosts

    def _tell_standing(self) -> None:
        waits = self.closing and bool(self.cells) and all(cell.owner for cell in self.cells.values())
        standing = Standing(self.patience > 0, waits)
        if standing != self._standing:
            self._standing = standing
            self.port.send(ROOT_ADDRESS, Kind.HOST_STANDING, self.serial, body=wire.dumps(tuple(standing)))

    def statistics(self) -> list[tuple[str, str, int, int, int, float, int]]:
        """Returns: for each actor its name, host, pid, mailbox depth and bytes, age of the oldest message,
        messages handled.
        """
        return [
            (c.ref.name, self.name, self.pid, c.depth, c.mailbox_size, c.oldest_age(), c.handled)
            for c in self.cells.values()
        ]

    def _goodbye(self) -> tuple[DownReason, dict[str, DownReason]]:
        """Why the host ends, and how the actors did that ended last: somebody may just be asking to watch them."""
        names = list(self.last_reasons)[-TOLD_REASONS:]
        return self.reason, {name.decode(): self.last_reasons[name] for name in names}

    def disown(self) -> None:
        """In a forked child: what is shared with the parent's loop is let go of, and not closed."""
        if isinstance(self.words, memoryview):
            self.words.release()  # a handler that goes on here counts nothing any more
        self.words = [0] * WORDS * ENTRIES
        self._wake_lock, self._wake_fd = threading.RLock(), -1
        self.descriptors = Descriptors()

    def _close(self) -> None:
        self.finished = True
        for cell in list(self.cells.values()):
            cell.end(self.reason)
        with contextlib.suppress(zmq.ContextTerminated):
            self.port.pump()  # what came too late is refused
        self.acknowledge_all()
        if self.serial << THREAD_BITS != ROOT_ADDRESS:
            self.port.send(ROOT_ADDRESS, Kind.HOST_BYE, self.serial, body=wire.dumps(self._goodbye()))
        self.words = [0] * WORDS * ENTRIES
        if self._ledger is not None:
            self._ledger.close()
        is_last = self.process.dismiss(self.serial)
        self.port.close()
        self.descriptors.close()
        with self._wake_lock:
            fd, self._wake_fd = self._wake_fd, -1
            os.close(fd)
        self.process.here.__dict__.clear()
        if is_last:
            self.process.close_context()
