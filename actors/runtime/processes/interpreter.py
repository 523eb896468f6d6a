"""With which flags an interpreter is started that is to run like this one."""

from __future__ import annotations

import subprocess
import sys

__all__ = ["flags"]

_NO_BYTECODE = "-B"


def flags() -> list[str]:
    """The flags that this interpreter was started with, as multiprocessing takes them over, but for one.

    A program may choose while it runs whether bytecode is written (`sys.dont_write_bytecode`), and `sys.flags` keeps what
    was said at its start. With bytecode in the program and none in its hosts, each host would compile what it imports, at
    each start again: with a test module and what that needs, that took 2 s instead of 0.7.
    """
    started_with: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    kept = [flag for flag in started_with if flag != _NO_BYTECODE]
    return [*kept, _NO_BYTECODE] if sys.dont_write_bytecode else kept
