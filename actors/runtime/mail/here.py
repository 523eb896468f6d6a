"""Who runs here: this process's part in an actor system, and the mailbox and the loop of the calling thread.

Futures, proxies and refs are used in any thread, and find out here what that thread has. This module imports none of those
who use it or are found by it; the protocols say what is known of them below.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError


class Reader(Protocol):
    """Reads a mailbox."""

    def read_for(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Read once on behalf of its thread. Returns: False, if that is reading itself."""


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
        """Handle messages until a future is done. Returns: False after `timeout` seconds."""

    @property
    def reader(self) -> Reader: ...

    @property
    def face(self) -> Any:
        """What it does for asyncio; `face.attach(loop)` has a loop read it."""

    @property
    def asks(self) -> Any:
        """What it has asked."""


class Actor(Protocol):
    """An actor in a loop, and its mailbox."""

    @property
    def ref(self) -> Any: ...

    @property
    def instance(self) -> Any:
        """The object itself; None before its constructor is called."""


class Host(Protocol):
    """A loop of actors, which its thread runs."""

    @property
    def serial(self) -> int: ...

    @property
    def port(self) -> Port: ...

    @property
    def cell(self) -> Any:
        """The actor whose handler runs now, an `Actor`; None between handlers."""

    @property
    def cells(self) -> Any:
        """All its actors, by name."""

    def call_soon(self, cell: Any, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` as this actor in the next turn."""

    def call_threadsafe(self, cell: Any, fn: Callable[..., object], *args: Any) -> None:
        """The same, from any thread."""


class Process(Protocol):
    """What a process takes part in a system with."""

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
    def promises(self) -> Any:
        """The futures that have left this process or come to it."""

    def make_port(self) -> Port:
        """Give the calling thread its mailbox. Raises: ActorDeadError, LimitReachedError."""


class Thread(threading.local):
    """What the calling thread has of one system. It has no `port` before its first call."""

    port: Any
    owner: Any  # closes that port when the thread ends: a thread-local value dies with its thread
    host: Any = None


process: Process | None = None  # None while no system runs in this process
thread = Thread()  # of that system, so that the hot path needs one look-up less than by `process`


def enter(member: Process) -> None:
    """From now on this process takes part in a system."""
    global process, thread
    process, thread = member, member.here


def leave() -> None:
    """It does so no longer: no thread has a port or a loop any more."""
    global process, thread
    process, thread = None, Thread()


def system() -> str:
    """The token of the system that runs in this process, empty if none does."""
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
    return thread.host  # type: ignore[no-any-return]  # set as one


def actor() -> Any:
    """The actor in whose handler the calling thread is, None in none."""
    loop = thread.host
    return None if loop is None else loop.cell
