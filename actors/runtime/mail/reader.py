"""How a thread reads its mailbox: all that is there, what comes within some time, or on behalf of another thread.

ZeroMQ's descriptor signals edges: it becomes readable when a message comes to an empty mailbox, and says nothing about the
rest. Whoever takes a message without reading on until nothing is left has taken that signal from everybody who sleeps on the
descriptor. So each way of reading here notes what it may have left, or tells the loops to look for themselves.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from typing import Any, Protocol

import zmq

from peerage.actors.runtime.mail.inbox import SLICE_S, Inbox
from peerage.actors.runtime.mail.losses import Losses

PUMP_S = 0.003  # for a look at what has arrived by a caller that must not be held up
# How long a thread sleeps that waits for another one's mailbox. The owner may read the awaited message itself meanwhile, and
# nothing wakes the sleeper then.
FOREIGN_POLL_S = 0.02


class Lines(Protocol):
    """The messages that wait for room in windows: an acknowledgement that was just read may have made some."""

    @property
    def lines(self) -> object:
        """True while anything waits."""

    @property
    def loops(self) -> Any:
        """The asyncio loops that read this mailbox."""

    def advance(self, seconds: float | None = ..., /) -> bool:
        """Send what has room by now. Returns: whether more could go."""

    def look_again(self) -> None:
        """Have the loops look for messages: the signal for them may have been taken."""


class Reader:
    """Reads one mailbox, by its own thread or another: the port's lock guards it.

    Args:
        flush: hands over the tells that were gathered. Called before the thread sleeps, because it sleeps with the lock, so
            that the flusher's thread could not do it.
        check_open: raises ActorDeadError when the port is closed.
        close: closes the port, called when the system has ended.

    Attributes:
        has_skipped: whether a message was read without draining the mailbox: ZeroMQ will not signal the rest.
        on_read_for: called when another thread has read on behalf of the owner.
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

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to do for `pump`, if ZeroMQ's descriptor was looked at since the last one.

        Asking a mailbox whether it holds anything takes as long as handling a small message: a host whose sockets wake it
        many times between two messages need not ask each time.
        """
        inbox = self.inbox
        return (
            inbox.is_drained
            and not inbox.is_signalled
            and not self.has_skipped
            and not inbox.is_unfound
            and not self._lines.lines
        )

    def pump(self, limit: int = 1000) -> int:
        """Handle what has arrived, without waiting.

        Returns: how many messages it were; fewer than `limit` means that no more are there.
        """
        with self._lock:
            self.has_skipped = False
            if self.inbox.is_unfound:
                self.inbox.bind_again()
            handled = self.inbox.drain(limit)
            if self._lines.lines:
                self._lines.advance()
            return handled

    def pump_within(self, seconds: float) -> bool:
        """As `pump`, but for `seconds` at most. Returns: whether more may be there: then the caller must come back."""
        with self._lock:
            if self.inbox.is_unfound:
                self.inbox.bind_again()
            more = self.has_skipped = self.inbox.drain_for(seconds)
            if self._lines.lines:
                more |= self._lines.advance(seconds)
        return more

    def pump_briefly(self) -> bool:
        """As `pump`, for PUMP_S. The loops are told of what is left. Returns: whether more may be there."""
        more = self.pump_within(PUMP_S)
        if more and self._lines.loops:
            self._lines.look_again()
        return more

    def receive_within(self, seconds: float) -> None:
        """Handle one message if one comes within `seconds`, of which it may sleep less: SLICE_S at most.

        Only one, because it may be the one that the caller waits for.

        Raises: ActorDeadError, when the port is closed.
        """
        self.flush()
        self.has_skipped = True
        try:
            with self._lock:
                self._check_open()
                if self._lines.lines and self._lines.advance():
                    seconds = 0.0  # a line can go on: look for a message, but do not sleep
                if self.inbox.is_unfound:
                    self.inbox.bind_again()
                if seconds >= SLICE_S:  # the socket's own timeout, which saves a poll
                    self.inbox.receive()
                elif self.inbox.wait(seconds):
                    self.inbox.receive(zmq.NOBLOCK)
        except zmq.Again:
            pass
        except zmq.ContextTerminated:
            self._close()

    def read_for(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Read once on behalf of the owner, which may be busy elsewhere for long.

        It sleeps without the lock, because the owner may want to send meanwhile.

        Args: is_done, whether what the caller waits for is there; seconds, to sleep at most.
        Returns: False, if the owner is reading itself.
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
            # The mailbox has been read until nothing was left, so the next message will be signalled.
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
