"""A thread that runs a loop and has a mailbox, as its process knows it: a host, or the root.

Both hear of the hosts of the system, answer questions about themselves, and keep the futures that were made in their process
and have travelled. Both are made in the thread that will run them: its port and its loop belong to that thread.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import zmq

from peerage.actors.runtime.host.callers import Callers
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.errands import Errand
from peerage.actors.runtime.host.host_port import HostPort
from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.host.report import report
from peerage.actors.runtime.host.residents import Residents
from peerage.actors.runtime.host.system_messages import SystemMessage, handler
from peerage.actors.runtime.mail import codec, definitions
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS, HostFacts, serial_of
from peerage.actors.runtime.mail.inbox import Handler
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.mail.request import Request, answering
from peerage.actors.runtime.mail.requests import NUMBER


class LoopThread:
    """Made in the thread that will run it. All methods but `call_soon` and `call_threadsafe` belong to that thread.

    Attributes:
        closing: whether it has begun to end; set once, by its own thread, and read by others of the process.
        pid: of the process that made it, which differs from the current one in a forked child.
        residents: the actors, none for the root.
        killer: kills the process on a cluster that its actor has, where it stands for one there.

    Raises: LimitReachedError or OSError, when there is no descriptor left. Nothing of it is left open then.
    """

    def __init__(self, process: Process, name: str, serial: int) -> None:
        self.process, self.name, self.serial = process, name, serial
        self.pid = os.getpid()
        self.closing = False
        self.killer: Callable[[], object] | None = None
        self.loop: Loop[ActorCell] = Loop()
        self.residents = Residents(self._send)
        try:
            self.port = HostPort(process, serial << THREAD_BITS, self.loop, self.residents.cells, name)
        except BaseException:  # no descriptor left, say: the loop has taken some already
            self.loop.close()
            raise
        self.receipts = self.port.receipts
        own: dict[Kind, Handler] = {
            Kind.WATCH: handler(self.residents.on_watch),
            Kind.UNWATCH: handler(self.residents.on_unwatch),
            Kind.QUERY: answering(self.port, self._on_query),
            Kind.HOST_UP: handler(self._on_host_up),
            Kind.HOST_DOWN: handler(self._on_host_down),
            Kind.KEPT: handler(self._on_kept),
            Kind.READ: handler(self._on_read),
            Kind.SET: handler(partial(self._on_set, int(Kind.REPLY))),
            Kind.SET_FAILED: handler(partial(self._on_set, int(Kind.FAIL))),
        }
        for kind, handle in own.items():
            self.port.handlers[kind] = handle
        self.loop.read(self.port.reader)
        # Last, when nothing can fail any more: from now on other threads of the process find it.
        process.hosts[serial] = self
        # The same process: all classes are there, and may be named only.
        process.kept[serial] = definitions.EVERYTHING
        process.here.host, process.here.port = self, self.port

    def _send(self, address: int, kind: int, corr: int, *, body: bytes) -> None:
        self.port.send(address, kind, corr, body=body)

    @property
    def system(self) -> str:
        """The token of the system, which all of its processes share and no other system has."""
        return self.process.system

    @property
    def cells(self) -> dict[bytes, ActorCell]:
        """The actors, by name."""
        return self.residents.cells

    @property
    def callers(self) -> Callers:
        """Those whose end its actors want to hear of, as far as they are no actors."""
        return self.port.callers

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
        """The same from any thread. After the loop's end nothing happens."""
        self.loop.call_threadsafe(cell, fn, *args)

    def look_every(self, seconds: float) -> None:
        """Look after what the process shares with others, now and again. One loop of each process does.

        Somebody may remove the directory of the mailboxes, or what is in it (docs/decisions/0013). Nothing fails at that
        moment, since connections stand, and later nobody new would find us; so it has to be looked for.
        """
        self.loop.call_later(None, seconds, self.look_every, seconds)
        network = self.process.network
        network.beacon = network.endpoint(self.port.address).removeprefix("ipc://")
        self.process.look_around()

    def on_mended(self) -> None:
        """The directory was made again, and the mailboxes are bound anew by their ports: put back everything else."""
        self.receipts.write_again()

    def _on_query(self, asker: Request, target: bytes, body: Raw) -> None:
        """Answer a question of `System` or a ref: by name, or, without one, whether the target lives here."""
        match codec.decode(0, body, ()):
            case Errand(work):
                asker.answer(work(self.name))
            case "pid":
                asker.answer(self.pid)
            case "actors":
                asker.answer(self.residents.statistics(self.name, self.pid))
            case "report":
                thread = self.loop.thread.ident
                assert thread is not None  # it runs
                asker.answer(report(self.cells.values(), thread, self.process.dead_letters))
            case "owners":
                asker.answer(self.owners())
            case "dead_letters":
                asker.answer(self.process.dead_letters)
            case "dead_letter_record":
                asker.answer(self.process.network.dead_letters.record())
            case _:
                asker.answer(target in self.cells)

    def owners(self) -> dict[int, str]:
        """The actors that whole hosts end with, by the host's serial. The root knows them."""
        return {}

    def _on_read(self, message: SystemMessage) -> None:
        """Somebody reads a future that was made here: the answer is sent when it is resolved (`mail/promise.py`)."""
        number = NUMBER.unpack(message.body)[0]
        self.process.promises.on_read(self, message.source, message.correlation, number)

    def _on_set(self, kind: int, message: SystemMessage) -> None:
        """Somebody sets a future that was made here. Args: kind, REPLY for a value, FAIL for an exception."""
        self.process.promises.on_set(self.port, kind, message.correlation, message.body)

    def _on_kept(self, message: SystemMessage) -> None:
        """A host keeps definitions that we have sent: they are left out of what is sent there from now on."""
        kept = self.process.kept.setdefault(serial_of(message.source), set())
        if isinstance(kept, set):  # not for a host of this process, which has everything
            kept |= definitions.unpack_identities(message.body)

    def _on_host_up(self, message: SystemMessage) -> None:
        """The root tells of a new host. Each loop of a process hears it; the table is one for all, and takes it once."""
        facts, booting = message.read()
        self.process.table.up(HostFacts(*facts), booting)
        self.port.follows.look()
        # Threads that are no loops read their mailbox only when they wait for something: one loop wakes them.
        if self.process.main is self:
            self.process.wake_followers()

    def _on_host_down(self, message: SystemMessage) -> None:
        """The root tells of a host that has ended. The table has it before anything is settled, for that looks there."""
        serial, reason, booting, gracefully, ended = message.read()
        self.process.table.down(serial, reason, booting, gracefully=gracefully, ended=ended)
        self.port.losses.sweep()
        if self.process.main is self:
            self.process.wake_clients()

    def disown(self) -> None:
        """In a forked child: what is shared with the parent's loop is let go of, and not closed."""
        self.receipts.disown()
        self.loop.disown()

    # The end

    def take_last_messages(self) -> None:
        """The loop has made its last turn: what came too late is refused, and what was handled is acknowledged.

        The actors are gone, so that reading the mailbox once more refuses everything in it: asks fail and tells become dead
        letters at once, and not only when their senders hear of the end.
        """
        with contextlib.suppress(zmq.ContextTerminated):
            self.port.reader.pump()
        self.receipts.acknowledge_all()

    def shut(self) -> None:
        """Close all that is the thread's own, and the context, if that is left to the last of a system that has ended.

        The port says goodbye as it closes, behind everything that was sent before; the loop's descriptors go after it.
        """
        self.receipts.close()
        is_last = self.process.dismiss(self.serial)
        self.port.close()
        self.loop.close()
        self.process.here.__dict__.clear()
        if is_last:
            self.process.close_context()
