"""Hands over the tells that threads have gathered and left: whoever tells and then works, sleeps or ends holds none back."""

from __future__ import annotations

import threading
import time
from collections.abc import Sized
from typing import Protocol

import zmq

TICK_S = 0.001  # how long a gathered tell is kept at most, apart from what the machine's load adds
# The same in a stream of tells. Each tick takes the interpreter from the stream: ticks of 1 ms cost it a fifth.
LONGEST_TICK_S = 0.008
IDLE_TICKS = 3  # after so many without anything gathered, the thread sleeps until it is called


class Flushable(Protocol):
    """What gathers tells."""

    @property
    def gathered(self) -> Sized:
        """Empty when there is nothing to hand over."""

    def flush(self) -> None:
        """Hand over all that is gathered; called by the flusher's thread. May raise zmq.ZMQError at the end."""


class Flusher:
    """One thread for all outboxes of a process, made when it is first needed, asleep while nobody gathers."""

    def __init__(self) -> None:
        self._outboxes: set[Flushable] = set()
        self._lock = threading.Lock()  # of its start and its end
        self._awake = self._ended = False
        self._called = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, outbox: Flushable) -> None:
        """Flush this outbox within a tick."""
        self._outboxes.add(outbox)
        if not self._awake:
            self._awake = True
            with self._lock:
                if self._thread is None and not self._ended:
                    thread = threading.Thread(target=self._run, name="flusher", daemon=True)
                    try:
                        thread.start()
                    except RuntimeError:  # there can be no more threads, so nothing is kept
                        self._awake = False
                        outbox.flush()
                        return
                    self._thread = thread
            self._called.set()

    def forget(self, outbox: Flushable) -> None:
        """The outbox has been closed."""
        self._outboxes.discard(outbox)

    def end(self) -> None:
        """End the thread: the process takes no part in the system any more."""
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
            if self._flush():  # gathered between the last look and going to sleep
                self._awake = True
                self._called.set()

    def _flush(self) -> bool:
        """Returns: whether anything was gathered."""
        found = False
        for outbox in self._outboxes.copy():
            if outbox.gathered:
                found = True
                try:
                    outbox.flush()
                except (
                    zmq.ZMQError
                ):  # it, or the whole system, is being closed: sweeping settles what it held
                    self._outboxes.discard(outbox)
        return found
