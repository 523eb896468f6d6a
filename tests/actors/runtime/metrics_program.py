"""A program that measures its actors, and prints what the test compares. It needs a system of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from peerage.actors.metrics.actor_collector import ActorCollector
from peerage.actors.runtime import THREAD, ActorDeadError, ProcessActor, System, measure_actors


class Meter(ProcessActor):
    """Handles, fails, waits or dies as it is told."""

    def on_receive(self, message: Any) -> Any:
        match message:
            case "fail":
                raise ValueError("boom")
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "wait":
                os.eventfd_read(self.runtime.fds["gate"])
        return message

    def double(self, number: int) -> int:
        return 2 * number


def counts(system: System) -> tuple[int, int, int, int]:
    """Actors, messages that wait, messages handled and failed."""
    for row in system.metrics().classes:
        if row.actor_class.endswith(":Meter"):
            return row.actors, row.mailbox, row.handled.handled, row.handled.failed
    return 0, 0, 0, 0


def main() -> None:
    collector = CollectorRegistry()
    collector.register(ActorCollector())
    told: dict[str, Any] = {"before": generate_latest(collector).decode()}
    measure_actors()
    gate = os.eventfd(0)
    with System() as system:
        try:
            measure_actors()  # it does already
        except RuntimeError as error:
            told["late"] = str(error)
        process = Meter.start()
        thread = Meter.options(place=THREAD, fds={"gate": gate}).start()
        for ref in (process, thread):
            for number in range(5):
                ref.tell(number)
            ref.ask("hello")
            ref.tell_many(range(3))
            with contextlib.suppress(ValueError):
                ref.ask("fail")
            ref.proxy().double(2).get()
        told["both"] = counts(system)
        thread.tell("wait")
        for number in range(4):
            thread.tell(number)
        while (waiting := system.metrics(0.5)).silent != 1:
            pass
        told["silent"] = (waiting.hosts, waiting.silent)
        os.eventfd_write(gate, 1)
        thread.ask("hello")
        system.metrics()  # the question of before may have been answered before the messages were handled
        told["later"] = counts(system)
        with contextlib.suppress(ActorDeadError):
            process.ask("die")
        while len(system.hosts()) > 1:
            time.sleep(0.01)
        told["killed"] = counts(system)
        told["page"] = generate_latest(collector).decode()
    told["after"] = generate_latest(collector).decode()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
