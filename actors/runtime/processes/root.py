"""The root: the embedder's own loop, which makes hosts, numbers them, and is first to know that one has died.

All that concerns several hosts is decided here, by one thread in one order: which life of a name is the current one, what
everybody is told of it, who has to end with whom. So no two processes can disagree for longer than a message takes. The root
runs none of the program's code and waits for nobody's answer, because every start and every death in the system waits for
it.
"""

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
from peerage.actors.runtime.mail.name_numbers import NameNumbers
from peerage.actors.runtime.mail.presence import kill_far_process
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
from peerage.actors.runtime.processes.name_table import NameTable
from peerage.actors.runtime.processes.owners import Owners
from peerage.actors.runtime.processes.passed_fds import PassedFds
from peerage.actors.runtime.processes.terminated_hosts import TerminatedHosts
from peerage.actors.runtime.processes.waiting_starts import WaitingStarts

FAULT_PAUSE_S = 0.05  # a fault that repeats itself must not fill the disk with its log
# How long the handled counts of a dead host stay: a thread that was busy elsewhere counts its losses when it sends again.
HANDLED_KEPT_S = 60.0
LONGEST_SLEEP_S = 3600.0  # as of any loop: what the root has to notice wakes it


class Root(LoopThread):
    """Runs in a thread of the embedder and has no actors. What it knows and decides is in the parts that it is made of:
    here the messages come in, and the system is told.

    Attributes: records, of all hosts; terminated, which decides about hosts that have had a SIGTERM.

    Args: fork_server, which is running; log_setup, pickled, what every host process runs first.
    Raises: LimitReachedError or OSError, when there are too few descriptors.
    """

    def __init__(self, process: Process, fork_server: ForkServer, *, log_setup: bytes) -> None:
        super().__init__(process, "root", ROOT_SERIAL)
        process.main = self
        # What the root sends is owed: it may use the part of the reserve that is kept for that.
        self.port.purpose = Purpose.DUTY
        process.table.up(HostFacts(self.name, self.serial, self.pid), frozenset())
        self._ending: Ending | None = None  # once the system ends
        # Parts know each other by callbacks, so that each of them can be tested without the others and without a process.
        self.records = HostRecords()
        self._starts = WaitingStarts(self.records, self.loop, self.name)
        self._owners = Owners(self.port)
        self._linked = LinkedHosts(self._owners, self.records, self._kill, self.loop)
        self._owners.orphaned = self._linked.owner_ended
        self.terminated = TerminatedHosts(
            self.records, self.loop, sigterm.has_come_within, self._stop_terminated
        )
        # Bound before anybody can be asked to start something: descriptors travel ahead of the request that names them.
        self._fds = PassedFds(
            process.directory, process.network.key, self._on_failure, process.network.strays.refuse
        )
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
        forget = self.port.handlers[Kind.PORT_BYE]

        def on_port_bye(flags: int, source: int, *rest: Any) -> None:
            forget(flags, source, *rest)
            self._maker.asker_is_gone(source)

        numbers = NameNumbers(process.directory)
        names = NameTable(self.port.lives, self.loop, numbers.changed, process.system)
        # The first five are owed an answer, which `answering` gives even if something raises that nobody has foreseen.
        own: dict[Kind, Handler] = {
            Kind.SPAWN: answering(self.port, self._maker.spawn),
            Kind.RESERVE: answering(self.port, self._maker.reserve),
            Kind.KILL: answering(self.port, self._on_kill),
            Kind.GIVE_UP: answering(self.port, self._maker.give_up),
            Kind.NAMES: answering(self.port, names.serve),
            Kind.RELEASE: handler(self._on_release),
            Kind.HOST_READY: handler(self._on_ready),
            Kind.HOST_BYE: handler(self._on_bye),
            Kind.HOST_STANDING: handler(self._on_standing),
            Kind.PORT_BYE: on_port_bye,
            Kind.HOST_SIGTERM: handler(lambda message: self.terminated.report(message.correlation)),
        }
        for kind, handle in own.items():
            self.port.handlers[kind] = handle
        # All of them, those of the port as well: a message that makes one raise must not hold up the messages behind it.
        self.port.handlers[:] = map(guarded, self.port.handlers)

    def run(self) -> None:
        """As every host's, but nothing that goes wrong in a turn ends it: all others depend on this loop.

        It ends with `close_down`, or when ZeroMQ's context is closed under it.
        """
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
        """As the loop's `turn`. Raises: nothing but ContextTerminated, after which no turn could do anything.

        What went wrong is logged, and whatever the turn had still to do is done in the next one.
        """
        try:
            self.loop.turn(longest, done)
        except zmq.ContextTerminated:
            raise
        except Exception:
            logger().exception("root turn failed")
            time.sleep(FAULT_PAUSE_S)

    def owners(self) -> dict[int, str]:
        """The actor that each host ends with, by the host's serial."""
        return self._owners.by_host()

    # The directory

    def _watch_fds(self) -> None:
        # A new socket after each mending, and so another descriptor.
        self.loop.descriptors.set(self._fds.fileno(), None, reader=self._fds.take)

    def on_mended(self) -> None:
        """As every host's, and the embedder marks the directory as in use again."""
        super().on_mended()
        if self.process.on_mended is not None:
            self.process.on_mended()
        # Another process may have made the directory again, and looked for this socket; it polls until it is there.
        if self._fds.is_lost():
            self.loop.descriptors.clear(self._fds.fileno(), reader=True)
            self._fds.bind_again()
            self._watch_fds()

    def _on_failure(self, serial: int, text: str, is_limit: bool) -> None:
        """Note what the process of a host ends with; its end itself is heard of by its pidfd."""
        if (record := self.records.of_serial(serial)) is not None:
            record.failure, record.limit = text, text if is_limit else ""

    # News of hosts

    def _on_ready(self, message: SystemMessage) -> None:
        """A host is there. It starts its actor, unless it is held."""
        name, pid = message.read()
        serial = message.correlation
        record = self.records.of_serial(serial)
        if record is None or record.must_die:
            # Forked by a fork server that died before it could say so; its place was given to another. There is no pidfd of
            # it, so it cannot be killed safely, and is asked. Or it is about to be killed anyway.
            self._send_stop(serial, Stop())
            return
        self.records.note_up(record)
        self.records.note_pid(record, pid)
        logger().bind(**record.signature).debug("host started", host=name, pid=pid, serial=serial)
        if self._ending is not None:
            self._introduce(record)
            self.port.send(serial << THREAD_BITS, Kind.SYSTEM_ENDS)  # it was not there when all were told
            self._ending.is_up(record)
        elif record.request is None:
            self._introduce(record)
        else:
            self._start_actor(record)

    def _introduce(self, record: HostRecord) -> None:
        """Tell everybody of a host, and the host of everybody: its table is as old as its fork."""
        self.records.note_known(record)
        booting = self.records.booting
        facts = HostFacts(record.name, record.serial, record.pid)
        self.process.table.up(facts, booting)
        # The embedder's own threads share this table; the others are told.
        self.port.follows.look()
        self.process.wake_followers()
        news = (facts.name, facts.serial, facts.pid), booting
        self._tell_news(Kind.HOST_UP, news, but=record.serial)
        for kind, value in record.missed:
            self.port.send(record.serial << THREAD_BITS, kind, body=codec.dumps(value))
        record.missed.clear()

    def _start_actor(self, record: HostRecord) -> None:
        """Have a host that is up start what it was made for, unless it is held. The host answers whoever asked.

        Everybody hears of the host now and not before: whoever knows it may send to its actor. And before the start message
        is sent, so that nobody hears of the actor from its starter first, as far as both come by the same way.
        """
        if self._ending is None and (body := self._maker.take_start_body(record)) is not None:
            self._introduce(record)
            # In the asker's name: the host's answer goes straight to whoever waits for the actor, and saves it a hop.
            asker = record.asker
            self.port.send(
                record.serial << THREAD_BITS, Kind.START, asker.corr, body=body, source=asker.source
            )

    def _on_release(self, message: SystemMessage) -> None:
        record = self._maker.release(message.source, message.correlation, bytes(message.body))
        if record is not None:
            self._start_actor(record)

    def _tell_news(self, kind: int, value: Any, *, but: int) -> None:
        """Tell all hosts of another one. One that nobody knows yet has an older table: it hears when it is introduced."""
        self._broadcast(kind, value, but=but)
        for record in self.records.processes():
            if not record.is_known:
                record.missed.append((kind, value))

    def _broadcast(self, kind: int, value: Any, *, but: int) -> None:
        """Tell every host that is up, those in threads too: each loop has a port that waits for others."""
        body = codec.dumps(value)
        for serial in list(self.process.table.live):  # thread hosts come and go meanwhile
            if serial not in {but, self.serial}:
                self.port.send(serial << THREAD_BITS, kind, body=body)

    def _send_stop(self, serial: int, stop: Stop) -> None:
        # By the serial and not the record, which a host that was forked twice has lost.
        self.port.send(serial << THREAD_BITS, Kind.HOST_STOP, body=codec.dumps(stop))

    def _on_standing(self, message: SystemMessage) -> None:
        """A host says what the end of the system has to respect. Kept from the beginning: the end may come at any time."""
        if (record := self.records.of_serial(message.correlation)) is not None:
            record.standing = Standing(*message.read())
            if self._ending is not None:
                self._ending.stands(record)

    def _stop_terminated(self, record: HostRecord) -> None:
        # Actors whose owner is in another process are stopped with the rest: it is this process that is to end.
        self._send_stop(record.serial, Stop(TERMINATED, Leave.OWNED_HERE))

    def _on_bye(self, message: SystemMessage) -> None:
        """A host has ended its actors, and says why.

        Its process is there for a moment longer, and may even hang on its way out. So its name is free only when the death
        of the process is heard of, and what was said here is the reason that is told then.
        """
        record = self.records.of_serial(message.correlation)
        if record is None:
            return
        record.exit_reason, record.ended = message.read()
        if record.request is None:  # a host in a thread: nothing else will tell of its end
            self._remove_host(record, record.exit_reason or DownReason("normal"))

    # Death

    def _on_death(self, record: HostRecord) -> None:
        """The process of a host has died: so have the hosts in its threads, and whatever it still had to say is here."""
        # Its last words arrived before its death, and may still wait to be read: how it has ended is decided by them.
        self.port.reader.pump()
        self._fds.take()
        reason = record.reason()
        os.close(record.pidfd)
        record.pidfd = -1  # nobody sends a signal by it any more: the number may soon be another file's
        pid = record.pid
        self._remove_host(record, reason)
        for other in self.records.in_process(pid):
            self._remove_host(other, reason)

    def _remove_host(self, record: HostRecord, reason: DownReason) -> None:
        """A host has ended: tell everybody whom it concerns, and let go of all that was its own.

        Several roads lead here (a goodbye, a death, the death of its process, a refused start), and more than one of them
        may be taken. The first one counts.
        """
        if not self.records.remove(record):
            return
        gracefully = record.exit_reason is not None
        booting, ended = self.records.booting, record.ended
        self.process.table.down(record.serial, reason, booting, gracefully=gracefully, ended=ended)
        self._owners.remove(record.serial)
        # A host that was killed for being late at the end has not stopped what is linked to it. That is stopped in order all
        # the same, with a time of its own, instead of being killed as the death of an owner would have it.
        was_late = self._ending is not None and self._ending.has_killed(record)
        fate = SHUTDOWN if was_late else reason
        news = (record.serial, reason, booting, gracefully, ended)
        # If it has started, its asker has been answered, and takes no notice.
        error = record.start_error(reason, is_system_ending=self.closing)
        starts, record.waiting = record.waiting, []
        # One by one, whatever each of them raises. What ends with the host comes early, and the starts that waited for its
        # name come last: by then everybody has been told of the one before, so that no successor is taken for it.
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
        # Its mailbox goes at once, so that nobody connects to it; its counts are yet to be read.
        path = handled_path(self.process.directory, record.serial)
        self.loop.call_later(None, HANDLED_KEPT_S, _remove, path)
        log = logger().bind(**record.signature)
        tell = log.debug if reason.is_orderly else log.error
        tell("host ended", host=record.name, pid=record.pid, serial=record.serial, cause=str(reason))

    def _on_kill(self, asker: Request, _target: bytes, body: Raw) -> None:
        """Kill the process of a host, as `ref.kill()` asks. Answered when the signal is sent, not when the host has died.

        Raises: ActorDeadError, when it has no process of its own: a thread cannot be killed, unless it stands for an actor
            on a cluster.
        """
        name, hint = codec.decode(0, body, ())
        record = self.records.of_name(name) or self.records.of_serial(hint)
        if record is not None and record.request is not None:
            self._kill(record)
        elif record is None or not kill_far_process(self.process, record.serial):
            raise ActorDeadError(f"host {name!r} has no process of its own")
        asker.answer()

    def _kill(self, record: HostRecord) -> None:
        """Kill a host now, or as soon as its process is known. Its record stays until the death is heard of."""
        record.must_die = True
        if record.pidfd >= 0:
            # By the pidfd and not the number, which may have been given to another process.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(record.pidfd, signal.SIGKILL)

    # The end of the system

    def _is_free(self, record: HostRecord) -> bool:
        """Whether a host belongs to nobody: to no actor that it is linked to, nor to another host's process.

        A host in a thread of another host's process is stopped by that process, when its own actors have ended. Owners of
        threads in the embedder's process are not watched here: they stop the actor themselves, by `ActorCell.link_to`.
        """
        if record.request is not None:
            return not self._owners.has_owner(record.serial)
        return record.pid == self.pid and (record.owner is None or self._owners.is_gone(record.owner))

    def close_down(self, grace: float, caller: int | None = None) -> None:
        """Stop every host, in the order of `Ending`, and end. Args: see there.

        Called in the loop, and turns it itself until all hosts have ended: messages are handled meanwhile as ever. A second
        call does nothing; a shutdown that was interrupted makes one, in case that the first has not been called yet.
        """
        if self.closing:
            return
        # From here on starts are refused, no fork server is renewed, and a SIGTERM stops nobody out of turn.
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
        # Before anybody is stopped: a supervisor would restart what it sees ending.
        self._broadcast(Kind.SYSTEM_ENDS, None, but=self.serial)
        try:
            self._ending.run()
            # What is left could not be ended in its time, or was not to be waited for (`hurry`).
            for record in self.records.all():
                self._kill(record)
            # Their deaths are waited for, so that none is left when the program goes on, except what hangs in the kernel.
            deadline = time.monotonic() + KILL_WAIT_S
            while any(record.pidfd >= 0 for record in self.records.all()) and time.monotonic() < deadline:
                self.careful_turn(0.1, lambda: not self.records)
            self._maker.line.stop_listening()
            self._maker.reaper.reap_again()
            self._fds.close()
        finally:
            self.loop.finished = True

    def hurry(self) -> None:
        """End the system that is being closed down: nobody is waited for any longer, and what is left is killed.

        For a program that is interrupted in `System.shutdown`. In the loop's thread only, as all of this.
        """
        if self._ending is not None:
            self._ending.hurry()


def _remove_sockets(directory: str, serial: int) -> None:
    """Remove the mailboxes of a host's process: a host that was killed could not do so itself.

    By their names: `serial.0` is the loop's, and the threads of the process count up from there.
    """
    for path in Path(directory).glob(f"{serial}.[0-9]*"):
        _remove(str(path))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        Path(path).unlink()
