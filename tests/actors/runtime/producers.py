"""Actors that answer in parts. A light module: processes that have one of them import it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from peerage.actors.runtime import HERE, ActorRef, ProcessActor


class Producer(ProcessActor):
    """Answers `(method name, *arguments)`; says what has become of its generators."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self.closed = 0
        self.waiting: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        name, *arguments = message
        return getattr(self, f"do_{name}")(*arguments)

    def do_count(self, number: int) -> Iterator[int]:
        try:
            for self.made in range(1, number + 1):
                yield self.made
        except GeneratorExit:
            self.closed += 1
            for reply in self.waiting:
                reply.set(self.closed)
            raise

    def do_made(self) -> int:
        return self.made

    def do_closed(self) -> int | None:
        """Answer once a generator has been closed."""
        if self.closed:
            return self.closed
        self.waiting.append(self.runtime.defer())
        return None

    def do_fail_after(self, number: int) -> Iterator[int]:
        yield from range(number)
        raise ValueError(f"after {number}")

    def do_die_after(self, number: int) -> Iterator[int]:
        yield from range(number)
        os.kill(os.getpid(), signal.SIGKILL)

    def do_growing(self, number: int) -> Iterator[list[int]]:
        parts: list[int] = []
        for each in range(number):
            parts.append(each)
            yield parts

    def do_list(self) -> list[int]:
        return [1, 2, 3]

    def do_defer(self) -> Iterator[Any]:
        yield self.runtime.defer()

    def do_unpicklable(self) -> Iterator[Any]:
        yield 1
        yield threading.Lock()

    def do_large(self, number: int, size: int) -> Iterator[bytes]:
        for self.made in range(1, number + 1):
            yield bytes(size)

    def do_start(self) -> ActorRef[Producer]:
        return Producer.options(place=HERE).start()

    def do_consume(self, ref: ActorRef[Any], message: Any) -> list[Any]:
        return list(ref.ask_stream(message))

    def do_hold(self, ref: ActorRef[Any], message: Any) -> Any:
        """Take the first part, and keep the rest of the stream."""
        self.stream = ref.ask_stream(message, window=2)
        return next(self.stream)


class Late(ProcessActor):
    """Yields once the gate, an event file descriptor, opens."""

    def on_receive(self, _message: Any) -> Iterator[str]:
        os.eventfd_read(self.runtime.fds["gate"])
        yield "came"


class Cleans(ProcessActor):
    """Its generator tells a witness that it was closed."""

    def on_receive(self, witness: ActorRef[Any]) -> Iterator[int]:
        try:
            yield 1
        finally:
            witness.ask("cleaned up")


class Declared(ProcessActor[str, int]):
    """Says what it takes and answers."""

    def on_receive(self, message: str) -> int:
        return len(message)


class Scheduler(ProcessActor):
    """Schedules tells to others, does what it is told, and counts its ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks: list[Any] = []
        self.waiting: list[tuple[int, Any]] = []
        self.scheduled: Any = None

    def on_receive(self, message: Any) -> Any:
        name, *arguments = message
        return getattr(self, f"do_{name}")(*arguments)

    def do_tick(self, what: Any = None) -> None:
        sender = self.runtime.sender
        self.ticks.append((what, None if sender is None else sender.name))
        for number, reply in [each for each in self.waiting if each[0] <= len(self.ticks)]:
            reply.set(self.ticks[:number])
        self.waiting = [each for each in self.waiting if each[0] > len(self.ticks)]

    def do_ticks(self, number: int) -> None:
        """Answered when there were so many."""
        self.waiting.append((number, self.runtime.defer()))
        if len(self.ticks) >= number:
            self.waiting.pop()[1].set(self.ticks[:number])

    def do_count(self) -> int:
        return len(self.ticks)

    def do_after(self, ref: ActorRef[Any], seconds: float, message: Any) -> None:
        self.scheduled = ref.tell_after(seconds, message)

    def do_every(self, ref: ActorRef[Any], seconds: float, message: Any) -> None:
        self.scheduled = ref.tell_every(seconds, message)

    def do_left(self) -> float | None:
        left: float | None = self.scheduled.left
        return left

    def do_cancel(self) -> float | None:
        left: float | None = self.scheduled.cancel()
        return left

    def do_fill(self, ref: ActorRef[Any], messages: int) -> None:
        ref.tell_many(["more"] * messages)
