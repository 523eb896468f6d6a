"""SIGKILL of the embedding process: `python -m tests.chaos.embedder_kills [--kills 200] [--cycles 100] [--seed 1]`.

First, kills at random moments, start-up included, of `peerage start`, of a program that embeds a node, the same with the
node started by a short-lived thread, and of a program with actors alone; every fourth as PID 1 of a PID namespace (when
that is allowed). After each, within 2 s, no process, no file and no port may be left. Then kills and starts in turn on one
home and the same ports, each start at once: all must come up. Exit code 0 when all that is so, 1 otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.chaos.started_node import CHECKOUT, PROGRAM, SETTINGS, make_home
from tests.processes import processes_of_session

GONE_IN_S = 2.0
STARTS_IN_S = 60.0  # a machine may be busy; a node takes a second
LATER_S = 0.5  # after its start, the longest moment before the kill
POLL_S = 0.002
UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
KINDS = ("peerage start", "node", "node of a thread", "actors of a thread")


@dataclass(slots=True)
class Place:
    """Where a node lives: its home, its ports, and where its directory of sockets is made."""

    home: Path
    base: Path
    ports: tuple[int, int]

    def command(self, kind: str) -> list[str]:
        """The program of this kind."""
        p2p, rpc = map(str, self.ports)
        program = ["-m", "tests.chaos.embedding_program"]
        match kind:
            case "peerage start":
                settings = SETTINGS | {
                    "p2p.laddr": f"tcp://127.0.0.1:{p2p}",
                    "rpc.laddr": f"tcp://127.0.0.1:{rpc}",
                    "log-level": "error",
                }
                flags = [part for key, value in settings.items() for part in (f"--{key}", value)]
                return [sys.executable, "-c", PROGRAM, "start", "--home", str(self.home), *flags]
            case "node":
                return [sys.executable, *program, "main", str(self.home), p2p, rpc]
            case "node of a thread":
                return [sys.executable, *program, "thread", str(self.home), p2p, rpc]
            case _:
                return [sys.executable, "-m", "tests.actors.runtime.embedder", "thread"]

    def left(self, session: int) -> list[str]:
        """Whatever is left of a killed embedder."""
        found = [f"process {pid} {_title(pid)}" for pid in processes_of_session(session)]
        found += [f"file {path}" for path in sorted(self.base.iterdir())]
        found += [f"port {port}" for port in self.ports if not can_listen(port)]
        return found


class Embedder:
    """A running program, in a session of its own."""

    def __init__(self, place: Place, kind: str, *, is_pid_1: bool, log: Path) -> None:
        self.place, self.is_pid_1 = place, is_pid_1
        self.began = time.monotonic()
        with log.open("ab") as stderr:
            self._popen = subprocess.Popen(
                [*(UNSHARE if is_pid_1 else ()), *place.command(kind)],
                cwd=CHECKOUT,
                env={**os.environ, "RUNTIME_DIRECTORY": str(place.base)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )

    def wait_until_up(self, timeout: float) -> bool:
        """Whether it has printed its first line in that time."""
        assert self._popen.stdout is not None
        ready, _, _ = select.select([self._popen.stdout], [], [], timeout)
        return bool(ready and self._popen.stdout.readline())

    def kill(self) -> None:
        """SIGKILL the embedding process itself: under `unshare`, its child."""
        children = f"/proc/{self._popen.pid}/task/{self._popen.pid}/children"
        pids = Path(children).read_text().split() if self.is_pid_1 else []
        os.kill(int(pids[0]) if pids else self._popen.pid, signal.SIGKILL)

    def seconds_until_gone(self) -> tuple[float, list[str]]:
        """Returns: how long something of it was left, and what still is when the time is over."""
        began = time.monotonic()
        while True:
            self._popen.poll()  # or it stays as a zombie
            left = self.place.left(self._popen.pid)
            seconds = time.monotonic() - began
            if not left or seconds > GONE_IN_S:
                return seconds, left
            time.sleep(POLL_S)

    def clear_away(self) -> None:
        """End what has outlived its embedder: the next run must not meet it."""
        for pid in [*processes_of_session(self._popen.pid), self._popen.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait()
        assert self._popen.stdout is not None
        self._popen.stdout.close()
        for path in self.place.base.iterdir():
            shutil.rmtree(path, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear_away()


@dataclass(slots=True)
class Outcome:
    """What came out: seconds until nothing was left, by kind; what was left after all; starts that failed."""

    gone: dict[str, list[float]] = field(default_factory=dict)
    while_starting: int = 0
    left: list[str] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.left and not self.failed


def can_listen(port: int) -> bool:
    """Whether a node could take this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
        return True


