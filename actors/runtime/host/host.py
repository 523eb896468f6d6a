"""A host: one loop that runs actors, their descriptors and their timers, in a process of its own or in a
thread.
"""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, MutableSequence
from typing import TYPE_CHECKING, Any

import zmq
from pykka import ActorRegistry

from peerage.actors.runtime.errors import ActorStartError, text_of
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.host.followers import Followers
from peerage.actors.runtime.host.host_port import HostPort
from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.host.stopping import SHUTDOWN, Leave, Standing
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import definitions
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.handled_counts import DEAD, ENTRIES, SETTLED, WORDS, Ledger
from peerage.actors.runtime.mail.handled_counts import path_of as ledger_path
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, ROOT_SERIAL, THREAD_BITS
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

EXIT_LINGER_S = 1.0  # how long a leaving host waits for its last messages to be taken over
REMEMBERED_REASONS = 256  # of actors that have ended in a host that lives on
TOLD_REASONS = 32  # of them, when the host itself ends: every process of the system hears them


class Host:
    """The loop. All methods but `call_threadsafe` belong to the thread that runs it."""

    def __init__(self, process: Process, name: str, serial: int, *, keep: bool) -> None:
        self.process, self.name, self.serial, self.keep = process, name, serial, keep
        self.pid = os.getpid()
        self.cells: dict[bytes, ActorCell] = {}
        self.passed_fds: dict[str, int] = {}
        self.last_reasons: OrderedDict[bytes, DownReason] = OrderedDict()
        self.closing = False
        self.system_ends = False  # as far as the root has told
        self.patience = 0  # actors that stop others and belong to nobody
        self._standing = Standing()
        self.reason = DownReason("normal", "no actors left")
        self._dirty: list[Account] = []
        self._ledger: Ledger | None = None
        self.words: MutableSequence[int] | memoryview[int] = [0] * WORDS  # of the ledger: see there
        self.loop: Loop[ActorCell] = Loop()
        try:
            self.port = HostPort(self, serial << THREAD_BITS)
        except BaseException:  # no descriptor left, say
            self.loop.close()
            raise
        self.followers = Followers(self.port.send_news)
        self.loop.read(self.port)
        process.hosts[serial] = self
        process.kept[serial] = definitions.EVERYTHING
        process.here.host, process.here.port = self, self.port

    @property
    def cell(self) -> ActorCell | None:
        """The actor that runs now."""
        return self.loop.current

    @property
    def finished(self) -> bool:
        """Whether the loop has made its last turn."""
        return self.loop.finished

    def call_soon(self, cell: ActorCell | None, fn: Callable[..., object], *args: Any) -> None:
        """Have `fn(*args)` called in the loop's next turn, as this actor if one is given."""
        self.loop.call_soon(cell, fn, *args)

    def call_threadsafe(self, cell: ActorCell | None, fn: Callable[..., object], *args: Any) -> None:
        """The same from any thread. After the host's end nothing happens."""
        self.loop.call_threadsafe(cell, fn, *args)

    @property
    def is_system_ending(self) -> bool:
        """Whether the system has begun to end, be it that this host's turn to stop is yet to come."""
        root = self.process.hosts.get(ROOT_SERIAL)
        return self.closing or self.system_ends or (root is not None and root.closing)

    # The loop

    def run(self) -> None:
        """Turn until the host has nothing left to do, then close."""
        try:
            if self.process.main is self:
                self.look()
            self.loop.run()
        except zmq.ContextTerminated:
            self.reason = SHUTDOWN
        finally:
            self._close()

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
        self.loop.call_later(None, LOOK_S, self.look)
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
                self.loop.call_later(None, ACK_DELAY_S, self.acknowledge_all)
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
        if not cell.ended:
            cell.is_up = True
            self.followers.started(key)
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
        self.followers.ended(cell.name, reason)
        self._leave_if_empty()

    def _leave_if_empty(self) -> None:
        if not self.cells and (self.closing or not self.keep):
            self.loop.finished = True

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
        self.loop.disown()

    def _close(self) -> None:
        self.loop.finished = True
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
        self.loop.close()
        self.process.here.__dict__.clear()
        if is_last:
            self.process.close_context()
