"""Edge nodes for tests, each a process: `Edge` starts one and gives it orders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

import psutil

from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from tests.nodes import wait_until

PATIENCE_S = 60.0
END_S = 20.0


class Edge:
    """Args: home; cluster, the address."""

    def __init__(self, home: Path, cluster: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._log_path = home / "edge.log"
        self._log: IO[bytes] = self._log_path.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.actors.cluster.edge_node", str(home), cluster],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=Path(__file__).parents[3],
            start_new_session=True,
        )
        self.address = ""

    def __enter__(self) -> Self:
        try:
            self.address = self._line()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with suppress(BrokenPipeError):  # it was killed
            stdin.close()
        try:
            self._process.wait(END_S)
        finally:
            stdout.close()
            self._log.close()

    @property
    def id(self) -> NodeID:
        return NodeID(self.address.partition("@")[0])

    @property
    def log(self) -> str:
        """What all its processes have logged."""
        return self._log_path.read_text()

    def kill(self) -> None:
        """SIGKILL to its first process; the others end by themselves."""
        rest = psutil.Process(self._process.pid).children(recursive=True)
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(END_S)
        _gone, left = psutil.wait_procs(rest, END_S)
        assert not left, left

    def order(self, name: str, *args: object) -> Any:
        """One of the lines that `edge_node.py` lists. Returns: the answer."""
        assert self._process.stdin is not None
        print(name, *args, file=self._process.stdin, flush=True)
        return json.loads(self._line())

    def add(self, *addresses: NetAddress) -> None:
        """Have it learn addresses."""
        self.order("add", *addresses)

    def wait_for(self, expected: Any, name: str, *args: object) -> None:
        """Until an order has this answer."""
        wait_until(lambda: self.order(name, *args) == expected, PATIENCE_S, f"{name} {args} is {expected}")

    def wait_for_status(self, **fields: object) -> dict[str, Any]:
        """Until it stands so with the shared book."""

        def status() -> dict[str, Any] | None:
            found: dict[str, Any] = self.order("status")
            return found if all(found[key] == value for key, value in fields.items()) else None

        found: dict[str, Any] = wait_until(status, PATIENCE_S, f"status {fields}; {self.log[-2000:]}")
        return found

    def _line(self) -> str:
        assert self._process.stdout is not None
        timer = threading.Timer(PATIENCE_S, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        assert line, self.log
        return line.strip()
