"""A wish to stop that a signal may make at any moment."""

import contextlib
import os
import signal
from types import FrameType, TracebackType
from typing import Self

_READ_BYTES = 256


class StopRequest:
    """What a command waits for once it runs: SIGINT, SIGTERM, or the end of its node. Used with `with`.

    Locks do not do here, neither an Event's nor a queue's. The interrupted thread may hold the lock that the handler
    takes; and a signal that comes just before a wait for a lock begins does not interrupt it, so that the handler runs
    when something else ends the wait. A pipe is written to by the signal itself.
    """

    def __init__(self) -> None:
        self._is_asked = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        writer, self._writer = (
            self._writer,
            -1,
        )  # whoever asks now must not write into another file of that number
        os.close(writer)
        os.close(self._reader)

    def heed_signals(self) -> None:
        """Be asked by SIGINT and SIGTERM from now on. In the main thread only."""
        # A full pipe wakes as well as one more byte would.
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def ask(self) -> None:
        """Ask, from any thread or handler, as often as you like; after the end it does nothing."""
        self._is_asked = True
        with contextlib.suppress(OSError):  # the pipe is full, or there is none any more
            os.write(self._writer, b"\0")

    def wait(self) -> None:
        """Return when it has been asked."""
        while not self._is_asked:
            os.read(self._reader, _READ_BYTES)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_asked = True
