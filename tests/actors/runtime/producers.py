"""Actors that answer in parts. A light module: processes that have one of them import it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from peerage.actors.runtime import HERE, INHERIT, ActorRef, ProcessActor


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


class Patient(ProcessActor):
    """Looks at how long its askers wait."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []
        self.reply: Any = None
        self.begun: Any = None

    def on_receive(self, message: Any) -> Any:
        name, *arguments = message
        return getattr(self, f"do_{name}")(*arguments)

    def do_deadline(self) -> float | None:
        self.log.append(self.runtime.deadline)
        return self.runtime.deadline

    def do_seen(self) -> list[Any]:
        return self.log[-1:]

    def do_note(self, what: Any) -> list[Any]:
        self.log.append(what)
        return self.log

    def do_echo(self, what: Any) -> Any:
        return what

    def do_block(self) -> None:
        os.eventfd_read(self.runtime.fds["gate"])

    def do_block_until(self, number: int) -> None:
        """Until so many of the asks behind this message are known to be cancelled."""
        while sum(not self.runtime._cell.answers.is_wanted(ask) for ask in self.open_asks()) < number:
            assert not self.runtime.cancelled

    def open_asks(self) -> list[tuple[int, int]]:
        return list(self.runtime._cell.answers.open)

    def do_not_begun(self) -> int:
        return self.runtime.asks_not_begun

    def do_limits(self) -> int:
        return len(self.runtime._cell.answers.limits)

    def do_start(self, place: Any) -> ActorRef[Patient]:
        return Patient.options(place=place).start()

    def do_pass_on(self, ref: ActorRef[Any], message: Any) -> Any:
        return ref.ask(message, timeout=INHERIT)

    def do_until_cancelled(self) -> None:
        os.eventfd_write(self.runtime.fds["gate"], 1)
        while not self.runtime.cancelled:
            pass
        self.log.append("cancelled")

    def do_ask_for_long(self, ref: ActorRef[Any]) -> None:
        ref.ask(("defer",))

    def do_defer(self) -> None:
        self.reply = self.runtime.defer()
        if self.begun is not None:
            self.begun.set("begun")

    def do_begun(self) -> str | None:
        if self.reply is not None:
            return "begun"
        self.begun = self.runtime.defer()
        return None

    def do_awaited(self) -> bool:
        awaited: bool = self.reply.is_awaited
        return awaited

    def do_release(self) -> Any:
        """Answered with what has become of the deferred ask."""
        if self.reply.is_awaited:
            self.runtime.call_soon(self.release, self.runtime.defer())
            return None
        return "cancelled" if self.begun is not None else "released"

    def release(self, asked: Any) -> None:
        if self.reply.is_awaited:
            self.runtime.call_soon(self.release, asked)
        else:
            asked.set("cancelled")
