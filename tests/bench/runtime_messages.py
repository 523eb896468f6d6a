"""The runtime beside bare pyzmq, in one run: `python -m tests.bench.runtime_messages`.

Prints medians: a round trip, messages one way per second, a host's start, the time from SIGKILL to a failed ask, and memory
of idle actors. Bare is what pyzmq does at best: the same socket types, blocking, 100-byte messages, no pickling.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from peerage.actors.runtime import HERE, ActorDeadError, ActorRef, ProcessActor, System
from tests.bench.bare_pair import BarePair, measure_each
from tests.bench.order import Order

ROUND_TRIPS = 3000
ONE_WAY = 100_000
ROUNDS = 5  # of each one-way measurement, in turns; the best counts, for others use the machine too
OBJECTS, OBJECTS_ASKED = 5000, 500  # of a class, in each round
STARTS = 20
KILLS = 20
HOSTS = 4
ACTORS_PER_HOST = 250
PAYLOAD = b"x" * 100


class Sink(ProcessActor):
    """Answers, counts, and starts idle neighbours."""

    def on_receive(self, message: Any) -> Any:
        if message == "memory":
            return unique_kib()
        if message == "fill":
            for _ in range(ACTORS_PER_HOST):
                Idle.options(place=HERE).start()
        if message == "hold":
            self.runtime.defer()
        return message


class Idle(ProcessActor):
    pass


def unique_kib() -> int:
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))


def one_way(ref: ActorRef[Sink]) -> float:
    begun = time.perf_counter()
    for _ in range(ONE_WAY):
        ref.tell(PAYLOAD)
    ref.ask(None)
    return ONE_WAY / (time.perf_counter() - begun)


def one_way_many(ref: ActorRef[Sink]) -> float:
    messages = [PAYLOAD[:92] + b"%08d" % number for number in range(ONE_WAY)]
    begun = time.perf_counter()
    ref.tell_many(messages)
    ref.ask(None)
    return ONE_WAY / (time.perf_counter() - begun)


@dataclass
class OwnOrder:
    """As `Order`, which a module has: other processes cannot import this one."""

    number: int
    item: str

    def price(self) -> int:
        return self.number * 2


def own_class(ref: ActorRef[Sink]) -> list[tuple[str, float, float]]:
    """Returns: for each way of sending, seconds for one object of a module's class, and of this program's."""

    def ask(orders: list[Any]) -> None:
        for order in orders[:OBJECTS_ASKED]:
            ref.ask(order)

    def tell(orders: list[Any]) -> None:
        for order in orders:
            ref.tell(order)
        ref.ask(None)

    def tell_many(orders: list[Any]) -> None:
        ref.tell_many(orders)
        ref.ask(None)

    ways: dict[str, Callable[[list[Any]], None]] = {"ask": ask, "tell": tell, "tell_many": tell_many}
    rows = []
    for name, send in ways.items():
        best: dict[type, float] = {}
        for _ in range(ROUNDS):
            for cls in (Order, OwnOrder):
                orders = [cls(number, "item") for number in range(OBJECTS)]
                begun = time.perf_counter()
                send(orders)
                seconds = (time.perf_counter() - begun) / (OBJECTS_ASKED if name == "ask" else OBJECTS)
                best[cls] = min(best.get(cls, seconds), seconds)
        rows.append((name, best[Order], best[OwnOrder]))
    return rows


def death_to_failure() -> float:
    ref = Sink.start()
    pending = ref.ask("hold", block=False)
    pid = ref.pid()
    begun = time.perf_counter()
    os.kill(pid, 9)
    try:
        pending.get(timeout=5.0)
    except ActorDeadError:
        return time.perf_counter() - begun
    raise AssertionError("the ask was answered by the dead")


def idle_actors() -> tuple[float, float]:
    """Returns: KiB per idle actor, and seconds to create all of them."""
    hosts = [Sink.start() for _ in range(HOSTS)]
    before = sum(host.ask("memory") for host in hosts)
    begun = time.perf_counter()
    for future in [host.ask("fill", block=False) for host in hosts]:
        future.get()
    seconds = time.perf_counter() - begun
    after = sum(host.ask("memory") for host in hosts)
    return (after - before) / (HOSTS * ACTORS_PER_HOST), seconds


def main() -> None:
    print(
        f"python {platform.python_version()}, pyzmq {zmq.__version__}, {os.cpu_count()} cores, {platform.machine()}"
    )
    with System():
        ref = Sink.start()
        with BarePair() as bare:
            bare_trips = bare.round_trips(PAYLOAD, ROUND_TRIPS)
            rounds = [
                (bare.one_way(PAYLOAD, ONE_WAY), one_way(ref), one_way_many(ref)) for _ in range(ROUNDS)
            ]
        bare_rate, rate, many = (max(rates) for rates in zip(*rounds, strict=True))
        trips = measure_each(lambda: ref.ask(PAYLOAD), ROUND_TRIPS)
        objects = own_class(ref)
        starts = measure_each(lambda: Sink.start(), STARTS)  # noqa: PLW0108 - a fresh call, not a bound method
        deaths = [death_to_failure() for _ in range(KILLS)]
        kib, creation = idle_actors()
    bare_us, us = (statistics.median(times) * 1e6 for times in (bare_trips, trips))
    print(f"round trip     bare {bare_us:8.0f} µs      ask  {us:8.0f} µs      {us / bare_us:.2f} x")
    print(f"one way        bare {bare_rate:8.0f} /s      tell {rate:8.0f} /s      {rate / bare_rate:.0%}")
    print(f"tell_many      {many:8.0f} /s      {many / rate:.0%} of tell      {many / bare_rate:.0%} of bare")
    for name, module, own in objects:
        print(
            f"{name:10} an object of a module's class {module * 1e6:6.1f} µs, "
            f"of __main__'s {own * 1e6:6.1f} µs   {own / module:.2f} x"
        )
    print(f"start of a host     {statistics.median(starts) * 1e3:8.1f} ms")
    print(f"SIGKILL to failed ask {max(deaths) * 1e3:6.1f} ms (worst of {KILLS})")
    print(
        f"idle actors         {kib:8.1f} KiB each, {HOSTS * ACTORS_PER_HOST} in {HOSTS} hosts created in {creation:.2f} s"
    )


if __name__ == "__main__":
    main()
