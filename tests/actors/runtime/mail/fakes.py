"""What the parts of a port are tested with: no process, no socket, no clock but a fake one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from peerage.actors.runtime import ActorDeadError, DownReason
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.asks import NOT_ASKED, Ask, Asks
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.routes import Route

KEY = b"sixteen bytes..."  # of the system
HOST = 7  # the serial of a host that is alive
ADDRESS = HOST << THREAD_BITS
MINE = 3 << THREAD_BITS  # the address of the port that is tested


def path(name: str = "actor", serial: int = HOST) -> ActorPath:
    """An actor of the host."""
    return ActorPath(name, "host", serial, "module:Worker", "system")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0
        self.step = 0.0  # that it moves by itself, with each look

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Table:
    """Hosts, and who of them has died."""

    def __init__(self) -> None:
        self.epoch = 0
        self.dead: set[int] = set()
        self.speaking: set[int] = set()  # of the dead: their last words may be on their way
        self.in_order: set[int] = set()  # of the dead: those that had said that they end
        self.resolved: int | None = HOST
        self.ended: dict[str, DownReason] = {}

    def die(self, serial: int, *, speaking: bool = False) -> None:
        """Note a death. Args: speaking, whether last words may come."""
        self.dead.add(serial)
        self.epoch += 1
        if speaking:
            self.speaking.add(serial)
            self.in_order.add(serial)

    def is_dead(self, serial: int) -> bool:
        return serial in self.dead

    def is_silent(self, serial: int) -> bool:
        return serial not in self.speaking

    def ended_in_order(self, serial: int) -> bool:
        return serial in self.in_order

    def resolve(self, _host: str, _hint: int) -> int | None:
        return self.resolved

    def reason(self, _serial: int) -> DownReason:
        return DownReason("killed", "by SIGKILL")

    def reason_of(self, serial: int, actor: str) -> DownReason:
        return self.ended.get(actor) or self.reason(serial)

    def end_of(self, _serial: int, actor: str) -> DownReason | None:
        return self.ended.get(actor)


class Waiter:
    """Who waits for an answer."""

    def __init__(self) -> None:
        self.asked: Ask = NOT_ASKED
        self.outcomes: list[Any] = []

    def resolve(self, value: Any, error: BaseException | None = None) -> bool:
        self.outcomes.append(value if error is None else error)
        return True


class Port:
    """A port that keeps what it is to send, and finds every actor in the one host."""

    def __init__(self) -> None:
        self.address, self.closed, self.purpose = MINE, False, Purpose.WORK
        self.lock = threading.RLock()
        self.table = Table()
        self.asks = Asks(lambda _source: None)
        self.sent: list[tuple[int, int, int, bytes, bytes]] = []  # address, kind, correlation, target, body
        self.flags: list[int] = []
        self.routes: dict[str, Route | None] = {}
        self.later_calls: list[Any] = []
        self.lack: Exception | None = None  # what opening a way raises
        self.outbox = self

    def check_open(self) -> None:
        if self.closed:
            raise ActorDeadError("closed")

    def open(self, _address: int, _purpose: Purpose) -> None:
        if self.lack is not None:
            raise self.lack

    def route(self, ref: ActorPath) -> Route | None:
        if ref.way not in self.routes:
            self.routes[ref.way] = Route(KEY, self.address, ref, HOST)
        return self.routes[ref.way]

    def later(self, fn: Any) -> None:
        self.later_calls.append(fn)

    def send(
        self,
        address: int,
        kind: int,
        corr: int = 0,
        *,
        flags: int = 0,
        target: bytes = b"",
        sender: bytes = b"",
        body: Raw = b"",
        extras: Sequence[Raw] = (),
    ) -> None:
        self.sent.append((address, int(kind), corr, target, bytes(body)))
        self.flags.append(flags)
