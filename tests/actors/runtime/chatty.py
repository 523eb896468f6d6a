"""A module that writes while it is imported, in every way that is buffered. What it writes names the process."""

from __future__ import annotations

import ctypes
import logging
import logging.handlers
import os
import sys
from typing import IO, Any

from peerage.actors.runtime import ProcessActor

PLACE = os.environ.get("CHATTY_FILE", os.devnull)

print(f"printed in {os.getpid()}")
sys.stderr.write(f"warned in {os.getpid()}\n")
ctypes.CDLL(None).printf(b"by C in %d\n", os.getpid())
FILE = open(PLACE, "a", encoding="utf-8")  # noqa: PTH123, SIM115 - it stays open
FILE.write(f"written in {os.getpid()}\n")
_memory = logging.handlers.MemoryHandler(1000, target=logging.StreamHandler(sys.stdout))
logging.getLogger("chatty").addHandler(_memory)
logging.getLogger("chatty").warning("logged in %d", os.getpid())


class Chatty(ProcessActor):
    """Writes what it hears to files that it never closes."""

    def __init__(self) -> None:
        super().__init__()
        self.own: IO[str] | None = None

    def on_receive(self, message: Any) -> Any:
        self.own = self.own or open(PLACE, "a", encoding="utf-8")  # noqa: PTH123, SIM115 - as above
        self.own.write(f"heard {message}\n")
        FILE.write(f"also heard {message}\n")
        return os.getpid()
