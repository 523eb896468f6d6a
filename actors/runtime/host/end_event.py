"""The event that an actor's end sets: Pykka's `actor_stopped`.

Hardly anybody waits for it, and an event with its condition and lock takes a tenth of making an actor. So these are made for
the first one that waits.
"""

from __future__ import annotations

import os
import threading

_making = threading.Lock()
os.register_at_fork(after_in_child=_making._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - another thread's


class EndEvent(threading.Event):
    """As any event; it is set once and never cleared."""

    def __init__(self) -> None:
        self._is_set = False
        self._event: threading.Event | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} at {id(self):#x}: {'set' if self._is_set else 'unset'}>"

    def is_set(self) -> bool:
        """Whether the actor has ended."""
        return self._is_set

    def set(self) -> None:
        """It has: whoever waits goes on."""
        self._is_set = True
        with _making:  # either this sees the event, or whoever makes it sees the flag
            event = self._event
        if event is not None:
            event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most so many seconds. Returns: whether it has come."""
        with _making:
            event = self._event = self._event or threading.Event()
            if self._is_set:  # before there was one to be set
                event.set()
        return event.wait(timeout)
