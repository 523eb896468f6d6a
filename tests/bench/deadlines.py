"""How late timeouts are, and how long the loop is held, under 20,000 calls in flight: `python -m tests.bench.deadlines`.

To an actor that is slow, one that hangs, and one that is killed meanwhile, from a thread and from asyncio. Beside them
stands asyncio alone: as many futures of its own that nobody resolves, under `asyncio.timeout`.

A hold is the longest turn of the loop, as a callback in every turn sees it, in the thread's own processor time, without
Python's garbage collector. What other processes of the machine take is not ours: `wall` has it all. Nor is the collector,
which looks at every object of the program now and then: `gc` is its longest look. Late is what a call takes beyond its
timeout. Both bounds are those of `docs/topics/mailboxes.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from peerage.actors.runtime import (
    ActorDeadError,
    ActorRef,
    MailboxFullError,
    ProcessActor,
    System,
    Timeout,
    Wait,
    watch,
)

CALLS = 20_000
TOGETHER = 50  # tasks that are made in one turn: asyncio itself needs a quarter of a second for 20,000
TIMEOUT_S = 1.0
SHORT_S = 0.1
TRIES = 20
LATE_S, HOLD_S = 0.050, 0.020


class Busy(ProcessActor):
    """Takes its time for each message."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def on_receive(self, message: Any) -> Any:
        time.sleep(self.seconds)
        return message


class Row(NamedTuple):
    """One line of the table."""

    actor: str
    call: str
    late: float
    hold: float | None = None
    wall: float | None = None
    gc: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.late <= LATE_S and (self.hold is None or self.hold <= HOLD_S)


