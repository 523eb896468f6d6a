"""How hosts are made: their processes by the fork server, and their records in any case.

Making a host takes several steps, between which the root goes on with its loop: its name may have to become free, then the
fork server is asked, forks and reports, and at last the host says that it is ready. Each of these can fail, and the asker
may give up in between. So everything that a step makes is noted in the `Request` to be undone, and a record exists from the
moment on that the fork server is asked. Whatever comes later finds it by its serial, or does not find it and is turned away.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable
from typing import Any

from peerage.actors.runtime.errors import ActorStartError, StartLimitError, text_of
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.host.stopping import Standing
from peerage.actors.runtime.limits import PROCESS_COST, Purpose, lack_behind, lack_of_descriptors
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, THREAD_BITS
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.mail.request import Request
from peerage.actors.runtime.processes.fork_server_client import (
    ForkServer,
    current_directory,
    environment_now,
    import_path,
)
from peerage.actors.runtime.processes.fork_server_line import NO_FORK_SERVER, ForkServerLine
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords, WaitingStart
from peerage.actors.runtime.processes.owners import Owners
from peerage.actors.runtime.processes.passed_fds import PassedFds
from peerage.actors.runtime.processes.reaper import Reaper
from peerage.actors.runtime.processes.requests import MEMORY, Boot, Reservation, SpawnRequest
from peerage.actors.runtime.processes.title import of_whom
from peerage.actors.runtime.processes.waiting_starts import WaitingStarts


class HostMaker:
    """Belongs to the root's loop.

    Attributes: line, by which the fork server is heard; reaper, which hears of the deaths of processes.

    Args:
        log_setup: of the system, pickled.
        kill: kills a host, or notes that it is to be killed if its process is not known yet.
        remove: a host has ended, or will never be, for this reason: refuses its asker and lets everybody know.
        on_death: told of each host whose process has died.
    """

    def __init__(
        self,
        process: Process,
        records: HostRecords,
        starts: WaitingStarts,
        owners: Owners,
        fds: PassedFds,
        fork_server: ForkServer,
        loop: Loop[Any],
        *,
        log_setup: bytes,
        kill: Callable[[HostRecord], None],
        remove: Callable[[HostRecord, DownReason], None],
        on_death: Callable[[HostRecord], None],
    ) -> None:
        self._process, self._records, self._starts, self._owners = process, records, starts, owners
        self._memory = () if process.network.memory.fd < 0 else (process.network.memory.fd,)
        self._fds, self._fork_server, self._log_setup = fds, fork_server, log_setup
        self._kill, self._remove = kill, remove
        self.line = ForkServerLine(
            fork_server,
            loop.descriptors,
            on_report=self._on_report,
            on_renewed=self._on_renewed,
            on_gone=self._on_fork_server_gone,
        )
        self._held: dict[
            tuple[int, int], bytes | None
        ] = {}  # by asker: what is to be started in a held host, once known
        self.reaper = Reaper(fork_server, loop.descriptors, loop, self.line.hear, on_death)

    # Requests

    def spawn(self, asker: Request, _target: bytes, body: Raw) -> None:
        """Make a host in a process of its own, once its name is free.

        It is answered by the host itself, which is sent the start message in the asker's name when it is ready. So every
        refusal has to come from here, from the records or from the death of the host: nobody else knows of the asker.

        Raises: ActorStartError, StartLimitError: `Request.serve` makes them the answer.
        """
        request = SpawnRequest(*codec.decode(0, body, ()))
        # What goes wrong from here on is an error of this start, also what nobody has foreseen.
        asker.error_for = lambda error: ActorStartError(request.actor, text_of(error))
        # Taken out at once: if the request is refused, they are closed, and nobody else knows of them.
        fds = self._fds.of(request.fd_token)
        asker.on_refusal(close_all, fds)
        if request.is_held:
            self._held[asker.source, asker.corr] = None
            asker.on_refusal(self._held.pop, (asker.source, asker.corr), None)
        # Where this process had no room for all of them, the kernel has dropped some without a word.
        if len(fds) < len(request.fd_names):
            fault = (
                f"only {len(fds)} of the {len(request.fd_names)} descriptors that it is passed have arrived"
            )
            raise ActorStartError(request.actor, fault)

        def make() -> None:
            # Looked at now and not before: the owner may have ended while the name was not free.
            owner = request.owner
            if owner is not None and self._owners.is_gone(owner):
                raise ActorStartError(request.actor, f"{owner}, which it would be linked to, has ended")
            self._process.network.mend()  # or the new process would not find us
            if lack := self._lack_of_descriptors():
                raise StartLimitError(request.actor, lack)
            record = self._new_record(request, asker)
            record.fds = fds
            # Before the process exists: if the owner ends a moment later, it is known what has to end with it.
            if owner is not None:
                self._owners.add(owner, record.serial)
            self._fork(record, request)

        self._starts.when_free(WaitingStart(request.host, request.actor, asker, make))

    def release(self, source: int, corr: int, body: bytes) -> HostRecord | None:
        """Take what is to be started in the host that was held for this asker. Returns: that host, if it is up."""
        if (source, corr) not in self._held:  # its start has been refused
            return None
        self._held[source, corr] = body
        return next(
            (
                record
                for record in self._records.processes()
                if record.is_up and (record.asker.source, record.asker.corr) == (source, corr)
            ),
            None,
        )

    def take_start_body(self, record: HostRecord) -> bytes | None:
        """What a host that is up is to start; None as long as it is held."""
        request = record.request
        if request is None:
            return None
        if not request.is_held:
            return request.start_body
        asker = record.asker.source, record.asker.corr
        if self._held.get(asker) is None:
            return None
        return self._held.pop(asker)

    def _new_record(self, request: SpawnRequest | Reservation, asker: Request) -> HostRecord:
        """Begin the life of a host: it has a serial and bears its name from now on. Undone if the request is refused."""
        made_for = request if isinstance(request, SpawnRequest) else None
        record = self._records.add(request.host, made_for, asker, request.signature)
        asker.on_refusal(self._abandon, record)
        return record

    def _lack_of_descriptors(self) -> str:
        """Why one more host cannot be made beside those that are being made; empty when it can.

        Those that are being made have not opened most of their descriptors here yet, so counting the open ones is not
        enough: a program that starts a hundred actors at once would pass its limit long after each of them was granted.
        """
        hosts = self._records.processes()
        making = sum(not record.is_up for record in hosts)
        # Those that others have started may have no way to our threads yet: they must be able to answer the first one that
        # asks them, and that answer needs a descriptor here. Whom a thread has asked has it, and it is counted as open.
        strange = {
            record.serial << THREAD_BITS
            for record in hosts
            if record.is_up and self._process_of(record.asker.source) != self._process.pid
        }
        if strange:
            for port in self._process.ports():
                if port.address != ROOT_ADDRESS:
                    strange.difference_update(port.outbox.destinations())
        unasked = len(strange)
        return lack_of_descriptors(PROCESS_COST * (making + 1) + unasked, Purpose.WORK)

    def _process_of(self, address: int) -> int:
        """The process that has a mailbox at this address; it counts as ours if it has ended meanwhile."""
        facts = self._process.table.live.get(address >> THREAD_BITS)
        return facts.pid if facts is not None else self._process.pid

    def reserve(self, asker: Request, _target: bytes, body: Raw) -> None:
        """Give a host in a thread of the asker's process its serial, once its name is free.

        The asker makes the thread itself. If it cannot, it says goodbye in the name of the host that never was (HOST_BYE).
        """
        request = Reservation(*codec.decode(0, body, ()))
        # The root does not know which actor it is for, so the error names the host. The starter knows.
        asker.error_for = lambda error: ActorStartError(request.host, text_of(error))

        def make() -> None:
            if self._process.network.is_gone(asker.source):
                return  # nobody is left to make the thread, and nothing would ever free its name
            record = self._new_record(request, asker)
            # Known at once, unlike that of a process: if the asker's process dies before the thread is there, the record
            # goes with it.
            self._records.note_pid(record, self._process_of(asker.source))
            record.owner, record.standing = request.owner, Standing(request.stops_others)
            asker.answer(record.serial)

        self._starts.when_free(WaitingStart(request.host, request.host, asker, make))

    def asker_is_gone(self, address: int) -> None:
        """A mailbox has been closed: nobody will make the threads that were reserved from there, nor start actors in them.

        One that is just being made is turned away when it says that it is ready.
        """
        for serial in self._records.booting:
            record = self._records.of_serial(serial)
            if record is not None and record.request is None and record.asker.source == address:
                self._remove(record, DownReason("killed", "its thread was not started"))

    def _fork(self, record: HostRecord, request: SpawnRequest) -> None:
        """Ask for the process of a host; the answer comes as a report, in a later turn.

        Raises: StartLimitError; ActorStartError, when no fork server can be started.
        """
        try:
            # One that has died is replaced when its death is noticed. It is missing only if that has failed.
            if not self._fork_server.is_started:
                self._start_fork_server(request)
            boot = self._boot_of(record, request)
            # Opened for each start, and the path and environment are read anew: actors find what the program has now.
            here = current_directory()
            try:
                # A dying fork server is noticed by its end of file, and its successor is asked anew.
                with contextlib.suppress(ConnectionError):
                    self._fork_server.fork(boot, [here, *self._memory, *record.fds])
            finally:
                os.close(here)
        except OSError as error:
            if lack := lack_behind(error):
                raise StartLimitError(request.actor, lack) from error
            raise ActorStartError(request.actor, text_of(error)) from error

    def _start_fork_server(self, request: SpawnRequest) -> None:
        """Replace one that has died when none could be started. Raises: OSError, when a limit is met; ActorStartError."""
        try:
            self.line.start()
        except OSError as error:
            if lack_behind(error):
                raise
            raise ActorStartError(request.actor, f"{NO_FORK_SERVER}: {text_of(error)}") from error

    def _boot_of(self, record: HostRecord, request: SpawnRequest) -> Boot:
        """What the new process must know, as things stand now. The table in it ages: see `HostRecord.missed`."""
        environment = environment_now()
        hosts, _booting, highest = self._process.table.snapshot()
        return Boot(
            name=record.name,
            serial=record.serial,
            keep=request.keep,
            system=self._process.system,
            key=self._process.network.key,
            directory=self._process.directory,
            directory_identity=self._process.network.foothold.identity,
            directory_mended_at=self._process.network.mended_at,
            title=of_whom(self._process.title, record.signature),
            path=import_path(),
            environment=None if environment == self._fork_server.environment else environment,
            table=codec.dumps((hosts, self._records.booting, highest)),
            fd_names=(MEMORY,) * len(self._memory) + request.fd_names,
            log_setup=request.log_setup or self._log_setup,
            module=request.module,
            is_fresh=request.is_fresh,
        )

    def _abandon(self, record: HostRecord) -> None:
        """Let go of what there is of a host that nobody will use: its start was refused.

        It may have been refused because the host has ended: then it is no longer in the records.
        """
        if self._records.of_serial(record.serial) is not record:
            return
        if record.pidfd < 0:  # if it is being forked, it is killed when its process is heard of
            self._remove(record, DownReason("killed", "it could not be started"))
        else:
            record.condemn("it could not be started")
            self._kill(record)

    def give_up(self, asker: Request, _target: bytes, body: Raw) -> None:
        """Nobody waits any more for a host that was asked for: it is killed if it is there, and never made if it is not.

        Killed and not stopped: what has taken too long to start would hardly stop in time. The asker knows the request by
        its own address and number, which is all that it has: a start that was not answered has no serial yet.
        """
        given_up = asker.source, codec.decode(0, body, ())
        self._starts.give_up(given_up)
        for record in self._records.processes():
            # Also one that has started meanwhile, and whose answer has crossed this request: nobody will use it.
            if (record.asker.source, record.asker.corr) == given_up:
                record.condemn("its start was given up")
                self._kill(record)
        asker.answer()

    # The fork server

    def _on_report(self, report: tuple[Any, ...], fds: list[int]) -> None:
        """A report of the fork server about one host: see `fork_server_client.py`."""
        match report:
            case ("forked", serial, pid):
                self._on_forked(serial, pid, fds)
            case ("not forked", serial, limit, text):
                self._on_not_forked(
                    serial, limit or f"its process cannot be forked: {text}", is_limit=bool(limit)
                )
            case ("exited", pid, status):
                # Only noted: the death itself is told by the pidfd, and comes a moment before or after this.
                if (record := self._records.of_pid(pid)) is not None:
                    record.status = status

    def _on_not_forked(self, serial: int, cause: str, *, is_limit: bool) -> None:
        """A host will not be: its asker is refused, which undoes its record (`_abandon`)."""
        record = self._records.of_serial(serial)
        if record is not None and record.request is not None:
            kind = StartLimitError if is_limit else ActorStartError
            record.asker.refuse(kind(record.request.actor, cause))

    def _on_forked(self, serial: int, pid: int, fds: list[int]) -> None:
        # The pidfd is missing: there was no room for it here. Without it we would never hear of the end of this process, nor
        # could we kill it safely. The fork server can, because it is the parent.
        if not fds:
            self._fork_server.kill(pid)
            self._on_not_forked(serial, lack_behind(OSError(errno.EMFILE, "")), is_limit=True)
            return
        record, pidfd = self._records.of_serial(serial), fds[0]
        if record is None:  # abandoned while it was being forked
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
            return
        close_all(record.fds)  # the child has copies, and will not be forked again
        self._records.note_pid(record, pid)
        record.pidfd = pidfd
        self.reaper.watch(record)
        if record.must_die:  # condemned when there was no process to kill
            self._kill(record)

    def _on_renewed(self, fault: str, limit: str) -> None:
        """What was asked of the fork server that has died is asked of its successor.

        It may have been forked without our hearing of it: that one is turned away when it reports, for its serial has gone.

        Args: fault, why there is no successor, empty if there is one; limit, of the operating system, that kept it away.
        """
        for record in self._records.processes():
            # It is there, or it went with one before it: ending one host ends those that are linked to it.
            if record.pidfd >= 0 or self._records.of_serial(record.serial) is not record:
                continue
            record.limit = limit
            if fault:
                self._remove(record, DownReason("killed", fault))
            elif record.must_die:
                self._remove(record, DownReason("killed", "killed before it had started"))
            else:
                record.asker.serve(self._fork_again, record)

    def _fork_again(self, record: HostRecord) -> None:
        """Ask the new fork server for a host, under a new serial. The starts that wait for its name, and the link to its
        owner, go over to the new record.

        The old one is dropped without a word to anybody: nobody has heard of its serial.
        """
        request = record.request
        assert request is not None
        self._records.remove(record)
        successor = self._new_record(request, record.asker)
        successor.fds, successor.waiting = record.fds, record.waiting
        self._owners.replace(record.serial, successor.serial)
        self._fork(successor, request)

    def _on_fork_server_gone(self) -> None:
        """The system ends: hosts that have no process yet will have none, and nobody need wait for them."""
        for record in self._records.processes():
            if not record.pid:
                self._remove(record, DownReason("killed", "the fork server died while the system ended"))
