"""What a loop stands on, without a process: a clock that only moves when the loop sleeps, and a poller told what happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.context import ActorContext
from peerage.actors.runtime.host.descriptors import Descriptors
from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.host.loop import Loop, Timer
from peerage.actors.runtime.host.mailbox import Item
from peerage.actors.runtime.host.receipts import Receipts
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.window import ACK


class Clock:
    """Seconds since the test began."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Poller:
    """An epoll in which what happens is said by the test; sleeping moves the clock."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self.masks: dict[int, int] = {}
        self.events: list[tuple[int, int]] = []  # of the next poll
        self.slept: list[float] = []
        self.is_closed = self.is_refusing = False

    def register(self, fd: int, eventmask: int) -> None:
        if self.is_refusing:
            raise OSError("bad file descriptor")
        self.masks[fd] = eventmask

    def modify(self, fd: int, eventmask: int) -> None:
        if fd not in self.masks:
            raise FileNotFoundError(fd)
        self.masks[fd] = eventmask

    def unregister(self, fd: int) -> None:
        del self.masks[fd]

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        self.slept.append(timeout)
        happened, self.events = self.events, []
        if not happened:
            self._clock.now += timeout
        return [(fd, mask) for fd, mask in happened if fd in self.masks]

    def close(self) -> None:
        self.is_closed = True


class Act:
    """A task that handles nothing but calls, and notes when its turn comes."""

    def __init__(self, name: str = "task", log: list[Any] | None = None) -> None:
        self.name = name
        self.log: list[Any] = [] if log is None else log
        self.busy = False
        self.fds: set[int] = set()
        self.timers: set[Timer] = set()

    def run(self, left: int = 0) -> None:
        self.log.append((self.name, left))

    def call(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.log.append(self.name)
        fn(*args)


class Mail:
    """Messages that have come: each is a function."""

    def __init__(self) -> None:
        self.inbox = self
        self.has_skipped = False
        self.arrived: list[Callable[[], object]] = []
        self.flushed = 0
        self.is_signalled = False
        self.is_quiet = False
        self.pumped = 0

    def fileno(self) -> int:
        return 1000

    def signal(self) -> None:
        self.is_signalled = True

    def pump(self, limit: int = 1) -> int:
        self.pumped += 1
        now = self.arrived[:limit]
        del self.arrived[:limit]
        for handle in now:
            handle()
        return len(now)

    def has_arrivals(self) -> bool:
        return bool(self.arrived)

    def flush(self) -> None:
        self.flushed += 1


class Post:
    """Stands for a port: keeps what it is to send, each as address, kind, number and value."""

    address = 4 << 20

    def __init__(self) -> None:
        self.sent: list[tuple[int, Kind, int, Any]] = []
        self.outbox = self.reader = self
        self.read = 0  # how often it was looked for messages

    def pump_briefly(self) -> bool:
        self.read += 1
        return False

    def send(
        self,
        address: int,
        kind: int,
        corr: int = 0,
        *,
        flags: int = 0,
        target: bytes = b"",
        body: Raw = b"",
        extras: Sequence[Raw] = (),
    ) -> None:
        self.sent.append((address, Kind(kind), corr, _value(kind, flags, target, body, extras)))

    def send_small(
        self, address: int, kind: int, corr: int, flags: int, target: bytes, _sender: bytes, body: Raw
    ) -> None:
        self.send(address, kind, corr, flags=flags, target=target, body=body)


def _value(kind: int, flags: int, target: bytes, body: Raw, extras: Sequence[Raw]) -> Any:
    if kind == Kind.FAIL:
        return codec.decode_failure(body)
    if kind == Kind.DEAD:
        return target, bytes(body)
    if kind == Kind.ACK:
        return target, ACK.unpack(body)
    return codec.decode(flags, body, extras) if body else None


def descriptors(clock: Clock) -> tuple[Descriptors[Any], Poller]:
    """Descriptors that wait in a fake poller."""
    poller = Poller(clock)
    return Descriptors(poller), poller


def loop(clock: Clock | None = None) -> tuple[Loop[Any], Poller]:
    """A loop on a fake clock and a fake poller."""
    clock = clock or Clock()
    waiting, poller = descriptors(clock)
    return Loop(clock=clock, descriptors=waiting), poller


class Table:
    """Which hosts are dead."""

    def __init__(self) -> None:
        self.dead: set[int] = set()

    def is_dead(self, serial: int) -> bool:
        return serial in self.dead


class CellPort(Post):
    """A port as an actor's cell needs it: beside sending, it watches, and knows who is dead."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.lives, self.kept = Table(), self, self
        self.watches: dict[int, tuple[ActorRef[Any], Callable[..., object]]] = {}

    def watch(self, ref: ActorRef[Any], fn: Callable[..., object]) -> int:
        number = len(self.watches) + 1
        self.watches[number] = (ref, fn)
        return number

    def unwatch(self, number: int) -> None:
        del self.watches[number]

    def announce(self, source: int) -> None:
        """Nobody wants to know."""


class Keeper:
    """A host as an actor's cell knows it."""

    name, pid, is_system_ending = "host", 1, False

    def __init__(self) -> None:
        self.forgotten: list[ActorCell] = []
        self.ended: list[tuple[str, DownReason]] = []

    def forget(self, cell: ActorCell) -> None:
        self.forgotten.append(cell)

    def on_end(self, cell: ActorCell, reason: DownReason) -> None:
        self.ended.append((cell.ref.name, reason))


def cell(
    loop: Loop[ActorCell], port: Any, keeper: Keeper, actor: HostedActor | None = None, name: str = "actor"
) -> ActorCell:
    """A cell with its actor; its acknowledgements count in no handled."""
    receipts = Receipts(port, loop, "/nowhere/handled", lambda _name: True, keeper.name)
    made = ActorCell(
        keeper, loop, port, receipts, ActorRef(name, keeper.name, 4, system="test", class_path=""), {}
    )
    if actor is not None:
        home: Any = SimpleNamespace(loop=loop, port=port)
        actor.runtime = ActorContext(made, home, {}, None)
    made.actor = made.instance = actor
    return made


def tell(value: Any, source: int = 7 << 20) -> Item:
    """A message as it stands in a mailbox."""
    body = codec.dumps(value)
    return int(Kind.TELL), 0, source, 0, b"", body, (), len(body), 0.0


def ask(value: Any, number: int, source: int = 7 << 20) -> Item:
    """An ask as it stands in a mailbox."""
    body = codec.dumps(value)
    return int(Kind.ASK), 0, source, number, b"", body, (), len(body), 0.0
