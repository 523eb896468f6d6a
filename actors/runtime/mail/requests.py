"""Questions to a host, or to the root: the runtime's own, about actors or futures, which no actor handles.

They are outside all windows, which bound what waits in actors' mailboxes; these wait in none. The asker waits as for an
actor's answer, and hears of the host's death in the same way.
"""

from __future__ import annotations

import struct
import threading
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.mail import codec, here
from peerage.actors.runtime.mail.asks import Asks
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, HostTable, serial_of
from peerage.actors.runtime.mail.memory import Raw

NUMBER = struct.Struct("<Q")
# Requests that may use more of the reserve of file descriptors than other work: a kill makes room, and the root has granted
# a start before it is sent.
LATE = {Kind.KILL, Kind.START}


class Opener(Protocol):
    """Opens ways to mailboxes."""

    def open(self, address: int, purpose: Purpose) -> None:
        """See to it that there is a way. Raises: LimitReachedError, when there is no descriptor for one."""


class Port(here.Port, Protocol):
    """The port that asks."""

    @property
    def lock(self) -> threading.RLock: ...
    @property
    def table(self) -> HostTable: ...
    @property
    def asks(self) -> Asks: ...
    @property
    def outbox(self) -> Opener: ...
    @property
    def purpose(self) -> Purpose: ...
    def send(
        self, address: int, kind: int, corr: int = 0, *, target: bytes = b"", body: Raw = b""
    ) -> None: ...


class Requests:
    """What a port asks of hosts and of the root."""

    def __init__(self, port: Port) -> None:
        self._port = port

    def ask(self, address: int, kind: int, value: Any = None, *, target: bytes = b"") -> Future[Any]:
        """Ask a host or the root.

        Args: address, of its mailbox; kind, of the request; value, what it is about; target, the actor that it is about.
        Returns: the answer; it fails with ActorDeadError when the host has ended or ends before it answers.
        Raises: ActorDeadError, when the port is closed.
        """
        return self.ask_packed(address, kind, codec.dumps(value), target=target)

    def ask_packed(self, address: int, kind: int, body: bytes, *, target: bytes = b"") -> Future[Any]:
        """As `ask`, for a value that has been pickled already."""
        future: Future[Any] = Future()
        with self._port.lock:
            self._port.check_open()
            if address != ROOT_ADDRESS and self._port.table.is_dead(serial_of(address)):
                future.resolve(None, ActorDeadError("the host has ended"))
            else:
                self._send(future, address, kind, body, target)
        return future

    def ask_about(self, future: Future[Any], address: int, kind: int, number: int) -> None:
        """Ask about the thing with this number in a process, for a future that is there already.

        The future fails with ActorDeadError when the process has ended or ends before it answers.
        """
        table = self._port.table
        with self._port.lock:
            future.port = self._port
            serial = serial_of(address)
            if table.is_dead(serial):
                future.resolve(None, ActorDeadError(f"its process has ended ({table.reason(serial)})"))
            else:
                self._send(future, address, kind, NUMBER.pack(number), b"")

    def _send(self, future: Future[Any], address: int, kind: int, body: bytes, target: bytes) -> None:
        """Send the question. The future fails with LimitReachedError where there is no descriptor for a way."""
        port = self._port
        # Before the question is entered as open: what cannot be sent must not wait for an answer.
        if address != port.address:
            try:
                port.outbox.open(address, Purpose.DUTY if kind in LATE else port.purpose)
            except LimitReachedError as error:
                future.resolve(None, error)
                return
        future.port = port
        port.send(address, kind, port.asks.expect(future, serial_of(address)), target=target, body=body)
