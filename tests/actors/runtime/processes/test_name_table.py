"""The root's table of names and groups, on fakes: who gets a name, who is told, what is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.runtime import (
    ActorRef,
    DownReason,
    LimitReachedError,
    NameTakenError,
    RegistryFullError,
)
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.names import Member, Order
from peerage.actors.runtime.processes import name_table
from peerage.actors.runtime.processes.name_table import NameTable
from tests.actors.runtime.host.fakes import Post
from tests.actors.runtime.processes.fakes import Timers, asker

KILLED = DownReason("killed", "by the test")
A, B = (ActorRef(name, name, system="s") for name in "ab")


class Lives:
    """Watches and follows, which the test ends and begins."""

    def __init__(self) -> None:
        self.watches: dict[int, tuple[ActorRef[Any], Callable[[Any, DownReason], None]]] = {}
        self.follows: dict[int, Callable[[], object]] = {}
        self._numbers = iter(range(1, 1000))

    def watch(self, ref: ActorRef[Any], on_down: Callable[[Any, DownReason], None]) -> int:
        self.watches[number := next(self._numbers)] = ref, on_down
        return number

    def unwatch(self, number: int) -> None:
        self.watches.pop(number, None)

    def follow(self, _ref: ActorRef[Any], on_up: Callable[[], object], _on_down: object) -> int:
        self.follows[number := next(self._numbers)] = on_up
        return number

    def unfollow(self, number: int) -> None:
        self.follows.pop(number)

    def end(self, ref: ActorRef[Any]) -> None:
        """An actor ends: all that watch it hear of it, once."""
        for number, (watched, on_down) in list(self.watches.items()):
            if watched == ref:
                del self.watches[number]
                on_down(ref, KILLED)


class Office:
    """A table, asked as processes ask it. Answers are what they would get; `None` stands for none yet as well."""

    def __init__(self) -> None:
        self.post, self.timers, self.lives = Post(), Timers(), Lives()
        self.changes: list[str] = []
        self.table = NameTable(self.lives, self.timers, self.changes.append, "s")

    def send(self, order: Order, *arguments: Any, number: int = 1) -> None:
        self.table.serve(asker(self.post, number), b"", codec.dumps((int(order), *arguments)))

    def ask(self, order: Order, *arguments: Any) -> Any:
        self.post.sent.clear()
        self.send(order, *arguments)
        return self.answers()[0]

    def answers(self) -> list[Any]:
        """What was sent so far. Raises: what a request was refused with."""
        values = [value for _address, _kind, _number, value in self.post.sent]
        for value in values:
            if isinstance(value, Exception):
                raise value
        return values


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_name_is_given_once(office: Office) -> None:
    """The second one hears who has it."""
    assert office.ask(Order.FIND, "n") is None
    assert office.ask(Order.REGISTER, "n", A, b"v") is None
    with pytest.raises(NameTakenError, match="the name 'n' is taken by"):
        office.ask(Order.REGISTER, "n", B, b"")
    assert office.ask(Order.FIND, "n") == Member(A, b"v")
    assert office.ask(Order.NAMES) == {"n": Member(A, b"v")}


def test_a_name_ends_with_its_actor(office: Office) -> None:
    """And is counted as changed before anybody can hear of it."""
    office.ask(Order.REGISTER, "n", A, b"")
    office.lives.end(A)
    assert office.ask(Order.FIND, "n") is None
    assert office.changes == ["=n", "=n"]
    assert office.ask(Order.REGISTER, "n", B, b"") is None


def test_a_successor_takes_the_name_over(office: Office) -> None:
    """It is equal to the one before, whose watch is dropped: news of that end would mean the wrong one."""
    office.ask(Order.REGISTER, "n", A, b"old")
    office.ask(Order.REGISTER, "n", A, b"new")
    assert len(office.lives.watches) == 1
    assert office.ask(Order.FIND, "n") == Member(A, b"new")


def test_an_actor_that_has_ended_meanwhile_keeps_no_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch may find nobody, and says so before it has returned its number."""

    def find_nobody(ref: ActorRef[Any], on_down: Callable[[Any, DownReason], None]) -> int:
        on_down(ref, KILLED)
        return 1

    monkeypatch.setattr(office.lives, "watch", find_nobody)
    office.ask(Order.REGISTER, "n", A, b"")
    office.ask(Order.JOIN, "g", A, b"")
    assert office.ask(Order.NAMES) == office.ask(Order.GROUPS) == {}


