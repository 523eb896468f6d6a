"""A user's mistakes: the checkers complain about each line that is marked, and about no other."""

from __future__ import annotations

from collections.abc import Iterator

from peerage.actors.runtime import ActorRef, Future, ProcessActor


class Add:
    pass


class Get:
    pass


class Counter(ProcessActor[Add | Get, int]):
    def on_receive(self, message: Add | Get) -> int:
        self.actor_ref.tell("self")  # wrong
        return 1


class Fewer(ProcessActor[Add | Get, int]):
    def on_receive(self, message: Add) -> int:  # wrong
        return 1


class Other(ProcessActor[Add | Get, int]):
    def on_receive(self, message: Add | Get) -> str:  # wrong
        return "one"


class Letters(ProcessActor[str, Iterator[str]]):
    def on_receive(self, message: str) -> Iterator[str]:
        yield from message


def wrong_messages(counter: ActorRef[Counter], letters: ActorRef[Letters]) -> None:
    counter.tell("three")  # wrong
    counter.tell_many([Add(), 3])  # wrong
    counter.ask(3)  # wrong
    counter.ask(Get, block=False)  # wrong
    letters.ask_stream(3)  # wrong
    counter.tell_after(1.0, 3)  # wrong
    counter.tell_every(1.0, "tick")  # wrong
    counter.tell()  # type: ignore[call-arg]  # pyright: ignore  # what was silenced stays so


async def wrong_messages_from_asyncio(counter: ActorRef[Counter]) -> None:
    await counter.tell_async("three")  # wrong
    await counter.ask_async(3)  # wrong


def wrong_answers(counter: ActorRef[Counter], letters: ActorRef[Letters]) -> None:
    text: str = counter.ask(Get())  # wrong
    now: int = counter.ask(Get(), block=False)  # wrong
    later: Future[str] = counter.ask(Get(), block=False)  # wrong
    for number in letters.ask_stream("abc"):
        number + 1  # wrong
    print(text, now, later)


def adds(ref: ActorRef[ProcessActor[Add, int]]) -> None:
    ref.tell(Get())  # wrong


def wrong_actors(letters: ActorRef[Letters]) -> None:
    adds(letters)  # wrong