def can_unshare() -> bool:
    return subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def new_place() -> Iterator[Place]:
    """A home, and two ports that are free now."""
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as sockets:
        home, base = Path(directory) / "home", Path(directory) / "run"
        home.mkdir()
        base.mkdir()
        make_home(home)
        probes = [sockets.enter_context(socket.socket()) for _ in range(2)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        first, second = (int(probe.getsockname()[1]) for probe in probes)
        sockets.close()
        yield Place(home, base, (first, second))


def kill_at_random(place: Place, kills: int, choose: random.Random, log: Path, outcome: Outcome) -> None:
    """Start one program after the other, and kill each at a moment of its own."""
    namespaces = can_unshare()
    if not namespaces:
        print("no right to make a PID namespace here: no embedder will be PID 1", flush=True)
    takes = dict.fromkeys(KINDS, 1.0)  # seconds that a start takes, as measured last
    for number in range(kills):
        kind = KINDS[number % len(KINDS)]
        is_pid_1 = namespaces and number // len(KINDS) % 4 == 3
        with Embedder(place, kind, is_pid_1=is_pid_1, log=log) as embedder:
            if choose.random() < 0.5:
                moment = choose.random() * takes[kind]
                if not embedder.wait_until_up(moment):
                    outcome.while_starting += 1
            elif embedder.wait_until_up(STARTS_IN_S):
                takes[kind] = time.monotonic() - embedder.began
                time.sleep(choose.random() * LATER_S)  # the moment is the point
            else:
                outcome.failed.append(f"kill {number}: {kind} did not start")
            embedder.kill()
            seconds, left = embedder.seconds_until_gone()
            name = f"{kind}, PID 1" if is_pid_1 else kind
            outcome.gone.setdefault(name, []).append(seconds)
            outcome.left += [f"kill {number}, {name}: {thing}" for thing in left]
        if (number + 1) % 20 == 0:
            print(f"{number + 1} kills, {len(outcome.left)} things left", flush=True)


def kill_and_start(place: Place, cycles: int, choose: random.Random, log: Path, outcome: Outcome) -> None:
    """One home, the same ports: each start comes right after the kill."""
    with contextlib.ExitStack() as stack:
        for number in range(cycles):
            embedder = stack.enter_context(Embedder(place, KINDS[0], is_pid_1=False, log=log))
            if embedder.wait_until_up(STARTS_IN_S):
                outcome.starts.append(time.monotonic() - embedder.began)
                time.sleep(choose.random() * LATER_S)
            else:
                outcome.failed.append(f"cycle {number}: {KINDS[0]} did not start")
            embedder.kill()
        _seconds, left = embedder.seconds_until_gone()
        outcome.left += [f"after the last cycle: {thing}" for thing in left]
    print(f"{len(outcome.starts)} of {cycles} starts came up", flush=True)


def report(outcome: Outcome) -> None:
    """Print the figures."""
    everything = [seconds for times in outcome.gone.values() for seconds in times]
    for name, times in sorted({**outcome.gone, "all": everything}.items()):
        if times:
            print(f"{name:28} {len(times):4} kills, nothing left after {_distribution(times)}")
    print(f"{outcome.while_starting} of them while starting")
    if outcome.starts:
        print(f"{'starts after kills':28} {len(outcome.starts):4}, up after {_distribution(outcome.starts)}")
    for line in [*outcome.left, *outcome.failed]:
        print(line)


def _distribution(times: list[float]) -> str:
    ordered = sorted(times)
    p90 = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return f"{statistics.median(ordered):.3f} s (median), {p90:.3f} s (p90), {ordered[-1]:.3f} s (worst)"


def _title(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def main() -> int:
    """Kill, start, and judge."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.embedder_kills",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=200, help="at random moments")
    parser.add_argument("--cycles", type=int, default=100, help="kills and starts on one home")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    chosen = parser.parse_args()
    choose, outcome = random.Random(chosen.seed), Outcome()
    with new_place() as place, tempfile.NamedTemporaryFile(suffix=".log") as log:
        kill_at_random(place, chosen.kills, choose, Path(log.name), outcome)
        kill_and_start(place, chosen.cycles, choose, Path(log.name), outcome)
        report(outcome)
        if not outcome.is_good:
            print(f"the end of their log:\n{Path(log.name).read_text(errors='replace')[-4000:]}")
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