class Pulse:
    """Sees every turn of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.hold = self.wall = self.gc = 0.0
        self._collected = self._collecting = 0.0
        self._ends = False
        self._now()
        gc.callbacks.append(self._on_gc)
        loop.call_soon(self._beat)

    def _on_gc(self, phase: str, info: dict[str, int]) -> None:
        del info
        now = time.thread_time()
        if phase == "start":
            self._collecting = now
        else:
            self._collected += now - self._collecting
            self.gc = max(self.gc, now - self._collecting)

    def _now(self) -> None:
        self._wall, self._own, self._collected = time.perf_counter(), time.thread_time(), 0.0

    def _beat(self) -> None:
        wall, own, collected = self._wall, self._own, self._collected
        self._now()
        self.wall = max(self.wall, self._wall - wall)
        self.hold = max(self.hold, self._own - own - collected)
        if not self._ends:
            self._loop.call_soon(self._beat)

    def end(self) -> None:
        self._ends = True
        gc.callbacks.remove(self._on_gc)


class Calls:
    """What has become of many calls."""

    def __init__(self) -> None:
        self.late = 0.0
        self.last = 0.0
        self.outcomes: dict[str, int] = {}

    async def one(self, call: Callable[[], Awaitable[Any]], patience: float) -> None:
        begun = time.perf_counter()
        try:
            await call()
        except (Timeout, MailboxFullError, ActorDeadError, TimeoutError) as error:
            name = type(error).__name__
        else:
            name = "answered"
        self.last = time.perf_counter()
        self.late = max(self.late, self.last - begun - patience)
        self.outcomes[name] = self.outcomes.get(name, 0) + 1

    def __str__(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))


async def start_all(
    calls: Calls, call: Callable[[], Awaitable[Any]], patience: float
) -> list[asyncio.Task[None]]:
    tasks = []
    for number in range(CALLS):
        tasks.append(asyncio.create_task(calls.one(call, patience)))
        if number % TOGETHER == TOGETHER - 1:
            await asyncio.sleep(0)
    return tasks


async def wait_for_all(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:  # gather() would take 20 ms to begin with so many
        await task


async def asyncio_alone() -> Row:
    loop = asyncio.get_running_loop()

    async def call() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await loop.create_future()

    calls, pulse = Calls(), Pulse(loop)
    await wait_for_all(await start_all(calls, call, TIMEOUT_S))
    pulse.end()
    return Row("(none)", "asyncio.timeout", calls.late, pulse.hold, pulse.wall, pulse.gc, str(calls))


async def many(actor: str, name: str, ref: ActorRef[Any]) -> Row:
    """All under way, until the last has ended."""

    def call() -> Coroutine[Any, Any, Any]:
        if name == "ask_async":
            return ref.ask_async(b"x", timeout=TIMEOUT_S)
        return ref.tell_async(b"x", when_full=Wait(TIMEOUT_S))

    timeout = 3600.0 if actor == "killed" else TIMEOUT_S
    calls, pulse = Calls(), Pulse(asyncio.get_running_loop())
    if actor == "killed":  # nothing is over before its death

        def call() -> Coroutine[Any, Any, Any]:
            if name == "ask_async":
                return ref.ask_async(b"x", timeout=timeout)
            return ref.tell_async(b"x", when_full=Wait(timeout))

    tasks = await start_all(calls, call, timeout)
    killed = time.perf_counter()
    if actor == "killed":
        os.kill(ref.pid(), signal.SIGKILL)
    await wait_for_all(tasks)
    pulse.end()
    if actor == "killed":
        note = f"{calls}; the last {1000 * (calls.last - killed):.0f} ms after the kill"
        return Row(actor, name, 0.0, pulse.hold, pulse.wall, pulse.gc, note)
    return Row(actor, name, calls.late, pulse.hold, pulse.wall, pulse.gc, str(calls))


def from_a_thread(actor: str, ref: ActorRef[Any]) -> list[Row]:
    """Calls of one thread that has 20,000 asks under way: a full window, and as many again outside it."""
    futures = [
        ref.ask(b"x", block=False, exempt=number >= CALLS // 2, timeout=1.0) for number in range(CALLS)
    ]
    if actor == "killed":
        os.kill(ref.pid(), signal.SIGKILL)
    calls: dict[str, Callable[[], Any]] = {
        "ask": lambda: ref.ask(b"x", timeout=SHORT_S),
        "ask, exempt": lambda: ref.ask(b"x", timeout=SHORT_S, exempt=True),
        "tell": lambda: ref.tell(b"x", when_full=Wait(SHORT_S)),
        "watch": lambda: watch(ref).wait(SHORT_S),
        "future.get": lambda: futures[-1].get(timeout=SHORT_S),
        "stop": lambda: ref.stop(timeout=SHORT_S),
    }
    return [late_of(actor, name, call) for name, call in calls.items()]


def late_of(actor: str, name: str, call: Callable[[], Any]) -> Row:
    late, outcomes = 0.0, Calls()
    for _ in range(TRIES):
        begun = time.perf_counter()
        try:
            call()
        except (Timeout, MailboxFullError, ActorDeadError) as error:
            outcome = type(error).__name__
        else:
            outcome = "done"
        late = max(late, time.perf_counter() - begun - SHORT_S)
        outcomes.outcomes[outcome] = outcomes.outcomes.get(outcome, 0) + 1
    return Row(actor, name, max(0.0, late), note=str(outcomes))


def show(row: Row) -> bool:
    times = " ".join(f"{1000 * max(0.0, s):7.1f} ms" if s is not None else 10 * " " for s in row[2:6])
    print(f"{row.actor:8} {row.call:16} {times}  {'PASS' if row.holds else 'FAIL'}  {row.note}", flush=True)
    return row.holds


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--uvloop", action="store_true", help="uvloop, which must be installed, for asyncio's own loop"
    )
    if parser.parse_args().uvloop:
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    print(
        f"{CALLS} calls in flight; late at most {LATE_S * 1000:.0f} ms, the loop held at most {HOLD_S * 1000:.0f} ms"
    )
    print(f"{'actor':8} {'call':16} {'late':>10} {'hold':>10} {'wall':>10} {'gc':>10}")
    held = []
    show(asyncio.run(asyncio_alone()))
    kinds = {"slow": 0.001, "hung": 3600.0, "killed": 3600.0}
    with System():
        for actor, seconds in kinds.items():
            for name in ("ask_async", "tell_async"):
                ref = Busy.start(seconds)
                held.append(show(asyncio.run(many(actor, name, ref))))
                end(ref)
            ref = Busy.start(seconds)
            held.extend(map(show, from_a_thread(actor, ref)))
            end(ref)
    return 0 if all(held) else 1


def end(ref: ActorRef[Any]) -> None:
    try:
        ref.kill()
    except ActorDeadError:
        return
    watch(ref).wait(10.0)


if __name__ == "__main__":
    sys.exit(main())
