"""What a port learns when hosts die: which tells were lost, which answers will not come, which watches end.

A host that ended by itself has its last words: what it had sent before is waited for, until its goodbye, which comes after
all of it, or for `LAST_WORDS_S`. Of one that was killed, nothing is waited for. What it had handled without telling its
senders is read in the counts that it leaves behind (`handled_counts.py`), so that no more is reported as lost than was.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sized
from typing import Protocol

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.mail.asks import Asks
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.handled_counts import name_hash
from peerage.actors.runtime.mail.routes import Route, Routes

NEVER = -1  # an epoch that no table has: look again
REMEMBERED_GOODBYES = 1000
BURY_S = 0.002  # for answers that will not come, by somebody who has promised to be elsewhere soon
LOOK_AGAIN_S = 0.01  # at those whose last words may be on their way

# For each actor of one dead host, by the hash of its name: the tells of this port that it settled, dead letters among them.
Counts = Mapping[int, tuple[int, int]]


class Deaths(Protocol):
    """The table of hosts, as far as it knows of deaths."""

    @property
    def epoch(self) -> int:
        """Grows with each death."""

    def is_dead(self, serial: int) -> bool: ...

    def is_silent(self, serial: int) -> bool:
        """Whether nothing more can come from a dead host."""

    def reason(self, serial: int) -> DownReason: ...


class Lines(Protocol):
    """What waits in line for room in a window."""

    def reroute(self) -> None:
        """Hosts have died: lines to them go on to the next life of the actor, or nowhere."""

    @property
    def lost(self) -> Sized:
        """Those that lead nowhere."""

    def bury_one(self) -> None:
        """Give up one message of these."""


class Losses:
    """Settles what waits for the dead.

    Args:
        lock: the port's, which guards this and all that it settles.
        read_counts: gives what a dead host has left behind of this port's tells.
        on_lost: called with a target, for people, and how many tells to it were lost.
        before: called first when there are new deaths.

    Attributes:
        epoch: up to which the deaths in the table have been settled; NEVER while there is more to do. It is compared with
            the table's before each message that is sent.
        unsettled: whether there was more than could be given up without holding somebody up.
        on_gone: called with `is_gone`, for whatever else ends with a host; on_swept: called at the end of each sweep.
    """

    def __init__(
        self,
        table: Deaths,
        routes: Routes,
        asks: Asks,
        lines: Lines,
        lock: threading.RLock,
        *,
        read_counts: Callable[[int], Counts],
        on_lost: Callable[[str, int], object],
        before: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table, self._routes, self._asks, self._lines, self._lock = table, routes, asks, lines, lock
        self._read_counts, self._on_lost, self._before = read_counts, on_lost, before
        self._clock = clock
        self.on_gone: list[Callable[[Callable[[int], bool]], object]] = []
        self.on_swept: Callable[[], object] | None = None
        self.epoch = self._swept = table.epoch
        self._look_at = 0.0  # no sweep before, while last words are on their way
        self._departed: set[int] = set()  # serials of hosts whose last message has been read
        self._doomed: deque[int] = deque()  # numbers of asks that nobody will answer
        self.unsettled = False

    def said_goodbye(self, serial: int) -> None:
        """The last message of a host has been read."""
        self._departed.add(serial)
        self.epoch, self._look_at = NEVER, 0.0

    def sweep(self) -> None:
        """Settle everything that waits for hosts that have died since the last look, or as much as may be done at once."""
        with self._lock:
            self._sweep()
            if self.on_swept is not None:
                self.on_swept()

    def _sweep(self) -> None:
        if self.unsettled:
            self._bury()
            if self.unsettled:
                return
        epoch = self._table.epoch
        if self._swept == epoch and self.epoch == NEVER and self._clock() < self._look_at:
            return
        self.epoch = self._swept = epoch
        self._before()
        serials = self._lose_tells()
        self._lines.reroute()
        serials.update(serial for serial in self._asks.hosts_without_window() if self.is_gone(serial))
        if (
            serials
        ):  # else there is nothing to be found among the thousands of asks that others have to answer
            self._doomed.extend(self._asks.of_hosts(serials))
        for settle in self.on_gone:
            settle(self.is_gone)
        self._bury()
        if len(self._departed) > REMEMBERED_GOODBYES:
            self._departed = {serial for serial in self._departed if not self._table.is_silent(serial)}

    def look_again_in(self) -> float | None:
        """Sweep if there is need. Returns: in how many seconds to look again, None for no need."""
        if self.epoch != self._table.epoch:
            self.sweep()
            if not self.unsettled and self.epoch != self._table.epoch:
                return LOOK_AGAIN_S
        return None

    def is_gone(self, serial: int) -> bool:
        """Whether a host is dead and will say no more. One that still may is looked at again soon."""
        if not serial or not self._table.is_dead(serial):
            return False
        if serial in self._departed or self._table.is_silent(serial):
            return True
        self.epoch, self._look_at = NEVER, self._clock() + LOOK_AGAIN_S
        return False

    def forget(self) -> None:
        """The port closes: nobody is told any more."""
        self._doomed.clear()
        self.unsettled = False

    def _lose_tells(self) -> set[int]:
        """Count the tells to dead hosts that were not handled. Returns: serials of hosts that owe answers."""
        serials: set[int] = set()
        counts: dict[int, Counts] = {}
        for route in self._routes.take_dead(self.is_gone):
            if route.window.tells and (lost := self._lost_on(route, counts)):
                self._on_lost(route.ref.key, lost)
            if route.window.asks:
                serials.add(route.serial)
        return serials

    def _lost_on(self, route: Route, counts: dict[int, Counts]) -> int:
        """How many tells a dead host has not handled: without those that it had no time to acknowledge."""
        entries = counts.get(route.serial)
        if entries is None:
            entries = counts[route.serial] = self._read_counts(route.serial)
        settled, dead = entries.get(name_hash(route.target), (0, 0))
        handled = max(0, settled - route.settled) - max(0, dead - route.dead)
        return max(0, route.window.tells - handled)

    def _bury(self) -> None:
        """Give up answers that will not come, for a short time: there may be tens of thousands."""
        end = self._clock() + BURY_S
        whose: Route | int | None = None
        name, text = "", ""
        while self._doomed or self._lines.lost:
            if not self._doomed:
                self._lines.bury_one()
            elif (ask := self._asks.lose(number := self._doomed.popleft())) is not None:
                if whose != (
                    ask.route or ask.serial
                ):  # the same text for all, which takes longer than the rest
                    whose = ask.route or ask.serial
                    name = str(ask.route.ref) if ask.route is not None else "host"
                    text = f"{name} ended before it answered ({self._table.reason(ask.serial)})"
                had_stopped = ask.route is not None and 0 < ask.route.stopped_at < number
                if ask.waiter is not None:
                    ask.waiter.resolve(None, ActorDeadError(f"{name} not found" if had_stopped else text))
            if self._clock() >= end:
                break
        self.unsettled = bool(self._doomed or self._lines.lost)
        if self.unsettled:
            self.epoch = NEVER
