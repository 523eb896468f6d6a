"""An ask that would wait for itself fails with the cycle named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from peerage.actors.runtime import HERE, ActorRef, AskCycleError, Place, System
from peerage.actors.runtime.host import deadlock
from peerage.actors.runtime.host.deadlock import MAX_PATH, Probe
from peerage.actors.runtime.mail.codec import dumps
from peerage.actors.runtime.mail.envelope import Kind
from tests.actors.runtime.cast import Worker
from tests.actors.runtime.host.fakes import Post

HERE_ADDRESS, THERE = Post.address, 9 << 20


@dataclass
class Route:
    """The way of an ask."""

    target: bytes
    address: int = THERE
    local: bool = False


@dataclass
class Answer:
    """What a handler is blocked on."""

    number: int
    route: Route | None
    error: BaseException | None = None
    done: bool = False

    @property
    def asked(self) -> Answer:
        return self

    def resolve(self, _value: Any, error: BaseException | None = None) -> None:
        self.error, self.done = error, True


@dataclass
class Blocked:
    """An actor on the stack."""

    ref: ActorRef[Any]
    waiting: Answer | None = None
    open_asks: set[tuple[int, int]] = field(default_factory=set)

    @property
    def name(self) -> bytes:
        return self.ref.name.encode()


class Mailbox(Post):
    """A port that gives up on answers."""

    def __init__(self) -> None:
        super().__init__()
        self.abandoned: list[Any] = []

    def abandon(self, answer: Any) -> None:
        self.abandoned.append(answer)


def blocked(name: str, waiting: Answer | None = None, *asks: tuple[int, int], host: str = "host") -> Blocked:
    return Blocked(ActorRef(name, host, 4, system="test"), waiting, set(asks))


EDGE = (THERE, 5)  # an ask that has come here


def probe(*path: tuple[str, str], initiator: tuple[int, int] = (THERE, 1)) -> bytes:
    return dumps(tuple(Probe(initiator, EDGE, path)))


def test_an_ask_of_an_actor_on_the_same_stack_is_a_cycle() -> None:
    """It cannot be answered before those above it have returned."""
    stack = [blocked("a"), blocked("b"), blocked("c")]
    error = deadlock.at_once(stack, Answer(1, Route(b"b", local=True)))
    assert error is not None
    assert error.cycle == ("b", "c", "b")


@pytest.mark.parametrize(
    "route", [None, Route(b"a"), Route(b"other", local=True)], ids=["none", "afar", "idle"]
)
def test_an_ask_of_anybody_else_may_be_answered(route: Route | None) -> None:
    """In another host, or not in the middle of anything."""
    assert deadlock.at_once([blocked("a")], Answer(1, route)) is None


def test_a_probe_is_sent_along_the_ask() -> None:
    """It names the ask that it begins with."""
    port = Mailbox()
    deadlock.send_probe(port, blocked("a"), Answer(7, Route(b"b")))
    edge = (HERE_ADDRESS, 7)
    assert port.sent == [(THERE, Kind.PROBE, 0, (edge, edge, (("a", "host"),)))]


def test_a_probe_goes_on_along_the_asks_of_all_above_its_target() -> None:
    """They have to return before it can go on."""
    port = Mailbox()
    stack = [
        blocked("a", None, EDGE),
        blocked("b", Answer(7, Route(b"x"))),
        blocked("c", Answer(8, Route(b"y"))),
    ]
    deadlock.on_probe(stack, port, b"a", probe(("z", "far")))
    assert [sent[3][2] for sent in port.sent] == [
        (("z", "far"), ("a", "host"), ("b", "host")),
        (("z", "far"), ("a", "host"), ("b", "host"), ("c", "host")),
    ]


def test_a_probe_that_comes_back_closes_the_circle() -> None:
    """The ask that it began with fails, with all that it came by."""
    port, answer = Mailbox(), Answer(7, Route(b"x"))
    deadlock.on_probe(
        [blocked("a", answer, EDGE)],
        port,
        b"a",
        probe(("a", "host"), ("z", "far"), initiator=(HERE_ADDRESS, 7)),
    )
    assert isinstance(answer.error, AskCycleError)
    assert answer.error.cycle == ("a", "z", "a")
    assert port.abandoned == [answer]


@pytest.mark.parametrize(
    ("stack", "path"),
    [
        ([], [("z", "far")]),
        ([blocked("a", Answer(7, Route(b"x")))], [("z", "far")]),
        ([blocked("a", Answer(7, Route(b"x"), done=True), EDGE)], [("z", "far")]),
        ([blocked("a", Answer(7, Route(b"x")), EDGE)], [("a", "host")]),
        ([blocked("a", Answer(7, Route(b"x")), EDGE)], [("z", "far")] * MAX_PATH),
    ],
    ids=["not blocked", "answered already", "has its answer", "been here", "too long"],
)
def test_a_probe_ends_where_its_circle_cannot_close(
    stack: list[Blocked], path: list[tuple[str, str]]
) -> None:
    """Nothing is passed on."""
    port = Mailbox()
    deadlock.on_probe(stack, port, b"a", probe(*path))
    assert port.sent == []


def test_actors_of_the_same_name_are_told_apart_by_their_hosts() -> None:
    """Only where that is necessary."""
    stack = [blocked("a", host="one"), blocked("a", host="two"), blocked("b")]
    error = deadlock.at_once(stack, Answer(1, Route(b"a", local=True)))
    assert error is not None
    assert error.cycle == ("a in one", "a in two", "b", "a in one")


def test_asking_oneself_fails_at_once(worker: ActorRef[Worker]) -> None:
    """No probe is needed for that."""
    with pytest.raises(AskCycleError) as caught:
        worker.ask(("ask", worker, ("pid",)), timeout=5)
    assert caught.value.cycle == (worker.name, worker.name)


def test_a_cycle_over_three_hosts_is_found_before_an_ask_times_out(system: System, place: Place) -> None:
    """One of them gets the error, all of them live on."""
    a, b, c = (Worker.options(name=name, place=place).start() for name in "abc")
    with pytest.raises(AskCycleError) as caught:
        a.ask(("ask", b, ("ask", c, ("ask", a, ("pid",)))), timeout=5)
    assert set(caught.value.cycle) == {"a", "b", "c"}
    assert caught.value.cycle[0] == caught.value.cycle[-1]
    assert all(ref.is_alive() for ref in (a, b, c))


def test_a_cycle_within_a_host_is_found(worker: ActorRef[Worker]) -> None:
    """Parent asks child asks parent."""
    child = worker.ask(("start", HERE, "child"))
    with pytest.raises(AskCycleError):
        worker.ask(("ask", child, ("ask", worker, ("pid",))), timeout=5)


def test_asking_a_neighbour_is_answered(worker: ActorRef[Worker]) -> None:
    """The neighbour runs while the asker waits, though they share a thread."""
    child = worker.ask(("start", HERE, "child"))
    assert worker.ask(("ask", child, ("later", 0.02, "x")), timeout=5) == "x"


def test_a_chain_through_the_askers_host_is_no_cycle(worker: ActorRef[Worker]) -> None:
    """a asks a stranger who asks a's neighbour: the neighbour is served although their thread is waiting."""
    child = worker.ask(("start", HERE, "child"))
    stranger = Worker.start()
    assert worker.ask(("ask", stranger, ("ask", child, ("pid",))), timeout=5) == worker.pid()


def test_a_long_wait_is_not_a_cycle(worker: ActorRef[Worker]) -> None:
    """Probes that find no circle do no harm."""
    other = Worker.start()
    assert worker.ask(("ask", other, ("later", 0.5, "x")), timeout=5) == "x"


def test_a_blocked_actor_is_not_entered_again(worker: ActorRef[Worker]) -> None:
    """While its handler waits, its other messages wait too."""
    slow = Worker.start()
    blocked = worker.ask(("ask", slow, ("later", 0.4, "slow")), block=False)
    worker.tell(("log", "after"))
    seen = worker.ask(("log",), block=False)
    assert blocked.get(timeout=5) == "slow"
    assert seen.get(timeout=5) == ["after"]
