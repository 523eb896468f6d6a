"""How asyncio loops read a port: its own thread's loop in turns of a bounded share, and those of other threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import Protocol

from peerage.actors.runtime.mail.calls import SHARE_S, Call
from peerage.actors.runtime.mail.inbox import Inbox
from peerage.actors.runtime.mail.losses import Losses
from peerage.actors.runtime.mail.reader import Reader
from peerage.actors.runtime.mail.routes import Route

BUSY_S = 0.005  # after which a loop looks again whether another thread has done reading its mailbox
LOOK_S = 0.02  # how often the other actors of the host are let run for a loop inside a handler


class ReadPort(Protocol):
    """The port that is read: see `port.py`."""

    lock: threading.RLock
    inbox: Inbox
    reader: Reader
    losses: Losses

    @property
    def closed(self) -> bool: ...
    def is_mine(self) -> bool: ...
    def check_open(self) -> None: ...


class Others(Protocol):
    """The other actors of a host, for a loop that runs in the handler of one."""

    def never_answered(self, call: Call) -> Exception | None:
        """Why an ask of an actor of this very host can have no answer, if so."""

    def run_others(self, seconds: float) -> None:
        """Let them run, for so long."""


class LoopReader:
    """Belongs to a port, and is guarded by its lock.

    Args: moved, called with the loop that reads the port in its own thread from now on.
    Attributes: loops, those that read the port; turn_began, when the first message of this turn was sent, None before it;
        asked_here, the routes to actors of this very host that have been asked; others, these actors, where there are any.
    """

    def __init__(self, port: ReadPort, moved: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        self._port, self._moved = port, moved
        self.loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        self._own: weakref.ref[asyncio.AbstractEventLoop] | None = None  # of this thread
        self._is_due = False  # a turn of ours is scheduled
        self._is_looking = False  # and one for later
        self.turn_began: float | None = None
        self.asked_here: set[Route] = set()
        self.others: Others | None = None
        self._must_look_again = False  # there was more than one turn takes

    def own_loop(self) -> asyncio.AbstractEventLoop | None:
        return self._own() if self._own is not None else None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have this loop, which runs in the calling thread, read the port from now on."""
        if self._own is not None and self._own() is loop:
            if (
                self._port.reader.has_skipped
            ):  # a call that blocked has left messages, whose only signal it took
                self.schedule(loop)
            return
        self._port.check_open()
        self.loops.add(loop)
        if not self._port.is_mine():  # it waits for what another thread has asked
            loop.add_reader(self._port.inbox.fileno(), self._read_for, loop)
            loop.call_soon(self._read_for, loop)
            return
        self._own = weakref.ref(loop)
        self._is_due, self._is_looking = False, False
        loop.add_reader(self._port.inbox.fileno(), self._turn_now, loop)
        self.schedule(loop)  # ZeroMQ's descriptor signals edges: what arrived before must be looked for now
        self._moved(loop)

    def look_again(self) -> None:
        """Somebody may have taken the only signal of what the loops wait for."""
        for loop in list(self.loops):
            turn = self._turn if self.own_loop() is loop else self._read_for
            with contextlib.suppress(RuntimeError):  # closed
                loop.call_soon_threadsafe(turn, loop)

    def schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._turn, loop)

    def schedule_own(self) -> None:
        """The same in the loop that reads the port in its own thread, if there is one."""
        loop = self.own_loop()
        if loop is not None and not loop.is_closed():
            self.schedule(loop)

    def _turn_now(self, loop: asyncio.AbstractEventLoop) -> None:
        """Something has arrived."""
        if not self._is_due:
            self._turn(loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Our share of a turn of the thread's own loop."""
        self._is_due = False
        self.turn_began = None
        if not self._read(loop):
            return
        if self.asked_here:
            self._let_others_run(loop)
        if self._must_look_again:
            self.schedule(loop)

    def _read_for(self, loop: asyncio.AbstractEventLoop) -> None:
        """For a loop in another thread than the port's."""
        if self._read(loop) and self._must_look_again:
            loop.call_soon(self._read_for, loop)

    def _read(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Returns: whether it could; who has the lock for longer reads himself."""
        port = self._port
        is_mine = port.is_mine()
        turn = self._turn if is_mine else self._read_for
        if not port.lock.acquire(
            blocking=is_mine
        ):  # which the owner sleeps with, and others have for a moment only
            loop.call_later(BUSY_S, turn, loop)
            return False
        try:
            if port.closed:
                return False
            delay = port.losses.look_again_in()
            self._must_look_again = port.reader.pump_within(SHARE_S) or port.losses.unsettled
        finally:
            port.lock.release()
        if delay is not None and not self._is_looking:
            self._is_looking = True
            loop.call_later(delay, self._look, turn, loop)
        return True

    def _look(
        self, turn: Callable[[asyncio.AbstractEventLoop], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._is_looking = False
        turn(loop)

    def _let_others_run(self, loop: asyncio.AbstractEventLoop) -> None:
        """A handler runs this loop: what it asks of actors of its own host they can answer only in between."""
        self.asked_here = {route for route in self.asked_here if route.window.asks}
        if self.asked_here:
            asyncio._set_running_loop(None)  # noqa: SLF001 - made for loops; a handler may run one of its own
            try:
                if self.others is not None:
                    self.others.run_others(SHARE_S)
            finally:
                asyncio._set_running_loop(loop)  # noqa: SLF001 - as above
            if not self._is_looking:
                self._is_looking = True
                loop.call_later(LOOK_S, self._look, self._turn, loop)

    def close(self) -> None:
        """The port closes: no loop reads it any more."""
        for loop in list(self.loops):
            with contextlib.suppress(RuntimeError, OSError, ValueError):  # closed
                if self.own_loop() is loop and self._port.is_mine():
                    loop.remove_reader(self._port.inbox.fileno())
                else:
                    loop.call_soon_threadsafe(loop.remove_reader, self._port.inbox.fileno())
