"""Hands over the tells that threads have gathered and left.

A thread gathers tells for a moment so that they travel together (see `outbox.py`), and normally hands them over itself when
it waits for something. One that tells and then computes, sleeps or ends would hold them back: for these there is a thread
that looks at all outboxes of the process every few milliseconds while anything is gathered, and sleeps while nothing is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sized
from typing import Protocol

import zmq

TICK_S = 0.001  # how long a gathered tell is kept at most, apart from what the machine's load adds
# The same in a stream of tells. Each tick takes the interpreter from the stream: ticks of 1 ms cost it a fifth.
LONGEST_TICK_S = 0.008
IDLE_TICKS = 3  # after this many ticks without anything gathered, the thread sleeps until it is woken


class Flushable(Protocol):
    """Something that gathers tells: an outbox."""

    @property
    def gathered(self) -> Sized:
        """Empty when there is nothing to hand over. Looked at without a lock, because most looks find nothing."""

    def flush(self) -> None:
        """Hand over all that is gathered; called by the flusher's thread.

        Raises: zmq.ZMQError, when the sockets are being closed.
        """


class Flusher:
    """One thread for all outboxes of a process, made when it is first needed, asleep while nobody gathers.

    A timer of each thread's own would not do: the threads that need it are those that do not come back to a loop.
    """

    def __init__(self) -> None:
        self._outboxes: set[Flushable] = set()
        self._lock = threading.Lock()  # of its start and its end
        # Whether the thread is ticking. Read without the lock, so `_run` looks once more after it has cleared this.
        self._awake = self._ended = False
        self._called = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, outbox: Flushable) -> None:
        """Have an outbox flushed within a tick.

        The caller has gathered something in it already: in the other order the thread might look in between, and sleep.
        """
        self._outboxes.add(outbox)
        if not self._awake:
            self._awake = True
            with self._lock:
                if self._thread is None and not self._ended:
                    thread = threading.Thread(target=self._run, name="flusher", daemon=True)
                    try:
                        thread.start()
                    # No thread can be started, so this and all that is gathered later goes at once.
                    except RuntimeError:
                        self._awake = False
                        outbox.flush()
                        return
                    self._thread = thread
            self._called.set()

    def forget(self, outbox: Flushable) -> None:
        """The outbox has been closed."""
        self._outboxes.discard(outbox)

    def end(self) -> None:
        """End the thread: the process takes no part in the system any more. It is not joined, as it may be in a tick."""
        with self._lock:
            self._ended = True
        self._called.set()

    def _run(self) -> None:
        while True:
            self._called.wait()
            self._called.clear()
            if self._ended:
                return
            idle, tick = 0, TICK_S
            while idle < IDLE_TICKS:
                time.sleep(tick)
                if self._flush():
                    idle, tick = 0, min(2 * tick, LONGEST_TICK_S)
                else:
                    idle, tick = idle + 1, TICK_S
            self._awake = False
            # Something may have been gathered between the last look and the line above, by a thread that saw us awake.
            if self._flush():
                self._awake = True
                self._called.set()

    def _flush(self) -> bool:
        """Returns: whether anything was gathered."""
        found = False
        for outbox in self._outboxes.copy():  # other threads add theirs meanwhile
            if outbox.gathered:
                found = True
                try:
                    outbox.flush()
                # The outbox, or the whole system, is being closed. Its windows have counted what it held, so nothing is lost
                # unseen; and the outboxes of other threads must still be flushed.
                except zmq.ZMQError:
                    self._outboxes.discard(outbox)
        return found
