"""Handles Ctrl-C before a command begins and after it ends: the process dies of the signal, silently.

By default Python raises KeyboardInterrupt wherever it happens to be, and for most of the first second that is inside an
import, with a traceback that helps nobody. A running command gets KeyboardInterrupt as usual, and cleans up.

Until `end_by_interrupts` is called, Ctrl-C prints a traceback, unless the installed command (face/bin/peerage) has done the
same already. So this module imports nothing but one module that is part of the interpreter.
"""

import _signal  # type: ignore[import-not-found]  # the core of `signal`, which is a file and imports others

INTERRUPTED = (
    130  # exit code of an interrupted command: what a shell reports for a process that SIGINT killed
)

_waits = False  # whether we replaced Python's own handler, which then has to come back


def end_by_interrupts() -> None:
    """Let Ctrl-C end this process. If SIGINT is ignored (nohup) or has another handler, that is left as it is."""
    global _waits  # noqa: PLW0603 - a signal's handler is global, too
    if _signal.getsignal(_signal.SIGINT) in {_signal.default_int_handler, _signal.SIG_DFL}:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        _waits = True


def tell_of_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, if `end_by_interrupts` changed that."""
    global _waits  # noqa: PLW0603
    if _waits:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        _waits = False
