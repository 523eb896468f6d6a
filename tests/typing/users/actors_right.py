"""A user's actors, as they are meant to be written: no checker has anything to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, assert_type

from peerage.actors.runtime import INHERIT, ActorRef, AnswerStream, Future, ProcessActor


@dataclass(frozen=True)
class Add:
    number: int


@dataclass(frozen=True)
class Get:
    pass


class Counter(ProcessActor[Add | Get, int]):
    """Declares what it takes and what it answers."""

    def __init__(self, start: int = 0) -> None:
        super().__init__()
        self.count = start

    def on_receive(self, message: Add | Get) -> int:
        if isinstance(message, Add):
            self.count += message.number
        if self.count > 10:
            self.actor_ref.tell(Add(-10))
        return self.count


class Table(ProcessActor[Add | Get, int]):
    """Declares the same, and has a method for each message."""

    receives: ClassVar = {Add: "_add", Get: "_get"}

    def _add(self, message: Add) -> int:
        return message.number

    def _get(self, _message: Get) -> int:
        return 0


class Blocks(ProcessActor[range, Iterator[bytes]]):
    """Answers in parts."""

    def on_receive(self, message: range) -> Iterator[bytes]:
        for height in message:
            yield height.to_bytes(8, "big")


class Undeclared(ProcessActor):
    """As before, and as in Pykka."""

    def on_receive(self, message: str) -> str:
        return message


def declared() -> None:
    counter = Counter.start(3)
    assert_type(counter, ActorRef[Counter])
    counter.tell(Add(1))
    counter.tell_many([Add(1), Add(2)])
    assert_type(counter.ask(Get()), int)
    assert_type(counter.ask(Get(), timeout=1.0), int)
    assert_type(counter.ask(Get(), timeout=INHERIT), int)
    assert_type(counter.ask(Get(), block=False), Future[int])
    assert_type(counter.ask(Get(), block=False).get(timeout=1.0), int)
    assert_type(counter.stop(), bool)
    assert_type(counter.tell_after(1.0, Add(1)).cancel(), float | None)
    counter.tell_every(1.0, Get()).cancel()
    assert_type(Counter.options(name="other").start().ask(Add(1)), int)
    assert_type(Table.start().ask(Add(1)), int)


def either(counter: ActorRef[Counter], *, block: bool) -> int | Future[int]:
    return counter.ask(Get(), block=block)


async def from_asyncio(counter: ActorRef[Counter]) -> int:
    await counter.tell_async(Add(1))
    return await counter.ask_async(Get()) + 1


def in_parts(blocks: ActorRef[Blocks]) -> list[bytes]:
    assert_type(blocks.ask_stream(range(3)), AnswerStream[bytes])
    return list(blocks.ask_stream(range(3)))


async def in_parts_from_asyncio(blocks: ActorRef[Blocks]) -> int:
    return sum([len(block) async for block in blocks.ask_stream(range(3))])


def whoever_adds(ref: ActorRef[ProcessActor[Add, int]]) -> int:
    """Takes any actor that takes this message, and gives this answer."""
    return ref.ask(Add(1))


def undeclared() -> None:
    ref = Undeclared.start()
    ref.tell(3)
    assert_type(ref.ask("text"), Any)
    assert_type(ref.ask_stream("text"), AnswerStream[Any])
    whoever_adds(Counter.start())
    whoever_adds(Table.start())
    whoever_adds(ref)
    anybody: ActorRef[Any] = Counter.start()
    anybody.tell("anything")
    by_name = ActorRef.to("counter")
    by_name.tell("anything")
    whoever_adds(by_name)
