"""Messages that wait for room without their thread waiting: a line for each actor whose window is full.

A thread may simply wait until there is room (`Port.make_room`). A loop of asyncio may not, so its messages stand in line,
and go when an acknowledgement has opened the window. Everything else that the thread sends to that actor goes behind them,
so that order is kept. Each message waits as long as its caller has chosen, and leaves the line when its task is cancelled.

A line belongs to a route. When the actor's host dies and a successor is up, the line moves to the new route with all that
is in it: none of it has been sent, so it is not lost.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict, deque
from collections.abc import Container, Iterator, Sequence
from itertools import count
from time import monotonic
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError, MailboxFullError
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.asks import Ask, Asks
from peerage.actors.runtime.mail.calls import SHARE_S, Call
from peerage.actors.runtime.mail.codec import PLAIN, PLAIN_SIZE, SIZED, SMALL
from peerage.actors.runtime.mail.envelope import EXEMPT, FRAMES, UNTIL, Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import HostTable
from peerage.actors.runtime.mail.memory import LARGE, Raw
from peerage.actors.runtime.mail.outbox import Outbox
from peerage.actors.runtime.mail.routes import Route, Routes

ASK, TELL, IF_THERE = int(Kind.ASK), int(Kind.TELL), int(Kind.TELL_IF_THERE)
ASK_UNTIL = int(Kind.ASK_UNTIL)

# A message as it waits: a plain value or a body, extra frames, flags, its bytes, and whether it is the plain value itself.
Packed = tuple[Any, Sequence[Raw], int, int, bool]


class LinesPort(Protocol):
    """The port whose messages wait: see `port.py`. It hands them to ZeroMQ when their turn has come."""

    table: HostTable
    outbox: Outbox
    routes: Routes
    asks: Asks

    @property
    def sender(self) -> bytes:
        """The identity of the actor that runs in this thread now, empty outside actors."""

    def send_along(
        self, route: Route, kind: int, corr: int, flags: int, body: Raw, extras: Sequence[Raw]
    ) -> None:
        """Send along a route, in the name of the actor that runs now."""

    def count_dead_letters(self, key: str, messages: int) -> None:
        """Tells to the actor with this key were lost."""

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
        """Send in the name of any actor: of the one that ran when the message was put in line."""


class Letter:
    """A message in line, packed when its caller sent it: what the caller changes afterwards does not change it.

    Attributes:
        kind: TELL, IF_THERE, ASK or STOP.
        value, extras, flags, size, plain: the message, see `Packed`.
        sender: the identity of the actor that sent it. Another one may run when it goes.
        exempt: whether it needs no room, and waits only because of those ahead of it.
        waiter: who waits for its answer or, for a tell, for its going; None for a tell that nobody waits for.
        line: in which it waits; number: its key there, which grows from one message to the next.
    """

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
        packed: Packed,
        sender: bytes,
        exempt: bool,
        waiter: Call | Future[Any] | None,
    ) -> None:
        self.kind, self.sender, self.exempt, self.waiter = kind, sender, exempt, waiter
        self.value, self.extras, self.flags, self.size, self.plain = packed
        self.line: Line | None = None
        self.number = 0


class Line:
    """The messages that wait for room on one route, the first to go first. The route's window lets nothing else pass.

    Attributes:
        letters: by number. A dict, because messages are also taken from the middle, when they time out or are cancelled.
        size: of all of them, in bytes.
        moved_at: monotonic seconds when a message last went, or when the line was formed. By default a caller gives up when
            the line has not moved for a time, and not after a time in it: with a slow actor the last may wait for long.
        route: that it waits on.
    """

    __slots__ = ("letters", "moved_at", "route", "size")

    def __init__(self, route: Route) -> None:
        self.letters: OrderedDict[int, Letter] = OrderedDict()
        self.size = 0
        self.moved_at = monotonic()
        self.enter(route)

    def enter(self, route: Route) -> None:
        """Wait on this route from now on, whose window then looks full to all who send."""
        self.route = route
        route.line, route.window.limit = self, 0

    def has_place(self, size: int) -> bool:
        """Whether one more message may join though its caller does not want to wait (FAIL, DROP).

        It may when the window has room for all that waits: then the line is left over from a turn that had no time for it.
        """
        return self.route.window.has_room_for(1 + len(self.letters), self.size + size)

    def leave(self, letter: Letter) -> None:
        """Take a message out, from any place in the line."""
        del self.letters[letter.number]
        self.size -= letter.size


def pack(value: Any, kept_there: Container[bytes] = (), borrow: bool = False) -> Packed:
    """Pack a value for sending, now or later.

    A small plain value stays as it is, because it cannot change, and may still be joined with others in a batch.

    Args: kept_there, identities of definitions that the receiver keeps. Nothing, for a message that will wait: it may go to
        a successor, which keeps none.
        borrow: as of `encode`, for what is sent before anything else is done.
    Raises: what pickling the value raises.
    """
    if type(value) in PLAIN:
        size = len(value) if type(value) in SIZED else PLAIN_SIZE
        if size < SMALL:
            return value, (), 0, size, True
    body, extras, flags = codec.encode(value, kept_there, borrow)
    return body, extras, flags, len(body) + sum(map(len, extras)), False


def has_gone(waiter: Call | Future[Any]) -> None:
    """The message of this waiter is in no line any more. A future, unlike a call, does not know of its letter."""
    if isinstance(waiter, Call):
        waiter.letter = waiter.room_until = None


class Lines:
    """The lines of one port, guarded by its lock. True when anything waits.

    Attribute: lost, the lines that lead nowhere, because their actor has no successor. Their messages are given up one by
    one, see `bury_one`.
    """

    def __init__(self, port: LinesPort) -> None:
        self._port = port
        self._lines: list[Line] = []
        self._numbers = count(1)
        # The error that `full` made last, and for which line and time.
        self._said: tuple[Line, float, MailboxFullError] | None = None
        self.lost: deque[Line] = deque()

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def join(self, route: Route, letter: Letter) -> None:
        """Put a message at the end of the route's line, which is formed if there is none."""
        line = route.line
        if line is None:
            line = Line(route)
            self._lines.append(line)
        letter.line, letter.number = line, next(self._numbers)
        line.letters[letter.number] = letter
        line.size += letter.size

    def put_behind(
        self,
        route: Route,
        kind: int,
        packed: Packed,
        future: Future[Any] | None,
        exempt: bool = True,
    ) -> None:
        """Put a message behind the others that its thread does not wait for: from `tell`, `ask` or `stop`, not from a task.

        Args:
            route: to the actor that it is for.
            kind: as of a `Letter`.
            packed: as returned by `pack`.
            future: the answer, None for a tell.
            exempt: whether it needs no room and waits only to keep the order.
        """
        if future is not None:
            future.asked = Ask(future, route.serial, route)
        self.join(route, Letter(kind, packed, self._port.sender, exempt, future))

    def advance(self, seconds: float | None = SHARE_S) -> bool:
        """Send what has room by now, the lines in turn.

        Args: seconds, after which to stop; None to send all that there is room for.
        Returns: whether it has stopped for lack of time: then more could go.
        """
        end = None if seconds is None else monotonic() + seconds
        for line in self._lines[:]:
            letters, window = line.letters, line.route.window
            while letters:
                letter = next(iter(letters.values()))
                # Only the first one is looked at: a smaller one behind it would break the order, and might keep it from ever
                # having room.
                if not letter.exempt and not window.has_place(letter.size):
                    break
                if end is not None and monotonic() >= end:  # next time another line has its turn first
                    self._lines.append(self._lines.pop(0))
                    return True
                line.leave(letter)
                self.post(line.route, letter)
                line.moved_at = monotonic()
            if not letters:
                self._end(line)
        return False

    def _end(self, line: Line) -> None:
        """Nothing waits in a line any more; one of `lost` is no line of a route."""
        if line in self._lines:
            self._lines.remove(line)
            line.route.line = None
            line.route.window.reopen()

    def post(self, route: Route, letter: Letter) -> None:
        """Send a message for which there is room, and count it, as `Port.tell` and `Port.ask` do.

        The face for asyncio uses this for messages that need not wait, too.
        """
        if letter.kind == TELL:
            self._post_tell(route, letter)
        elif letter.kind == IF_THERE:
            self._port.send_along(route, IF_THERE, 0, letter.flags, letter.value, letter.extras)
        else:
            self._post_ask(route, letter)

    def _post_tell(self, route: Route, letter: Letter) -> None:
        """Send a tell, and let its caller, if it awaits that, know that it has gone: nothing else will be heard of it."""
        window, flags, size, body = route.window, letter.flags, letter.size, letter.value
        if letter.exempt:
            window.exempt += 1
            flags |= EXEMPT
        else:
            window.messages += 1
            window.size += size
        if not (letter.extras or flags & FRAMES or size >= SMALL or route.local):
            self._port.outbox.tell(route, letter.sender, flags, body, size, letter.plain)
        else:
            self._send(route, TELL, 0, flags, letter)
        if letter.waiter is not None:
            has_gone(letter.waiter)
            letter.waiter.resolve(None)

    def _post_ask(self, route: Route, letter: Letter) -> None:
        """Send an ask, or a STOP, which is answered as well. Only now does it get its number and become an open ask."""
        # `held`: the bytes that it holds in the window until it is answered, as of `Ask.size`.
        window, flags, waiter, held = route.window, letter.flags, letter.waiter, -1
        assert waiter is not None
        if letter.exempt or letter.kind != ASK:
            flags |= EXEMPT
        else:
            window.messages += 1
            window.asks += 1
            window.size += letter.size
            held = letter.size
        number = self._port.asks.expect(waiter, route.serial, route, held)
        has_gone(waiter)
        kind, target = letter.kind, route.target
        if isinstance(waiter, Call) and waiter.until is not None:
            kind, target = ASK_UNTIL, UNTIL.pack(waiter.until) + target
        self._send(route, kind, number, flags, letter, target)

    def _send(
        self, route: Route, kind: int, corr: int, flags: int, letter: Letter, target: bytes = b""
    ) -> None:
        target = target or route.target
        # A tell comes here only if it is large, has frames or stays in the host: `Outbox.tell` has taken the others.
        body = pickle.dumps(letter.value, 5) if letter.plain else letter.value
        if kind == TELL or letter.extras or route.local or len(body) >= LARGE:
            self._port.send(
                route.address,
                kind,
                corr,
                flags=flags,
                target=target,
                sender=letter.sender,
                body=body,
                extras=letter.extras,
            )
        else:
            self._port.outbox.send_small(route.address, kind, corr, flags, target, letter.sender, body)

    def full(self, letter: Letter, now: float) -> MailboxFullError:
        """Why a message has not gone.

        Args: now, monotonic seconds. Those of one line that give up at the same time share the error, since making ten
            thousand errors would hold the loop; 0 for one of its own.
        """
        line = letter.line
        assert line is not None
        if not now or self._said is None or self._said[:2] != (line, now):
            window = line.route.window
            self._said = line, now, MailboxFullError(line.route.ref.name, window.messages, window.size)
        return self._said[2]

    def reroute(self) -> None:
        """Move the lines to hosts that have died to the next life of their actors, or to `lost` where there is none."""
        port = self._port
        for line in self._lines[:]:
            if not port.table.is_dead(line.route.serial):
                continue
            ref = line.route.ref
            line.route.line = None  # the dead host's route, and its window, are settled without the line
            try:
                route = port.routes.find(ref)
            except LimitReachedError:  # no descriptor for a way there: as if there were no successor
                route = None
            if route is not None and route.line is None:
                # The messages were packed whole, with all definitions, since a successor keeps none of its predecessor's.
                line.enter(route)
                for letter in line.letters.values():
                    if letter.waiter is not None:  # asks that wait for themselves are found by it
                        letter.waiter.asked = Ask(letter.waiter, route.serial, route)
                continue
            self._lines.remove(line)
            self.lost.append(line)

    def bury_one(self) -> None:
        """Give up one message of the lines that lead nowhere, or drop a line that has become empty.

        One at a time: there may be tens of thousands, and whoever does this has a share of time only.
        """
        line = self.lost[0]
        if not line.letters:
            self.lost.popleft()
            return
        letter = next(iter(line.letters.values()))
        line.leave(letter)
        waiter, ref = letter.waiter, line.route.ref
        # A tell to a dead actor is no error, also for a task that awaits its going: it is a dead letter, as if it had gone.
        if letter.kind == TELL:
            self._port.count_dead_letters(ref.key, 1)
        if waiter is not None:
            has_gone(waiter)
            waiter.resolve(None, None if letter.kind == TELL else ActorDeadError(f"{ref} not found"))

    def leave(self, letter: Letter) -> bool:
        """A message is not to go any more.

        Returns: whether others wait behind it. Then `advance` may find that the next one, which may be smaller, has room.
        """
        line = letter.line
        assert line is not None
        line.leave(letter)
        if not line.letters:
            self._end(line)
        return bool(line.letters)

    def close(self) -> list[Call | Future[Any]]:
        """The port closes: tells in line are dead letters. Returns: everybody who waits in line."""
        # They are not told here: the port holds its lock, and fails all that wait for anything together.
        waiters: list[Call | Future[Any]] = []
        for line in [*self._lines, *self.lost]:
            for letter in line.letters.values():
                if letter.kind == TELL:
                    self._port.count_dead_letters(line.route.ref.key, 1)
                if letter.waiter is not None:
                    has_gone(letter.waiter)
                    waiters.append(letter.waiter)
            line.letters.clear()
        self._lines.clear()
        self.lost.clear()
        return waiters
