"""Stop requests: how a signal, at any moment, asks a running command to stop."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_READ_BYTES = 256


class StopRequest:
    """What a running command waits for: SIGINT, SIGTERM, or the end of its node. Used with `with`.

    SIGHUP has two meanings: the terminal is closed, which is a request to stop, or the operator wants the configuration to
    be read again. It is the first when the terminal that there was is gone.

    It cannot be built from locks, as an Event or a queue is. The signal may interrupt a thread that holds the very lock
    which the handler needs. And a signal that arrives just before the thread begins to wait for a lock does not interrupt
    that wait: the handler would run only when something else ends it. A pipe has neither problem, since Python writes to
    it (`set_wakeup_fd`) as soon as the signal arrives.

    Attributes: on_signal, called by the handler, while what the command does now is to be cut short. on_hangup, called by
        `wait` when a SIGHUP has come that is no request to stop.
    """

    def __init__(self) -> None:
        self._is_asked = False
        self._is_hung_up = False
        self._had_terminal = False
        self.on_signal: Callable[[], object] | None = None
        self.on_hangup: Callable[[], object] | None = None
        self._before: dict[int, Any] = {}  # the handlers that ours replace
        self._wakeup_before = -1
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        # -1, so that a late `ask` cannot write into another file that gets the same number.
        writer, self._writer = self._writer, -1
        os.close(writer)
        os.close(self._reader)

    def heed_signals(self) -> None:
        """Treat SIGINT and SIGTERM as requests from now on, and SIGHUP, unless it is ignored (nohup). Only in the main
        thread.
        """
        # A full pipe wakes the reader just as well as one more byte would.
        self._wakeup_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            self._had_terminal = _has_terminal()
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._on_sighup)

    def give_signals_back(self) -> None:
        """Have them do again what they did before, in a program that goes on. A command ends instead, deaf to the last."""
        for number, handler in self._before.items():
            if handler is not None:  # one that Python has not set cannot be set by it again
                signal.signal(number, handler)
        self._before.clear()

    def ask(self) -> None:
        """Request a stop, from any thread or signal handler, any number of times; after the end it does nothing."""
        self._is_asked = True
        with contextlib.suppress(OSError):  # the pipe is full, or closed by now
            os.write(self._writer, b"\0")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a stop has been requested, or for so many seconds. Returns: whether one has."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._is_asked:
            if self._is_hung_up:
                self._is_hung_up = False
                if self.on_hangup is not None:
                    self.on_hangup()
                continue
            left = None if until is None else max(0.0, until - time.monotonic())
            readable, _, _ = select.select([self._reader], [], [], left)
            if not readable:
                break
            os.read(self._reader, _READ_BYTES)
        return self._is_asked

    def _on_sighup(self, number: int, frame: FrameType | None) -> None:
        if self._had_terminal and not _has_terminal():
            self._on_signal(number, frame)
        else:
            self._is_hung_up = True

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_asked = True
        if self.on_signal is not None:
            self.on_signal()


def _has_terminal() -> bool:
    """Whether this process has a controlling terminal: one that was closed is none any more."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True
