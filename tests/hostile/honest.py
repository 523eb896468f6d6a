"""A peer beside the hostile ones, in a process of its own: its messages must come back all the time.

`python -m tests.hostile.honest ADDRESS`: for each line of its input it prints what happened since the last one, as JSON.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.bench.blocking_peer import BlockingPeer
from tests.chaos.started_node import CHECKOUT
from tests.hostile.limits import HIGH
from tests.hostile.visitor import PATIENCE_S

__all__ = ["Honest", "Service"]

INTERVAL_S = 0.02


@dataclass(frozen=True, slots=True)
class Service:
    """How the honest peer was served. Args: messages, that came back; worst, seconds that one took; error, or ""."""

    messages: int
    worst: float
    error: str = ""


class Honest:
    """That process. A context manager. Args: address, of the node."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.hostile.honest", self._address]
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.service()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # the end of its input is its end

    def service(self) -> Service:
        """How it was served since the last call."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Service(**json.loads(self._process.stdout.readline()))


def main() -> None:
    """Send, and wait for the echo, until the input ends."""
    count, worst, error = 0, 0.0, ""
    with BlockingPeer(sys.argv[1], PATIENCE_S) as peer:
        number = 0
        while True:
            if not error:
                number += 1
                began = time.monotonic()
                try:
                    _echo(peer, b"honest %d" % number)
                    count += 1
                except Exception as failure:
                    error = repr(failure)
                worst = max(worst, time.monotonic() - began)
            if select.select([sys.stdin], [], [], INTERVAL_S)[0]:
                if not sys.stdin.readline():
                    return
                print(json.dumps({"messages": count, "worst": worst, "error": error}), flush=True)
                count, worst = 0, 0.0


def _echo(peer: BlockingPeer, message: bytes) -> None:
    assert peer.send(HIGH, message)
    came = peer.receive(PATIENCE_S)
    assert came == [message], f"{came} came in place of {message!r}"


if __name__ == "__main__":
    main()