def test_an_actor_that_cannot_be_watched_gets_no_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no descriptor for a way to its host, say: nobody would ever take the name from it."""
    office.ask(Order.REGISTER, "n", A, b"")
    office.ask(Order.JOIN, "g", A, b"")

    def refuse(_ref: ActorRef[Any], _on_down: object) -> int:
        raise LimitReachedError("a way", "RLIMIT_NOFILE is 64")

    monkeypatch.setattr(office.lives, "watch", refuse)
    for order, name in ((Order.REGISTER, "m"), (Order.JOIN, "h"), (Order.REGISTER, "n"), (Order.JOIN, "g")):
        with pytest.raises(LimitReachedError):
            office.ask(order, name, A, b"")
    assert office.ask(Order.NAMES) == office.ask(Order.GROUPS) == {}


def test_a_name_that_cannot_be_followed_is_not_waited_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks is told why; whoever asks later may be luckier."""

    def refuse(*_: object) -> int:
        raise LimitReachedError("a way", "RLIMIT_NOFILE is 64")

    with monkeypatch.context() as patched:
        patched.setattr(office.lives, "follow", refuse)
        with pytest.raises(LimitReachedError):
            office.ask(Order.WAIT, "n", 1.0)
    office.post.sent.clear()
    office.send(Order.WAIT, "n", 1.0)
    office.send(Order.REGISTER, "n", A, b"")
    assert Member(A) in office.answers()


def test_a_name_given_back_is_watched_no_longer(office: Office) -> None:
    """Only by whom it belongs to, if that is said."""
    office.ask(Order.REGISTER, "n", A, b"")
    assert not office.ask(Order.UNREGISTER, "n", B)
    assert office.ask(Order.UNREGISTER, "n", A)
    assert not office.ask(Order.UNREGISTER, "n", None)
    assert office.lives.watches == {}


def test_waiting_is_answered_by_a_registration(office: Office) -> None:
    """Everybody who waits, and whoever comes later at once; the name is followed once for all of them."""
    office.send(Order.WAIT, "n", 5.0, number=1)
    office.send(Order.WAIT, "n", 5.0, number=2)
    assert len(office.lives.follows) == 1
    assert office.answers() == []
    office.send(Order.REGISTER, "n", A, b"", number=3)
    assert {number: value for _, _, number, value in office.post.sent} == {
        1: Member(A),
        2: Member(A),
        3: None,
    }
    assert office.ask(Order.WAIT, "n", 5.0) == Member(A)
    assert office.lives.follows == {}
    office.timers.move(10.0)
    assert len(office.post.sent) == 1


def test_waiting_is_answered_when_an_actor_of_that_name_is_up(office: Office) -> None:
    """In a host of its own: it has the name without registering."""
    office.send(Order.WAIT, "n", 5.0)
    (on_up,) = office.lives.follows.values()
    on_up()
    assert office.answers() == [Member(ActorRef("n", "n", system="s"))]
    assert office.lives.follows == {}


def test_waiting_ends_in_its_time(office: Office) -> None:
    """One after the other; with the last of them the name is followed no longer."""
    office.send(Order.WAIT, "n", 1.0, number=1)
    office.send(Order.WAIT, "n", 3.0, number=2)
    office.timers.move(2.0)
    assert [number for _, _, number, _ in office.post.sent] == [1]
    assert office.lives.follows
    office.timers.move(2.0)
    assert office.answers() == [None, None]
    assert office.lives.follows == {}


def test_a_group_keeps_the_order_of_joining(office: Office) -> None:
    """Whoever joins again keeps its place, with its new value."""
    for ref, value in ((A, b""), (B, b""), (A, b"again")):
        office.ask(Order.JOIN, "g", ref, value)
    assert office.ask(Order.MEMBERS, "g") == (Member(A, b"again"), Member(B))
    assert office.ask(Order.GROUPS) == {"g": 2}
    office.lives.end(A)
    assert office.ask(Order.MEMBERS, "g") == (Member(B),)
    assert office.ask(Order.LEAVE, "g", B)
    assert not office.ask(Order.LEAVE, "g", B)
    assert office.ask(Order.GROUPS) == {}
    assert office.lives.watches == {}
    assert office.changes == ["+g"] * 5


def test_names_and_memberships_have_a_bound(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends makes room; to enter again takes none."""
    monkeypatch.setattr(name_table, "MOST_ENTRIES", 2)
    office.ask(Order.REGISTER, "n", A, b"")
    office.ask(Order.JOIN, "g", A, b"")
    for order in (Order.REGISTER, Order.JOIN):
        with pytest.raises(RegistryFullError, match="2 names and memberships are entered"):
            office.ask(order, "other", B, b"")
    office.ask(Order.REGISTER, "n", A, b"")
    office.ask(Order.JOIN, "g", A, b"")
    office.ask(Order.LEAVE, "g", A)
    office.ask(Order.REGISTER, "other", B, b"")


def test_those_who_wait_have_a_bound(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """And make room when their time is over."""
    monkeypatch.setattr(name_table, "MOST_WAITING", 1)
    office.send(Order.WAIT, "n", 1.0)
    with pytest.raises(RegistryFullError, match="1 requests wait for names"):
        office.ask(Order.WAIT, "m", 1.0)
    office.timers.move(2.0)
    office.post.sent.clear()
    office.send(Order.WAIT, "m", 1.0)
    assert office.answers() == []
