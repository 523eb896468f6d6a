"""What a port does for an asyncio loop of its thread: nothing that the loop calls here waits.

What finds no room in the window to its actor waits in a line, and behind a line everything else to that actor, so that
order is kept; what comes after the runtime has had its share of the loop's turn waits there too, for the next one. Each
waits as long as its caller has chosen, and leaves the line when the caller is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Container, Coroutine, Iterable, Sequence
from itertools import count
from time import monotonic
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError, MailboxFullError, Timeout
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail import message as wire
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.asks import NOT_ASKED, Ask, Asks
from peerage.actors.runtime.mail.deadlines import Deadlines, ends_at
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import HostTable
from peerage.actors.runtime.mail.inbox import Inbox
from peerage.actors.runtime.mail.losses import Losses
from peerage.actors.runtime.mail.message import (
    EXEMPT,
    FRAMES,
    LARGE,
    PLAIN,
    PLAIN_SIZE,
    SIZED,
    SMALL,
    Kind,
    Raw,
)
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.outbox import Outbox
from peerage.actors.runtime.mail.reader import Reader
from peerage.actors.runtime.mail.routes import Route, Routes
from peerage.actors.runtime.mail.window import DEFAULT_WAIT, WINDOW_MESSAGES, Drop, Fail, WhenFull

ASK, TELL, IF_THERE = int(Kind.ASK), int(Kind.TELL), int(Kind.TELL_IF_THERE)

SHARE_S = 0.002  # of one turn of the loop, for each of sending, receiving, and giving up
TURN_S = 0.02  # no turn is taken to be longer: what was begun before it was another
BUSY_S = 0.005  # after which a loop looks again whether another thread has done reading its mailbox
LOOK_S = 0.02  # how often the other actors of the host are let run for a loop inside a handler
NO_ROOM_S = DEFAULT_WAIT.timeout or 0.0  # by default a line is left after so long without any progress


class Port(here.Port, Protocol):
    """The port that all this is done for: see `port.py`."""

    network: Network
    table: HostTable
    lock: threading.RLock
    inbox: Inbox
    outbox: Outbox
    routes: Routes
    losses: Losses
    reader: Reader
    asks: Asks

    @property
    def sender(self) -> bytes: ...
    @property
    def face(self) -> AsyncFace: ...
    def route(self, ref: ActorPath) -> Route | None: ...
    def count_dead_letters(self, key: str, messages: int) -> None: ...
    def send_along(
        self, route: Route, kind: int, corr: int, flags: int, body: Raw, extras: Sequence[Raw]
    ) -> None: ...
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
    ) -> None: ...


class Others(Protocol):
    """The other actors of a host, for a loop that runs in the handler of one."""

    def never_answered(self, call: Call) -> Exception | None:
        """Why an ask of an actor of this very host can have no answer, if so."""

    def run_others(self, seconds: float) -> None:
        """Let them run, for so long."""


class Call(asyncio.Future[Any]):
    """An ask until its answer, or a tell until it goes: what a task awaits. In the port's thread."""

    __slots__ = (
        "asked",
        "letter",
        "patient",
        "port",
        "room_until",
        "tick",
        "timeout",
        "until",
    )

    def __init__(self, port: Port, loop: asyncio.AbstractEventLoop, timeout: float | None) -> None:
        super().__init__(loop=loop)
        self.port: Port | None = port
        self.asked: Ask = NOT_ASKED
        self.letter: Letter | None = None  # while it waits in line
        self.timeout = timeout
        self.until = ends_at(timeout)
        self.room_until: float | None = None
        self.patient = False  # as long as the line moves
        self.tick = 0  # of its deadline

    def resolve(self, value: Any, error: BaseException | None = None) -> bool:
        """As a future's, from any thread. Returns: whether nobody was quicker."""
        if self.done():
            return False
        assert self.port is not None
        if self.port.is_mine():
            self.settle(value, error)
        else:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self.get_loop().call_soon_threadsafe(self.settle, value, error)
        return True

    def settle(self, value: Any, error: BaseException | None) -> None:
        """In the loop's thread."""
        if self.done():
            return
        if self.tick:
            assert self.port is not None
            self.port.face.forget_deadline(self)
        try:
            if error is None:
                self.set_result(value)
                return
            if isinstance(error, StopIteration):  # which asyncio lets nobody raise
                error, cause = RuntimeError(f"the actor raised {error!r}"), error
                error.__cause__ = cause
            self.set_exception(error)
            self._log_traceback = False  # who never awaits it is told by Python already
        except RuntimeError:  # as above
            pass

    def cancel(self, msg: Any = None) -> bool:
        """The task that awaits it was cancelled: it leaves the line, or its answer is dropped when it comes."""
        if not super().cancel(msg):
            return False
        assert self.port is not None
        self.port.face.abandon(self)
        return True


