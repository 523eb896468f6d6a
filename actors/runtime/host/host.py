"""A host: a loop that runs actors, in a process of its own or in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import zmq
from pykka import ActorRegistry

from peerage.actors.runtime.errors import ActorStartError, text_of
from peerage.actors.runtime.host import starting
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.context import ActorContext
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.host.loop_thread import LoopThread
from peerage.actors.runtime.host.start_request import Endowment, StartRequest
from peerage.actors.runtime.host.stopping import SHUTDOWN, Leave, Standing, Stop
from peerage.actors.runtime.host.system_messages import SystemMessage, handler
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.class_path import path_of
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, ROOT_SERIAL
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.request import Request, answering

EXIT_LINGER_S = 1.0  # how long a leaving host waits for its last messages to be taken over


class Host(LoopThread):
    """Attributes: keep, whether it outlives its last actor; patience, how many of its actors stop others and belong to
    nobody; passed_fds, descriptors for the actor that is started next.
    """

    def __init__(self, process: Process, name: str, serial: int, *, keep: bool) -> None:
        super().__init__(process, name, serial)
        self.keep = keep
        self.passed_fds: dict[str, int] = {}
        self.system_ends = False  # as far as the root has told
        self.patience = 0
        self._standing = Standing()
        self.reason = DownReason("normal", "no actors left")
        self.port.handlers[Kind.START] = answering(self.port, self._on_start)
        self.port.handlers[Kind.HOST_STOP] = handler(self._on_stop)
        self.port.handlers[Kind.SYSTEM_ENDS] = handler(self._on_system_ends)

    @property
    def is_system_ending(self) -> bool:
        """Whether the system has begun to end, be it that this host's turn to stop is yet to come."""
        root = self.process.hosts.get(ROOT_SERIAL)
        return self.closing or self.system_ends or (root is not None and root.closing)

    def run(self) -> None:
        """Turn until the host has nothing left to do, then close."""
        try:
            self.loop.run()
        except zmq.ContextTerminated:
            self.reason = SHUTDOWN
        finally:
            self._close()

    # Actors

    def _on_start(self, asker: Request, _target: bytes, body: Raw) -> None:
        self.loop.call_soon(None, self.start_from, asker, body)

    def start_from(self, asker: Request, body: Raw) -> None:
        """Start an actor as another process asked: the answer is this host's serial, or the exception."""
        fds, self.passed_fds = self.passed_fds, {}
        name = ""
        try:
            try:
                with starting.reading():
                    name, what, extra, owner = StartRequest(*codec.decode(0, body, ()))
                    cls, args, kwargs = codec.decode(0, what, ())
            except BaseException:
                close_all(fds)
                raise
            self.start_here(cls, name, args, kwargs, Endowment(fds, extra, owner))
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
        cls: type[HostedActor],
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        endowment: Endowment,
    ) -> ActorRef[Any]:
        """Construct an actor and run its `on_start`. Raises: what these raise; ActorStartError when the name
        is taken.
        """
        key = name.encode()
        if self.closing or key in self.cells:
            close_all(endowment.fds)  # no actor will
            fault = f"host {self.name!r} is stopping"
            raise ActorStartError(name, fault if self.closing else f"the name is taken in host {self.name!r}")
        ref: ActorRef[Any] = ActorRef(name, self.name, self.serial, path_of(cls), self.system)
        cell = ActorCell(self, self.loop, self.port, self.receipts, ref, self.process.kept)
        if endowment.owner is not None:
            cell.link_to(endowment.owner)
        cell.is_patient = cls.stops_others and cell.owner is None
        actor = cell.instance = cls.__new__(cls)
        actor.on_bound(ref, ActorContext(cell, self, endowment.fds, endowment.extra), cell.stopped)
        self.cells[key] = cell
        self.patience += cell.is_patient
        self._tell_standing()
        cell.enter()
        try:
            actor.__init__(*args, **kwargs)  # type: ignore[misc]  # constructing in two steps, for `on_bound`
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
            self.port.followers.started(key)
        tell = logger().debug if cls.is_short_lived else logger().info
        tell("actor started", actor=name, host=self.name, pid=self.pid)
        return ref

    def forget(self, cell: ActorCell) -> None:
        """An actor is on its way out: its name may be used again."""
        self.residents.forget(cell)

    def on_end(self, cell: ActorCell, reason: DownReason) -> None:
        """An actor has ended."""
        self.residents.note_end(cell.name, reason)
        if not self.cells:
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
        body = codec.dumps(self.reason)
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
            self.port.send(ROOT_ADDRESS, Kind.HOST_STANDING, self.serial, body=codec.dumps(tuple(standing)))

    def _close(self) -> None:
        self.loop.finished = True
        for cell in list(self.cells.values()):
            cell.end(self.reason)
        self.take_last_messages()
        goodbye = self.reason, self.residents.last_ends()
        self.port.send(ROOT_ADDRESS, Kind.HOST_BYE, self.serial, body=codec.dumps(goodbye))
        self.shut()
