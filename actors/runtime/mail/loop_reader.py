"""How asyncio loops read a port: its own thread's loop in turns of a bounded share, and those of other threads.

ZeroMQ's descriptor signals edges, and other readers may take them: a call that blocks, another thread. So a loop looks when
the descriptor is readable, when it is attached, and whenever somebody has left messages behind (`look_again`). What a turn
could not read within its share is read in the next one, so that the program's own tasks go on in between.
"""

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

BUSY_S = 0.005  # until a loop tries again to read another thread's mailbox, which was being read
LOOK_S = 0.02  # between two turns of the host's other actors, for a loop that runs inside a handler


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
        """Why an ask can never be answered: because it waits for an actor in whose handler it is made. None if it can."""

    def run_others(self, seconds: float) -> None:
        """Let the other actors handle messages, for `seconds` at most."""


def is_guest(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether it is an actor's loop, which makes its turns in those of the host's own loop. That goes on in between."""
    return bool(getattr(loop, "is_guest", False))


class LoopReader:
    """The loops that read one port.

    Args: moved, called with the loop that reads the port in the port's own thread from now on.

    Attributes:
        loops: all that read the port. They are held weakly, since nobody says when one has ended, as after `asyncio.run`.
        turn_began: monotonic seconds when the first message of this turn was sent, None before that. What is sent later than
            a share after it waits for the next turn.
        asked_here: the routes to actors of this very host that were asked from a loop inside a handler.
        others: these actors; None for the port of a thread without actors.
    """

    def __init__(self, port: ReadPort, moved: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        self._port, self._moved = port, moved
        self.loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        self._own: weakref.ref[asyncio.AbstractEventLoop] | None = None  # the loop of the port's own thread
        self._is_due = False  # a turn of ours is scheduled in that loop
        self._is_looking = False  # one is scheduled for later
        self.turn_began: float | None = None
        self.asked_here: set[Route] = set()
        self.others: Others | None = None
        self._must_look_again = False  # there was more than one turn takes

    def own_loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop of the port's own thread, if one has read the port there."""
        return self._own() if self._own is not None else None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have this loop, which runs in the calling thread, read the port from now on.

        Raises: ActorDeadError, when the port is closed.
        """
        if self._own is not None and self._own() is loop:
            # A call that blocked has left messages behind, whose only signal it took.
            if self._port.reader.has_skipped:
                self.schedule(loop)
            return
        self._port.check_open()
        self.loops.add(loop)
        if not self._port.is_mine():  # a task here awaits the answer to what another thread has asked
            loop.add_reader(self._port.inbox.fileno(), self._read_for, loop)
            loop.call_soon(self._read_for, loop)
            return
        # What the thread's former loop had scheduled it will not do any more.
        self._own = weakref.ref(loop)
        self._is_due, self._is_looking = False, False
        if not is_guest(loop):  # the host's loop, whose guest it is, reads
            loop.add_reader(self._port.inbox.fileno(), self._turn_now, loop)
        self.schedule(loop)  # what arrived before is not signalled any more
        self._moved(loop)

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """A guest of a host's loop is about to be closed: another one, if there is any, takes over what it waited for."""
        self.loops.discard(loop)
        if self._own is not None and self._own() is loop:
            self._own = None
            for other in list(self.loops):
                if is_guest(other):
                    self.attach(other)
                    return

    def look_again(self) -> None:
        """Have all loops look for messages: the signal for them may have been taken. From any thread."""
        for loop in list(self.loops):
            turn = self._turn if self.own_loop() is loop else self._read_for
            with contextlib.suppress(RuntimeError):  # closed
                loop.call_soon_threadsafe(turn, loop)

    def schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the port read in the next turn of its own thread's loop, once however often this is called."""
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._turn, loop)

    def schedule_own(self) -> None:
        """As `schedule`, if the port's thread has a loop that is not closed."""
        loop = self.own_loop()
        if loop is not None and not loop.is_closed():
            self.schedule(loop)

    def _turn_now(self, loop: asyncio.AbstractEventLoop) -> None:
        """The descriptor is readable. If a turn is due anyway, that one reads."""
        if not self._is_due:
            self._turn(loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Our share of a turn of the thread's own loop."""
        self._is_due = False
        self.turn_began = None
        if not self._read(loop):
            return
        if self.asked_here and not is_guest(loop):
            self._let_others_run(loop)
        if self._must_look_again:
            self.schedule(loop)

    def _read_for(self, loop: asyncio.AbstractEventLoop) -> None:
        """For a loop in another thread than the port's."""
        if self._read(loop) and self._must_look_again:
            loop.call_soon(self._read_for, loop)

    def _read(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Read the port for a share of the turn.

        Returns: whether that could be done. If not, another try is scheduled; a thread that keeps the lock reads meanwhile.
        """
        port = self._port
        is_mine = port.is_mine()
        turn = self._turn if is_mine else self._read_for
        # The owner may sleep with the lock, so a loop in another thread must not wait for it. Others have it for a moment
        # only, so the owner's loop may.
        if not port.lock.acquire(blocking=is_mine):
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
        """The turn that was put off: last words of a dead host, or the others of this host, are looked at again."""
        self._is_looking = False
        turn(loop)

    def _let_others_run(self, loop: asyncio.AbstractEventLoop) -> None:
        """A handler runs this loop: the actors of its own host that it asks can answer only if they are let run in between.

        They look as if no loop ran in this thread, because a handler of theirs may run a loop of its own, which asyncio
        does not allow inside another one.
        """
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
