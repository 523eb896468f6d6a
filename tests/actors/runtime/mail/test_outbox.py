"""actors/runtime/mail/outbox.py: what is sent goes in order, tells in company, and nothing to where nobody reads."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from peerage.actors.runtime import LimitReachedError
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.mail import outbox as outbox_module
from peerage.actors.runtime.mail.batch import BATCH_MESSAGES
from peerage.actors.runtime.mail.dead_letters import DeadLetters
from peerage.actors.runtime.mail.envelope import BATCH, HEADER, JOINED, LARGE_FRAMES, SHARED, Kind
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.outbox import HELD_MESSAGES, SNDMORE, Outbox
from peerage.actors.runtime.mail.routes import Route
from peerage.actors.runtime.mail.ways import Way
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, KEY, MINE, Clock, Table, path

NOBODY = 99 << 20


class Push:
    """A socket that keeps what it is to send, a list of frames for each message.

    Attribute: handler, called once in the middle of a message of several frames, as a signal's handler may be.
    """

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []
        self.handler: Callable[[], object] | None = None
        self._begun: list[bytes] = []

    def send(self, frame: Any, flags: int = 0) -> None:
        self._begun.append(bytes(frame))
        if not flags:
            self.sent.append(self._begun)
            self._begun = []
            return
        handler, self.handler = self.handler, None
        if handler is not None:
            handler()

    def send_multipart(self, frames: list[Any], copy: bool = True) -> None:
        del copy
        for frame in frames[:-1]:
            self.send(frame, SNDMORE)
        self.send(frames[-1])


class Memory:
    """Shared memory that takes what it is told to."""

    def __init__(self) -> None:
        self.takes = False
        self.cancelled: list[int] = []
        self.forgotten: list[int] = []

    def place(self, _address: int, body: Any, extras: Any) -> tuple[tuple[Any, list[Any], list[int]], bool]:
        return ((b"leases" + body, [], [7]) if self.takes else (body, list(extras), [])), self.takes

    def cancel(self, slots: list[int]) -> None:
        self.cancelled += slots

    def forget(self, address: int) -> None:
        self.forgotten.append(address)


class Net:
    """What the threads of a process share, without sockets."""

    def __init__(self) -> None:
        self.ways = self.flusher = self
        self.table, self.dead_letters = Table(), DeadLetters()
        self.memory, self.key = Memory(), KEY
        self.closed = False
        self.last_sent_to: set[int] = set()
        self.by_address: dict[int, Way] = {}
        self.lack: LimitReachedError | None = None
        self.opened: list[tuple[int, Purpose, bool]] = []
        self.watched: list[Outbox] = []
        self.forgotten: list[Any] = []

    def open(self, address: int, purpose: Purpose, *, is_answered: bool = False) -> Way | None:
        self.opened.append((address, purpose, is_answered))
        if self.lack is not None:
            raise self.lack
        if self.is_gone(address):
            return None
        way = self.by_address.setdefault(address, Way(cast("Any", Push())))
        if way.push is None and way.taken is not None:
            way.beside = way.beside or Way(cast("Any", Push()))
            return way.beside
        return way

    def another(self, address: int) -> Way:
        way = self.by_address[address] = Way(cast("Any", Push()))
        return way

    def is_gone(self, address: int) -> bool:
        return address == NOBODY

    def watch(self, outbox: Outbox) -> None:
        self.watched.append(outbox)

    def forget(self, what: Any) -> None:
        self.forgotten.append(what)

    def sent(self, address: int = ADDRESS) -> list[list[bytes]]:
        way = self.by_address.get(address)
        return [] if way is None else cast("Push", way.push).sent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(outbox_module, "monotonic", clock)
    monkeypatch.setattr(outbox_module, "send_bytes", Push.send)
    return clock


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def outbox(net: Net, clock: Clock) -> Outbox:
    return Outbox(cast("Network", net), MINE, threading.RLock())


@pytest.fixture
def route() -> Route:
    return Route(KEY, MINE, path(), HOST)


def header(frames: list[bytes]) -> tuple[Any, ...]:
    key, *others = HEADER.unpack_from(frames[0])
    assert key == KEY
    return tuple(others)


def kinds(net: Net) -> list[tuple[Kind, int]]:
    """Of what was sent: kind, and the number that stands for how many in a batch."""
    return [(Kind(header(frames)[0]), header(frames)[4]) for frames in net.sent()]


def tell(outbox: Outbox, route: Route, value: bytes = b"x" * 100) -> None:
    """A plain value, as a port hands it over."""
    route.window.messages += 1
    route.window.size += len(value)
    outbox.tell(route, b"", 0, value, len(value), True)


def test_a_message_is_one_frame_with_its_header(outbox: Outbox, net: Net) -> None:
    outbox.send(ADDRESS, Kind.WATCH, 5, flags=8, target=b"actor", sender=b"me", body=b"body")
    [frames] = net.sent()
    assert header(frames) == (Kind.WATCH, 8, 0, MINE, 5, 5, 2)
    assert frames[0].endswith(b"actormebody")


def test_a_large_body_goes_beside_the_header(outbox: Outbox, net: Net) -> None:
    outbox.send(ADDRESS, Kind.TELL, target=b"actor", body=b"x" * LARGE, extras=[b"one"])
    [frames] = net.sent()
    assert header(frames)[2] == 2
    assert header(frames)[1] & LARGE_FRAMES
    assert [len(frame) for frame in frames[1:]] == [LARGE, 3]


def test_what_lies_in_shared_memory_leaves_leases_in_one_frame(outbox: Outbox, net: Net) -> None:
    net.memory.takes = True
    outbox.send(ADDRESS, Kind.TELL, target=b"actor", body=b"x" * LARGE, extras=[b"one"])
    [[frame]] = net.sent()
    assert header([frame])[1] & SHARED
    assert header([frame])[2] == 0
    assert frame.endswith(b"actorleases")
    assert net.memory.cancelled == []


def test_what_nobody_reads_is_not_left_in_shared_memory(outbox: Outbox, net: Net) -> None:
    """Nor what is for somebody who is forgotten."""
    net.memory.takes = True
    outbox.send(NOBODY, Kind.TELL, target=b"actor", body=b"x" * LARGE)
    assert net.memory.cancelled == [7]
    outbox.forget(NOBODY)
    assert net.memory.forgotten == [NOBODY]


def test_the_first_tell_goes_at_once(outbox: Outbox, net: Net, route: Route) -> None:
    """Nobody waits for company that may not come."""
    tell(outbox, route, b"alone")
    [frames] = net.sent()
    assert pickle.loads(frames[0][-len(pickle.dumps(b"alone", 5)) :]) == b"alone"


def test_tells_in_quick_succession_travel_together(outbox: Outbox, net: Net, route: Route) -> None:
    """As one message, which the flusher is to hand over if nobody else does."""
    for _ in range(4):
        tell(outbox, route)
    assert kinds(net) == [(Kind.TELL, 0)]
    assert net.watched == [outbox]
    outbox.flush()
    assert kinds(net) == [(Kind.TELL, 0), (Kind.TELL, 3)]
    assert header(net.sent()[1])[1] == BATCH | JOINED
    assert not outbox.gathered


def test_a_gathered_tell_that_stays_alone_is_no_batch(outbox: Outbox, net: Net, route: Route) -> None:
    """The window counts the bytes that its receiver will acknowledge."""
    for _ in range(2):
        tell(outbox, route)
    outbox.flush()
    assert kinds(net) == [(Kind.TELL, 0), (Kind.TELL, 0)]
    assert route.window.size == 2 * len(pickle.dumps(b"x" * 100, 5))


def test_a_batch_is_handed_over_when_it_is_full(outbox: Outbox, net: Net, route: Route) -> None:
    for _ in range(1 + BATCH_MESSAGES):
        tell(outbox, route)
    assert kinds(net)[1:] == [(Kind.TELL, BATCH_MESSAGES)]


def test_tells_after_a_pause_go_at_once(outbox: Outbox, net: Net, route: Route, clock: Clock) -> None:
    for _ in range(3):
        tell(outbox, route)
        clock.now += 1.0
    assert kinds(net) == [(Kind.TELL, 0)] * 3


def test_nothing_overtakes_what_was_gathered(outbox: Outbox, net: Net, route: Route) -> None:
    """Be it an ask, a system message, or a tell to another actor of the host."""
    for _ in range(3):
        tell(outbox, route)
    outbox.send_small(ADDRESS, Kind.ASK, 7, 0, b"actor", b"", b"body")
    for _ in range(2):
        tell(outbox, route)
    tell(outbox, Route(KEY, MINE, path("other"), HOST))
    outbox.send(ADDRESS, Kind.UNWATCH, 8)
    assert kinds(net) == [
        (Kind.TELL, 0),
        (Kind.TELL, 2),
        (Kind.ASK, 7),
        (Kind.TELL, 2),
        (Kind.TELL, 0),
        (Kind.UNWATCH, 8),
    ]


def test_a_message_to_an_address_where_nobody_reads_is_dropped(outbox: Outbox, net: Net) -> None:
    """Sweeping settles it."""
    outbox.send(NOBODY, Kind.WAKE)
    assert net.sent(NOBODY) == []


def test_a_way_that_another_thread_has_closed_is_made_again(outbox: Outbox, net: Net) -> None:
    outbox.send(ADDRESS, Kind.WAKE)
    net.by_address.pop(ADDRESS).push = None
    outbox.send(ADDRESS, Kind.WATCH)
    outbox.send(ADDRESS, Kind.TELL, body=b"x" * LARGE)
    assert [kind for kind, _number in kinds(net)] == [Kind.WATCH, Kind.TELL]


@pytest.mark.parametrize("size", [LARGE, 10])
def test_what_a_signals_handler_sends_does_not_become_a_part_of_the_message_that_it_interrupts(
    outbox: Outbox, net: Net, size: int
) -> None:
    """It goes beside it; what the thread itself sends afterwards stays behind its own message."""
    frames = [b"x" * size, b"one"]

    def handle() -> None:
        for _ in range(2):
            outbox.send(ADDRESS, Kind.TELL, 2, extras=frames)

    outbox.send(ADDRESS, Kind.WAKE)
    way = net.by_address[ADDRESS]
    cast("Push", way.push).handler = handle
    outbox.send(ADDRESS, Kind.TELL, 1, extras=frames)
    outbox.send(ADDRESS, Kind.WATCH)
    assert [(header(sent)[0], header(sent)[4], len(sent)) for sent in net.sent()] == [
        (Kind.WAKE, 0, 1),
        (Kind.TELL, 1, 3),
        (Kind.WATCH, 0, 1),
    ]
    assert way.beside is not None
    beside = cast("Push", way.beside.push)
    assert [(header(sent)[4], sent[1:]) for sent in beside.sent] == [(2, frames), (2, frames)]


def test_what_follows_a_message_that_was_broken_off_does_not_become_a_part_of_it(
    outbox: Outbox, net: Net
) -> None:
    """After Ctrl-C in the middle of it, say."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    outbox.send(ADDRESS, Kind.WAKE)
    way = net.by_address[ADDRESS]
    cast("Push", way.push).handler = interrupt
    with pytest.raises(KeyboardInterrupt):
        outbox.send(ADDRESS, Kind.TELL, 1, extras=[b"one", b"two"])
    outbox.send(ADDRESS, Kind.TELL, 2, extras=[b"three"])
    outbox.send(ADDRESS, Kind.WATCH)
    assert way.beside is not None
    sent = cast("Push", way.beside.push).sent
    assert [(header(frames)[0], len(frames)) for frames in sent] == [(Kind.TELL, 2), (Kind.WATCH, 1)]


