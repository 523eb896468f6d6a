"""Hands over what threads have gathered and left: nobody who tells and then works, sleeps or ends holds a message back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import zmq

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.outbox import Outbox

TICK_S = 0.001  # how long a gathered tell is kept at most, beside what the machine's load adds
LONGEST_TICK_S = (
    0.008  # the same in a stream of tells, which each tick takes the interpreter from: 1 ms costs it a fifth
)
IDLE_TICKS = 3  # after so many without anything gathered it sleeps until it is called


class Flusher:
    """One thread for all outboxes of a process, made when it is first needed, asleep while nobody gathers."""

    def __init__(self) -> None:
        self._outboxes: set[Outbox] = set()
        self._lock = threading.Lock()  # of its start and its end
        self._awake = self._ended = False
        self._called = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, outbox: Outbox) -> None:
        """See to it that this outbox is flushed within a tick."""
        self._outboxes.add(outbox)
        if not self._awake:
            self._awake = True
            with self._lock:
                if self._thread is None and not self._ended:
                    thread = threading.Thread(target=self._run, name="flusher", daemon=True)
                    try:
                        thread.start()
                    except RuntimeError:  # there can be no more threads: then nothing is gathered
                        self._awake = False
                        outbox.flush()
                        return
                    self._thread = thread
            self._called.set()

    def forget(self, outbox: Outbox) -> None:
        """It has been closed."""
        self._outboxes.discard(outbox)

    def end(self) -> None:
        """The process takes no part in the system any more."""
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
        """Returns: whether there was anything."""
        found = False
        for outbox in self._outboxes.copy():
            if outbox.gathered:
                found = True
                try:
                    outbox.flush()
                except zmq.ZMQError:  # it is being closed, or the system is: sweeping settles what it held
                    self._outboxes.discard(outbox)
        return found
