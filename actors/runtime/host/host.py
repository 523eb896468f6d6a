"""A host: a loop that runs actors, in a process of its own or in a thread.

A host begins with one actor and ends with its last one, unless it is to be kept. What it decides itself is which of its
actors to stop when it is told to end; when that is, and when it is killed instead, the root decides (`processes/ending.py`).
The root can do so because it is told of everything that matters for the order: see `Standing`.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import zmq
from pykka import ActorRegistry

from peerage.actors.runtime.errors import ActorStartError, text_of
from peerage.actors.runtime.host import starting
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.context import ActorContext
from peerage.actors.runtime.host.coroutines import is_coroutine
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.host.early_messages import EarlyMessages
from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.host.instruments import attach
from peerage.actors.runtime.host.loop_thread import LoopThread
from peerage.actors.runtime.host.start_request import Endowment, StartRequest
from peerage.actors.runtime.host.stopping import SHUTDOWN, Leave, Standing, Stop
from peerage.actors.runtime.host.system_messages import SystemMessage, handler
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.class_path import path_of
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason, from_exception
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, ROOT_SERIAL
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.request import Request, answering

# How long a leaving host waits for its last messages to be taken over. Who reads them may be busy, or may have gone as well.
EXIT_LINGER_S = 1.0


class Host(LoopThread):
    """Runs in its thread from the constructor on; other threads use `call_threadsafe`.

    Attributes:
        keep: whether it outlives its last actor.
        patience: how many of its actors stop others and belong to nobody; while there are any, the host is not killed for
            being late.
        passed_fds: descriptors for the actor that is started next, which is the one that the host was made for.
        system_ends: whether the root has said that the system ends. Hosts are told before any of them is stopped.
        reason: why the host ends, as it will say itself: how its last actor ended, or why it was told to stop.
    """

    def __init__(self, process: Process, name: str, serial: int, *, keep: bool) -> None:
        super().__init__(process, name, serial)
        self.keep = keep
        self.passed_fds: dict[str, int] = {}
        self.system_ends = False
        self.patience = 0
        self._standing = Standing()
        self.reason = DownReason("normal", "no actors left")
        self.port.handlers[Kind.START] = answering(self.port, self._on_start)
        self.port.handlers[Kind.HOST_STOP] = handler(self._on_stop)
        self.port.handlers[Kind.SYSTEM_ENDS] = handler(self._on_system_ends)
        self._early = EarlyMessages(self.port.handlers)

    @property
    def is_system_ending(self) -> bool:
        """Whether the system has begun to end, though this host's own turn to stop may be yet to come.

        In the embedder's process the root itself is asked: it begins to end before its message is read here.
        """
        root = self.process.hosts.get(ROOT_SERIAL)
        return self.closing or self.system_ends or (root is not None and root.closing)

    def run(self) -> None:
        """Turn until the host has nothing left to do, then close.

        Raises: what a turn raises, after everything was closed. No actor's code can make it raise: see `ActorCell`.
        """
        try:
            self.loop.run()
        except zmq.ContextTerminated:  # closed under it: the system is gone
            self.reason = SHUTDOWN
        except BaseException as error:  # a fault of ours: nobody is to take the end for an orderly one
            self.reason = from_exception(error, traceback.format_exc())
            raise
        finally:
            self._close()

    # Actors

    def _on_start(self, asker: Request, _target: bytes, body: Raw) -> None:
        # Not here: this may be read by a handler that waits for an answer, and such a wait lets no other actor run at first
        # (`HostPort._wait`).
        self.loop.call_soon(None, self.start_from, asker, body)

    def start_from(self, asker: Request, body: Raw) -> None:
        """Start an actor as another process asked: the answer is this host's serial, or the exception.

        Nothing is raised, whatever the class or its arguments do when they are unpickled. A host that was made for this
        actor ends if it could not be started.
        """
        fds, self.passed_fds = self.passed_fds, {}
        name = ""
        try:
            try:
                with starting.reading():  # unpickling imports modules, which must not start actors themselves
                    name, what, extra, owner = StartRequest(*codec.decode(0, body, ()))
                    cls, args, kwargs = codec.decode(0, what, ())
            except BaseException:  # after this, `start_here` sees to them
                close_all(fds)
                raise
            self.start_here(cls, name, args, kwargs, Endowment(fds, extra, owner))
        except BaseException as error:
            failure = error
            # SystemExit, say: it ends the actor. The asker would raise what it is sent, and end as well.
            if not isinstance(failure, Exception):
                failure = ActorStartError(name, text_of(error))
                failure.__cause__ = error
            self._early.hand_over()
            asker.refuse(failure)
            self._leave_if_empty()
        else:
            asker.answer(self.serial)

    def start_here(
        self,
        cls: type[HostedActor],
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        endowment: Endowment,
    ) -> ActorRef[Any]:
        """Construct an actor and run its `on_start`.

        The actor has its name and its mailbox before its constructor runs, so that it can tell others of itself there and
        be answered: what is sent to it meanwhile waits. It has its place (`runtime`, `actor_ref`) as well, because the
        constructor is called apart from the making of the object; so a subclass needs no parameters for that.

        Args: endowment, whose descriptors belong to the actor from now on; they are closed if it is refused.
        Raises: what constructor and `on_start` raise; ActorStartError when the name is taken, or the host is stopping.
        """
        key = name.encode()
        if self.closing or key in self.cells:
            close_all(endowment.fds)  # no actor will

            fault = f"host {self.name!r} is stopping"
            raise ActorStartError(name, fault if self.closing else f"the name is taken in host {self.name!r}")
        ref: ActorRef[Any] = ActorRef(name, self.name, self.serial, path_of(cls), self.system)
        cell = (cls.cell_class or ActorCell)(
            self, self.loop, self.port, self.receipts, ref, self.process.kept
        )
        if endowment.owner is not None:
            cell.link_to(endowment.owner)
        cell.is_patient = cls.stops_others and cell.owner is None
        actor = cell.instance = cls.__new__(cls)
        actor.on_bound(ref, ActorContext(cell, self, endowment.fds, endowment.extra), cell.stopped)
        self.cells[key] = cell
        self._early.hand_over()
        self.patience += cell.is_patient
        self._tell_standing()  # before the constructor, which may take long: the system may end meanwhile
        # Busy until `on_start` is done. What the constructor waits for may let its neighbours run, but not this actor.
        cell.enter()
        try:
            actor.__init__(*args, **kwargs)  # type: ignore[misc]  # constructing in two steps, for `on_bound`
            attach(actor, ref)
            cell.actor = actor
            ActorRegistry.register(ref)  # before `on_start`, as in Pykka
            if (
                cls.on_restore is not HostedActor.on_restore
                and (state := actor.runtime.restored()) is not None
            ):
                restored = actor.on_restore(state)
                if is_coroutine(restored):
                    actor.runtime.coroutines.finish(restored)
            started = actor.on_start()
            if is_coroutine(started):
                actor.runtime.coroutines.finish(started)
        except BaseException as error:
            cell.actor = None  # no `on_failure`: whoever starts it gets the exception
            cell.fail(error)
            raise
        finally:
            cell.leave()
        if not cell.ended:
            cell.is_up = True
            self.port.followers.started(key)
        if logger().tells_all:
            logger().debug("actor started", actor=name, host=self.name, pid=self.pid)
        return ref

    def forget(self, cell: ActorCell) -> None:
        """As `Keeper.forget`. The root hears that the host leaves before anybody hears that the actor has ended: whoever
        does may start its successor at once, and is to wait for the name and not to be refused it.
        """
        self.residents.forget(cell)
        self._tell_standing()

    def on_end(self, cell: ActorCell, reason: DownReason) -> None:
        """As `Keeper.on_end`. Ends the host with its last actor."""
        self.residents.note_end(cell.name, reason)
        if not self.cells:  # the host ends as its last actor did: for a supervisor the two are one
            self.reason = reason
        self.patience -= cell.is_patient
        self._tell_standing()
        self.port.followers.ended(cell.name, reason)
        self._leave_if_empty()

    # The end

    def _on_stop(self, message: SystemMessage) -> None:
        self.shutdown(*(message.read() or Stop()))

    def _on_system_ends(self, _message: SystemMessage) -> None:
        self.system_ends = True

    def _leave_if_empty(self) -> None:
        # A kept host that is closing leaves as well. The loop ends with this turn, and `run` closes.
        if not self.cells and (self.closing or not self.keep):
            self.loop.finished = True

    def shutdown(self, reason: DownReason = SHUTDOWN, leave: Leave = Leave.NONE) -> None:
        """Stop the actors, the last started first, each after what is in its mailbox; then end.

        May be called again with Leave.NONE, when the owners have ended without stopping what was left to them. The reason
        of the first call counts.

        Args: leave, which actors are left to their owners. The host ends when those have ended, too.
        """
        if self.closing and leave is not Leave.NONE:
            return
        if not self.closing:
            self.closing = True
            self.reason = reason
        body = codec.dumps(self.reason)
        # By messages, so that each actor handles first what was sent to it before. One that was told already has ended by
        # the time it reads a second request.
        for cell in reversed(list(self.cells.values())):
            if not self._is_left(cell, leave):
                self.port.send(self.port.address, Kind.STOP, target=cell.name, body=body)
        self._tell_standing()
        self._leave_if_empty()

    def report_sigterm(self) -> None:
        """Tell the root of a SIGTERM in this process. Only the root knows whether the whole program was meant."""
        self.port.send(ROOT_ADDRESS, Kind.HOST_SIGTERM, self.serial)

    def _is_left(self, cell: ActorCell, leave: Leave) -> bool:
        """Whether an actor is left to its owner, which will stop it in its own order and time."""
        if cell.owner is None or leave is Leave.NONE:
            return False
        return leave is Leave.OWNED or cell.owner.serial in self.process.hosts

    def _tell_standing(self) -> None:
        """Tell the root what it has to respect here, whenever that changes."""
        waits = self.closing and bool(self.cells) and all(cell.owner for cell in self.cells.values())
        leaves = not self.cells and (self.closing or not self.keep)
        standing = Standing(self.patience > 0, waits, leaves)
        if standing != self._standing:
            self._standing = standing
            self.port.send(ROOT_ADDRESS, Kind.HOST_STANDING, self.serial, body=codec.dumps(tuple(standing)))

    def _close(self) -> None:
        """End what is left, say goodbye, close.

        HOST_BYE comes after all that the host had to say: the root tells everybody that it has ended gracefully, and they
        wait for its last words before they give up what they wait for (`mail/losses.py`).
        """
        self.loop.finished = True
        self._early.hand_over()
        for cell in list(self.cells.values()):  # none, unless the loop was ended by an exception
            cell.end(self.reason)
        self.take_last_messages()
        goodbye = self.reason, self.residents.last_ends()
        self.port.send(ROOT_ADDRESS, Kind.HOST_BYE, self.serial, body=codec.dumps(goodbye))
        self.shut()
