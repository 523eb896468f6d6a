"""The root: the embedder's own loop, which makes hosts, numbers them, and is first to know that one has died."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.host.loop_thread import LoopThread
from peerage.actors.runtime.host.stopping import SHUTDOWN, TERMINATED, Leave, Standing, Stop
from peerage.actors.runtime.host.system_messages import SystemMessage, handler
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.foothold import LOOK_S
from peerage.actors.runtime.mail.handled_counts import path_of as handled_path
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, HostFacts
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.mail.request import Request, answering, do_all, guarded
from peerage.actors.runtime.processes import sigterm
from peerage.actors.runtime.processes.ending import KILL_WAIT_S, Ending
from peerage.actors.runtime.processes.fork_server_client import (
    ForkServer,
)
from peerage.actors.runtime.processes.host_maker import HostMaker
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from peerage.actors.runtime.processes.linked_hosts import LinkedHosts
from peerage.actors.runtime.processes.owners import Owners
from peerage.actors.runtime.processes.passed_fds import PassedFds
from peerage.actors.runtime.processes.terminated_hosts import TerminatedHosts
from peerage.actors.runtime.processes.waiting_starts import WaitingStarts

FAULT_PAUSE_S = 0.05  # a fault that repeats itself must not fill the disk with its log
HANDLED_KEPT_S = (
    60.0  # of a dead host: a thread that was busy elsewhere counts its losses when it sends again
)
LONGEST_SLEEP_S = 3600.0


class Root(LoopThread):
    """Runs in a thread of the embedder and has no actors. What it knows and decides is in the parts that it is made of:
    here the messages come in, and the system is told.
    """

    def __init__(self, process: Process, fork_server: ForkServer, *, log_setup: bytes) -> None:
        super().__init__(process, "root", ROOT_SERIAL)
        process.main = self
        self.port.purpose = Purpose.DUTY
        process.table.up(HostFacts(self.name, self.serial, self.pid), frozenset())
        self._ending: Ending | None = None
        self.records = HostRecords()
        self._starts = WaitingStarts(self.records, self.loop, self.name)
        self._owners = Owners(self.port)
        self._linked = LinkedHosts(self._owners, self.records, self._kill, self.loop)
        self._owners.orphaned = self._linked.owner_ended
        self.terminated = TerminatedHosts(
            self.records, self.loop, sigterm.has_come_within, self._stop_terminated
        )
        self._fds = PassedFds(process.directory, self._on_failure)
        self._watch_fds()
        self._maker = HostMaker(
            process,
            self.records,
            self._starts,
            self._owners,
            self._fds,
            fork_server,
            self.loop,
            log_setup=log_setup,
            kill=self._kill,
            remove=self._remove_host,
            on_death=self._on_death,
        )
        own: dict[Kind, Handler] = {
            Kind.SPAWN: answering(self.port, self._maker.spawn),
            Kind.RESERVE: answering(self.port, self._maker.reserve),
            Kind.KILL: answering(self.port, self._on_kill),
            Kind.GIVE_UP: answering(self.port, self._maker.give_up),
            Kind.HOST_READY: handler(self._on_ready),
            Kind.HOST_BYE: handler(self._on_bye),
            Kind.HOST_STANDING: handler(self._on_standing),
            Kind.HOST_SIGTERM: handler(lambda message: self.terminated.report(message.correlation)),
        }
        for kind, handle in own.items():
            self.port.handlers[kind] = handle
        self.port.handlers[:] = map(guarded, self.port.handlers)

    def run(self) -> None:
        """As every host's, but nothing that goes wrong in a turn ends it: all others depend on this loop."""
        try:
            self.look_every(LOOK_S)
            while not self.finished:
                self.careful_turn(LONGEST_SLEEP_S)
        except zmq.ContextTerminated:
            pass
        finally:
            self.loop.finished = True
            self.take_last_messages()
            self.shut()

    def careful_turn(self, longest: float, done: Callable[[], bool] | None = None) -> None:
        """As the loop's `turn`. Raises: nothing but ContextTerminated."""
        try:
            self.loop.turn(longest, done)
        except zmq.ContextTerminated:
            raise
        except Exception:
            logger().exception("root turn failed")
            time.sleep(FAULT_PAUSE_S)

    # The directory

    def _watch_fds(self) -> None:
        self.loop.descriptors.set(self._fds.fileno(), None, reader=self._fds.take)

    def on_mended(self) -> None:
        """As every host's, and the embedder marks the directory as in use again."""
        super().on_mended()
        if self.process.on_mended is not None:
            self.process.on_mended()
        if self._fds.is_lost():
            self.loop.descriptors.clear(self._fds.fileno(), reader=True)
            self._fds.bind_again()
            self._watch_fds()

    def _on_failure(self, serial: int, text: str, is_limit: bool) -> None:
        if (record := self.records.of_serial(serial)) is not None:
            record.failure, record.limit = text, text if is_limit else ""

    # News of hosts

    def _on_ready(self, message: SystemMessage) -> None:
        name, pid = message.read()
        serial = message.correlation
        record = self.records.of_serial(serial)
        if record is None or record.must_die:
            # Forked by a fork server that died before it could say so; its place was given to another.
            self._send_stop(serial, Stop())
            return
        self.records.note_up(record)
        self.records.note_pid(record, pid)
        booting = self.records.booting
        self.process.table.up(HostFacts(name, serial, pid), booting)
        self.port.follows.look()
        self.process.wake_followers()
        self._tell_news(Kind.HOST_UP, ((name, serial, pid), booting), but=serial)
        for kind, news in record.missed:
            self.port.send(serial << THREAD_BITS, kind, body=codec.dumps(news))
        record.missed.clear()
        if self._ending is not None:
            self.port.send(serial << THREAD_BITS, Kind.SYSTEM_ENDS)
            self._ending.is_up(record)
        log = logger().bind(**record.signature)
        tell = log.debug if record.is_short_lived else log.info
        tell("host started", host=name, pid=pid, serial=serial)
        if record.request is not None and self._ending is None:
            asker, body = record.asker, record.request.start_body
            self.port.send(serial << THREAD_BITS, Kind.START, asker.corr, body=body, source=asker.source)

    def _tell_news(self, kind: int, value: Any, *, but: int) -> None:
        """Tell all hosts of another one. A process that is being forked has an older table: it hears when it is up."""
        self._broadcast(kind, value, but=but)
        for record in self.records.processes():
            if not record.is_up:
                record.missed.append((kind, value))

    def _broadcast(self, kind: int, value: Any, *, but: int) -> None:
        body = codec.dumps(value)
        for serial in list(self.process.table.live):  # thread hosts come and go meanwhile
            if serial not in {but, self.serial}:
                self.port.send(serial << THREAD_BITS, kind, body=body)

    def _send_stop(self, serial: int, stop: Stop) -> None:
        self.port.send(serial << THREAD_BITS, Kind.HOST_STOP, body=codec.dumps(stop))

    def _on_standing(self, message: SystemMessage) -> None:
        if (record := self.records.of_serial(message.correlation)) is not None:
            record.standing = Standing(*message.read())
            if self._ending is not None:
                self._ending.stands(record)

    def _stop_terminated(self, record: HostRecord) -> None:
        self._send_stop(record.serial, Stop(TERMINATED, Leave.OWNED_HERE))

    def _on_bye(self, message: SystemMessage) -> None:
        record = self.records.of_serial(message.correlation)
        if record is None:
            return
        record.exit_reason, record.ended = message.read()
        if record.request is None:  # a host in a thread: nothing else will tell of its end
            self._remove_host(record, record.exit_reason or DownReason("normal"))

    # Death

    def _on_death(self, record: HostRecord) -> None:
        self.port.reader.pump()  # its last words arrived before its death
        self._fds.take()
        reason = record.reason()
        os.close(record.pidfd)
        record.pidfd = -1
        pid = record.pid
        self._remove_host(record, reason)
        for other in self.records.in_process(pid):
            self._remove_host(other, reason)

    def _remove_host(self, record: HostRecord, reason: DownReason) -> None:
        """A host has ended: tell everybody whom it concerns, and let go of all that was its own."""
        if not self.records.remove(record):
            return
        gracefully = record.exit_reason is not None
        booting, ended = self.records.booting, record.ended
        self.process.table.down(record.serial, reason, booting, gracefully=gracefully, ended=ended)
        self._owners.remove(record.serial)
        was_late = self._ending is not None and self._ending.has_killed(record)
        fate = SHUTDOWN if was_late else reason  # who is linked to it has had no time of its own yet
        news = (record.serial, reason, booting, gracefully, ended)
        # If it has started, its asker has been answered, and takes no notice.
        error = record.start_error(reason, is_system_ending=self.closing)
        starts, record.waiting = record.waiting, []
        do_all(
            (_remove_sockets, (self.process.directory, record.serial)),
            (self._linked.host_ended, (record, fate)),
            *([] if self._ending is None else [(self._ending.over, (record,))]),
            (lambda: self._tell_news(Kind.HOST_DOWN, news, but=record.serial), ()),
            (self.port.losses.sweep, ()),
            (self.process.wake_clients, ()),
            (record.asker.refuse, (error,)),
            (close_all, (record.fds,)),
            *((self._starts.when_free, (start,)) for start in starts),
        )
        path = handled_path(self.process.directory, record.serial)
        self.loop.call_later(None, HANDLED_KEPT_S, _remove, path)
        log = logger().bind(**record.signature)
        orderly = log.debug if record.is_short_lived else log.info
        tell = orderly if reason.is_orderly else log.error
        tell("host ended", host=record.name, pid=record.pid, serial=record.serial, cause=str(reason))

    def _on_kill(self, asker: Request, _target: bytes, body: Raw) -> None:
        name, hint = codec.decode(0, body, ())
        record = self.records.of_name(name) or self.records.of_serial(hint)
        if record is None or record.request is None:
            raise ActorDeadError(f"host {name!r} has no process of its own")
        self._kill(record)
        asker.answer()

    def _kill(self, record: HostRecord) -> None:
        record.must_die = True
        if record.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(record.pidfd, signal.SIGKILL)

    # The end of the system

    def _is_free(self, record: HostRecord) -> bool:
        """Whether a host belongs to nobody: to no actor that it is linked to, nor to another host's process."""
        if record.request is not None:
            return not self._owners.has_owner(record.serial)
        return record.pid == self.pid and (record.owner is None or self._owners.is_gone(record.owner))

    def close_down(self, grace: float, caller: int | None = None) -> None:
        """Stop every host, in the order of `Ending`, and end. Args: see there."""
        if self.closing:
            return
        self.closing = self._starts.is_over = self.terminated.is_over = self._maker.line.is_over = True
        self._ending = Ending(
            self.records,
            is_free=self._is_free,
            stop=lambda serial, leave: self._send_stop(serial, Stop(leave=leave)),
            kill=self._kill,
            turn=self.careful_turn,
            pid=self.pid,
            grace=grace,
            caller=caller,
        )
        self._linked.on_orderly_end = self._ending.orphaned
        self._broadcast(Kind.SYSTEM_ENDS, None, but=self.serial)
        try:
            self._ending.run()
            for record in self.records.all():
                self._kill(record)
            deadline = time.monotonic() + KILL_WAIT_S
            while any(record.pidfd >= 0 for record in self.records.all()) and time.monotonic() < deadline:
                self.careful_turn(0.1, lambda: not self.records)
            self._maker.line.stop_listening()
            self._maker.reaper.reap_again()
            self._fds.close()
        finally:
            self.loop.finished = True

    def hurry(self) -> None:
        """End the system that is being closed down: nobody is waited for any longer."""
        if self._ending is not None:
            self._ending.hurry()


def _remove_sockets(directory: str, serial: int) -> None:
    """A host that was killed could not do so itself: its own mailbox, and those of its threads."""
    for path in Path(directory).glob(f"{serial}.[0-9]*"):
        _remove(str(path))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        Path(path).unlink()
