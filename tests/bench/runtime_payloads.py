"""Payloads of all sizes between two processes, and in one: `python -m tests.bench.runtime_payloads [--secs N]`.

Each row says how many messages a second go until the actor has had the last one, the processor time of one at both ends
together, which other programs disturb least, and how often their bytes are copied before `tell` returns: the price of what
is sent being what it was (docs/decisions/0027).
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import zmq

from peerage.actors.runtime import HERE, ActorRef, Frames, ProcessActor, System

KIB = 1024
MIB = 1024 * KIB
IN_FLIGHT = 8 * MIB  # bytes, so that memory stays warm and the window never fills

UNCOPIED, ONE_COPY = "uncopied", "1 copy"
PICKLED = "1 copy, in the pickle"


def array(size: int) -> Any:
    return np.ones(size // 8)


def from_bytes(size: int) -> Any:
    return np.frombuffer(bytes(size))


ROWS: list[tuple[str, str, Any]] = [
    ("dict with 100 bytes", PICKLED, {"number": 1, "data": b"x" * 100}),
    ("Frames, 100 of 200 bytes", "1 copy, joined", Frames(("header", 1), [b"x" * 200] * 100)),
    ("Frames, bytes, 16 KiB", UNCOPIED, Frames(("header", 1), [bytes(16 * KIB)])),
    ("Frames, bytes, 1 MiB", UNCOPIED, Frames(("header", 1), [bytes(MIB)])),
    ("Frames, bytearray, 1 MiB", ONE_COPY, Frames(("header", 1), [bytearray(MIB)])),
    ("bytes, 1 MiB", PICKLED, bytes(MIB)),
    ("array, 800 bytes", PICKLED, array(800)),
    ("array, 8 KiB", ONE_COPY, array(8 * KIB)),
    ("array, 32 KiB", ONE_COPY, array(32 * KIB)),
    ("array, 63 KiB", ONE_COPY, array(63 * KIB)),
    ("array, 64 KiB", ONE_COPY, array(64 * KIB)),
    ("array, 256 KiB", ONE_COPY, array(256 * KIB)),
    ("array, 1 MiB", ONE_COPY, array(MIB)),
    ("array, 16 MiB", ONE_COPY, array(16 * MIB)),
    ("read-only array of bytes, 1 MiB", UNCOPIED, from_bytes(MIB)),
]


class Sink(ProcessActor):
    """Takes everything; measures as a sender to an actor beside it."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, str):  # "used"
            return time.process_time()
        if isinstance(message, float):  # seconds
            neighbour = Sink.options(place=HERE).start()
            try:
                return [figures(neighbour, value, message) for _name, _copies, value in ROWS]
            finally:
                neighbour.stop()
        return None


def size_of(value: Any) -> int:
    if isinstance(value, Frames):
        return sum(map(len, value.frames))
    return value.nbytes if isinstance(value, np.ndarray) else 100 if isinstance(value, dict) else len(value)


def figures(ref: ActorRef[Sink], value: Any, secs: float) -> tuple[float, float]:
    """Send for so long. Returns: messages a second, and seconds of processor time for each."""
    burst = max(1, min(500, IN_FLIGHT // size_of(value)))
    used = processor_time(ref)
    sent, begun = 0, time.perf_counter()
    while (passed := time.perf_counter() - begun) < secs:
        for _ in range(burst):
            ref.tell(value)
        ref.ask(None)
        sent += burst
    return sent / passed, (processor_time(ref) - used) / sent


def processor_time(ref: ActorRef[Sink]) -> float:
    """Of this process, and of the actor's if that is another."""
    beside = 0.0 if ref.pid() == os.getpid() else float(ref.ask("used"))
    return time.process_time() + beside


def measure(secs: float) -> dict[str, tuple[float, float]]:
    """Every row's figures, by its place and name."""
    ref = Sink.start()
    there = [figures(ref, value, secs) for _name, _copies, value in ROWS]
    here = ref.ask(secs)
    ref.stop()
    names = [name for name, _copies, _value in ROWS]
    rows = {f"to a process: {name}": row for name, row in zip(names, there, strict=True)}
    return rows | {f"in one host: {name}": row for name, row in zip(names, here, strict=True)}


def main(show: Callable[[str], object] = print) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secs", type=float, default=0.5, help="how long each row is measured")
    secs = parser.parse_args().secs
    show(
        f"python {platform.python_version()}, pyzmq {zmq.__version__}, {os.cpu_count()} cores, {platform.machine()}"
    )
    copies = {name: text for name, text, _value in ROWS}
    sizes = {name: size_of(value) for name, _copies, value in ROWS}
    with System():
        for row, (rate, used) in measure(secs).items():
            name = row.partition(": ")[2]
            megabytes = rate * sizes[name] / 1e6
            show(
                f"{row:46} {rate:9,.0f} /s {megabytes:9,.0f} MB/s {used * 1e6:9,.1f} µs of CPU   {copies[name]}"
            )


if __name__ == "__main__":
    main()
