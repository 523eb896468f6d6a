"""Names and groups: everybody finds them, in every process; they end with their actors."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.runtime import (
    THREAD,
    ActorDeadError,
    ActorRef,
    Group,
    NameTakenError,
    Place,
    ProcessActor,
    Registry,
    System,
    Timeout,
    watch,
)
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.registry import value_of

PATIENCE_S = 30.0


class Clerk(ProcessActor):
    """Calls what it is sent, `(function, *arguments)`, in its own process; registers itself first if it is told to."""

    def __init__(self, name: str = "", value: Any = None) -> None:
        super().__init__()
        self.name, self.value = name, value

    def on_start(self) -> None:
        if self.name:
            Registry.register(self.name, self.actor_ref, self.value)

    def on_receive(self, message: tuple[Callable[..., Any], Any]) -> Any:
        function, *arguments = message
        return function(*arguments)


def register(name: str, ref: ActorRef[Any], value: Any = None) -> None:
    Registry.register(name, ref, value)


def lookup(name: str) -> ActorRef[Any] | None:
    return Registry.lookup(name)


def members(group: str) -> tuple[ActorRef[Any], ...]:
    return Group(group).members()


def wait_for(name: str) -> ActorRef[Any]:
    return Registry.wait_for(name, PATIENCE_S)


def join(group: str, ref: ActorRef[Any]) -> None:
    Group(group).join(ref)


def ended(ref: ActorRef[Any]) -> None:
    """Wait until the root has heard of an end: it tells those that watch in the order in which they asked."""
    watch(ref).wait(PATIENCE_S)


def eventually(found: Callable[[], object], wanted: object) -> None:
    """The end of an actor is heard of by the root in its own time."""
    assert here.port().wait(lambda: found() == wanted, PATIENCE_S), found()  # type: ignore[attr-defined]


def test_a_registered_actor_is_found_from_everywhere(system: System, place: Place) -> None:
    """Whoever registers it, wherever it lives: from the program and from another process."""
    clerk, other = Clerk.options(place=place).start(), Clerk.start()
    assert other.ask((lookup, "prices")) is None
    Registry.register("prices", clerk)
    assert [Registry.lookup("prices"), other.ask((lookup, "prices"))] == [clerk, clerk]
    assert Registry.names() == {"prices": clerk}


def test_an_actor_registers_itself_while_it_starts(system: System, place: Place) -> None:
    """When `start` returns, it is found, with what it had to say."""
    ref = Clerk.options(place=place).start("prices", {"unit": "EUR"})
    assert Registry.lookup("prices") == ref
    assert Registry.value("prices") == {"unit": "EUR"}


def test_an_actor_is_found_by_the_name_that_it_was_started_with(system: System, place: Place) -> None:
    """Without being registered, if its host is its own."""
    ref = Clerk.options(place=place, name="prices").start()
    other = Clerk.start()
    assert other.ask((lookup, "prices")) == ref
    ref.stop()
    assert other.ask((lookup, "prices")) is None


def test_a_name_has_one_actor(system: System) -> None:
    """Another one is refused, and is told who has it; the first one is none the worse for it."""
    first, second = Clerk.options(place=THREAD).start(), Clerk.options(place=THREAD).start()
    Registry.register("prices", first)
    with pytest.raises(NameTakenError) as caught:
        Registry.register("prices", second)
    assert str(caught.value) == f"the name 'prices' is taken by {first}"
    with pytest.raises(NameTakenError, match="is taken by"):
        Clerk.start("prices")
    assert Registry.lookup("prices") == first


def test_a_name_is_free_when_its_actor_has_ended(system: System, place: Place) -> None:
    """However it ended; others may have it then."""
    ref = Clerk.options(place=place).start("prices")
    ref.tell((raise_it, RuntimeError("boom")))
    eventually(lambda: Registry.lookup("prices"), None)
    successor = Clerk.options(place=place).start("prices")
    assert Registry.lookup("prices") == successor


def raise_it(error: BaseException) -> None:
    raise error


def test_a_killed_actor_loses_its_name(system: System) -> None:
    """SIGKILL leaves nobody who could say so."""
    ref = Clerk.start("prices")
    ref.kill()
    eventually(lambda: Registry.lookup("prices"), None)


def test_a_successor_under_the_same_actor_name_keeps_the_registration(system: System, place: Place) -> None:
    """The end of the one before, which may be heard of late, takes nothing away from it."""
    for _ in range(2):
        ref = Clerk.options(place=place, name="clerk").start("prices")
        assert Registry.lookup("prices") == ref
        ref.stop()
    ref = Clerk.options(place=place, name="clerk").start("prices")
    assert Registry.wait_for("prices", PATIENCE_S) == ref
    assert ref.ask((lookup, "prices")) == ref


def test_a_name_can_be_given_back(system: System) -> None:
    """By whom it belongs to, or by anybody."""
    first, second = Clerk.options(place=THREAD).start("a"), Clerk.options(place=THREAD).start("b")
    assert not Registry.unregister("a", second)
    assert Registry.unregister("a", first)
    assert not Registry.unregister("a")
    assert Registry.unregister("b")
    assert Registry.names() == {}


def test_a_dead_actor_gets_no_name(system: System) -> None:
    """Nor a place in a group: it would be found and could not be reached."""
    ref = Clerk.options(place=THREAD).start()
    ref.stop()
    with pytest.raises(ActorDeadError, match="cannot have the name 'prices'"):
        Registry.register("prices", ref)
    with pytest.raises(ActorDeadError, match="cannot have the name 'prices'"):
        Group("prices").join(ref)


def test_waiting_ends_when_an_actor_registers(system: System, place: Place) -> None:
    """Also in an actor, which waits as it does for an answer."""
    waiter, ref = Clerk.start(), Clerk.options(place=place).start()
    found = waiter.ask((wait_for, "prices"), block=False)
    waiter.tell((len, ()))  # stands behind the question
    Registry.register("prices", ref)
    assert found.get(timeout=PATIENCE_S) == ref
    assert Registry.wait_for("prices", PATIENCE_S) == ref


def test_waiting_ends_when_an_actor_of_that_name_is_up(system: System, place: Place) -> None:
    """It need not register."""
    waiter = Clerk.start()
    found = waiter.ask((wait_for, "prices"), block=False)
    ref = Clerk.options(place=place, name="prices").start()
    assert found.get(timeout=PATIENCE_S) == ref


def test_waiting_from_asyncio_leaves_the_loop_free(system: System) -> None:
    """Others go on meanwhile, one of which may be who is waited for."""

    async def main() -> ActorRef[Any]:
        waiting = asyncio.create_task(Registry.wait_for_async("prices", PATIENCE_S))
        await asyncio.sleep(0)
        ref = Clerk.options(place=THREAD).start("prices")
        assert await waiting == ref
        with pytest.raises(Timeout, match="no actor has the name 'nobody'"):
            await Registry.wait_for_async("nobody", 0.01)
        return ref

    assert asyncio.run(main()) == Registry.lookup("prices")


def test_waiting_has_an_end(system: System) -> None:
    """And says for whom it was."""
    with pytest.raises(Timeout, match=r"0\.01 seconds: no actor has the name 'nobody'"):
        Registry.wait_for("nobody", 0.01)


def test_a_group_has_the_same_members_everywhere(system: System, place: Place) -> None:
    """In the order of joining, and at once: whoever hears of a join finds the member."""
    first, second = Clerk.options(place=place).start(), Clerk.options(place=place).start()
    other = Clerk.start()
    assert other.ask((members, "clerks")) == ()
    Group("clerks").join(first)
    assert other.ask((members, "clerks")) == (first,)
    other.ask((join, "clerks", second))
    assert Group("clerks").members() == other.ask((members, "clerks")) == (first, second)
    Group("clerks").join(first)
    assert Group("clerks").members() == (first, second)
    assert Group.all() == {"clerks": 2}
    assert Group("clerks").leave(first)
    assert not Group("clerks").leave(first)
    assert other.ask((members, "clerks")) == (second,)


def test_a_member_that_ends_leaves(system: System, place: Place) -> None:
    """Stopped, failed or killed."""
    group = Group("clerks")
    refs = [Clerk.options(place=place).start() for _ in range(2)] + [Clerk.start()]
    for ref in refs:
        group.join(ref)
    refs[0].stop()
    refs[1].tell((raise_it, RuntimeError("boom")))
    refs[2].kill()
    eventually(group.members, ())
    assert Group.all() == {}


def test_members_are_asked_for_once_while_nothing_changes(system: System) -> None:
    """A look at a group costs no message then: it can be made for each message that is sent."""
    ref = Clerk.options(place=THREAD).start()
    group = Group("clerks")
    group.join(ref, "value")
    first = group.memberships()
    assert group.memberships() is first
    assert [value_of(member) for member in first] == ["value"]
    group.join(ref, "another")
    assert [value_of(member) for member in group.memberships()] == ["another"]


def test_groups_are_values(system: System) -> None:
    """They can be sent, compared, and kept in sets."""
    assert pickle.loads(pickle.dumps(Group("a"))) == Group("a") != Group("b")
    assert len({Group("a"), Group("a")}) == 1
    assert repr(Group("a")) == "Group('a')"


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 1025])
def test_what_cannot_be_a_name_is_refused(system: System, name: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(ValueError, match="bytes without NUL are allowed"):
        Registry.lookup(name)
    with pytest.raises(ValueError, match="bytes without NUL are allowed"):
        Group(name)


def test_a_name_is_text() -> None:
    """What else was given is in the error."""
    name: Any = 7
    with pytest.raises(TypeError, match="name is 7: text was expected"):
        Registry.lookup(name)
    with pytest.raises(TypeError, match="name is 7: text was expected"):
        Group(name)


@pytest.mark.parametrize("ref", ["prices", None, 7], ids=repr)
def test_what_is_no_actor_gets_no_name(system: System, ref: Any) -> None:
    """The error says what was given, and what for."""
    ways: list[Callable[[], object]] = [
        lambda: Registry.register("prices", ref),
        lambda: Group("feeds").join(ref),
    ]
    for enter in ways:
        with pytest.raises(
            TypeError, match=rf"{ref!r} cannot have the name '.*': the ref of an actor was expected"
        ):
            enter()
    assert Registry.names() == {}


def test_a_value_has_a_bound(system: System) -> None:
    """The root holds it for as long as the actor lives."""
    ref = Clerk.options(place=THREAD).start()
    with pytest.raises(ValueError, match="where 65536 are allowed"):
        Registry.register("prices", ref, bytes(70_000))
