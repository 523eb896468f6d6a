"""Programs that stand in for a chain's node, since they start in no time. Each is a command line."""

from __future__ import annotations

import sys

_BEGIN = "import os, signal, sys\n"
_LISTEN = "print('ID@127.0.0.1:1', flush=True)\n"


def _program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-E", "-c", _BEGIN + text)


LISTENS = _program(_LISTEN + "signal.pause()")
LISTENS_UNTIL_EOF = _program(_LISTEN + "sys.stdin.read()")
RELOADS = _program(
    "signal.signal(signal.SIGHUP, lambda *_: os.write(1, b'again\\n'))\n"
    + _LISTEN
    + "while True: signal.pause()"
)
FAILS = _program("sys.exit(3)")
HEARS_NOTHING = _program(
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + _LISTEN + "while True: signal.pause()"
)
# A process of its session outlives it; its pid is what is printed.
LEAVES_ONE_BEHIND = _program(
    "child = os.fork()\n"
    "if child == 0:\n"
    "    os.closerange(0, 3)\n"
    "else:\n"
    "    print(child, flush=True)\n"
    "signal.pause()"
)
# As a node: it heeds SIGHUP when it is about to listen.
SLOW_TO_HEED = _program(
    "import time; time.sleep(0.1); signal.signal(signal.SIGHUP, lambda *_: None)\n"
    + _LISTEN
    + "while True: signal.pause()"
)
