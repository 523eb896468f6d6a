"""Who runs here: this process's part in an actor system, and the mailbox and the loop of the calling thread.

Futures, proxies and refs are used in any thread, and find out here what that thread has. They come from pickles, so nobody
could hand these things to their constructors. This module stands below all of them, so it imports none of the classes that
are found through it: the protocols say what of them may be used. Whoever stands higher knows the class, and says so once
(`process.py`: `current_port`, `current_host`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError


class Reader(Protocol):
    """Reads a mailbox."""

    def read_for(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Read once on behalf of the mailbox's own thread. Returns: False, if that thread is reading itself."""


class Face(Protocol):
    """What a mailbox does for asyncio."""

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have this loop, which runs in the calling thread, read the mailbox from now on."""


class Asks(Protocol):
    """What a mailbox has asked: the `Ask`s, of `asks.py`, that it waits for."""

    def has_stopped(self, ask: Any) -> None:
        """An actor has answered this that it has stopped: it is not found from now on."""


class Promises(Protocol):
    """The futures that have left a process or come to it: see `promise.py`."""

    def register(self, future: Any) -> Any:
        """Give a future of this process a number, with which it can leave. Returns: its `Home`."""

    def arrived(self, home: Any) -> Any:
        """The future that a `Home` stands for in this process, or its guest."""


class Port(Protocol):
    """The mailbox of a thread."""

    @property
    def address(self) -> int: ...

    @property
    def closed(self) -> bool: ...

    @property
    def is_read_by_loop(self) -> bool:
        """Whether a loop reads it, and not only its thread when that waits for something."""

    def check_open(self) -> None:
        """Raises: ActorDeadError, when nothing can come or go any more."""

    def is_mine(self) -> bool:
        """Whether the calling thread owns it."""

    def wake(self, address: int) -> None:
        """Make the thread at this address look at what it waits for."""

    def wait_for(self, future: Any, timeout: float | None) -> bool:
        """Handle messages until a future is done. In the port's own thread. Returns: False after `timeout` seconds."""

    @property
    def reader(self) -> Reader: ...

    @property
    def face(self) -> Face: ...

    @property
    def asks(self) -> Asks: ...


class Owner(Protocol):
    """The process that a port belongs to."""

    def retire(self, port: Any) -> None:
        """The port is closed."""

    def call_later(self, address: int, delay: float, fn: Callable[[], object]) -> None:
        """Call `fn()` in its main loop after `delay` seconds, then wake the thread with this address."""


class Actor(Protocol):
    """An actor in a loop, and its mailbox."""

    @property
    def ref(self) -> Any: ...

    @property
    def instance(self) -> Any:
        """The object itself; None before its constructor is called."""

    @property
    def until(self) -> float | None:
        """Until when the answer to the ask that it handles is wanted, in monotonic seconds; None for ever."""


class Host(Protocol):
    """A loop of actors, which its thread runs."""

    @property
    def serial(self) -> int: ...

    @property
    def port(self) -> Port: ...

    @property
    def cell(self) -> Actor | None:
        """The actor whose handler runs now; None between handlers."""

    @property
    def cells(self) -> Mapping[bytes, Actor]:
        """All its actors, by name."""

    def call_soon(self, cell: Any, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` as this actor in the next turn."""

    def call_threadsafe(self, cell: Any, fn: Callable[..., object], *args: Any) -> None:
        """The same, from any thread."""


class Border(Protocol):
    """Where refs pass between two systems (`cluster/border.py`)."""

    home: str

    def entering(self, name: str, host: str, serial: int, class_path: str) -> tuple[str, str, int, str, str]:
        """The fields of a ref of the system `home`, as they are here."""

    def named(self, name: str, host: str) -> tuple[str, str, int, str, str]:
        """The fields of a ref that is made by name."""

    def leaving(self, ref: Any) -> tuple[str, str, int, str, str]:
        """The fields of a ref of this system, as they are there."""


class Process(Protocol):
    """A process's part in a system."""

    border: Border | None

    @property
    def system(self) -> str: ...

    @property
    def closed(self) -> bool: ...

    @property
    def here(self) -> Thread: ...

    @property
    def main(self) -> Host | None:
        """The loop that hears of deaths; it reads its mailbox whatever the program's own threads do."""

    @property
    def promises(self) -> Promises: ...

    def make_port(self) -> Port:
        """Give the calling thread its mailbox. Raises: ActorDeadError, LimitReachedError."""


class Thread(threading.local):
    """What the calling thread has of one system. It has no `port` before its first call.

    A process may have several systems one after the other. Each has an object of this class of its own, so that no thread
    ever finds the port of the system before.
    """

    port: Any  # not `Port`: the hot paths call methods that only its class has, which stands above
    owner: object  # closes that port when the thread ends: a thread-local value dies with its thread
    host: Host | None = None


process: Process | None = None  # None while no system runs in this process
thread = Thread()  # that of `process`: the hot path finds it with one look-up less


def enter(member: Process) -> None:
    """From now on this process takes part in a system."""
    global process, thread
    process, thread = member, member.here


def leave() -> None:
    """It does so no longer: no thread has a port or a loop any more. Ports that are open stay so; others close them."""
    global process, thread
    process, thread = None, Thread()


def system() -> str:
    """The token of the system that runs in this process, empty if none does, or if that one has been closed."""
    return "" if process is None or process.closed else process.system


def port() -> Port:
    """The calling thread's port, made on first use.

    Raises: ActorDeadError, when no system runs in this process; LimitReachedError.
    """
    try:
        return thread.port  # type: ignore[no-any-return]  # set as one
    except AttributeError:
        if process is None:
            raise ActorDeadError("no actor system runs in this process") from None
        return process.make_port()


def host() -> Host | None:
    """The loop of actors that runs in the calling thread."""
    return thread.host


def actor() -> Actor | None:
    """The actor in whose handler the calling thread is, None in none."""
    loop = thread.host
    return None if loop is None else loop.cell
