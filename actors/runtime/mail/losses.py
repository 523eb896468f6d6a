"""What a port learns when hosts die: which tells were lost, which answers will not come, which watches end.

The news of a death comes from the root, by another connection than the messages of the dead host, and may overtake them. If
the host ended in order, they are waited for: until its goodbye, which comes after all of them, or for `LAST_WORDS_S`; and
answers that may lie in the mailbox until that has been read to its end. If it was killed, nothing is waited for. What it had
handled without acknowledging it is read in the counts that it leaves behind (`handled_counts.py`), so that no more is
reported as lost than was.

A port settles its own losses when it is next used to send, to read or to wait; a thread that waits is woken for that.
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

NEVER = -1  # an epoch that no table has: what is compared with it looks again
REMEMBERED_GOODBYES = 1000
# Seconds of one sweep for failing asks. There may be tens of thousands of them, and a sweep may stand before a send, in a
# turn of asyncio's loop, or in a wait that has a deadline.
BURY_S = 0.002
LOOK_AGAIN_S = 0.01  # between two looks at hosts whose last words may be on their way
# A mailbox that is never empty gets new messages, and has been read far beyond those of the dead by then.
MOST_UNREAD_S = 10.0

# For each actor of one dead host, by the hash of its name: the tells of this port that it settled, dead letters among them.
Counts = Mapping[int, tuple[int, int]]


class Deaths(Protocol):
    """What of the table of hosts is about deaths."""

    @property
    def epoch(self) -> int:
        """Grows with each death."""

    def is_dead(self, serial: int) -> bool: ...

    def is_silent(self, serial: int) -> bool:
        """Whether nothing more can come from a dead host."""

    def ended_in_order(self, serial: int) -> bool:
        """Whether a dead host had said that it ends, as far as that is remembered."""

    def reason(self, serial: int) -> DownReason: ...


class Lines(Protocol):
    """The messages that wait in line for room in a window."""

    def reroute(self) -> None:
        """Hosts have died: lines to them go on to the next life of the actor, or nowhere."""

    @property
    def lost(self) -> Sized:
        """The lines that lead nowhere."""

    def bury_one(self) -> None:
        """Give up one message of these lines."""


class Losses:
    """Settles what one port has under way to hosts that die.

    Args:
        lock: the port's, which guards this and all that it settles.
        read_counts: gives what a dead host, named by its serial, has counted of this port's tells.
        on_lost: called with an actor's key, for people, and how many tells to it were lost.
        times_empty: how often the mailbox was found empty so far.
        before: called first when there are new deaths.

    Attributes:
        epoch: the table's, up to which its deaths have been settled; NEVER while there is more to do. It is compared with
            the table's before each message that is sent: one comparison is all that deaths cost while nobody dies.
        unsettled: whether there was more to give up than one sweep may.
        on_gone: called with `is_gone`, for whatever else ends with a host.
        on_swept: called at the end of each sweep.
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
        times_empty: Callable[[], int],
        before: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table, self._routes, self._asks, self._lines, self._lock = table, routes, asks, lines, lock
        self._read_counts, self._on_lost, self._before = read_counts, on_lost, before
        self._times_empty, self._clock = times_empty, clock
        self.on_gone: list[Callable[[Callable[[int], bool]], object]] = []
        self.on_swept: Callable[[], object] | None = None
        self.epoch = self._swept = table.epoch
        self._look_at = 0.0  # monotonic seconds before which last words are not looked for again
        self._departed: set[int] = set()  # serials of hosts whose last message has been read
        # The hosts that are gone and owe answers, with how often the mailbox had been empty then, and until when to wait.
        self._owing: dict[int, tuple[int, float]] = {}
        self._doomed: deque[int] = deque()  # numbers of asks that nobody will answer, yet to be failed
        self.unsettled = False

    @property
    def is_reading_up(self) -> bool:
        """Whether only answers are awaited that may lie in the mailbox unread: it is known once that was empty."""
        return bool(self._owing)

    def said_goodbye(self, serial: int) -> None:
        """The last message of a host has been read. It may come before or after the news of the host's end."""
        self._departed.add(serial)
        self.epoch, self._look_at = NEVER, 0.0

    def sweep(self) -> None:
        """Settle what is under way to hosts that have died; as much of it as may be done at once (see `unsettled`)."""
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
        # Only last words are awaited, and `epoch` is NEVER for them: each message that is sent would sweep in vain.
        if self._swept == epoch and self.epoch == NEVER and self._clock() < self._look_at:
            return
        # Set first: `is_gone` makes it NEVER again for hosts that may still speak, and the next death is seen by it.
        self.epoch = self._swept = epoch
        self._before()
        serials = self._lose_tells()
        self._lines.reroute()
        serials.update(serial for serial in self._asks.hosts_without_window() if self.is_gone(serial))
        # Otherwise the open asks, perhaps tens of thousands, are all owed by others and need not be looked through.
        if serials := self._that_answered_all(serials):
            self._doomed.extend(self._asks.of_hosts(serials))
        for settle in self.on_gone:
            settle(self.is_gone)
        self._bury()
        if len(self._departed) > REMEMBERED_GOODBYES:
            self._departed = {serial for serial in self._departed if not self._table.is_silent(serial)}

    def look_again_in(self) -> float | None:
        """Sweep if there is need.

        Returns: in how many seconds to look again, None if there is no need, or if `unsettled` says to come back at once.
        """
        if self.epoch != self._table.epoch:
            self.sweep()
            if not self.unsettled and self.epoch != self._table.epoch:
                return LOOK_AGAIN_S
        return None

    def is_gone(self, serial: int) -> bool:
        """Whether a host is dead and will say no more. If it still may, it is noted that this must be looked at again."""
        if not serial or not self._table.is_dead(serial):
            return False
        if serial in self._departed or self._table.is_silent(serial):
            return True
        self.epoch, self._look_at = NEVER, self._clock() + LOOK_AGAIN_S
        return False

    def _that_answered_all(self, gone: set[int]) -> set[int]:
        """Of the hosts that are gone, these and those of before, the ones of which no answer lies in the mailbox any more.

        An actor that is stopped with ten thousand asks before it answers them all. Reading that many takes longer than
        LAST_WORDS_S, more so where the processors are busy.
        """
        empty, until = self._times_empty(), self._clock() + MOST_UNREAD_S
        for serial in gone:
            self._owing.setdefault(serial, (empty, until))
        read = {serial for serial, waits in self._owing.items() if self._has_read_all(serial, *waits)}
        for serial in read:
            del self._owing[serial]
        if self._owing:
            self.epoch, self._look_at = NEVER, self._clock() + LOOK_AGAIN_S
        return read

    def _has_read_all(self, serial: int, empty: int, until: float) -> bool:
        return (
            serial in self._departed
            or not self._table.ended_in_order(serial)
            or self._times_empty() > empty
            or self._clock() >= until
        )

    def forget(self) -> None:
        """The port closes, and fails itself what still waits."""
        self._owing.clear()
        self._doomed.clear()
        self.unsettled = False

    def _lose_tells(self) -> set[int]:
        """Count the tells to dead hosts that were not handled. Returns: serials of the dead hosts that owe answers."""
        serials: set[int] = set()
        counts: dict[int, Counts] = {}
        for route in self._routes.take_dead(self.is_gone):
            if route.window.tells and (lost := self._lost_on(route, counts)):
                self._on_lost(route.ref.key, lost)
            if route.window.asks:
                serials.add(route.serial)
        return serials

    def _lost_on(self, route: Route, counts: dict[int, Counts]) -> int:
        """How many tells on a route a dead host has not handled.

        Its own counts are ahead of what it has acknowledged (`settled`, `dead` of the route). The difference was handled,
        except the dead letters in it. Where no counts are found, all that is not acknowledged is taken for lost.
        """
        entries = counts.get(route.serial)
        if entries is None:
            entries = counts[route.serial] = self._read_counts(route.serial)
        settled, dead = entries.get(name_hash(route.target), (0, 0))
        handled = max(0, settled - route.settled) - max(0, dead - route.dead)
        return max(0, route.window.tells - handled)

    def _bury(self) -> None:
        """Fail asks that will not be answered and messages of lost lines, for BURY_S."""
        end = self._clock() + BURY_S
        whose: Route | int | None = None
        name, text = "", ""
        while self._doomed or self._lines.lost:
            if not self._doomed:
                self._lines.bury_one()
            elif (ask := self._asks.lose(number := self._doomed.popleft())) is not None:
                # Asks of one actor follow each other: their text is made once, as it takes longer than all the rest.
                if whose != (ask.route or ask.serial):
                    whose = ask.route or ask.serial
                    name = str(ask.route.ref) if ask.route is not None else "host"
                    text = f"{name} ended before it answered ({self._table.reason(ask.serial)})"
                had_stopped = ask.route is not None and 0 < ask.route.stopped_at < number
                if ask.waiter is not None:
                    ask.waiter.resolve(None, ActorDeadError(f"{name} not found" if had_stopped else text))
            if self._clock() >= end:
                break
        self.unsettled = bool(self._doomed or self._lines.lost)
        if self.unsettled:  # so that the next send, read or wait goes on with it
            self.epoch = NEVER
