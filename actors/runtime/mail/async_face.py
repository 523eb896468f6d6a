"""What a port does for an asyncio loop of its thread: nothing that the loop calls here waits.

What finds no room in the window to its actor waits in a line (`lines.py`); so does what comes after the runtime has had its
share of the loop's turn, for the next one. The loop reads the port meanwhile (`loop_reader.py`).
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
from peerage.actors.runtime.mail.deadlines import Deadlines
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.lines import ASK, TELL, Letter, Line, Lines, LinesPort, Packed, pack
from peerage.actors.runtime.mail.loop_reader import LoopReader, ReadPort
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.routes import Route
from peerage.actors.runtime.mail.window import DEFAULT_WAIT, WINDOW_MESSAGES, Drop, Fail, WhenFull

TURN_S = 0.02  # no turn is taken to be longer: what was begun before it was another
NO_ROOM_S = DEFAULT_WAIT.timeout or 0.0  # by default a line is left after so long without any progress


class Port(LinesPort, ReadPort, Protocol):
    """The port that all this is done for: see `port.py`."""

    network: Network

    @property
    def face(self) -> AsyncFace: ...
    def route(self, ref: ActorPath) -> Route | None: ...


class AsyncFace:
    """Belongs to a port, and is guarded by its lock.

    Attributes: lines, of what waits for room; reader, which has loops read the port.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._deadlines: Deadlines[Call] = Deadlines(self._expire, SHARE_S)
        self.lines = Lines(port)
        self.reader = LoopReader(port, self._deadlines.move)

    @property
    def loops(self) -> Collection[asyncio.AbstractEventLoop]:
        """Those that read the port."""
        return self.reader.loops

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have this loop, which runs in the calling thread, read the port from now on."""
        self.reader.attach(loop)

    def look_again(self) -> None:
        """Somebody may have taken the only signal of what the loops wait for."""
        self.reader.look_again()

    def advance(self, seconds: float | None = SHARE_S) -> bool:
        """Send what has room by now, for so long. Returns: whether more could go."""
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
        """Send an ask now, or as soon as there is room. Returns: its answer, to be awaited."""
        call = Call(self._port, loop, timeout)
        try:
            if isinstance(when_full, Drop):
                raise TypeError("when_full=DROP is for tells: a dropped ask would never be answered")
            with self._port.lock:
                self._ask(loop, call, ref, value, when_full, exempt)
        except Exception as error:
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
        port = self._port
        self.reader.attach(loop)
        route = port.route(ref)
        if route is None:  # who asks again and again must get to know that it is back
            if port.reader.pump_within(SHARE_S):
                self.reader.schedule(loop)
            route = port.route(ref)
        if route is None:
            call.settle(None, ActorDeadError(f"{ref} not found"))
            return
        call.asked = Ask(call, route.serial, route)
        if (
            route.local
            and self.reader.others is not None
            and (error := self.reader.others.never_answered(call)) is not None
        ):
            call.settle(None, error)
            return
        packed = pack(value, kept := self._kept_by(route))
        if self._may_go(route, packed[3], exempt):
            self.lines.post(route, Letter(ASK, packed, port.sender, exempt, call))
        else:
            if kept:
                packed = pack(value)
            self._wait_in_line(loop, route, Letter(ASK, packed, port.sender, exempt, call), when_full)
        if call.until is not None and not call.tick and not call.done():
            self._deadlines.add(call, call.until)
        if route.local:
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
        """Send a tell now, or as soon as there is room. Returns: to be awaited until then."""
        call: Call | None = None
        try:
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
        """Returns: what to wait for, None when it has gone."""
        port = self._port
        self.reader.attach(loop)
        route = port.route(ref)
        if route is None:
            port.count_dead_letters(ref.key, 1)
            return None
        packed = pack(value, kept := self._kept_by(route))
        if self._may_go(route, packed[3], exempt):
            self.lines.post(route, Letter(TELL, packed, port.sender, exempt, None))
            return None
        if isinstance(when_full, Drop) and not exempt and not self._has_place(route, packed[3]):
            port.count_dead_letters(ref.key, 1)
            return None
        if kept:
            packed = pack(value)
        call = Call(port, loop, None)
        call.asked = Ask(call, route.serial, route)
        self._wait_in_line(loop, route, Letter(TELL, packed, port.sender, exempt, call), when_full)
        return call

    def _kept_by(self, route: Route) -> Container[bytes]:
        """The definitions that the receiver has; who waits in line may have to go to a successor, which has none."""
        return self._port.network.kept.get(route.serial, ()) if route.line is None else ()

    def _may_go(self, route: Route, size: int, exempt: bool) -> bool:
        """Whether a message may go at once: nothing is ahead of it, there is room, and it is still our turn."""
        if route.line is not None or not (exempt or route.window.has_room(size)):
            return False
        now, began = monotonic(), self.reader.turn_began
        if began is None or now - began > TURN_S:
            self.reader.turn_began = now
            return True
        return now - began < SHARE_S

    @staticmethod
    def _has_place(route: Route, size: int) -> bool:
        line: Line | None = route.line
        return route.window.has_room(size) if line is None else line.has_place(size)

    def _wait_in_line(
        self, loop: asyncio.AbstractEventLoop, route: Route, letter: Letter, when_full: WhenFull | None
    ) -> None:
        """Raises: MailboxFullError, for FAIL."""
        if isinstance(when_full, Fail) and not letter.exempt and not self._has_place(route, letter.size):
            raise MailboxFullError(route.ref.name, route.window.messages, route.window.size)
        call = letter.waiter
        assert isinstance(call, Call)
        call.letter = letter
        self.lines.join(route, letter)
        self.reader.schedule(loop)
        if letter.exempt:
            return
        if when_full is None:
            if call.until is None:
                call.room_until, call.patient = monotonic() + NO_ROOM_S, True
        elif not isinstance(when_full, Drop | Fail) and when_full.timeout is not None:
            call.room_until = monotonic() + when_full.timeout
        if call.room_until is not None and (call.until is None or call.room_until < call.until):
            self._deadlines.add(call, call.room_until)

    def takes(self, route: Route) -> bool:
        """Whether a call that only wants a future may leave it in line: where a loop runs, and for a window of them.

        A future, unlike a call, does not leave the line when nobody awaits it any more.
        """
        loop = asyncio._get_running_loop()  # noqa: SLF001 - None where none runs
        if loop is None:
            return False
        line: Line | None = route.line
        if line is not None and len(line.letters) >= WINDOW_MESSAGES:
            raise MailboxFullError(
                route.ref.name, route.window.messages + len(line.letters), route.window.size + line.size
            )
        self.reader.attach(loop)
        self.reader.schedule(loop)
        return True

    # Giving up

    def forget_deadline(self, call: Call) -> None:
        """It is over before."""
        self._deadlines.discard(call)

    def abandon(self, call: Call) -> None:
        """Nobody waits for it any more."""
        with self._port.lock:
            if call.tick:
                self._deadlines.discard(call)
            if (letter := call.letter) is not None:
                call.letter = None
                if self.lines.leave(letter):
                    self.reader.schedule_own()
            else:
                self._port.asks.abandon(call.asked)

    def _expire(self, call: Call, now: float) -> None:
        letter = call.letter
        error: Exception
        if call.until is not None and call.until <= now:
            full = None if letter is None or self._is_next_turns(letter) else self.lines.full(letter, now)
            error = Timeout(f"{call.timeout} seconds" if full is None else f"{call.timeout} seconds: {full}")
            error.__cause__ = full
        elif letter is not None and call.room_until is not None and call.room_until <= now:
            assert letter.line is not None
            if call.patient and (room_until := letter.line.moved_at + NO_ROOM_S) > now:
                call.room_until = room_until
                self._deadlines.add(call, room_until)
                return
            error = self.lines.full(letter, 0.0)
        else:  # it has gone in time, and waits for its answer
            if call.until is not None:
                self._deadlines.add(call, call.until)
            return
        self.abandon(call)
        call.settle(None, error)

    @staticmethod
    def _is_next_turns(letter: Letter) -> bool:
        """Whether it waited for its turn alone, for there is room."""
        return letter.line is not None and letter.line.route.window.has_place(letter.size)

    # The end

    def close(self) -> list[Call | Future[Any]]:
        """The port closes. Returns: who waits in line."""
        self.reader.close()
        return self.lines.close()
