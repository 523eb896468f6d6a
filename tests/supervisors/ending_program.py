"""A program with supervisors of every kind, which ends in one of the ways: `python -m tests.supervisors.ending_program
WAY JOURNAL [SECONDS]`.

Its actors write down in the journal, a file, that they stop. `EXPECTED` is what must stand there, whatever the way; within a
tuple any order is right. The child with INFINITY takes SECONDS. When all are there, it prints the directory of its system.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from peerage.actors.runtime import HERE, PROCESS, THREAD, ActorRef, ProcessActor, System
from peerage.supervisors import (
    BRUTAL_KILL,
    INFINITY,
    AutoShutdown,
    ChildSpec,
    ChildType,
    Flags,
    Restart,
    Start,
    Supervisor,
    SupervisorRef,
)

INFINITE_S = 1.0  # of a child that takes its time
SHOW_THREADS = signal.SIGUSR2
faulthandler.register(SHOW_THREADS)  # in the fork server as well, and so in all processes

EXPECTED: list[str | tuple[str, ...]] = [
    "plain-last",
    "raises-b",
    "raises-a: raises",
    "significant-b",
    "significant-a",
    ("dynamic-1: begins", "dynamic-2: begins", "dynamic-3: begins"),
    ("dynamic-1", "dynamic-2", "dynamic-3"),
    "dynamic-static",
    "nested-b",
    "nested-inner-here",
    "nested-inner-thread",
    "nested-inner-process",
    "nested-a",
    "infinite-b",
    "infinite-a: begins",
    "infinite-a",
    "late-c",
    "late-b: begins",
    "late-a",
    "order-c",
    "order-b: answered by plain-first",
    "order-a",
    "plain-first",
]


class Writer(ProcessActor):
    """Writes that it stops. Args: how, "begins" writes and sleeps before; "raises"; "asks" the first plain actor."""

    def __init__(self, journal: str, how: str = "", seconds: float = 0.0) -> None:
        super().__init__()
        self._journal, self._how, self._seconds = journal, how, seconds

    def on_receive(self, message: Any) -> Any:
        return f"answered by {self.actor_urn}"

    def on_stop(self) -> None:
        match self._how:
            case "begins":
                self._write(": begins")
                time.sleep(self._seconds)
            case "raises":
                self._write(": raises")
                raise ValueError("on purpose")
            case "asks":
                self._write(f": {ActorRef.to('plain-first').ask('anything', timeout=5.0)}")
                return
        self._write("")

    def _write(self, what: str) -> None:
        write(self._journal, f"{self.actor_urn}{what}")


def write(journal: str, line: str) -> None:
    fd = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{line}\n".encode())
    os.close(fd)


class Program:
    """Starts what is to end."""

    def __init__(self, journal: str, infinite_s: float) -> None:
        self._journal, self._infinite_s = journal, infinite_s
        self._tops: list[ActorRef[Any]] = []

    def start(self) -> None:
        self._plain("plain-first")
        self._supervisor(
            "order", THREAD, self._child("order-a"), self._child("order-b", "asks"), self._child("order-c")
        )
        self._supervisor(
            "late",
            PROCESS,
            self._child("late-a"),
            self._child("late-b", "begins", 60.0, shutdown=0.3),
            self._child("late-brutal", shutdown=BRUTAL_KILL),
            self._child("late-c"),
        )
        self._supervisor(
            "infinite",
            THREAD,
            self._child("infinite-a", "begins", self._infinite_s, shutdown=INFINITY),
            self._child("infinite-b", place=THREAD),
        )
        inner = [
            self._child("nested-inner-process"),
            self._child("nested-inner-thread", place=THREAD),
            self._child("nested-inner-here", place=HERE),
        ]
        self._supervisor(
            "nested",
            PROCESS,
            self._child("nested-a"),
            ChildSpec("nested-inner", Start.of(Supervisor, inner), type=ChildType.SUPERVISOR),
            self._child("nested-b", place=THREAD),
        )
        dynamic = self._supervisor("dynamic", PROCESS, self._child("dynamic-static"))
        template = self._child("dynamic", "begins", 0.5)
        for number in range(1, 4):
            SupervisorRef(dynamic).start_child(template.instance(f"dynamic-{number}"))
        self._supervisor(
            "significant",
            THREAD,
            self._child("significant-a", restart=Restart.TRANSIENT, significant=True),
            self._child("significant-b", restart=Restart.TRANSIENT, significant=True, place=THREAD),
            flags=Flags(auto_shutdown=AutoShutdown.ANY_SIGNIFICANT),
        )
        self._supervisor("raises", THREAD, self._child("raises-a", "raises"), self._child("raises-b"))
        self._plain("plain-last")

    def stop(self) -> None:
        for ref in reversed(self._tops):
            ref.stop()

    def _plain(self, name: str) -> None:
        self._tops.append(Writer.options(name=name).start(self._journal))

    def _supervisor(
        self, name: str, place: Any, *children: ChildSpec, flags: Flags | None = None
    ) -> ActorRef[Any]:
        self._tops.append(Supervisor.options(name=name, place=place).start(children, flags))
        return self._tops[-1]

    def _child(
        self, name: str, how: str = "", seconds: float = 0.0, *, place: Any = PROCESS, **fields: Any
    ) -> ChildSpec:
        start = Start.of(Writer, self._journal, how, seconds).using(place=place)
        return ChildSpec(name, start, **({"shutdown": 10.0} | fields))


def differences(lines: Iterable[str]) -> str:
    """What is wrong with a journal; empty if nothing is."""
    left = list(lines)
    for wanted in EXPECTED:
        group = [wanted] if isinstance(wanted, str) else list(wanted)
        found, left = left[: len(group)], left[len(group) :]
        if sorted(found) != sorted(group):
            return f"expected {group}, found {found}, before {left}"
    return f"found behind the end: {left}" if left else ""


def main() -> None:
    way, journal, *seconds = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    System(preload=("tests.supervisors.ending_program",))
    program = Program(journal, float(seconds[0]) if seconds else INFINITE_S)
    program.start()
    print(System.current().directory, flush=True)
    match way:
        case "stop":
            program.stop()
        case "shutdown":
            System.current().shutdown()
        case "signal":
            threading.Event().wait()


if __name__ == "__main__":
    # Not this one's main: its classes would travel by value, which is slower.
    from tests.supervisors.ending_program import main as run

    run()
