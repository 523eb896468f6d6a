"""Ctrl-C before a command has begun, and after its end: the process ends by the signal, without a word.

Python would raise KeyboardInterrupt wherever it is, and what it is at then, for most of a second, is importing. A command
that runs is told as usual, and cleans up.

Imports nothing but a module that is part of the interpreter: until `end_by_interrupts` is called, Ctrl-C prints a traceback.
"""

import _signal  # type: ignore[import-not-found]  # what `signal` is made of; that is a file, and imports others

INTERRUPTED = 130  # exit code of a command that was told, as a shell has it for one that ended by the signal

_waits = False  # whether Python's own handler is to come back


def end_by_interrupts() -> None:
    """Have Ctrl-C end this process. Who ignores it (nohup), or has a handler of his own, goes on as he does."""
    global _waits  # noqa: PLW0603 - so is a signal's handler
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        _waits = True


def tell_of_interrupts() -> None:
    """Have Ctrl-C raise KeyboardInterrupt again, if it was `end_by_interrupts` that changed that."""
    global _waits  # noqa: PLW0603
    if _waits:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        _waits = False