def test_a_signals_handler_may_hand_over_what_was_gathered_while_that_is_done(
    outbox: Outbox, net: Net, route: Route
) -> None:
    """Each goes once."""
    elsewhere = Route(KEY, MINE, path(), HOST + 1)
    for _ in range(3):
        tell(outbox, route)
    for _ in range(3):
        tell(outbox, elsewhere)
    push = cast("Push", net.by_address[ADDRESS].push)
    begin = push.sent.append

    class Interrupted(list[list[bytes]]):
        def append(self, frames: list[bytes]) -> None:
            begin(frames)
            outbox.flush()

    push.sent = Interrupted(push.sent)
    outbox.flush()
    assert [header(frames)[4] for frames in net.sent(elsewhere.address)] == [3]


def test_what_a_user_sends_is_refused_where_there_is_no_descriptor(outbox: Outbox, net: Net) -> None:
    """Before anything is counted as sent. Where the other has answered, a way back is there."""
    outbox.is_answered_by(ADDRESS)
    outbox.open(ADDRESS, Purpose.WORK)
    assert net.opened == [(ADDRESS, Purpose.WORK, True)]
    net.lack = LimitReachedError("a way", "too many")
    with pytest.raises(LimitReachedError):
        outbox.open(ADDRESS + 1, Purpose.WORK)
    with pytest.raises(LimitReachedError):  # a thread has no loop that could try again
        outbox.send(ADDRESS + 1, Kind.REPLY)


