"""From `peerage start` to a node that accepts connections."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

PATIENCE_S = 10.0


def start(_secs: float) -> dict[str, float]:
    """Seconds until it says where it listens and accepts a connection there, as an operator starts it."""
    bytecode = Path(_bytecode().name)
    if not any(bytecode.iterdir()):
        _start(bytecode)
    return {"s to listening": _start(bytecode)}


@cache
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    """Where compiled modules are kept: an installed package has its own, a checkout may have none."""
    return tempfile.TemporaryDirectory(prefix="peerage-bench-")


def _start(bytecode: Path) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    with tempfile.TemporaryDirectory(prefix="peerage-bench-") as home:
        command = [str(Path(sys.executable).with_name("peerage"))]
        subprocess.run([*command, "init", "--home", home], check=True, capture_output=True, env=environment)
        flags = [
            "--home",
            home,
            "--network",
            "test",
            "--p2p.laddr",
            "tcp://127.0.0.1:0",
            "--log_level",
            "error",
        ]
        began = time.perf_counter()
        with subprocess.Popen(
            [*command, "start", *flags], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            try:
                assert process.stdout is not None
                _id, _, where = process.stdout.readline().strip().rpartition("@")
                if not where:
                    raise RuntimeError(f"peerage start: exit status {process.wait(PATIENCE_S)}")
                host, _, port = where.rpartition(":")
                socket.create_connection((host, int(port)), PATIENCE_S).close()
                took = time.perf_counter() - began
            finally:
                process.terminate()
    return took
