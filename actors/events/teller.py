"""How a part of the node tells the event hub what happens there: several at a time, and of a flood a few and a count.

The hub lives beside RPC. Until it is up for the first time, and while it is being restarted, the newest events are held.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from peerage.actors.events import dead_letters
from peerage.actors.events.happenings import DeadLetter, Folded, Happening
from peerage.actors.events.messages import Happened
from peerage.actors.runtime import ActorDeadError, ActorRef, LimitReachedError

__all__ = ["HELD", "EventTeller", "tell_at_once"]

GATHER_S: Final = 0.05  # nobody sees the difference, and a burst is one message
WINDOW_S: Final = 1.0
HELD: Final = 200  # events, while there is no hub
FOLLOW_AGAIN_S: Final = 10.0  # when there was no descriptor for a way to the hub

# Strangers decide how often these happen. So many are told one by one in a second, the others are counted.
MOST_A_SECOND: Final = {"refused": 20, "dialled": 50, "connected": 100, "lost": 100}
MOST_OF_OTHERS: Final = 20


class Runtime(dead_letters.Runtime, Protocol):
    """Of an actor, as far as it is needed here."""

    def follow(
        self, ref: ActorRef, *, on_up: Callable[[], object], on_down: Callable[[Any], object]
    ) -> object: ...


class EventTeller:
    """Of one actor. It tells the dead letters of its process too, so there is one in a process.

    Args:
        hub: is told; None: nobody, as where RPC is off.
        clock: Unix seconds.
    """

    def __init__(
        self, runtime: Runtime, hub: ActorRef | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._runtime, self._hub, self._clock = runtime, hub, clock
        self._is_up = False
        self._gathered: deque[tuple[float, Happening]] = deque(maxlen=HELD)
        self._flush_due = self._window_is_open = False
        self._told: Counter[str] = Counter()  # in this window, by kind
        self._folded: Counter[tuple[str, str]] = Counter()  # by kind and reason
        if hub is not None:
            self._follow(hub)
            dead_letters.DeadLetterWatch(runtime, self._tell_dead_letter)

    def may_tell(self, kind: str, reason: str = "") -> bool:
        """Ask before an event is made. If it may not be told, it is counted here."""
        if self._hub is None:
            return False
        if not self._window_is_open:
            self._window_is_open = True
            self._runtime.call_later(WINDOW_S, self._end_window)
        if self._told[kind] < MOST_A_SECOND.get(kind, MOST_OF_OTHERS):
            self._told[kind] += 1
            return True
        self._folded[kind, reason] += 1
        return False

    def now(self) -> float:
        """Unix seconds."""
        return self._clock()

    def tell(self, what: Happening) -> None:
        """Tell an event that `may_tell` has allowed."""
        self._gathered.append((self._clock(), what))
        if self._is_up and not self._flush_due:
            self._flush_due = True
            self._runtime.call_later(GATHER_S, self.flush)

    def flush(self) -> None:
        """Tell what has gathered, if anybody is there. Call it at the actor's end too."""
        self._flush_due = False
        if self._is_up and self._gathered and self._hub is not None:
            news = tuple(self._gathered)
            self._gathered.clear()
            _send(self._hub, news)

    def _tell_dead_letter(self, what: DeadLetter) -> None:
        if self.may_tell(what.kind):
            self.tell(what)

    def _end_window(self) -> None:
        self._window_is_open = False
        self._told.clear()
        folded, self._folded = self._folded, Counter()
        for (kind, reason), count in folded.items():
            self.tell(Folded(kind, reason, count))

    def _follow(self, hub: ActorRef) -> None:
        try:
            self._runtime.follow(hub, on_up=self._came_up, on_down=self._went_down)
        except LimitReachedError:
            self._runtime.call_later(FOLLOW_AGAIN_S, self._follow, hub)

    def _came_up(self) -> None:
        self._is_up = True
        self.flush()

    def _went_down(self, _reason: object) -> None:
        self._is_up = False


def tell_at_once(hub: ActorRef, what: Happening) -> None:
    """Tell one event to the hub that is there now, if any. Raises nothing."""
    _send(hub, ((time.time(), what),))


def _send(hub: ActorRef, news: tuple[tuple[float, Happening], ...]) -> None:
    with suppress(ActorDeadError, LimitReachedError):  # events are worth no failure
        hub.tell(Happened(news), if_there=True)
