"""What a node occupies that has nothing to do: `python -m tests.bench.idle [--secs N] [-- FLAGS OF peerage start]`.

Starts one as an operator does, lets it settle, and prints a row for each of its processes. PSS counts what processes share
once, each an equal part; private is what none shares; descriptors, threads and addresses are what limits are set on
(docs/topics/limits.md).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

PATIENCE_S = 30.0
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Occupied:
    """By one process. Bytes: share (PSS), private, addresses."""

    name: str
    share: int
    private: int
    addresses: int
    descriptors: int
    threads: int


def occupied(flags: list[str], secs: float) -> list[Occupied]:
    """Start a node in a home of its own, and look at its processes after so many seconds."""
    command = [str(Path(sys.executable).with_name("peerage"))]
    with tempfile.TemporaryDirectory(prefix="peerage-bench-") as home:
        subprocess.run(
            [*command, "init", "--home", home, "--network", "idle"], check=True, capture_output=True
        )
        given = [
            "--p2p.laddr",
            "tcp://127.0.0.1:0",
            "--rpc.laddr",
            "tcp://127.0.0.1:0",
            "--log_level",
            "error",
        ]
        with subprocess.Popen(
            [*command, "start", "--home", home, *given, *flags], stdout=subprocess.PIPE, text=True
        ) as node:
            try:
                assert node.stdout is not None
                if not node.stdout.readline():
                    raise RuntimeError(f"peerage start: exit status {node.wait(PATIENCE_S)}")
                time.sleep(secs)
                return list(_processes(psutil.Process(node.pid)))
            finally:
                node.terminate()


def _processes(node: psutil.Process) -> Iterator[Occupied]:
    for process in (node, *node.children(recursive=True)):
        memory = process.memory_full_info()
        title = " ".join(process.cmdline())
        part = re.match(r"peerage(?:\[.*?\])?: ([^:]*)", title)
        name = part[1].strip() if part else "peerage start"
        yield Occupied(name, memory.pss, memory.uss, memory.vms, process.num_fds(), process.num_threads())


def main() -> int:
    """Measure, and print a table with a sum."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.idle", description=__doc__)
    parser.add_argument("--secs", type=float, default=8.0, help="how long the node may settle")
    parser.add_argument("flags", nargs="*", help="of `peerage start`, behind --")
    options = parser.parse_args()
    found = occupied(options.flags, options.secs)
    print(f"{'process':16}{'PSS MiB':>9}{'private':>9}{'addresses':>11}{'descriptors':>13}{'threads':>9}")
    for each in found:
        print(
            f"{each.name:16}{each.share / MEBIBYTE:9.1f}{each.private / MEBIBYTE:9.1f}"
            f"{each.addresses / MEBIBYTE:11.0f}{each.descriptors:13}{each.threads:9}"
        )
    print(f"{'all':16}{sum(each.share for each in found) / MEBIBYTE:9.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
