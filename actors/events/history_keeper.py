"""Writes the history beside the hub's loop: a slow disk holds up nobody, and one that fails costs rows of the history."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from peerage.actors.events.history import Change, HistoryError, PeerHistory
from peerage.actors.runtime.log import get_logger

__all__ = ["HistoryKeeper"]

log = get_logger("peerage.events")

GATHER_S: Final = 0.5  # what a SIGKILL may cost
SEEN_S: Final = 30.0  # so often the file says that the node is there
RETRY_S: Final = 10.0
MOST_WAITING: Final = 2000  # changes, while nothing can be written
STOP_TIMEOUT_S: Final = 0.5


class Loop(Protocol):
    """Of the hub."""

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> object: ...

    def call_threadsafe(self, fn: Callable[..., object], *args: Any) -> None: ...


class HistoryKeeper:
    """See the module's text.

    Args:
        path: of the file.
        life: a word for this life of the node.
        clock: Unix seconds.
        opened: called once, in the loop, with the life that wrote last, and the connections whose end nobody has written.
    """

    def __init__(
        self,
        loop: Loop,
        path: Path,
        life: str,
        clock: Callable[[], float],
        opened: Callable[[str, frozenset[str]], object],
    ) -> None:
        self._loop, self._path, self._life, self._clock, self._opened = loop, path, life, clock, opened
        self._pool = ThreadPoolExecutor(1, "peer-history")
        self._history: PeerHistory | None = None  # the thread's, while it works
        self._waiting: deque[Change] = deque(maxlen=MOST_WAITING)
        self._is_busy = self._is_due = self._has_failed = self._was_opened = False
        self._work()
        loop.call_later(SEEN_S, self._look)

    @property
    def has_answered(self) -> bool:
        """Whether the file was opened, or could not be."""
        return self._was_opened or self._has_failed

    def note(self, change: Change) -> None:
        """Write this soon."""
        self._waiting.append(change)
        if not self._is_due:
            self._is_due = True
            self._loop.call_later(GATHER_S, self._work)

    def close(self) -> None:
        """Write what is left, within half a second."""
        changes = tuple(self._waiting)
        with suppress(Exception):  # there is nobody left who could do anything about it
            self._pool.submit(self._finish, changes).result(STOP_TIMEOUT_S)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> None:
        self._loop.call_later(SEEN_S, self._look)
        self._work()

    def _work(self) -> None:
        self._is_due = False
        if self._is_busy:
            return
        self._is_busy = True
        changes = tuple(self._waiting)
        try:
            writing = self._pool.submit(self._write, changes)
        except RuntimeError as error:  # there can be no more threads now
            self._done(changes, error)
        else:
            writing.add_done_callback(lambda done: self._written(changes, done))

    def _write(self, changes: tuple[Change, ...]) -> tuple[str, frozenset[str]] | None:
        """In the thread. Returns: what was unfinished, if the file was opened."""
        found = None
        try:
            if self._history is None:
                self._history = PeerHistory(self._path)
                found = self._history.unfinished()
            self._history.write(changes, self._life, self._clock())
        except HistoryError:
            if self._history is not None:
                self._history.close()
                self._history = None
            raise
        return found

    def _finish(self, changes: tuple[Change, ...]) -> None:
        self._write(changes)
        if self._history is not None:
            self._history.close()

    def _written(
        self, changes: tuple[Change, ...], writing: ThreadFuture[tuple[str, frozenset[str]] | None]
    ) -> None:
        if not writing.cancelled():
            error = writing.exception()
            found = None if error is not None else writing.result()
            self._loop.call_threadsafe(self._done, changes, error, found)

    def _done(
        self,
        changes: tuple[Change, ...],
        error: BaseException | None,
        found: tuple[str, frozenset[str]] | None = None,
    ) -> None:
        self._is_busy = False
        if error is not None:
            if not self._has_failed:
                self._has_failed = True
                log.warning("peer history cannot be written", cause=str(error))
            self._is_due = True
            self._loop.call_later(RETRY_S, self._work)
            return
        self._has_failed = False
        for change in changes:
            if self._waiting and self._waiting[0] is change:  # else it has made room for others
                self._waiting.popleft()
        if found is not None and not self._was_opened:
            self._opened(*found)
            self._was_opened = True
        if self._waiting and not self._is_due:
            self._is_due = True
            self._loop.call_later(GATHER_S, self._work)
