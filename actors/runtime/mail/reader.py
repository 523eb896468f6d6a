"""How a thread reads its mailbox: all that is there, what comes within some time, or on behalf of another thread."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from typing import Any, Protocol

import zmq

from peerage.actors.runtime.mail.inbox import SLICE_S, Inbox
from peerage.actors.runtime.mail.losses import Losses

PUMP_S = 0.003  # for a look at what has arrived by somebody who has promised to be elsewhere soon
FOREIGN_POLL_S = 0.02  # a thread that waits for another's mailbox looks whether that one has read it itself


class Lines(Protocol):
    """What waits for room in windows, which a message that was read may have made."""

    @property
    def lines(self) -> object:
        """True while anything waits."""

    @property
    def loops(self) -> Any:
        """The asyncio loops that read this mailbox."""

    def advance(self, seconds: float | None = ..., /) -> bool:
        """Send what has room by now. Returns: whether more could go."""

    def look_again(self) -> None:
        """Somebody may have taken the only signal of what the loops wait for."""


class Reader:
    """Reads one mailbox, by its own thread or another: a lock guards it.

    Args:
        flush: hands over the tells that were gathered; called before a thread sleeps.
        check_open: raises ActorDeadError when the port is closed. close: closes it, when the system has ended.

    Attributes:
        has_skipped: whether one message was read alone, so that others may be there without a signal of theirs.
        on_read_for: called when somebody has read on behalf of the owner.
    """

    def __init__(
        self,
        inbox: Inbox,
        lock: threading.RLock,
        lines: Lines,
        losses: Losses,
        *,
        flush: Callable[[], None],
        check_open: Callable[[], object],
        close: Callable[[], object],
    ) -> None:
        self.inbox, self._lock, self._lines, self._losses = inbox, lock, lines, losses
        self.flush, self._check_open, self._close = flush, check_open, close
        self.has_skipped = False
        self.on_read_for: Callable[[], object] | None = None

    def pump(self, limit: int = 1000) -> int:
        """Handle what has arrived, without waiting. Returns: how many messages; fewer than `limit` means no more."""
        with self._lock:
            self.has_skipped = False
            if self.inbox.is_unfound:
                self.inbox.bind_again()
            handled = self.inbox.drain(limit)
            if self._lines.lines:
                self._lines.advance()
            return handled

    def pump_within(self, seconds: float) -> bool:
        """As `pump`, for so long at most. Returns: whether more may be there, which the caller comes back for."""
        with self._lock:
            if self.inbox.is_unfound:
                self.inbox.bind_again()
            more = self.has_skipped = self.inbox.drain_for(seconds)
            if self._lines.lines:
                more |= self._lines.advance(seconds)
        return more

    def pump_briefly(self) -> bool:
        """As `pump`, for a few milliseconds. What is left is signalled to the loops. Returns: whether more may be there."""
        more = self.pump_within(PUMP_S)
        if more and self._lines.loops:
            self._lines.look_again()
        return more

    def receive_within(self, seconds: float) -> None:
        """Handle one message if one comes in that time, or within SLICE_S."""
        self.flush()
        self.has_skipped = True
        try:
            with self._lock:
                self._check_open()
                if self._lines.lines and self._lines.advance():
                    seconds = 0.0
                if self.inbox.is_unfound:
                    self.inbox.bind_again()
                if seconds >= SLICE_S:
                    self.inbox.receive()
                elif self.inbox.wait(seconds):
                    self.inbox.receive(zmq.NOBLOCK)
        except zmq.Again:
            pass
        except zmq.ContextTerminated:
            self._close()

    def read_for(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Read on behalf of the owner, once. Returns: False, if the owner is reading itself.

        It sleeps without the lock: the owner may want to send meanwhile.

        Raises: ActorDeadError, when the port is closed.
        """
        has_read = self._read_for(is_done, seconds)
        if has_read and self.on_read_for is not None:
            self.on_read_for()
        return has_read

    def _read_for(self, is_done: Callable[[], bool], seconds: float) -> bool:
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._check_open()
            self._losses.look_again_in()
            if not is_done():
                self.flush()
                if self.pump_briefly() or self._losses.unsettled:
                    return True
            arrivals = select.poll()
            arrivals.register(self.inbox.fileno(), select.POLLIN)
        except zmq.ContextTerminated:
            self._close()
            return True
        finally:
            self._lock.release()
        if not is_done():
            arrivals.poll(min(seconds, FOREIGN_POLL_S) * 1000)
        return True
