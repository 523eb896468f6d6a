"""What comes to a mailbox and is no message of its system: it is said in the log, and nothing else is done with it.

Some program has taken the socket for its own, say, or a process that has outlived its system still sends to an endpoint that
somebody has made again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from peerage.actors.runtime.log import logger

PAUSE_S = 10.0  # between two lines: what sends at random may do so without end
SHOWN = 32  # bytes of the message, by which people may recognise its sender


class Strays:
    """Of one process. From any thread. Args: clock, monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()  # a signal's handler may interrupt its own thread here
        self._quiet_until = float("-inf")
        self._unsaid = 0

    def refuse(self, mailbox: str, data: bytes) -> None:
        """Say that `data` has come to a mailbox, unless another line was written lately: then it is counted for the next."""
        with self._lock:
            now = self._clock()
            if now < self._quiet_until:
                self._unsaid += 1
                return
            self._quiet_until = now + PAUSE_S
            unsaid, self._unsaid = self._unsaid, 0
        more = {"others": unsaid} if unsaid else {}
        logger().warning(
            "stray message refused",
            mailbox=mailbox,
            size=len(data),
            begins=repr(data[:SHOWN]),
            cause="it does not begin with the key of this actor system",
            **more,
        )
