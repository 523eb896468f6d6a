"""What a port does for an asyncio loop of its thread: nothing that the loop calls here waits.

A message that finds no room in the window to its actor waits in a line (`lines.py`), and so does one that comes when the
runtime has had its share of this turn of the loop. The loop reads the port meanwhile (`loop_reader.py`).

    called ──> sent at once ─────────────────> answered, or timed out: the place in the window is kept until the answer comes
       └─────> in line ──> sent in its turn ──> the same
                   └─────> timed out, cancelled, or the line has not moved for too long: it has never been sent

A future of asyncio for each call, and one timer for all deadlines: with an `asyncio.timeout` around each, twenty thousand
of them that end together would hold the loop for 50 ms (docs/decisions/0028).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Container, Coroutine
from time import monotonic
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, MailboxFullError, Timeout
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.asks import Ask
from peerage.actors.runtime.mail.calls import SHARE_S, Call, nothing, outcome
from peerage.actors.runtime.mail.cancelling import cancel_ask
from peerage.actors.runtime.mail.deadlines import Deadlines
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.lines import ASK, TELL, Letter, Line, Lines, LinesPort, Packed, pack
from peerage.actors.runtime.mail.loop_reader import LoopReader, ReadPort, is_guest
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.routes import Route
from peerage.actors.runtime.mail.window import (
    DEFAULT_WAIT,
    WINDOW_MESSAGES,
    Drop,
    Fail,
    Wait,
    WhenFull,
    chosen,
)

# Nobody tells us when a turn of the loop begins. Messages further apart than this are taken to be of different turns.
TURN_S = 0.02
NO_ROOM_S = DEFAULT_WAIT.timeout or 0.0  # by default a message leaves a line that has not moved for this long


class Port(LinesPort, ReadPort, Protocol):
    """The port that all this is done for: see `port.py`."""

    network: Network

    @property
    def face(self) -> AsyncFace: ...
    def route(self, ref: ActorPath) -> Route | None: ...


class AsyncFace:
    """Belongs to a port, and is guarded by its lock.

    The calls belong to the loop that runs in the port's own thread. A loop elsewhere may await what this thread has asked;
    it only reads.

    Attributes: lines, of what waits for room; reader, which has loops read the port.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._deadlines: Deadlines[Call] = Deadlines(self._expire, SHARE_S)
        self.lines = Lines(port)
        # A thread may run one loop after the other: the timer of the deadlines moves along.
        self.reader = LoopReader(port, self._deadlines.move)

    @property
    def loops(self) -> Collection[asyncio.AbstractEventLoop]:
        """The loops that read the port: that of its own thread, and those of others that await what it has asked."""
        return self.reader.loops

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have this loop, which runs in the calling thread, read the port from now on: any thread may await its answers."""
        self.reader.attach(loop)

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """See `LoopReader.leave`."""
        self.reader.leave(loop)

    def look_again(self) -> None:
        """Somebody else has read the mailbox, and may have taken the only signal of what the loops wait for."""
        self.reader.look_again()

    def advance(self, seconds: float | None = SHARE_S) -> bool:
        """Send what has room by now, for `seconds`, or for as long as it takes. Returns: whether more could go."""
        return self.lines.advance(seconds)

    def put_behind(
        self, route: Route, kind: int, packed: Packed, future: Future[Any] | None, exempt: bool = True
    ) -> None:
        """See `Lines.put_behind`."""
        self.lines.put_behind(route, kind, packed, future, exempt)

    # Sending

    def ask(
        self,
        loop: asyncio.AbstractEventLoop,
        ref: ActorPath,
        value: Any,
        timeout: float | None,
        when_full: WhenFull | None,
        exempt: bool,
    ) -> Coroutine[Any, Any, Any]:
        """Send an ask now, or as soon as there is room. Returns: its answer, to be awaited.

        Args:
            loop: the one that runs in the calling thread.
            ref: the actor.
            value: the message.
            timeout: seconds for the whole call, counted from now and not from when it is awaited.
            when_full: how long to wait for room, or FAIL.
            exempt: outside the window.
        """
        call = Call(self._port, loop, timeout)
        try:
            if isinstance(when_full, Drop):
                raise TypeError("when_full=DROP is for tells: a dropped ask would never be answered")
            with self._port.lock:
                self._ask(loop, call, ref, value, when_full, exempt)
        except Exception as error:  # what pickling raises, too, is raised where it is awaited
            call.settle(None, error)
        return outcome(call)

    def _ask(
        self,
        loop: asyncio.AbstractEventLoop,
        call: Call,
        ref: ActorPath,
        value: Any,
        when_full: WhenFull | None,
        exempt: bool,
    ) -> None:
        """Raises: what pickling the value raises; MailboxFullError, for FAIL. Other ends settle the call itself."""
        port = self._port
        self.reader.attach(loop)
        route = port.route(ref)
        # The news that the actor is back may be in the mailbox: a task that asks in a loop must get to know it some time.
        if route is None:
            if port.reader.pump_within(SHARE_S):
                self.reader.schedule(loop)
            route = port.route(ref)
        if route is None:
            call.settle(None, ActorDeadError(f"{ref} not found"))
            return
        call.asked = Ask(
            call, route.serial, route
        )  # not sent yet, but this says which actor the call is about
        # A handler that runs a loop of its own may ask an actor of its own host. If that actor is on the stack, waiting for
        # this very handler to return, the answer never comes.
        if (
            route.local
            and self.reader.others is not None
            and (error := self.reader.others.never_answered(call)) is not None
        ):
            call.settle(None, error)
            return
        packed = pack(value, kept := self._kept_by(route), route.line is None and not route.local)
        if self._may_go(route, packed[3], exempt):
            self.lines.post(route, Letter(ASK, packed, port.sender, exempt, call))
        else:
            if kept or packed[1]:  # with all definitions, and with copies of what was borrowed: see `pack`
                packed = pack(value)
            self._wait_in_line(loop, route, Letter(ASK, packed, port.sender, exempt, call), when_full)
        # In line it may have a deadline already, the earlier one.
        if call.until is not None and not call.tick and not call.done():
            self._deadlines.add(call, call.until)
        if route.local and not is_guest(loop):  # the loop must let that actor run
            self.reader.asked_here.add(route)
            self.reader.schedule(loop)

    def tell(
        self,
        loop: asyncio.AbstractEventLoop,
        ref: ActorPath,
        value: Any,
        when_full: WhenFull | None,
        exempt: bool,
    ) -> Coroutine[Any, Any, None]:
        """Send a tell now, or as soon as there is room. Returns: to be awaited until then. Args: as of `ask`; also DROP.

        A tell that goes at once, as most do, is spared the future.
        """
        call: Call | None = None
        try:  # as for an ask: errors are raised where it is awaited
            with self._port.lock:
                call = self._tell(loop, ref, value, when_full, exempt)
        except Exception as error:
            call = Call(self._port, loop, None)
            call.settle(None, error)
        return nothing() if call is None else outcome(call)

    def _tell(
        self,
        loop: asyncio.AbstractEventLoop,
        ref: ActorPath,
        value: Any,
        when_full: WhenFull | None,
        exempt: bool,
    ) -> Call | None:
        """Returns: what to wait for; None when it has been sent, or has become a dead letter."""
        port = self._port
        self.reader.attach(loop)
        route = port.route(ref)
        if route is None:  # no error: a sender cannot know in time
            port.count_dead_letters(ref.key, 1)
            return None
        packed = pack(value, kept := self._kept_by(route), route.line is None and not route.local)
        if self._may_go(route, packed[3], exempt):
            self.lines.post(route, Letter(TELL, packed, port.sender, exempt, None))
            return None
        # DROP is for a full mailbox; what only waits for its turn is not dropped.
        if isinstance(when_full, Drop) and not exempt and not self._has_place(route, packed[3]):
            port.count_dead_letters(ref.key, 1)
            return None
        if kept or packed[1]:
            packed = pack(value)
        call = Call(port, loop, None)
        call.asked = Ask(call, route.serial, route)
        self._wait_in_line(loop, route, Letter(TELL, packed, port.sender, exempt, call), when_full)
        return call

    def _kept_by(self, route: Route) -> Container[bytes]:
        """The definitions of classes that the receiver has, which a message may leave out.

        None of them where a line is: if the actor's host dies, what waits goes to the next one, which has no definitions.
        """
        return self._port.network.kept.get(route.serial, ()) if route.line is None else ()

    def _may_go(self, route: Route, size: int, exempt: bool) -> bool:
        """Whether a message may go at once: nothing is ahead of it, there is room, and our share of the turn is not used up.

        Without the last, a task that tells in a loop would hold all others up for as long as there is room.
        """
        if route.line is not None or not (exempt or route.window.has_room(size)):
            return False
        now, began = monotonic(), self.reader.turn_began  # which each turn that the reader gets sets to None
        if began is None or now - began > TURN_S:
            self.reader.turn_began = now
            return True
        return now - began < SHARE_S

    @staticmethod
    def _has_place(route: Route, size: int) -> bool:
        """Whether there is room for it, though it may have to wait for its turn, behind others that have room as well."""
        line: Line | None = route.line
        return route.window.has_room(size) if line is None else line.has_place(size)

    def _wait_in_line(
        self, loop: asyncio.AbstractEventLoop, route: Route, letter: Letter, when_full: WhenFull | None
    ) -> None:
        """Put a message into the line of its route, until there is room, or as long as its caller wants to wait.

        Raises: MailboxFullError, for FAIL; TypeError, for what is no choice.
        """
        chosen(when_full)  # refuses what is no choice
        # FAIL, too, is for a full mailbox: what only waits for its turn does not fail.
        if isinstance(when_full, Fail) and not letter.exempt and not self._has_place(route, letter.size):
            raise MailboxFullError(route.ref.name, route.window.messages, route.window.size)
        call = letter.waiter
        assert isinstance(call, Call)
        call.letter = letter
        self.lines.join(route, letter)
        self.reader.schedule(loop)  # a turn of ours sends what has room; the last one may have been long ago
        if letter.exempt:  # it waits for its turn, not for room
            return
        if when_full is None:
            if call.until is None:
                call.room_until, call.patient = monotonic() + NO_ROOM_S, True
        elif isinstance(when_full, Wait) and when_full.timeout is not None:
            call.room_until = monotonic() + when_full.timeout
        # A call has one deadline at a time, the earlier one; `_expire` sets the other.
        if call.room_until is not None and (call.until is None or call.room_until < call.until):
            self._deadlines.add(call, call.room_until)

    def takes(self, route: Route) -> bool:
        """Whether `ask(block=False)` may leave its message in line instead of waiting for room: where an asyncio loop runs.

        Only a window's worth of them: a future, unlike a call, does not leave the line when nobody awaits it any more.

        Raises: MailboxFullError, when as many wait already.
        """
        loop = asyncio._get_running_loop()  # noqa: SLF001 - None where none runs, without an exception
        if loop is None:  # then nothing would move the line, and the caller waits instead
            return False
        line: Line | None = route.line
        if line is not None and len(line.letters) >= WINDOW_MESSAGES:
            raise MailboxFullError(
                route.ref.name, route.window.messages + len(line.letters), route.window.size + line.size
            )
        self.reader.attach(loop)
        self.reader.schedule(loop)  # the line moves in the loop's next turn at the latest
        return True

    # Giving up

    def forget_deadline(self, call: Call) -> None:
        """It is over: an answer that has come is not kept until its deadline."""
        self._deadlines.discard(call)

    def cancel(self, call: Call) -> None:
        """As `abandon`, before its time is over: the actor does not know that yet."""
        cancel_ask(self._port, call.asked)
        self.abandon(call)

    def abandon(self, call: Call) -> None:
        """Nobody waits for it any more. In line it leaves no trace; what was sent keeps its place in the window."""
        with self._port.lock:
            if call.tick:
                self._deadlines.discard(call)
            if (letter := call.letter) is not None:
                call.letter = None
                if self.lines.leave(letter):  # those behind it may be smaller, and have room
                    self.reader.schedule_own()
            else:  # it was sent: its answer is still to come, and is dropped then
                self._port.asks.abandon(call.asked)

    def _expire(self, call: Call, now: float) -> None:
        """A call's deadline has come: that of the call, or that of its wait for room. Args: now, monotonic seconds."""
        letter = call.letter
        error: Exception
        if call.until is not None and call.until <= now:
            # Of one that still waits for room, the text and the cause say so.
            full = None if letter is None or self._is_next_turns(letter) else self.lines.full(letter, now)
            error = Timeout(f"{call.timeout} seconds" if full is None else f"{call.timeout} seconds: {full}")
            error.__cause__ = full
        # Only its wait for room is over: the caller has chosen a shorter one, or the default.
        elif letter is not None and call.room_until is not None and call.room_until <= now:
            assert letter.line is not None
            # By default it is the line that must not stand still: behind a slow actor the last may wait for minutes.
            if call.patient and (room_until := letter.line.moved_at + NO_ROOM_S) > now:
                call.room_until = room_until
                self._deadlines.add(call, room_until)
                return
            error = self.lines.full(letter, 0.0)
        else:  # it was sent in time, and waits for its answer
            if call.until is not None:
                self._deadlines.add(call, call.until)
            return
        self.abandon(call)
        call.settle(None, error)

    @staticmethod
    def _is_next_turns(letter: Letter) -> bool:
        """Whether it only waited for its turn: there is room, so that "mailbox full" would be wrong."""
        return letter.line is not None and letter.line.route.window.has_place(letter.size)

    # The end

    def close(self) -> list[Call | Future[Any]]:
        """The port closes. Returns: those who wait in line, whom the caller tells."""
        self.reader.close()
        return self.lines.close()
