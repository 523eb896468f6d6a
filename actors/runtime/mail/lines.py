"""What waits for room: a line for each actor whose window is full, the first to go first.

Behind a line waits everything else to that actor, so that order is kept. Each message waits as long as its caller has
chosen, and leaves the line when the caller is cancelled.
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
from peerage.actors.runtime.mail.envelope import EXEMPT, FRAMES, Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import HostTable
from peerage.actors.runtime.mail.memory import LARGE, Raw
from peerage.actors.runtime.mail.outbox import Outbox
from peerage.actors.runtime.mail.routes import Route, Routes

ASK, TELL, IF_THERE = int(Kind.ASK), int(Kind.TELL), int(Kind.TELL_IF_THERE)

# A value or body, extra frames, flags, bytes, and whether it is the value itself.
Packed = tuple[Any, Sequence[Raw], int, int, bool]


class LinesPort(Protocol):
    """The port whose messages wait: see `port.py`."""

    table: HostTable
    outbox: Outbox
    routes: Routes
    asks: Asks

    @property
    def sender(self) -> bytes: ...
    def send_along(
        self, route: Route, kind: int, corr: int, flags: int, body: Raw, extras: Sequence[Raw]
    ) -> None: ...
    def count_dead_letters(self, key: str, messages: int) -> None: ...
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


def pack(value: Any, kept_there: Container[bytes] = ()) -> Packed:
    """Returns: a value or body, extra frames, flags, bytes, and whether it is the value itself, which cannot change and is
    pickled when it goes. Raises: what pickling raises.
    """
    if type(value) in PLAIN:
        size = len(value) if type(value) in SIZED else PLAIN_SIZE
        if size < SMALL:
            return value, (), 0, size, True
    body, extras, flags = codec.encode(value, kept_there)
    return body, extras, flags, len(body) + sum(map(len, extras)), False


def has_gone(waiter: Call | Future[Any]) -> None:
    """It waits in no line any more."""
    if isinstance(waiter, Call):
        waiter.letter = waiter.room_until = None


class Lines:
    """The lines of one port, guarded by its lock. True when anything waits."""

    def __init__(self, port: LinesPort) -> None:
        self._port = port
        self._lines: list[Line] = []
        self._numbers = count(1)
        self._said: tuple[Line, float, MailboxFullError] | None = None
        self.lost: deque[Line] = deque()  # that lead nowhere

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def join(self, route: Route, letter: Letter) -> None:
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
        """What no window bounds, from this thread's other calls: it goes after what waits there already."""
        if future is not None:
            future.asked = Ask(future, route.serial, route)
        self.join(route, Letter(kind, packed, self._port.sender, exempt, future))

    def advance(self, seconds: float | None = SHARE_S) -> bool:
        """Send what has room by now, for so long. Returns: whether more could go."""
        end = None if seconds is None else monotonic() + seconds
        for line in self._lines[:]:
            letters, window = line.letters, line.route.window
            while letters:
                letter = next(iter(letters.values()))
                if not letter.exempt and not window.has_place(letter.size):
                    break
                if end is not None and monotonic() >= end:
                    self._lines.append(self._lines.pop(0))
                    return True
                line.leave(letter)
                self.post(line.route, letter)
                line.moved_at = monotonic()
            if not letters:
                self._end(line)
        return False

    def _end(self, line: Line) -> None:
        if line in self._lines:
            self._lines.remove(line)
            line.route.line = None
            line.route.window.reopen()

    def post(self, route: Route, letter: Letter) -> None:
        """Send a message for which there is room, as `Port.tell` and `Port.ask` do."""
        if letter.kind == TELL:
            self._post_tell(route, letter)
        elif letter.kind == IF_THERE:
            self._port.send_along(route, IF_THERE, 0, letter.flags, letter.value, letter.extras)
        else:
            self._post_ask(route, letter)

    def _post_tell(self, route: Route, letter: Letter) -> None:
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
        """Also a STOP, which is answered too."""
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
        self._send(route, letter.kind, number, flags, letter)

    def _send(self, route: Route, kind: int, corr: int, flags: int, letter: Letter) -> None:
        body = pickle.dumps(letter.value, 5) if letter.plain else letter.value
        if kind == TELL or letter.extras or route.local or len(body) >= LARGE:
            self._port.send(
                route.address,
                kind,
                corr,
                flags=flags,
                target=route.target,
                sender=letter.sender,
                body=body,
                extras=letter.extras,
            )
        else:
            self._port.outbox.send_small(route.address, kind, corr, flags, route.target, letter.sender, body)

    def full(self, letter: Letter, now: float) -> MailboxFullError:
        """Those that give up together, `now`, have the same cause."""
        line = letter.line
        assert line is not None
        if not now or self._said is None or self._said[:2] != (line, now):
            window = line.route.window
            self._said = line, now, MailboxFullError(line.route.ref.name, window.messages, window.size)
        return self._said[2]

    def reroute(self) -> None:
        """Of lines to hosts that have died: the next life of the actor gets what waited, or nobody does."""
        port = self._port
        for line in self._lines[:]:
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
            self._lines.remove(line)
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
            has_gone(waiter)
            waiter.resolve(None, None if letter.kind == TELL else ActorDeadError(f"{ref} not found"))

    def leave(self, letter: Letter) -> bool:
        """A message is not to go any more. Returns: whether others wait behind it, of which the next may be smaller."""
        line = letter.line
        assert line is not None
        line.leave(letter)
        if not line.letters:
            self._end(line)
        return bool(line.letters)

    def close(self) -> list[Call | Future[Any]]:
        """The port closes. Returns: who waits in line."""
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
