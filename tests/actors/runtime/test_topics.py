"""Publish and subscribe: each subscriber gets everything in order; a slow one harms nobody; a dead one is forgotten."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from peerage.actors.runtime import (
    DROP,
    FAIL,
    THREAD,
    ActorDeadError,
    ActorRef,
    Events,
    Place,
    ProcessActor,
    System,
    Topic,
    Wait,
)
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.cast import Echo, Slow

PATIENCE_S = 30.0


class Publisher(ProcessActor):
    """Publishes in its own process."""

    def on_receive(self, message: tuple[str, list[Any]]) -> list[int]:
        name, messages = message
        return [Topic(name).publish(message) for message in messages]


class Block:
    """An event."""

    def __init__(self, height: int) -> None:
        self.height = height

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return self.height


class EmptyBlock(Block):
    """A special one."""


@pytest.fixture
def gate() -> Iterator[int]:
    """An event file descriptor, by which a slow subscriber goes on."""
    fd = os.eventfd(0)
    yield fd
    os.close(fd)


def slow(gate: int) -> ActorRef[Slow]:
    """A subscriber that handles nothing until the gate opens."""
    ref = Slow.options(place=THREAD, fds={"gate": gate}).start()
    ref.tell("block")
    return ref


def hears(ref: ActorRef[Echo], messages: list[Any]) -> None:
    """What another sender has sent it may come after our question."""
    eventually(lambda: len(ref.ask("heard")) >= len(messages))
    assert ref.ask("heard") == messages


def eventually(fact: Callable[[], object]) -> None:
    assert here.port().wait(lambda: bool(fact()), PATIENCE_S)  # type: ignore[attr-defined]


def test_all_subscribers_get_everything_in_order(system: System, place: Place) -> None:
    """Whoever publishes, the program or another process; plain values and others."""
    topic = Topic("prices")
    subscribers = [Echo.options(place=place).start() for _ in range(2)]
    for ref in subscribers:
        topic.subscribe(ref)
    messages = [1, "text", {"ATOM": 4.2}, Block(7), b"x" * 100_000]
    assert [topic.publish(message) for message in messages] == [2] * 5
    other = Publisher.start()
    assert other.ask(("prices", ["from", "elsewhere"])) == [2, 2]
    for ref in subscribers:
        hears(ref, [*messages, "from", "elsewhere"])


def test_a_topic_outlives_its_publishers(system: System) -> None:
    """It is a name, and belongs to nobody."""
    ref = Echo.options(place=THREAD).start()
    Topic("prices").subscribe(ref)
    for number in range(2):
        publisher = Publisher.options(place=THREAD).start()
        assert publisher.ask(("prices", [number])) == [1]
        publisher.stop()
    hears(ref, [0, 1])


def test_only_those_who_have_subscribed_get_it(system: System) -> None:
    """From then on, until they unsubscribe; twice is once."""
    topic, ref = Topic("prices"), Echo.options(place=THREAD).start()
    assert topic.publish("before") == 0
    topic.subscribe(ref)
    topic.subscribe(ref)
    Topic("other").publish("elsewhere")
    assert topic.publish("now") == 1
    assert topic.subscribers() == (ref,)
    assert topic.unsubscribe(ref)
    assert not topic.unsubscribe(ref)
    assert topic.publish("after") == 0
    assert ref.ask("heard") == ["now"]


def test_a_subscriber_that_ends_is_forgotten(system: System, place: Place) -> None:
    """Nobody is told of it, and nothing is lost for others."""
    topic = Topic("prices")
    ref, other = Echo.options(place=place).start(), Echo.options(place=THREAD).start()
    for subscriber in (ref, other):
        topic.subscribe(subscriber)
    ref.stop()
    eventually(lambda: topic.subscribers() == (other,))
    assert topic.publish("hello") == 1
    assert other.ask("heard") == ["hello"]


def test_a_slow_subscriber_loses_its_own_messages(system: System, gate: int) -> None:
    """They are counted, here and as dead letters; the others lose nothing, and the publisher does not wait."""
    topic = Topic("prices")
    lazy, quick = slow(gate), Echo.options(place=THREAD).start()
    topic.subscribe(lazy)
    topic.subscribe(quick, when_full=Wait(PATIENCE_S))
    before = system.dead_letters
    sent = WINDOW_MESSAGES - 1  # the window has the one that blocks
    assert {topic.publish(0) for _ in range(sent)} == {2}
    assert [topic.publish(1) for _ in range(3)] == [1, 1, 1]
    assert (topic.dropped, system.dead_letters - before) == (3, 3)
    os.eventfd_write(gate, 1)
    assert len(quick.ask("heard", timeout=PATIENCE_S)) == sent + 3
    assert lazy.ask("handled", timeout=PATIENCE_S) == sent


def test_a_subscription_may_make_the_publisher_wait(system: System, gate: int) -> None:
    """When all others have the message; nothing is lost if the subscriber goes on in time."""
    topic = Topic("prices")
    lazy = slow(gate)

    class Opener(ProcessActor):
        def on_receive(self, message: Any) -> None:
            if message == "last":
                os.eventfd_write(self.runtime.fds["gate"], 1)

    opener = Opener.options(place=THREAD, fds={"gate": gate}).start()
    topic.subscribe(lazy, when_full=Wait(PATIENCE_S))
    topic.subscribe(opener)
    for number in range(WINDOW_MESSAGES - 1):
        lazy.tell(number)
    assert topic.publish("last") == 2
    assert topic.dropped == 0
    assert lazy.ask("handled", timeout=PATIENCE_S) == WINDOW_MESSAGES


def test_waiting_has_an_end(system: System, gate: int) -> None:
    """The message is dropped then, and the publisher goes on."""
    topic, lazy = Topic("prices"), slow(gate)
    topic.subscribe(lazy, when_full=Wait(0.01))
    for number in range(WINDOW_MESSAGES - 1):
        lazy.tell(number)
    assert topic.publish("last") == 0
    assert topic.dropped == 1
    os.eventfd_write(gate, 1)


def test_from_asyncio_the_loop_goes_on(system: System, gate: int) -> None:
    """While a slow subscriber is waited for; what was published meanwhile comes behind it."""
    topic, lazy = Topic("prices"), slow(gate)
    topic.subscribe(lazy, when_full=Wait(PATIENCE_S))
    quick = Echo.options(place=THREAD).start()
    topic.subscribe(quick)
    for number in range(WINDOW_MESSAGES - 1):
        lazy.tell(number)

    async def main() -> list[int]:
        publishing = [asyncio.ensure_future(topic.publish_async(number)) for number in range(2)]
        await asyncio.sleep(0)
        assert await quick.ask_async("heard") == [0, 1]
        os.eventfd_write(gate, 1)
        return [await task for task in publishing]

    assert asyncio.run(main()) == [2, 2]
    assert lazy.ask("handled", timeout=PATIENCE_S) == WINDOW_MESSAGES + 1


def test_a_drop_from_asyncio_is_counted(system: System, gate: int) -> None:
    """At once, and with Wait when that is over."""
    topic, lazy = Topic("prices"), slow(gate)
    for number in range(WINDOW_MESSAGES - 1):
        lazy.tell(number)
    for when_full in (DROP, Wait(0.01)):
        topic.subscribe(lazy, when_full=when_full)
        assert asyncio.run(topic.publish_async("lost")) == 0
    assert topic.dropped == 2
    os.eventfd_write(gate, 1)


def test_events_reach_those_who_want_their_class(system: System, place: Place) -> None:
    """Or one of its bases; whoever wants both gets each event once."""
    blocks, both, everything = (Echo.options(place=place).start() for _ in range(3))
    Events.subscribe(blocks, Block)
    Events.subscribe(both, EmptyBlock, Block)
    Events.subscribe(everything, object)
    assert [Events.publish(event) for event in (Block(1), EmptyBlock(2), "text")] == [3, 3, 1]
    assert blocks.ask("heard") == both.ask("heard") == [Block(1), EmptyBlock(2)]
    assert everything.ask("heard") == [Block(1), EmptyBlock(2), "text"]
    assert Events.unsubscribe(both, Block, EmptyBlock)
    assert not Events.unsubscribe(both, Block)
    assert Events.publish(Block(3)) == 2


def test_no_subscriber_makes_a_publisher_fail(system: System) -> None:
    """So a subscription cannot choose that, and a dead actor cannot subscribe."""
    ref = Echo.options(place=THREAD).start()
    with pytest.raises(TypeError, match="is DROP or Wait"):
        Topic("prices").subscribe(ref, when_full=FAIL)  # type: ignore[arg-type]  # that is the mistake
    ref.stop()
    with pytest.raises(ActorDeadError, match="is not alive"):
        Topic("prices").subscribe(ref)


def test_topics_are_values(system: System) -> None:
    """They can be sent, compared, and kept in sets."""
    assert pickle.loads(pickle.dumps(Topic("a"))) == Topic("a") != Topic("b")
    assert len({Topic("a"), Topic("a")}) == 1
    assert repr(Topic("a")) == "Topic('a')"
