"""The root: the embedder's own loop, which makes hosts, numbers them, and is first to know that one has
died.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import zmq

from peerage.actors.runtime.actor import SpawnRequest, fd_socket_path
from peerage.actors.runtime.errors import (
    ActorDeadError,
    ActorStartError,
    HostAliveError,
    StartLimitError,
    text_of,
)
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.host.host import EXIT_LINGER_S
from peerage.actors.runtime.host.loop_thread import LoopThread
from peerage.actors.runtime.host.stopping import SHUTDOWN, TERMINATED, Leave, Standing, Stop
from peerage.actors.runtime.limits import PROCESS_COST, Purpose, lack_behind, lack_of_descriptors
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.exit_reason import DownReason, from_status
from peerage.actors.runtime.mail.foothold import LOOK_S
from peerage.actors.runtime.mail.handled_counts import path_of as ledger_path
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, HostFacts, serial_of
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.message import Kind, Raw
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.request import Request, answering, do_all, guarded
from peerage.actors.runtime.processes import sigterm
from peerage.actors.runtime.processes.boot import Boot
from peerage.actors.runtime.processes.ending import KILL_WAIT_S, Ending
from peerage.actors.runtime.processes.fd_channel import FAILED, LIMITED, MAX_FDS
from peerage.actors.runtime.processes.fork_server_client import (
    ForkServer,
    current_directory,
    environment_now,
    import_path,
)
from peerage.actors.runtime.processes.owners import Links

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.process import Process

STATUS_WAIT_S = 0.1  # for the fork server to tell how a process ended, after its pidfd said that it did
STATUS_POLL_S = 0.002
REAP_AGAIN_S = 0.5
FAULT_PAUSE_S = 0.05  # a fault that repeats itself must not fill the disk with its log
RENEWALS = 5  # of the fork server, within RENEWAL_PERIOD_S, before starts in flight are given up
RENEWAL_PERIOD_S = 10.0
RENEWAL_PAUSE_S = 0.2
SYSTEM_ENDS = "the system is shutting down"
NO_FORK_SERVER = "the fork server cannot be started again"
LONGEST_FAILURE = 4096  # bytes
LEDGER_KEPT_S = 60.0  # of a dead host: a thread that was busy elsewhere counts its losses when it sends again
ORPHAN_GRACE_S = (
    2 * EXIT_LINGER_S
)  # for hosts whose actors have been stopped by who ended: a busy machine is no reason
SIGTERM_WAIT_S = (
    0.2  # between one that comes to a host and one that comes to the program, sent at once to all
)
NEWS_DELAY_S = 0.1  # between an actor's end, seen by its watchers, and its host's goodbye, seen by the root


class _Heir(NamedTuple):
    """A start that waits: of which host and actor, who waits for it, and how it goes on."""

    host: str
    actor: str
    asker: Request
    make: Callable[[], None]


class _HostRecord:
    """What the root knows of one life of a host."""

    def __init__(
        self,
        name: str,
        serial: int,
        request: SpawnRequest | None,
        asker: Request,
        signature: Mapping[str, str],
    ) -> None:
        self.name, self.serial, self.request, self.asker = name, serial, request, asker
        self.owner: ActorRef[Any] | None = None  # of a thread's actor; the links know those of processes
        self.standing = Standing(request is not None and request.stops_others)
        self.signature = signature  # of lines about it
        self.pid = 0
        self.pidfd = -1  # of a process host
        self.fds: list[int] = []  # passed on, kept until the fork is confirmed; closed by `close_all`
        self.status: int | None = None
        self.goodbye: DownReason | None = None  # the reason it gave itself
        self.ended: dict[str, DownReason] = {}  # and those of its last actors
        self.is_up = False
        self.must_die = False
        self.verdict: DownReason | None = None  # why the root has killed it
        self.failure = ""  # what it ended with, an exception
        self.limit = ""  # of the operating system, which its start has met
        self.mourners: set[str] = set()  # hosts that do not start before this one is gone
        self.heirs: list[_Heir] = []  # starts that wait for its end

    @property
    def is_passing(self) -> bool:
        """Whether it comes and goes with an actor that does: those that strangers may cause are told when debugging."""
        return self.request is not None and self.request.is_passing


class Root(LoopThread):
    """Runs in a thread of the embedder and has no actors of its own."""

    def __init__(
        self,
        process: Process,
        fork_server: ForkServer,
        *,
        log_setup: bytes,
    ) -> None:
        super().__init__(process, "root", ROOT_SERIAL)
        process.main = self
        self.port.purpose = Purpose.DUTY
        process.table.up(HostFacts(self.name, self.serial, self.pid), frozenset())
        self._fork_server = fork_server
        self._log_setup = log_setup
        self._next_serial = ROOT_SERIAL + 1
        self._unreaped: list[_HostRecord] = []
        self._renewals: list[float] = []  # when the fork server was started again, lately
        self.records: dict[int, _HostRecord] = {}
        self._by_pid: dict[int, _HostRecord] = {}
        self._passed: dict[str, list[int]] = {}
        self._links = Links(self.port, self._on_orphans)
        self._ending: Ending | None = None
        self._terminated: set[int] = set()  # hosts that have had a SIGTERM just now
        self._fd_socket = self._listen_for_fds()
        self.loop.descriptors.set(fork_server.fileno(), None, reader=self._hear_fork_server)
        own: dict[Kind, Handler] = {
            Kind.SPAWN: answering(self.port, self._on_spawn),
            Kind.RESERVE: answering(self.port, self._on_reserve),
            Kind.HOST_READY: self._on_ready,
            Kind.HOST_BYE: self._on_bye,
            Kind.KILL: answering(self.port, self._on_kill),
            Kind.GIVE_UP: answering(self.port, self._on_give_up),
            Kind.HOST_STANDING: self._on_standing,
            Kind.HOST_SIGTERM: self._on_sigterm,
        }
        for kind, handler in own.items():
            self.port.handlers[kind] = handler
        self.port.handlers[:] = map(guarded, self.port.handlers)

    def run(self) -> None:
        """As every host's, but nothing that goes wrong in a turn ends it: all others depend on this loop."""
        try:
            self.look_every(LOOK_S)
            while not self.finished:
                self.careful_turn(3600.0)
        except zmq.ContextTerminated:
            pass
        finally:
            self.loop.finished = True
            self.take_last_messages()
            self.shut()

    def careful_turn(self, longest: float, done: Callable[[], bool] | None = None) -> None:
        """As `turn`. Raises: nothing but ContextTerminated."""
        try:
            self.loop.turn(longest, done)
        except zmq.ContextTerminated:
            raise
        except Exception:
            logger().exception("root turn failed")
            time.sleep(FAULT_PAUSE_S)

    # Making hosts

    def _booting(self) -> frozenset[int]:
        return frozenset(record.serial for record in self.records.values() if not record.is_up)

    def _record_of(self, name: str) -> _HostRecord | None:
        return next((record for record in self.records.values() if record.name == name), None)

    def _mourned_by(self, name: str) -> _HostRecord | None:
        return next((record for record in self.records.values() if name in record.mourners), None)

    def _new_record(
        self,
        name: str,
        request: SpawnRequest | None,
        asker: Request,
        signature: Mapping[str, str],
    ) -> _HostRecord:
        record = _HostRecord(name, self._next_serial, request, asker, signature)
        self._next_serial += 1
        self.records[record.serial] = record
        asker.on_refusal(self._abandon, record)
        return record

    def _on_spawn(self, asker: Request, _target: bytes, body: Raw) -> None:
        request = SpawnRequest(*wire.decode(0, body, ()))
        asker.error_for = lambda error: ActorStartError(request.actor, text_of(error))
        fds = self._fds_for(request)
        asker.on_refusal(close_all, fds)
        if len(fds) < len(request.fd_names):
            fault = (
                f"only {len(fds)} of the {len(request.fd_names)} descriptors that it is passed have arrived"
            )
            raise ActorStartError(request.actor, fault)

        def make() -> None:
            owner = request.linked_to
            if owner is not None and self._links.is_gone(owner):
                raise ActorStartError(request.actor, f"{owner}, which it would be linked to, has ended")
            if lack := self._lack_of_descriptors():
                raise StartLimitError(request.actor, lack)
            record = self._new_record(request.host, request, asker, request.signature)
            record.fds = fds
            if owner is not None:
                self._links.add(owner, record.serial)
            self._fork(record)

        self._when_free(_Heir(request.host, request.actor, asker, make))

    def _lack_of_descriptors(self) -> str:
        """Why one more host cannot be made beside those that are being made."""
        hosts = [record for record in self.records.values() if record.request is not None]
        making = sum(not record.is_up for record in hosts)
        # Those that others have started have no way to our threads yet: they shall be able to answer the first one.
        unasked = sum(record.is_up and self._process_of(record.asker.source) != self.pid for record in hosts)
        return lack_of_descriptors(PROCESS_COST * (making + 1) + unasked, Purpose.WORK)

    def _on_reserve(self, asker: Request, _target: bytes, body: Raw) -> None:
        name, signature, owner, stops_others = wire.decode(0, body, ())
        asker.error_for = lambda error: ActorStartError(name, text_of(error))

        def make() -> None:
            if self.process.table.is_dead(serial_of(asker.source)):
                return  # nobody is left to make the thread, and nothing would ever free its name
            record = self._new_record(name, None, asker, signature)
            record.pid = self._process_of(asker.source)
            record.owner, record.standing = owner, Standing(stops_others)
            asker.answer(record.serial)

        self._when_free(_Heir(name, name, asker, make))

    def _when_free(self, heir: _Heir) -> None:
        """Have a start go on once no host of its name is left, nor any that ends with one; refuse it if the bearer lives on.

        Who has just seen an actor stop may start its successor at once: the news of the old host's end may
        come a moment after.
        """
        name, actor, asker, make = heir
        if self.closing:
            asker.refuse(ActorStartError(actor, SYSTEM_ENDS))
        elif name == self.name:
            asker.refuse(ActorStartError(actor, f"the host name {name!r} is taken"))
        elif (bearer := self._record_of(name) or self._mourned_by(name)) is None:
            asker.serve(make)
        else:
            bearer.heirs.append(heir)
            self._soon_or_never(bearer)

    def _soon_or_never(self, bearer: _HostRecord) -> None:
        def decide() -> None:
            if bearer.goodbye is None and not (bearer.must_die or bearer.mourners):
                heirs, bearer.heirs = bearer.heirs, []
                for heir in heirs:
                    heir.asker.refuse(HostAliveError(heir.actor, bearer.name, bearer.serial))

        self.loop.call_later(None, NEWS_DELAY_S, decide)

    def _fork(self, record: _HostRecord) -> None:
        """Ask for the process of a host. Raises: StartLimitError; ActorStartError, when no fork server can be started."""
        assert record.request is not None
        try:
            self._ask_for(record)
        except OSError as error:
            if lack := lack_behind(error):
                raise StartLimitError(record.request.actor, lack) from error
            raise ActorStartError(record.request.actor, text_of(error)) from error

    def _ask_for(self, record: _HostRecord) -> None:
        request = record.request
        assert request is not None
        if not self._fork_server.is_started:
            try:
                self._start_fork_server()
            except OSError as error:
                if lack_behind(error):
                    raise
                raise ActorStartError(request.actor, f"{NO_FORK_SERVER}: {text_of(error)}") from error
        environment = environment_now()
        boot = Boot(
            name=record.name,
            serial=record.serial,
            keep=request.keep,
            system=self.process.system,
            directory=self.process.directory,
            directory_identity=self.process.network.foothold.identity,
            title=self.process.title,
            path=import_path(),
            environment=None if environment == self._fork_server.environment else environment,
            table=wire.dumps(self._snapshot()),
            fd_names=request.fd_names,
            log_setup=request.log_setup or self._log_setup,
        )
        here = current_directory()
        try:
            self._fork_server.fork(boot, [here, *record.fds])
        except ConnectionError:
            pass  # a dying fork server is noticed by its end of file, and its successor is asked anew
        finally:
            os.close(here)

    def _abandon(self, record: _HostRecord) -> None:
        """Let go of what there is of a host that nobody will use: its start was refused."""
        if record.serial not in self.records:
            return
        if record.pidfd < 0:  # if it is being forked, it is killed when its process is heard of
            self._bury(record, DownReason("killed", "it could not be started"))
        else:
            record.verdict = DownReason("killed", "it could not be started", signal=signal.SIGKILL)
            self._kill(record)

    def _snapshot(self) -> Any:
        hosts, _booting, highest = self.process.table.snapshot()
        return hosts, self._booting(), highest

    def _listen_for_fds(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        listener.bind(fd_socket_path(self.process.directory))
        self.loop.descriptors.set(listener.fileno(), None, reader=self._take_fds)
        return listener

    def on_mended(self) -> None:
        super().on_mended()
        if self.process.on_mended is not None:
            self.process.on_mended()
        if not Path(fd_socket_path(self.process.directory)).exists():
            self._take_fds()
            lost, self._fd_socket = self._fd_socket, self._listen_for_fds()
            self.loop.descriptors.clear(lost.fileno(), reader=True)
            lost.close()

    def _fds_for(self, request: SpawnRequest) -> list[int]:
        if not request.fd_token:
            return []
        self._take_fds()
        return self._passed.pop(request.fd_token, [])

    def _take_fds(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, fds, _flags, _address = socket.recv_fds(self._fd_socket, LONGEST_FAILURE, MAX_FDS)
                for fd in fds:
                    os.set_inheritable(fd, False)
                if data.startswith((FAILED, LIMITED)):
                    _kind, serial, text = data.decode(errors="replace").split(" ", 2)
                    if (record := self.records.get(int(serial))) is not None:
                        record.failure = text
                        record.limit = text if data.startswith(LIMITED) else ""
                else:
                    self._passed[data.decode()] = fds

    def _process_of(self, address: int) -> int:
        facts = self.process.table.live.get(address >> THREAD_BITS)
        return facts.pid if facts is not None else self.pid

    def _on_ready(
        self, _f: int, _s: int, corr: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        name, pid = wire.decode(0, body, ())
        record = self.records.get(corr)
        if record is None or record.must_die:
            # Forked by a fork server that died before it could say so; its place was given to another.
            self.port.send(corr << THREAD_BITS, Kind.HOST_STOP, body=wire.dumps(Stop()))
            return
        record.is_up = True
        record.pid = pid
        facts = HostFacts(name, corr, pid)
        self.process.table.up(facts, self._booting())
        self.port.follows.look()
        self.process.wake_followers()
        self._broadcast(Kind.HOST_UP, ((name, corr, pid), self._booting()), but=corr)
        if self._ending is not None:
            self.port.send(corr << THREAD_BITS, Kind.SYSTEM_ENDS)
            self._ending.is_up(record)
        log = logger().bind(**record.signature)
        tell = log.debug if record.is_passing else log.info
        tell("host started", host=name, pid=pid, serial=corr)
        if record.request is not None and self._ending is None:
            number, source, body = record.asker.corr, record.asker.source, record.request.start_body
            self.port.send(corr << THREAD_BITS, Kind.START, number, body=body, source=source)

    def _broadcast(self, kind: int, value: Any, *, but: int) -> None:
        body = wire.dumps(value)
        for serial in list(self.process.table.live):  # thread hosts come and go meanwhile
            if serial not in {but, self.serial}:
                self.port.send(serial << THREAD_BITS, kind, body=body)

    # The fork server

    def _hear_fork_server(self) -> None:
        if not self._fork_server.wait_readable(0.0):
            return  # read already, while a death was looked into in the same turn
        try:
            report, fds = self._fork_server.receive()
        except (EOFError, OSError):
            self._renew_fork_server()
            return
        match report:
            case ("forked", serial, pid):
                self._on_forked(serial, pid, fds)
            case ("not forked", serial, limit, text):
                self._on_not_forked(
                    serial, limit or f"its process cannot be forked: {text}", is_limit=bool(limit)
                )
            case ("exited", pid, status):
                if (record := self._by_pid.get(pid)) is not None:
                    record.status = status
            case ("preload failed", name, text):
                logger().warning("preload failed", module=name, cause=text)
            case ("preload unsafe", name):
                logger().warning("module not preloaded", module=name, cause="importing it starts threads")
                self._fork_server.leave_out(name)
                self._renew_fork_server(wanted=True)

    def _start_fork_server(self) -> None:
        """Raises: OSError."""
        self._fork_server.start()
        self.loop.descriptors.set(self._fork_server.fileno(), None, reader=self._hear_fork_server)

    def _renew_fork_server(self, *, wanted: bool = False) -> None:
        self.loop.descriptors.clear(self._fork_server.fileno(), reader=True)
        if self.closing:
            for record in [
                each for each in self.records.values() if each.request is not None and not each.pid
            ]:
                self._bury(record, DownReason("killed", "the fork server died while the system ended"))
            return
        pid = self._fork_server.pid
        status = self._fork_server.end()
        if not wanted:
            logger().error("fork server died", cause=str(from_status(status)), pid=pid)
        waiting = [
            record for record in self.records.values() if record.request is not None and record.pidfd < 0
        ]
        now = time.monotonic()
        self._renewals = [at for at in self._renewals if now - at < RENEWAL_PERIOD_S] + [now] * (not wanted)
        fault = limit = ""
        try:
            self._start_fork_server()
        except OSError as error:  # the next start tries again
            limit = lack_behind(error)
            fault = f"{NO_FORK_SERVER}: {limit or text_of(error)}"
            logger().error(NO_FORK_SERVER, cause=limit or text_of(error))
        if len(self._renewals) > RENEWALS:
            # It cannot live here (an interpreter that cannot import us, no memory): no starter shall wait for it.
            fault = fault or f"the fork server keeps dying: {from_status(status)}"
            time.sleep(RENEWAL_PAUSE_S)
        for record in waiting:
            # It may have been forked without our hearing of it: that one is turned away when it reports, for
            # its serial has gone.
            if record.serial not in self.records:
                continue  # it went with one before it
            record.limit = limit
            if fault:
                self._bury(record, DownReason("killed", fault))
            elif record.must_die:
                self._bury(record, DownReason("killed", "killed before it had started"))
            else:
                record.asker.serve(self._fork_again, record)

    def _fork_again(self, record: _HostRecord) -> None:
        del self.records[record.serial]
        successor = self._new_record(record.name, record.request, record.asker, record.signature)
        successor.fds, successor.heirs = record.fds, record.heirs
        self._links.replace(record.serial, successor.serial)
        self._fork(successor)

    def _on_not_forked(self, serial: int, cause: str, *, is_limit: bool) -> None:
        record = self.records.get(serial)
        if record is not None and record.request is not None:
            kind = StartLimitError if is_limit else ActorStartError
            record.asker.refuse(kind(record.request.actor, cause))

    def _on_forked(self, serial: int, pid: int, fds: list[int]) -> None:
        if not fds:  # there was no room for it here
            self._fork_server.kill(pid)
            self._on_not_forked(serial, lack_behind(OSError(errno.EMFILE, "")), is_limit=True)
            return
        record, pidfd = self.records.get(serial), fds[0]
        if record is None:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
            return
        close_all(record.fds)
        record.pid, record.pidfd = pid, pidfd
        self._by_pid[pid] = record
        self.loop.descriptors.set(pidfd, None, reader=lambda: self._on_death(record))
        if record.must_die:
            self._kill(record)

    # Death

    def _on_death(self, record: _HostRecord) -> None:
        self.loop.descriptors.clear(record.pidfd, reader=True)
        self._reap(record)
        deadline = time.monotonic() + STATUS_WAIT_S
        while (
            record.status is None
            and record.goodbye is None
            and self._fork_server.is_started
            and time.monotonic() < deadline
        ):
            if self._fork_server.wait_readable(STATUS_POLL_S):
                self._hear_fork_server()
        if record.status is None:
            self._unreaped.append(record)
            self.loop.call_later(None, REAP_AGAIN_S, self._reap_orphans)
        self.port.reader.pump()  # its last words arrived before its death
        self._take_fds()
        reason = self._reason_of(record)
        os.close(record.pidfd)
        record.pidfd = -1
        self._by_pid.pop(record.pid, None)
        self._bury(record, reason)
        for other in [r for r in self.records.values() if r.pid == record.pid]:
            self._bury(other, reason)

    def _reason_of(self, record: _HostRecord) -> DownReason:
        if record.goodbye is not None and not record.status:
            return record.goodbye
        reason = record.verdict or from_status(record.status)
        if record.failure and record.verdict is None:
            return replace(reason, text=f"{reason.text}: {record.failure}")
        return reason

    def _reap(self, record: _HostRecord) -> bool:
        """A host whose fork server has died may be our own child now: we are PID 1, or a subreaper."""
        with contextlib.suppress(ChildProcessError):
            done, status = os.waitpid(record.pid, os.WNOHANG)
            if done:
                record.status = status
        return record.status is not None

    def _reap_orphans(self) -> None:
        # Once more, and then no more: the fork server was dying too, and had not yet left its children to us.
        for record in self._unreaped:
            self._reap(record)
        self._unreaped.clear()

    def _bury(self, record: _HostRecord, reason: DownReason) -> None:
        if self.records.pop(record.serial, None) is None:
            return
        gracefully = record.goodbye is not None
        booting, ended = self._booting(), record.ended
        self.process.table.down(record.serial, reason, booting, gracefully=gracefully, ended=ended)
        self._links.remove(record.serial)
        orphans = self._links.take(record.serial)
        was_late = self._ending is not None and self._ending.has_killed(record)
        fate = SHUTDOWN if was_late else reason  # who is linked to it has had no time of his own yet
        news = (record.serial, reason, booting, gracefully, ended)
        name = record.request.actor if record.request is not None else record.name
        # If it has started, its asker has been answered, and takes no notice.
        error = ActorStartError(name, f"host {record.name!r} ended ({reason})")
        if record.limit:
            error = StartLimitError(name, record.limit)
        elif self.closing and reason.is_orderly:
            error = ActorStartError(name, SYSTEM_ENDS)
        heirs, record.heirs = record.heirs, []
        do_all(
            (self._remove_sockets, (record.serial,)),
            (self._end_orphans, (orphans, record.name, {record.name} | record.mourners, fate)),
            *([] if self._ending is None else [(self._ending.over, (record,))]),
            (lambda: self._broadcast(Kind.HOST_DOWN, news, but=record.serial), ()),
            (self.port.losses.sweep, ()),
            (self.process.wake_clients, ()),
            (record.asker.refuse, (error,)),
            (close_all, (record.fds,)),
            *((self._when_free, (heir,)) for heir in heirs),
        )
        self.loop.call_later(None, LEDGER_KEPT_S, self._remove_ledger, record.serial)
        log = logger().bind(**record.signature)
        orderly = log.debug if record.is_passing else log.info
        tell = orderly if reason.is_orderly else log.error
        tell("host ended", host=record.name, pid=record.pid, serial=record.serial, cause=str(reason))

    def _remove_sockets(self, serial: int) -> None:
        """A host that was killed could not do so itself: its own mailbox, and those of its threads."""
        for path in Path(self.process.directory).glob(f"{serial}.[0-9]*"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _remove_ledger(self, serial: int) -> None:
        with contextlib.suppress(OSError):
            Path(ledger_path(self.process.directory, serial)).unlink()

    def _on_bye(self, _f: int, _s: int, corr: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int) -> None:
        record = self.records.get(corr)
        if record is None:
            return
        record.goodbye, record.ended = wire.decode(0, body, ())
        if record.request is None:  # a host in a thread: nothing else will tell of its end
            self._bury(record, record.goodbye or DownReason("normal"))

    def _on_kill(self, asker: Request, _target: bytes, body: Raw) -> None:
        name, hint = wire.decode(0, body, ())
        record = self._record_of(name) or self.records.get(hint)
        if record is None or record.request is None:
            raise ActorDeadError(f"host {name!r} has no process of its own")
        self._kill(record)
        asker.answer()

    def _on_give_up(self, asker: Request, _target: bytes, body: Raw) -> None:
        """Nobody waits any more for a host that was asked for: it is killed if it is there, and never made if it is not."""
        given_up = asker.source, wire.decode(0, body, ())
        for record in list(self.records.values()):
            waiting, record.heirs = record.heirs, []
            for heir in waiting:
                if (heir.asker.source, heir.asker.corr) == given_up:
                    heir.asker.refuse(ActorStartError(heir.actor, "its start was given up"))
                else:
                    record.heirs.append(heir)
            if record.request is not None and (record.asker.source, record.asker.corr) == given_up:
                record.verdict = DownReason("killed", "its start was given up", signal=signal.SIGKILL)
                self._kill(record)
        asker.answer()

    def _on_standing(
        self, _f: int, _s: int, corr: int, _t: bytes, _n: bytes, body: Raw, _e: Any, _z: int
    ) -> None:
        if (record := self.records.get(corr)) is not None:
            record.standing = Standing(*wire.decode(0, body, ()))
            if self._ending is not None:
                self._ending.stands(record)

    def _on_sigterm(self, _f: int, _s: int, corr: int, *_: Any) -> None:
        if not self._terminated:
            self.loop.call_later(None, SIGTERM_WAIT_S, self._end_terminated)
        self._terminated.add(corr)

    def _end_terminated(self) -> None:
        """Stop the hosts that were terminated, each by itself.

        One that came to all processes (from a service manager, `timeout`, a shell's `kill` of a job) is meant for the
        program, which ends us in order, or does not mind it.
        """
        terminated, self._terminated = self._terminated, set()
        hosts = {
            record.serial for record in self.records.values() if record.request is not None and record.is_up
        }
        if (
            self.closing
            or sigterm.has_come_within(2 * SIGTERM_WAIT_S)
            or (len(hosts) > 1 and hosts <= terminated)
        ):
            return
        for serial in terminated & hosts:
            stop = Stop(TERMINATED, Leave.OWNED_HERE)
            self.port.send(serial << THREAD_BITS, Kind.HOST_STOP, body=wire.dumps(stop))

    def _kill(self, record: _HostRecord) -> None:
        record.must_die = True
        if record.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(record.pidfd, signal.SIGKILL)

    # Links

    def _on_orphans(self, owner: ActorRef[Any], hosts: list[int], reason: DownReason) -> None:
        self._end_orphans(hosts, owner.name, {owner.host}, reason)

    def _end_orphans(self, hosts: list[int], owner: str, mourners: set[str], reason: DownReason) -> None:
        """End the hosts that end with `owner`, and those that end with them.

        Who ended in good order has stopped them himself: they are on their way out, and are killed only if they do not
        get there.

        Args: mourners, the names under which no host may start before they are gone; reason, the owner's.
        """
        for record in [self.records[serial] for serial in hosts]:
            record.mourners |= mourners
            if reason.is_orderly and self._ending is not None:
                self._ending.orphaned(record)
            elif reason.is_orderly:
                self.loop.call_later(None, ORPHAN_GRACE_S, self._end_orphan, record, owner)
            else:
                self._end_orphan(record, owner)
                orphans = self._links.take(record.serial)
                self._end_orphans(orphans, record.name, mourners | {record.name}, reason)

    def _end_orphan(self, record: _HostRecord, owner: str) -> None:
        if record.serial in self.records:
            text = f"linked to {owner!r}, which has ended"
            record.verdict = DownReason("killed", text, signal=signal.SIGKILL)
            self._kill(record)

    # The end of the system

    def is_free(self, record: _HostRecord) -> bool:
        """Whether a host belongs to nobody: to no actor that it is linked to, nor to another host's process."""
        if record.request is not None:
            return not self._links.has_owner(record.serial)
        return record.pid == self.pid and (record.owner is None or self._links.is_gone(record.owner))

    def close_down(self, grace: float, caller: int | None = None) -> None:
        """Stop every host, in the order of `Ending`, and end. Args: see there."""
        if self.closing:
            return
        self.closing = True
        self._ending = Ending(self, self._kill, grace, caller)
        self._broadcast(Kind.SYSTEM_ENDS, None, but=self.serial)
        try:
            self._ending.run()
            for record in list(self.records.values()):
                self._kill(record)
            deadline = time.monotonic() + KILL_WAIT_S
            while any(record.pidfd >= 0 for record in self.records.values()) and time.monotonic() < deadline:
                self.careful_turn(0.1, lambda: not self.records)
            self.loop.descriptors.clear(self._fork_server.fileno(), reader=True)
            self._reap_orphans()
            self._fd_socket.close()
            for fd in [fd for fds in self._passed.values() for fd in fds]:
                os.close(fd)
        finally:
            self.loop.finished = True

    def hurry(self) -> None:
        """End the system that is being closed down: nobody is waited for any longer."""
        if self._ending is not None:
            self._ending.hurry()
