"""What a node occupies that has nothing to do: `python -m tests.bench.idle [--secs N] [--where] [-- FLAGS OF start]`.

Starts one as an operator does, lets it settle, and prints a row for each of its processes. PSS counts what processes share
once, each an equal part; private is what none shares; descriptors, threads and addresses are what limits are set on
(docs/topics/limits.md). With --where, a second table says in which kind of memory the sum lies.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    share_by_kind: Counter[str] = field(default_factory=Counter)


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
        yield Occupied(
            name,
            memory.pss,
            memory.uss,
            memory.vms,
            process.num_fds(),
            process.num_threads(),
            _by_kind(process.pid),
        )


def _by_kind(pid: int) -> Counter[str]:
    """The share of a process, in bytes, by what it is mapped for."""
    found: Counter[str] = Counter()
    kind = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if mapping := re.match(r"[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \d+ *(.*)", line):
            kind = _kind(mapping[1], mapping[2])
        elif line.startswith("Pss:"):
            found[kind] += int(line.split()[1]) * 1024
    return found


def _kind(permissions: str, name: str) -> str:
    if name == "[heap]":
        return "heap of the C library: objects over 512 bytes"
    if not name or name.startswith("[anon"):
        return "anonymous: objects up to 512 bytes, stacks, heaps of threads"
    if ".so" in name or "python" in name:
        return "libraries, written to" if "w" in permissions else "libraries, as they are on disk"
    return "the rest"


def main() -> int:
    """Measure, and print a table with a sum."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.idle", description=__doc__)
    parser.add_argument("--secs", type=float, default=8.0, help="how long the node may settle")
    parser.add_argument("--where", action="store_true", help="in which kind of memory")
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
    if options.where:
        for kind, share in sum((each.share_by_kind for each in found), Counter[str]()).most_common():
            print(f"{share / MEBIBYTE:9.1f}  {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
