"""What an actor on a Ray cluster costs beside one in a process at home: `python -m tests.bench.cluster`.

Both ends are on this machine: the cluster's nodes have loopback addresses of their own. So the figures are what the way
costs in processor time and hand-overs, without any network. The places take turns, so that changes of the machine affect all
alike. "Ray alone" is a Ray actor without us, called and waited for in Ray's own way.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from peerage.actors.runtime import PROCESS, RAY, ProcessActor
from tests.actors.runtime.cluster.ray_nodes import MEMORY, RayNodes, ray

ASKS = 300
TOGETHER = 5_000
TELLS = 50_000
RAY_TELLS = 3_000  # it takes a millisecond for each
LARGE = 50_000_000
PAYLOAD = b"x" * 100


class Echo(ProcessActor):
    """Gives back what it is asked."""

    def on_receive(self, message: Any) -> Any:
        return message


class RayEcho:
    """The same without us, with the methods of a ref that are measured."""

    def __init__(self) -> None:
        self._echo = ray.remote(num_cpus=0, resources={"a": 1})(Plain).remote()
        self.ask(PAYLOAD)

    def ask(self, message: Any, *, block: bool = True) -> Any:
        answer = self._echo.echo.remote(message)
        return ray.get(answer) if block else Later(answer)

    def tell(self, message: Any) -> None:
        self._echo.echo.remote(message)

    def stop(self) -> None:
        ray.kill(self._echo)


class Plain:
    """A Ray actor."""

    def echo(self, message: Any) -> Any:
        return message


class Later:
    """Ray's answer, read as a future is."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def get(self) -> Any:
        return ray.get(self._answer)


def ask(ref: Any) -> float:
    """Microseconds of one ask, when each waits for the one before."""
    began = time.perf_counter()
    for _ in range(ASKS):
        ref.ask(PAYLOAD)
    return (time.perf_counter() - began) / ASKS * 1e6


def together(ref: Any) -> float:
    """Asks a second, when all are sent before the first answer is looked at."""
    began = time.perf_counter()
    count = RAY_TELLS if isinstance(ref, RayEcho) else TOGETHER
    for answer in [ref.ask(PAYLOAD, block=False) for _ in range(count)]:
        answer.get()
    return count / (time.perf_counter() - began)


def tell(ref: Any) -> float:
    """Tells a second, until the last one is handled."""
    began = time.perf_counter()
    count = RAY_TELLS if isinstance(ref, RayEcho) else TELLS
    for _ in range(count):
        ref.tell(PAYLOAD)
    ref.ask(PAYLOAD)
    return count / (time.perf_counter() - began)


def large(ref: Any) -> float:
    """Milliseconds of an ask that carries 50 MB there and back."""
    payload = os.urandom(LARGE)
    began = time.perf_counter()
    assert ref.ask(payload) == payload
    return (time.perf_counter() - began) * 1e3


WORKS: dict[str, Callable[[Any], float]] = {
    "ask, µs": ask,
    "asks together, 1/s": together,
    "tell, messages/s": tell,
    "50 MB there and back, ms": large,
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    figures: dict[str, dict[str, list[float]]] = {work: {} for work in [*WORKS, "start, ms"]}
    with RayNodes(memory=6 * MEMORY) as _nodes:
        places: dict[str, Any] = {"a process": PROCESS, "the cluster": RAY(num_cpus=0, resources={"a": 1})}
        refs: dict[str, Any] = {}
        for name, place in places.items():
            began = time.perf_counter()
            refs[name] = Echo.options(place=place, start_timeout=90.0).start()
            figures["start, ms"].setdefault(name, []).append((time.perf_counter() - began) * 1e3)
            refs[name].ask(PAYLOAD)
        refs["Ray alone"] = RayEcho()
        for _ in range(rounds):
            for work, measure in WORKS.items():
                for name, ref in refs.items():
                    figures[work].setdefault(name, []).append(measure(ref))
        for ref in refs.values():
            ref.stop()
    print(f"| work | {' | '.join(refs)} |")
    print("| --- | ---: | ---: | ---: |")
    for work, by_place in figures.items():
        cells = [f"{statistics.median(by_place[name]):,.0f}" if name in by_place else "" for name in refs]
        print(f"| {work} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
