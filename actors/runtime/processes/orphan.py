"""A child that user code forks from a process of a system (`os.fork`, multiprocessing) must not touch what it has inherited.

ZeroMQ's threads do not exist in the child, so its sockets would wait for ever. The epoll, the eventfd and the handled
counts of a host are shared with the parent. Other threads, which do not exist in the child either, may have held any of our
locks at the fork. So right after a fork, everything that leads outside is cut off from what the child has inherited, and
every lock is replaced. Whatever the child then does with a ref of its parent fails at once, and it may make a system of its
own.

Nothing that is inherited is closed or finalised: closing a socket of ZeroMQ's waits for its threads, and much else would be
closed for the parent as well. It is kept until the child ends.

Hosts are forked from the fork server, which takes part in no system, so none of this happens there.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, NoReturn

from pykka import ActorRegistry

from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.loop_thread import LoopThread
from peerage.actors.runtime.mail import here, systems
from peerage.actors.runtime.mail.inbox import Inbox
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.outbox import Outbox
from peerage.actors.runtime.mail.process import current_process
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.shared_memory import SharedMemory
from peerage.actors.runtime.mail.waiters import CLAIMING

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.port import Port

STRAY_CHILD = 70  # exit code: sysexits.h's "internal software error"

# Filled just before a fork. A port is held by its thread alone, and in the child the threads are gone: Python would finalise
# the port before any code of ours runs there, and that would close the parent's socket.
_held: list[Port] = []
_still: list[SharedMemory] = []  # nothing is taken from it during a fork
_inherited: list[object] = []  # kept for ever: finalisers would touch what belongs to the parent


class ClosedInbox(Inbox):
    """Receives nothing, from nowhere: a handler that was forked while it waits goes on to read."""

    def __init__(self) -> None:
        self.is_signalled = self.is_drained = self.is_unfound = False
        self.times_empty = 0

    def drain(self, limit: int) -> int:
        return 0

    def drain_for(self, seconds: float) -> bool:
        return False

    def has_arrivals(self) -> bool:
        return False


class ClosedOutbox(Outbox):
    """Sends nothing: a message from the child would come from the parent's address, and count in its windows."""

    def __init__(self, network: Network, address: int, lock: threading.RLock) -> None:
        super().__init__(network, address, lock)
        self._closed = True


def _hold() -> None:
    """In the parent, just before the fork."""
    process = current_process()
    if process is not None:
        _held.extend(process.ports())
        _still.append(process.network.memory)
        _still[0].hold_still()


def _let_go() -> None:
    """In the parent, just after the fork."""
    _held.clear()
    while _still:
        _still.pop().go_on()


def _disown() -> None:
    """In the child, before any other code of the program's runs there.

    Locks are replaced and never taken: their holders do not exist here. Where a lock is an attribute of others (of Pykka's
    registry), those are given another one.
    """
    process = current_process()
    if process is None:
        return
    here.leave()  # first of all: whatever looks for a system from now on finds none
    # For the errors of refs that are used here all the same.
    systems.is_the_parents(process.system, process.pid)
    _inherited.extend((process, *_held, *process.disown()))
    _held.clear()
    _still.clear()
    for port in process.ports():
        _disown_port(port)
    for thread in process.hosts.values():
        assert isinstance(thread, LoopThread)
        _disown_thread(thread)
    CLAIMING._at_fork_reinit()  # type: ignore[attr-defined]  # noqa: SLF001 - as the standard library does with its own
    ActorRegistry._actor_refs_lock = threading.RLock()  # noqa: SLF001 - another thread may have had it
    # The parent's actors are out of reach. Actors of Pykka's own threads are left as Pykka would leave them.
    ActorRegistry._actor_refs[:] = [  # noqa: SLF001
        ref
        for ref in ActorRegistry._actor_refs  # noqa: SLF001
        if not isinstance(ref, ActorRef)
    ]


def _disown_port(port: Port) -> None:
    # Threads and handlers that go on have this object, so it cannot be replaced: its parts are, and it is closed.
    _inherited.append((port.inbox, port.outbox, port.routes, port.asks, port.watches, port.face, port.reader))
    port.closed, port.lock = True, threading.RLock()
    port.inbox, port.outbox = ClosedInbox(), ClosedOutbox(port.network, port.address, port.lock)
    port.make_parts()


def _disown_thread(thread: LoopThread) -> None:
    """Let go of a loop. If it was forked in a handler, that goes on in the child, and must not come back to the loop."""
    loop = thread.loop
    _inherited.append(loop.descriptors)
    thread.disown()
    if loop.stack and loop.thread is threading.current_thread():
        # What is owed to askers is owed by the parent. Both collections are the child's own copies.
        for cell in loop.stack:
            cell.open_asks.clear()
            cell.mailbox.clear()
            cell.fail = _Stray(cell)  # type: ignore[method-assign]  # of this one
        loop.stack = _Stack(loop.stack)


class _Stray:
    """Ends a child that was forked in a handler and comes back from it: it would run a second loop of the same host.

    The exit code is the child's own, if it raised SystemExit; otherwise a message says what its author has overlooked.
    """

    def __init__(self, cell: ActorCell) -> None:
        self._actor = cell.ref

    def __call__(self, error: BaseException | None) -> NoReturn:
        code = STRAY_CHILD
        if isinstance(error, SystemExit):
            code = _exit_code(error)
        elif error is not None:
            traceback.print_exception(error)
        else:
            sys.stderr.write(
                f"peerage: a forked child of {self._actor} has come back from the handler that it was forked in, and ends "
                f"with code {code}: end it there, with sys.exit or os._exit\n"
            )
        # Not `sys.exit`: the frames below are the loop's, and exit functions are the parent's.
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _exit_code(error: SystemExit) -> int:
    """As Python has it at the end of a program."""
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    sys.stderr.write(f"{error.code}\n")
    return 1


class _Stack(list[ActorCell]):
    """Takes the place of the loop's stack in such a child: an actor that leaves the stack ends the child.

    This is where a handler that returns comes by, whatever kind of message or call it has served (`ActorCell.leave`). One
    that raises comes by `ActorCell.fail` before.
    """

    def pop(self, _index: object = -1) -> NoReturn:
        _Stray(self[-1])(None)


os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_disown)