def test_what_a_loop_owes_is_held_until_there_are_descriptors(outbox: Outbox, net: Net) -> None:
    """In order, and tried again later."""
    tries: list[str] = []
    outbox.retry_later = lambda: tries.append("later")
    net.lack = LimitReachedError("a way", "too many")
    for number in (1, 2):
        outbox.send(ADDRESS, Kind.REPLY, number)
    outbox.retry()
    assert (tries, net.sent()) == (["later", "later"], [])
    net.lack = None
    outbox.retry()
    assert kinds(net) == [(Kind.REPLY, 1), (Kind.REPLY, 2)]
    assert len(tries) == 2


def test_messages_beyond_the_bound_are_not_held(outbox: Outbox, net: Net) -> None:
    """What is beyond is lost, and counted."""
    outbox.retry_later = lambda: None
    net.lack = LimitReachedError("a way", "too many")
    for _ in range(HELD_MESSAGES + 3):
        outbox.send(ADDRESS, Kind.REPLY)
    assert net.dead_letters.count == 3


def test_ways_to_the_dead_are_closed(outbox: Outbox, net: Net, route: Route) -> None:
    """What was gathered for them is lost as what is under way is: the window knows of it."""
    for _ in range(3):
        tell(outbox, route)
    net.table.die(HOST)
    outbox.forget_dead()
    assert net.forgotten == [ADDRESS]
    assert not outbox.gathered


def test_the_goodbye_comes_behind_everything_else(outbox: Outbox, net: Net, route: Route) -> None:
    """To all that it has sent anything to, and are there."""
    for _ in range(3):
        tell(outbox, route)
    outbox.close()
    assert kinds(net) == [(Kind.TELL, 0), (Kind.TELL, 2), (Kind.PORT_BYE, 0)]
    assert net.last_sent_to == {ADDRESS}
    assert net.forgotten == [outbox]
    outbox.send(ADDRESS, Kind.WAKE)
    assert len(net.sent()) == 3


def test_at_the_end_of_the_system_it_says_nothing(outbox: Outbox, net: Net, route: Route) -> None:
    """Nobody is left to hear it."""
    tell(outbox, route)
    net.closed = True
    outbox.close()
    assert kinds(net) == [(Kind.TELL, 0)]
