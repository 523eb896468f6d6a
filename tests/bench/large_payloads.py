"""A large payload to another process and back: `python -m tests.bench.large_payloads [--rounds 7] [--megabytes 50]`.

The actor answers with what it was asked with. Each of these has processes of its own, and they take turns, one ask each, so
that a machine whose speed drifts does so for all; figures are medians over the rounds, in wall time and in processor time of
both ends. Beside our ways there are a pipe of multiprocessing, and Ray where it is installed: with the array as an argument,
and with a reference to an array that was stored before (`ray.put`), for which ours would be `readonly`.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from peerage.actors.runtime import ActorRef, Frames, ProcessActor, System

MEGABYTE = 1_000_000
WARM_UP = 4
TICKS = os.sysconf("SC_CLK_TCK")

Ask = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Way:
    """Attributes: ask, sends and has it back; pid, of the other end, 0 where that is not known."""

    name: str
    ask: Ask
    pid: int


class Echo(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        return message


@contextmanager
def ours(size: int) -> Iterator[list[Way]]:
    """Our ways: an array, bytes, and bytes as a frame, which both ends only read."""
    values = {"array": np.ones(size // 8), "bytes": bytes(size), "Frames": Frames(None, [bytes(size)])}
    with System():
        ref: ActorRef[Echo] = Echo.start()
        pid = ref.pid()
        yield [Way(f"peerage, {name}", _asking(ref, value), pid) for name, value in values.items()]


def _asking(ref: ActorRef[Echo], value: Any) -> Ask:
    return lambda: ref.ask(value)


@contextmanager
def pipe(size: int) -> Iterator[list[Way]]:
    """A pipe of multiprocessing, which pickles."""
    value = np.ones(size // 8)
    here, there = multiprocessing.get_context("spawn").Pipe()
    other = multiprocessing.get_context("spawn").Process(target=_echo, args=(there,))
    other.start()
    there.close()

    def ask() -> object:
        here.send(value)
        return here.recv()

    try:
        yield [Way("pipe of multiprocessing, array", ask, other.pid or 0)]
    finally:
        here.close()
        other.join()


def _echo(connection: Connection) -> None:
    try:
        while True:
            connection.send(connection.recv())
    except EOFError:
        pass


class RayEcho:
    def echo(self, value: Any) -> Any:
        return value

    def echo_stored(self, boxed: list[Any]) -> list[Any]:
        return boxed


@contextmanager
def with_ray(size: int) -> Iterator[list[Way]]:
    """Ray: the array as an argument, and a reference to one that was stored before."""
    if importlib.util.find_spec("ray") is None:
        yield []
        return
    import ray

    value = np.ones(size // 8)
    with tempfile.TemporaryDirectory(prefix="ray-") as directory:
        os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            _temp_dir=directory,
            _node_ip_address="127.0.0.1",
            log_to_driver=False,
        )
        try:
            actor = ray.remote(num_cpus=1)(RayEcho).remote()
            stored = ray.put(value)
            yield [
                Way("Ray, array", lambda: ray.get(actor.echo.remote(value)), 0),
                Way("Ray, stored", lambda: ray.get(ray.get(actor.echo_stored.remote([stored]))), 0),
            ]
        finally:
            ray.shutdown()


def processor_time(pid: int) -> float:
    """Seconds of this process, and of another."""
    beside = 0.0
    if pid:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        beside = (int(fields[11]) + int(fields[12])) / TICKS
    return time.process_time() + beside


def measure(ways: list[Way], rounds: int, repeats: int) -> dict[str, tuple[list[float], list[float]]]:
    """Returns: for each way, milliseconds of each round, and milliseconds of processor time."""
    figures: dict[str, tuple[list[float], list[float]]] = {way.name: ([], []) for way in ways}
    for way in ways:
        for _ in range(WARM_UP):
            way.ask()
    for _ in range(rounds):
        for way in ways:
            used, begun = processor_time(way.pid), time.perf_counter()
            for _ in range(repeats):  # the clock of another process's time is a coarse one
                way.ask()
            figures[way.name][0].append((time.perf_counter() - begun) / repeats * 1e3)
            figures[way.name][1].append((processor_time(way.pid) - used) / repeats * 1e3)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=5, help="asks of each in a round")
    parser.add_argument("--megabytes", type=int, default=50)
    options = parser.parse_args()
    size = options.megabytes * MEGABYTE
    with ExitStack() as stack:
        ways = [way for make in (ours, pipe, with_ray) for way in stack.enter_context(make(size))]
        figures = measure(ways, options.rounds, options.repeats)
        pids = {way.name: way.pid for way in ways}
    table = Table(title=f"{options.megabytes} MB to another process and back, ms")
    for column in ("", "median", "least", "processor time, median"):
        table.add_column(column, justify="left" if not column else "right")
    for name, (wall, used) in figures.items():
        cells = [f"{statistics.median(wall):.1f}", f"{min(wall):.1f}", f"{statistics.median(used):.1f}"]
        table.add_row(name, *cells[:2], cells[2] if pids[name] else "")
    Console().print(table)


if __name__ == "__main__":
    main()