class Letter:
    """A message in line."""

    __slots__ = (
        "exempt",
        "extras",
        "flags",
        "kind",
        "line",
        "number",
        "plain",
        "sender",
        "size",
        "value",
        "waiter",
    )

    def __init__(
        self,
        kind: int,
        packed: tuple[Any, Sequence[Raw], int, int, bool],
        sender: bytes,
        exempt: bool,
        waiter: Call | Future[Any] | None,
    ) -> None:
        self.kind, self.sender, self.exempt, self.waiter = kind, sender, exempt, waiter
        self.value, self.extras, self.flags, self.size, self.plain = packed
        self.line: Line | None = None
        self.number = 0


class Line:
    """What waits for room on one route, the first to go first. The route's window lets nothing else pass."""

    __slots__ = ("letters", "moved_at", "route", "size")

    def __init__(self, route: Route) -> None:
        self.letters: OrderedDict[int, Letter] = OrderedDict()  # those that leave early leave no gap
        self.size = 0
        self.moved_at = monotonic()
        self.enter(route)

    def enter(self, route: Route) -> None:
        self.route = route
        route.line, route.window.limit = self, 0

    def has_place(self, size: int) -> bool:
        """Whether one more is sure to go soon: all that waits has room in the window."""
        return self.route.window.has_room_for(1 + len(self.letters), self.size + size)

    def leave(self, letter: Letter) -> None:
        del self.letters[letter.number]
        self.size -= letter.size


async def outcome(call: Call) -> Any:
    """What `ask_async` gives: a coroutine, so that tasks can be made of it."""
    return await call


async def nothing() -> None:
    """The message has gone."""


def pack(value: Any, kept_there: Container[bytes] = ()) -> tuple[Any, Sequence[Raw], int, int, bool]:
    """Returns: a value or body, extra frames, flags, bytes, and whether it is the value itself, which cannot change and is
    pickled when it goes. Raises: what pickling raises.
    """
    if type(value) in PLAIN:
        size = len(value) if type(value) in SIZED else PLAIN_SIZE
        if size < SMALL:
            return value, (), 0, size, True
    body, extras, flags = wire.encode(value, kept_there)
    return body, extras, flags, len(body) + sum(map(len, extras)), False


