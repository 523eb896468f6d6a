"""A child that user code forks from a process of a system (`os.fork`, multiprocessing) must not touch what it has inherited.

ZeroMQ's threads do not exist in the child, so its sockets would wait for ever. The epoll, the eventfd and the handled
counts of a host are shared with the parent. Other threads, which do not exist in the child either, may have held any of our
locks at the fork. So right after a fork, everything that leads outside is cut off from what the child has inherited, and
every lock is replaced. Whatever the child then does with a ref of its parent fails at once, and it may make a system of its
own.
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
from peerage.actors.runtime.mail.waiters import CLAIMING

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.port import Port

STRAY_CHILD = 70  # exit code: sysexits.h's "internal software error"

_held: list[
    Port
] = []  # filled just before a fork: in the child, a thread's port must not be finalised with its thread
_inherited: list[object] = []  # kept for ever: finalisers would touch what belongs to the parent


class ClosedInbox(Inbox):
    """Receives nothing, from nowhere."""

    def __init__(self) -> None:
        self.is_signalled = self.is_unfound = False

    def drain(self, limit: int) -> int:
        return 0

    def drain_for(self, seconds: float) -> bool:
        return False

    def has_arrivals(self) -> bool:
        return False


class ClosedOutbox(Outbox):
    """Sends nothing."""

    def __init__(self, network: Network, address: int, lock: threading.RLock) -> None:
        super().__init__(network, address, lock)
        self._closed = True


def _hold() -> None:
    process = current_process()
    if process is not None:
        _held.extend(process.ports())


def _let_go() -> None:
    _held.clear()


def _disown() -> None:
    """In the child."""
    process = current_process()
    if process is None:
        return
    here.leave()
    systems.is_the_parents(process.system, process.pid)
    _inherited.extend((process, *_held, *process.disown()))
    _held.clear()
    for port in process.ports():
        _disown_port(port)
    for thread in process.hosts.values():
        assert isinstance(thread, LoopThread)
        _disown_thread(thread)
    CLAIMING._at_fork_reinit()  # type: ignore[attr-defined]  # noqa: SLF001 - as the standard library does with its own
    ActorRegistry._actor_refs_lock = threading.RLock()  # noqa: SLF001 - another thread may have had it
    ActorRegistry._actor_refs[:] = [  # noqa: SLF001
        ref
        for ref in ActorRegistry._actor_refs  # noqa: SLF001
        if not isinstance(ref, ActorRef)
    ]


def _disown_port(port: Port) -> None:
    _inherited.append((port.inbox, port.outbox, port.routes, port.asks, port.watches, port.face, port.reader))
    port.closed, port.lock = True, threading.RLock()
    port.inbox, port.outbox = ClosedInbox(), ClosedOutbox(port.network, port.address, port.lock)
    port.make_parts()


def _disown_thread(thread: LoopThread) -> None:
    loop = thread.loop
    _inherited.append(loop.descriptors)
    thread.disown()
    if loop.stack and loop.thread is threading.current_thread():
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
    """Takes the place of the loop's stack in such a child: an actor that leaves the stack ends the child."""

    def pop(self, _index: object = -1) -> NoReturn:
        _Stray(self[-1])(None)


os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_disown)
