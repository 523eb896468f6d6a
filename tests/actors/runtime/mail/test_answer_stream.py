"""Answers in parts: order, back-pressure, ends of either side, in every place."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import (
    PROCESS,
    ActorDeadError,
    ActorRef,
    AnswerStream,
    AskCycleError,
    Place,
    StreamLimitError,
    System,
    Timeout,
)
from peerage.actors.runtime.host.streams import MOST_STREAMS
from tests.actors.runtime.cast import Echo
from tests.actors.runtime.producers import Cleans, Late, Producer


def waiting_on(stream: AnswerStream[Any]) -> Iterator[Any]:
    """Its parts, each as late as it may be."""
    while True:
        try:
            yield next(stream)
        except Timeout:
            continue
        except StopIteration:
            return


@pytest.fixture
def producer(system: System, place: Place) -> ActorRef[Producer]:
    return Producer.options(place=place).start()


def test_all_parts_come_in_order(producer: ActorRef[Producer]) -> None:
    """Over many messages."""
    assert list(producer.ask_stream(("count", 2000))) == list(range(1, 2001))


def test_an_answer_may_have_no_parts(producer: ActorRef[Producer]) -> None:
    """The stream ends, and stays at its end."""
    stream = producer.ask_stream(("count", 0))
    assert list(stream) == []
    assert list(stream) == []


def test_from_asyncio(producer: ActorRef[Producer]) -> None:
    """The same, several at once."""

    async def consume() -> list[int]:
        return [part async for part in producer.ask_stream(("count", 300))]

    async def main() -> list[list[int]]:
        return await asyncio.gather(*(consume() for _ in range(3)))

    assert asyncio.run(main()) == [list(range(1, 301))] * 3


def test_a_part_is_what_it_was_when_it_was_yielded(producer: ActorRef[Producer]) -> None:
    """Though the generator yields one list, and changes it."""
    assert [len(part) for part in producer.ask_stream(("growing", 40))] == list(range(1, 41))


@pytest.mark.parametrize("window", [1, 2, 10])
def test_no_more_is_produced_than_the_window_has(producer: ActorRef[Producer], window: int) -> None:
    """A consumer that stops to take holds the producer back, and the actor answers others meanwhile."""
    stream = producer.ask_stream(("count", 10_000), window=window)
    for taken in range(1, 40):
        assert next(stream) == taken
        assert producer.ask(("made",)) <= taken + window
    stream.close()


def test_bytes_bound_the_window_too(producer: ActorRef[Producer]) -> None:
    """One larger part comes alone; parts that are smaller come together."""
    stream = producer.ask_stream(("large", 50, 10_000), window_bytes=25_000)
    for taken in range(1, 30):
        assert len(next(stream)) == 10_000
        assert (
            producer.ask(("made",)) <= taken + 4
        )  # two messages of one part each, and those that were held back
    assert len(next(producer.ask_stream(("large", 1, 100_000), window_bytes=1))) == 100_000


def test_an_exception_comes_after_the_parts_before_it(producer: ActorRef[Producer]) -> None:
    """With the remote traceback; then the stream is at its end, and the actor lives."""
    stream, parts = producer.ask_stream(("fail_after", 20)), list[int]()
    with pytest.raises(ValueError, match="after 20") as caught:
        parts.extend(stream)
    assert parts == list(range(20))
    assert "do_fail_after" in str(caught.value.__cause__)
    assert list(stream) == []
    assert producer.ask(("made",)) == 0


def test_what_on_receive_raises_is_raised_by_the_first_part(producer: ActorRef[Producer]) -> None:
    """As by an ask."""
    with pytest.raises(AttributeError, match="do_nothing"):
        next(producer.ask_stream(("nothing",)))


def test_an_answer_that_is_no_iterator_is_an_error(producer: ActorRef[Producer]) -> None:
    """Which says what was returned."""
    with pytest.raises(TypeError, match="returned list: expected an iterator"):
        next(producer.ask_stream(("list",)))


def test_a_part_that_cannot_be_pickled_ends_the_stream(producer: ActorRef[Producer]) -> None:
    """After those before it."""
    stream = producer.ask_stream(("unpicklable",))
    assert next(stream) == 1
    with pytest.raises(TypeError, match="pickle"):
        next(stream)


def test_a_generator_has_no_ask_to_defer(producer: ActorRef[Producer]) -> None:
    """It could answer the request for its own parts."""
    with pytest.raises(ActorDeadError, match="no message is being handled"):
        next(producer.ask_stream(("defer",)))


def test_a_consumer_that_breaks_closes_the_generator(producer: ActorRef[Producer]) -> None:
    """It sees GeneratorExit."""
    for part in producer.ask_stream(("count", 10_000)):
        if part == 5:
            break
    assert producer.ask(("closed",), timeout=5) == 1


def test_a_block_closes_the_stream(producer: ActorRef[Producer]) -> None:
    """Whoever else holds it; and what has come already is dropped."""
    with producer.ask_stream(("count", 10_000)) as stream:
        assert next(stream) == 1
    assert list(stream) == []
    assert producer.ask(("closed",), timeout=5) == 1


def test_leaving_an_async_for_closes_the_generator(producer: ActorRef[Producer]) -> None:
    """By `break`, by the end of a block, by the cancellation of the task."""

    async def first(stream: AnswerStream[int]) -> int:
        async for part in stream:
            return part
        raise AssertionError

    async def main() -> None:
        assert await first(producer.ask_stream(("count", 10_000))) == 1
        assert await producer.ask_async(("closed",), timeout=5) == 1
        async with producer.ask_stream(("count", 10_000)) as stream:
            assert await anext(stream) == 1
        stream = producer.ask_stream(("count", 10_000))
        await anext(stream)
        await stream.aclose()
        assert [part async for part in stream] == []

    asyncio.run(main())


def test_a_stream_may_be_left_before_it_was_opened(producer: ActorRef[Producer]) -> None:
    """The message that closes it comes behind the one that opens it, also from another thread."""
    stream = producer.ask_stream(("count", 10_000))
    thread = threading.Thread(target=stream.close)
    thread.start()
    thread.join()
    producer.ask_stream(("count", 10_000)).close()
    left = producer.ask_stream(("count", 10_000))
    assert next(left) == 1
    left.close()
    assert producer.ask(("closed",), timeout=5) >= 1


def test_the_death_of_a_consumer_closes_the_generator(producer: ActorRef[Producer], system: System) -> None:
    """An actor is watched, and so its process is."""
    consumer = Producer.options(place=PROCESS).start()
    assert consumer.ask(("hold", producer, ("count", 10_000))) == 1
    consumer.kill()
    assert producer.ask(("closed",), timeout=5) == 1


def test_the_end_of_a_consuming_thread_closes_the_generator(producer: ActorRef[Producer]) -> None:
    """Though somebody still holds the stream: nobody can read its answers any more."""
    streams = []

    def consume() -> None:
        streams.append(producer.ask_stream(("count", 10_000), window=2))
        next(streams[0])

    thread = threading.Thread(target=consume)
    thread.start()
    thread.join()
    assert producer.ask(("closed",), timeout=5) == 1


def test_the_death_of_the_producer_is_known_at_once(system: System) -> None:
    """After the parts that had come: those of the message in which it died had not."""
    producer = Producer.options(place=PROCESS).start()
    parts: list[int] = []
    with pytest.raises(ActorDeadError):
        parts.extend(producer.ask_stream(("die_after", 1000), window=2, timeout=5))
    assert parts == list(range(1000))


def test_the_end_of_the_producer_is_known_while_nothing_is_under_way(producer: ActorRef[Producer]) -> None:
    """The consumer has taken all that it had asked for, and asks a successor of the same name that knows of no stream."""
    stream = producer.ask_stream(("count", 10_000), window=1)
    assert next(stream) == 1
    producer.stop()
    with pytest.raises(ActorDeadError):
        next(stream)


def test_a_successor_does_not_go_on_with_the_stream(system: System, place: Place) -> None:
    """It says so."""
    keeper = Producer.options(name="keeper", place=place, keep=True).start()
    first = Producer.options(name="first", place=keeper).start()
    stream = first.ask_stream(("count", 10_000), window=1)
    assert next(stream) == 1
    first.stop()
    Producer.options(name="first", place=keeper).start()
    with pytest.raises(ActorDeadError, match="this is its successor"):
        next(stream)


def test_the_end_of_an_actor_closes_its_generators(system: System, place: Place) -> None:
    """They clean up, and those that ask for more are refused."""
    witness = Echo.options(place=place).start()
    cleans = Cleans.options(place=place).start()
    stream = cleans.ask_stream(witness, window=1)
    assert next(stream) == 1
    cleans.stop()
    assert witness.ask("heard") == ["cleaned up"]


def test_within_a_host(producer: ActorRef[Producer]) -> None:
    """One actor consumes what another of its host produces."""
    other = producer.ask(("start",))
    assert producer.ask(("consume", other, ("count", 500)), timeout=10) == list(range(1, 501))


def test_between_actors(producer: ActorRef[Producer], system: System) -> None:
    """A handler consumes it with `for`."""
    consumer = Producer.options(place=PROCESS).start()
    assert consumer.ask(("consume", producer, ("count", 500)), timeout=10) == list(range(1, 501))


def test_an_actor_that_consumes_its_own_answer_hangs_nowhere(producer: ActorRef[Producer]) -> None:
    """The cycle is found, as of any ask."""
    with pytest.raises(AskCycleError):
        producer.ask(("consume", producer, ("count", 5)), timeout=10)


def test_a_part_that_is_late_can_be_waited_for_again(system: System, place: Place) -> None:
    """The timeout is for one part, and none is lost by it."""
    gate = os.eventfd(0)
    late = Late.options(place=place, fds={"gate": gate}).start()
    stream = late.ask_stream("go", timeout=0.05)
    with pytest.raises(Timeout, match=r"0\.05 seconds"):
        next(stream)
    os.eventfd_write(gate, 1)
    assert list(waiting_on(stream)) == ["came"]
    os.close(gate)


def test_there_are_only_so_many(producer: ActorRef[Producer]) -> None:
    """Those beyond are refused, until others end."""
    streams = [producer.ask_stream(("count", 10), window=1) for _ in range(MOST_STREAMS)]
    for stream in streams:
        next(stream)
    with pytest.raises(StreamLimitError, match=f"has {MOST_STREAMS} open streams"):
        next(producer.ask_stream(("count", 10)))
    streams.pop().close()
    assert next(producer.ask_stream(("count", 10))) == 1


def test_to_an_actor_that_is_not_there(system: System) -> None:
    """As an ask."""
    ref = Producer.start()
    ref.stop()
    with pytest.raises(ActorDeadError):
        next(ref.ask_stream(("count", 1)))


def test_a_stream_stays_where_it_is(producer: ActorRef[Producer]) -> None:
    """What is sent are its parts."""
    with pytest.raises(TypeError, match="cannot be sent"):
        pickle.dumps(producer.ask_stream(("count", 1)))


@pytest.mark.parametrize(("window", "size"), [(0, 1), (1, 0)])
def test_a_window_has_room(producer: ActorRef[Producer], window: int, size: int) -> None:
    """Of nothing, nothing would ever come."""
    with pytest.raises(ValueError, match="at least 1 of each"):
        producer.ask_stream(("count", 1), window=window, window_bytes=size)