class AsyncFace:
    """Belongs to a port, and is guarded by its lock."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.lines: list[Line] = []
        self.loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()  # that read this port
        self._own: weakref.ref[asyncio.AbstractEventLoop] | None = None  # of this thread
        self._numbers = count(1)
        self._deadlines: Deadlines[Call] = Deadlines(self._expire, SHARE_S)
        self.lost: deque[Line] = deque()  # that lead nowhere
        self.others: Others | None = None  # in the same host, where actors are
        self._must_look_again = False  # there was more than one turn takes
        self._is_due = False  # a turn of ours is scheduled
        self._is_looking = False  # and one for later
        self._turn_began: float | None = None
        self._said: tuple[Line, float, MailboxFullError] | None = None
        self._local: set[Route] = set()  # to actors of this very host that have been asked

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
        self.attach(loop)
        route = port.route(ref)
        if route is None:  # who asks again and again must get to know that it is back
            if port.reader.pump_within(SHARE_S):
                self._schedule(loop)
            route = port.route(ref)
        if route is None:
            call.settle(None, ActorDeadError(f"{ref} not found"))
            return
        call.asked = Ask(call, route.serial, route)
        if (
            route.local
            and self.others is not None
            and (error := self.others.never_answered(call)) is not None
        ):
            call.settle(None, error)
            return
        packed = pack(value, kept := self._kept_by(route))
        if self._may_go(route, packed[3], exempt):
            self._post(route, Letter(ASK, packed, port.sender, exempt, call))
        else:
            if kept:
                packed = pack(value)
            self._wait_in_line(loop, route, Letter(ASK, packed, port.sender, exempt, call), when_full)
        if call.until is not None and not call.tick and not call.done():
            self._deadlines.add(call, call.until)
        if route.local:
            self._local.add(route)
            self._schedule(loop)

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
        self.attach(loop)
        route = port.route(ref)
        if route is None:
            port.count_dead_letters(ref.key, 1)
            return None
        packed = pack(value, kept := self._kept_by(route))
        if self._may_go(route, packed[3], exempt):
            self._post(route, Letter(TELL, packed, port.sender, exempt, None))
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
        now, began = monotonic(), self._turn_began
        if began is None or now - began > TURN_S:
            self._turn_began = now
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
        self._join(route, letter)
        self._schedule(loop)
        if letter.exempt:
            return
        if when_full is None:
            if call.until is None:
                call.room_until, call.patient = monotonic() + NO_ROOM_S, True
        elif not isinstance(when_full, Drop | Fail) and when_full.timeout is not None:
            call.room_until = monotonic() + when_full.timeout
        if call.room_until is not None and (call.until is None or call.room_until < call.until):
            self._deadlines.add(call, call.room_until)

    def _join(self, route: Route, letter: Letter) -> None:
        line = route.line
        if line is None:
            line = Line(route)
            self.lines.append(line)
        letter.line, letter.number = line, next(self._numbers)
        line.letters[letter.number] = letter
        line.size += letter.size

    def put_behind(
        self,
        route: Route,
        kind: int,
        packed: tuple[Any, Sequence[Raw], int, int, bool],
        future: Future[Any] | None,
        exempt: bool = True,
    ) -> None:
        """What no window bounds, from this thread's other calls: it goes after what waits there already."""
        if future is not None:
            future.asked = Ask(future, route.serial, route)
        self._join(route, Letter(kind, packed, self._port.sender, exempt, future))

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
        self.attach(loop)
        self._schedule(loop)
        return True

    def advance(self, seconds: float | None = SHARE_S) -> bool:
        """Send what has room by now, for so long. Returns: whether more could go."""
        end = None if seconds is None else monotonic() + seconds
        for line in self.lines[:]:
            letters, window = line.letters, line.route.window
            while letters:
                letter = next(iter(letters.values()))
                if not letter.exempt and not window.has_place(letter.size):
                    break
                if end is not None and monotonic() >= end:
                    self.lines.append(self.lines.pop(0))
                    return True
                line.leave(letter)
                self._post(line.route, letter)
                line.moved_at = monotonic()
            if not letters:
                self._end(line)
        return False

    def _end(self, line: Line) -> None:
        if line in self.lines:
            self.lines.remove(line)
            line.route.line = None
            line.route.window.reopen()

    def _post(self, route: Route, letter: Letter) -> None:
        """As `Port.tell` and `Port.ask`, once there is room."""
        port, window, waiter = self._port, route.window, letter.waiter
        flags, size, body, extras = letter.flags, letter.size, letter.value, letter.extras
        kind = letter.kind
        if kind == TELL:
            if letter.exempt:
                window.exempt += 1
                flags |= EXEMPT
            else:
                window.messages += 1
                window.size += size
            if not (extras or flags & FRAMES or size >= SMALL or route.local):
                port.outbox.tell(route, letter.sender, flags, body, size, letter.plain)
            else:
                if letter.plain:
                    body = pickle.dumps(body, 5)
                port.send(
                    route.address,
                    TELL,
                    flags=flags,
                    target=route.target,
                    sender=letter.sender,
                    body=body,
                    extras=extras,
                )
            if waiter is not None:
                self._has_gone(waiter)
                waiter.resolve(None)
            return
        if kind == IF_THERE:
            port.send_along(route, kind, 0, flags, body, extras)
            return
        assert waiter is not None
        if letter.plain:
            body = pickle.dumps(body, 5)
        held = -1
        if letter.exempt or kind != ASK:
            flags |= EXEMPT
        else:
            window.messages += 1
            window.asks += 1
            window.size += size
            held = size
        number = port.asks.expect(waiter, route.serial, route, held)
        self._has_gone(waiter)
        if extras or route.local or len(body) >= LARGE:
            port.send(
                route.address,
                kind,
                number,
                flags=flags,
                target=route.target,
                sender=letter.sender,
                body=body,
                extras=extras,
            )
        else:
            port.outbox.send_small(route.address, kind, number, flags, route.target, letter.sender, body)

    @staticmethod
    def _has_gone(waiter: Call | Future[Any]) -> None:
        if isinstance(waiter, Call):
            waiter.letter = waiter.room_until = None

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
                line = letter.line
                assert line is not None
                line.leave(letter)
                if not line.letters:
                    self._end(line)
                elif (loop := self.own_loop()) is not None and not loop.is_closed():
                    self._schedule(loop)  # the next one may be smaller
            else:
                self._port.asks.abandon(call.asked)

    def _expire(self, call: Call, now: float) -> None:
        letter = call.letter
        error: Exception
        if call.until is not None and call.until <= now:
            full = None if letter is None or self._is_next_turns(letter) else self._full(letter, now)
            error = Timeout(f"{call.timeout} seconds" if full is None else f"{call.timeout} seconds: {full}")
            error.__cause__ = full
        elif letter is not None and call.room_until is not None and call.room_until <= now:
            assert letter.line is not None
            if call.patient and (room_until := letter.line.moved_at + NO_ROOM_S) > now:
                call.room_until = room_until
                self._deadlines.add(call, room_until)
                return
            error = self._full(letter, 0.0)
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

    def _full(self, letter: Letter, now: float) -> MailboxFullError:
        """Those that give up together, `now`, have the same cause."""
        line = letter.line
        assert line is not None
        if not now or self._said is None or self._said[:2] != (line, now):
            window = line.route.window
            self._said = line, now, MailboxFullError(line.route.ref.name, window.messages, window.size)
        return self._said[2]

    # Deaths

    def reroute(self) -> None:
        """Of lines to hosts that have died: the next life of the actor gets what waited, or nobody does."""
        port = self._port
        for line in self.lines[:]:
            if not port.table.is_dead(line.route.serial):
                continue
            ref = line.route.ref
            line.route.line = None
            try:
                route = port.routes.find(ref)
            except LimitReachedError:
                route = None
            if route is not None and route.line is None:
                line.enter(route)
                for letter in line.letters.values():
                    if letter.waiter is not None:
                        letter.waiter.asked = Ask(letter.waiter, route.serial, route)
                continue
            self.lines.remove(line)
            self.lost.append(line)

    def bury_one(self) -> None:
        """Give up one message of the lines that lead nowhere, or a line of which nothing is left."""
        line = self.lost[0]
        if not line.letters:
            self.lost.popleft()
            return
        letter = next(iter(line.letters.values()))
        line.leave(letter)
        waiter, ref = letter.waiter, line.route.ref
        if letter.kind == TELL:
            self._port.count_dead_letters(ref.key, 1)
        if waiter is not None:
            self._has_gone(waiter)
            waiter.resolve(None, None if letter.kind == TELL else ActorDeadError(f"{ref} not found"))

    # The loop

    def own_loop(self) -> asyncio.AbstractEventLoop | None:
        return self._own() if self._own is not None else None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have this loop, which runs in the calling thread, read the port from now on."""
        if self._own is not None and self._own() is loop:
            if (
                self._port.reader.has_skipped
            ):  # a call that blocked has left messages, whose only signal it took
                self._schedule(loop)
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
        self._schedule(loop)  # ZeroMQ's descriptor signals edges: what arrived before must be looked for now
        self._deadlines.move(loop)

    def look_again(self) -> None:
        """Somebody may have taken the only signal of what the loops wait for."""
        for loop in list(self.loops):
            turn = self._turn if self.own_loop() is loop else self._read_for
            with contextlib.suppress(RuntimeError):  # closed
                loop.call_soon_threadsafe(turn, loop)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._turn, loop)

    def _turn_now(self, loop: asyncio.AbstractEventLoop) -> None:
        """Something has arrived."""
        if not self._is_due:
            self._turn(loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Our share of a turn of the thread's own loop."""
        self._is_due = False
        self._turn_began = None
        if not self._read(loop):
            return
        if self._local:
            self._let_others_run(loop)
        if self._must_look_again:
            self._schedule(loop)

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
        self._local = {route for route in self._local if route.window.asks}
        if self._local:
            asyncio._set_running_loop(None)  # noqa: SLF001 - made for loops; a handler may run one of its own
            try:
                if self.others is not None:
                    self.others.run_others(SHARE_S)
            finally:
                asyncio._set_running_loop(loop)  # noqa: SLF001 - as above
            if not self._is_looking:
                self._is_looking = True
                loop.call_later(LOOK_S, self._look, self._turn, loop)

    # The end

    def close(self) -> list[Call | Future[Any]]:
        """The port closes. Returns: who waits in line."""
        for loop in list(self.loops):
            with contextlib.suppress(RuntimeError, OSError, ValueError):  # closed
                if self.own_loop() is loop and self._port.is_mine():
                    loop.remove_reader(self._port.inbox.fileno())
                else:
                    loop.call_soon_threadsafe(loop.remove_reader, self._port.inbox.fileno())
        waiters: list[Call | Future[Any]] = []
        for line in [*self.lines, *self.lost]:
            for letter in line.letters.values():
                if letter.kind == TELL:
                    self._port.count_dead_letters(line.route.ref.key, 1)
                if letter.waiter is not None:
                    self._has_gone(letter.waiter)
                    waiters.append(letter.waiter)
            line.letters.clear()
        self.lines.clear()
        self.lost.clear()
        return waiters


def settle_in_their_loops(calls: Iterable[Call]) -> None:
    """What their port had when it was closed."""
    by_loop: dict[asyncio.AbstractEventLoop, deque[Call]] = {}
    for call in calls:
        by_loop.setdefault(call.get_loop(), deque()).append(call)
    for loop, theirs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # closed: nobody waits any more
            loop.call_soon_threadsafe(_settle_some, theirs, loop)


def _settle_some(calls: deque[Call], loop: asyncio.AbstractEventLoop) -> None:
    end = monotonic() + SHARE_S
    while calls:
        calls.popleft().settle(None, ActorDeadError("the asking thread or the system has ended"))
        if monotonic() >= end:
            loop.call_soon(_settle_some, calls, loop)
            return
