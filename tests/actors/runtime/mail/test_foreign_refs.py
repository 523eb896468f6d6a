"""Refs of one system, used where another runs, or none: each use fails at once, and nothing of it reaches anybody else."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pykka.messages import _ActorStop

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorDeadError,
    ActorRef,
    ActorRegistry,
    ActorStartError,
    ForeignRefError,
    Place,
    System,
    watch,
)
from peerage.actors.runtime.mail.process import current_port
from tests.actors.runtime.cast import Echo, Worker

pytestmark = pytest.mark.timeout(60)

USES: dict[str, Callable[[ActorRef[Any]], object]] = {
    "ask": lambda ref: ref.ask(("pid",)),
    "ask later": lambda ref: ref.ask(("pid",), block=False).get(),
    "ask_async": lambda ref: asyncio.run(_ask(ref)),
    "tell_async": lambda ref: asyncio.run(_tell(ref)),
    "tell to stop": lambda ref: ref.tell(_ActorStop()),
    "tell": lambda ref: ref.tell(("log", 1)),
    "tell_many": lambda ref: ref.tell_many([("log", 1), ("log", 2)]),
    "proxy": lambda ref: ref.proxy(),
    "pid": lambda ref: ref.pid(),
    "kill": lambda ref: ref.kill(),
}


async def _ask(ref: ActorRef[Any]) -> Any:
    return await ref.ask_async(("pid",))


async def _tell(ref: ActorRef[Any]) -> None:
    await ref.tell_async(("log", 1))


def refusals(ref: ActorRef[Any]) -> set[str]:
    """What the uses of a ref say that must fail; they do not depend on each other."""
    found = set()
    for use, call in USES.items():
        try:
            call(ref)
        except ForeignRefError as error:
            found.add(str(error))
        else:
            found.add(f"{use} did not fail")
    return found


@pytest.fixture(scope="module")
def refs_of_the_past() -> list[ActorRef[Any]]:
    """Refs of a system that has ended: to actors in a process, beside that one, and in a thread."""
    System.current().shutdown()
    with System():
        host = Worker.options(name="same").start()
        refs = [host, host.ask(("start", HERE, "same one")), Worker.options(place=THREAD).start()]
        assert all(ref.is_alive() for ref in refs)
    return refs


@pytest.fixture(params=[0, 1, 2], ids=["process", "here", "thread"])
def old(request: pytest.FixtureRequest, refs_of_the_past: list[ActorRef[Any]]) -> ActorRef[Any]:
    number: int = request.param
    return refs_of_the_past[number]


@pytest.fixture
def no_system(refs_of_the_past: list[ActorRef[Any]]) -> None:
    """That of another test may still run."""
    if System.is_running():
        System.current().shutdown()


@pytest.mark.usefixtures("no_system")
def test_a_ref_of_a_system_that_has_ended_fails_at_once_when_none_runs(
    refs_of_the_past: list[ActorRef[Any]],
) -> None:
    """Whatever is done with it; the sentence says what to do."""
    for old in refs_of_the_past:
        (text,) = refusals(old)
        assert text.startswith(f"{old} is of an actor system that has ended: start it again")
        assert not old.is_alive()
        assert old.stop() is old.stop(block=False).get() is False
        assert watch(old).wait(1.0).kind == "noproc"


@pytest.mark.usefixtures("no_system")
def test_a_ref_of_a_system_that_has_ended_fails_at_once_in_the_next(
    refs_of_the_past: list[ActorRef[Any]],
) -> None:
    """Though there, host and actor have the same names and numbers, and are in use."""
    with System() as system:
        new = Worker.options(name="same").start()
        namesakes = [new, new.ask(("start", HERE, "same one"))]
        assert [ref.key for ref in namesakes] == [ref.key for ref in refs_of_the_past[:2]]
        assert new.serial == refs_of_the_past[0].serial
        assert [ref.ask(("log",)) for ref in namesakes] == [[], []]
        assert set(refs_of_the_past).isdisjoint(namesakes)
        for old in refs_of_the_past:
            (text,) = refusals(old)
            assert text.startswith(f"{old} is of an actor system that has ended: start it again")
            assert not old.is_alive()
            assert old.stop() is old.stop(block=False).get() is False
            assert watch(old).wait(1.0).text == text
        assert [ref.ask(("log",)) for ref in namesakes] == [[], []]
        assert system.dead_letters == 0


def test_a_foreign_ref_raises_in_an_actor_too(system: System, place: Place, old: ActorRef[Any]) -> None:
    """In its own process or in a thread, and beside it in the same host."""
    host = Worker.options(place=place).start()
    for actor in (host, host.ask(("start", HERE))):
        for message in (("ask", old, ("pid",)), ("tell", old, ("pid",)), ("tell_many", old, [1])):
            with pytest.raises(ForeignRefError, match=r"another process|has ended"):
                actor.ask(message)
        actor.ask(("watch", old))
        assert actor.ask(("downs",)) == [(old.name, "noproc", None)]


def test_nothing_starts_beside_or_linked_to_a_foreign_actor(system: System, old: ActorRef[Any]) -> None:
    """It could not end with it."""
    Worker.options(name="same").start()
    ways: list[dict[str, Any]] = [{"place": old}, {"linked_to": old}, {"linked_to": old, "place": THREAD}]
    for options in ways:
        with pytest.raises(ActorStartError, match="has ended"):
            Worker.options(**options).start()
    assert [facts.name for facts in system.hosts()] == ["same"]


def test_a_ref_by_name_is_of_the_system_that_runs_when_it_is_made() -> None:
    """One made before is of the first that it is used in; what it is a key of finds it before and after."""
    System.current().shutdown()
    early, never_used = ActorRef.to("named"), ActorRef.to("named")
    with pytest.raises(ActorDeadError, match="no actor system runs"):
        early.tell(("log", 1))
    known = {early: "early"}
    with System():
        ref = Echo.options(name="named").start()
        made_now = ActorRef.to("named")
        assert [each.ask("x") for each in (early, made_now)] == ["x", "x"]
        assert early == made_now == ref
        assert known[early] == known[made_now] == "early"
    with System():
        Echo.options(name="named").start()
        for each in (early, made_now):
            with pytest.raises(ForeignRefError):
                each.ask("x")
        assert never_used.ask("x") == "x"


def test_nothing_of_an_ended_system_stays_registered() -> None:
    """Pykka's registry is of the actors that run."""
    for place in (PROCESS, THREAD):
        Worker.options(place=place).start()
    assert len(ActorRegistry.get_all()) == 2
    System.current().shutdown()
    assert ActorRegistry.get_all() == []


def test_an_ask_while_the_system_ends_raises() -> None:
    """From every thread, promptly, and those who go on telling are told."""
    errors: list[BaseException] = []
    waiting = threading.Barrier(5)
    held = [Worker.options(place=place).start() for place in (PROCESS, THREAD)]

    def ask(ref: ActorRef[Any]) -> None:
        future = ref.ask(("hold",), block=False)
        waiting.wait()
        try:
            future.get(timeout=30)
        except BaseException as error:
            errors.append(error)

    def tell(ref: ActorRef[Any]) -> None:
        waiting.wait()
        try:
            while True:
                ref.tell(("log",), exempt=True)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(ref,)) for use in (ask, tell) for ref in held]
    for thread in threads:
        thread.start()
    waiting.wait()
    System.current().shutdown()
    for thread in threads:
        thread.join(10.0)
    assert [type(error) for error in errors if not isinstance(error, ActorDeadError)] == []
    assert len(errors) == 4


def _in_another_process(pickled: bytes, has_system: bool, answers: Any) -> None:
    ref, log = pickle.loads(pickled), []
    if has_system:
        log = Worker.options(name=ref.name).start().ask(("log",))
    answers.put((refusals(ref), ref.is_alive(), watch(ref).wait(1.0).kind, log))
    if has_system:
        System.current().shutdown()


@pytest.mark.parametrize(("method", "has_system"), [("spawn", True), ("forkserver", False)])
def test_a_pickled_ref_fails_at_once_in_another_process(
    system: System, method: str, has_system: bool
) -> None:
    """It can be unpickled there; its actor cannot be reached, nor mistaken for one of the same name."""
    worker = Worker.start()
    context: Any = multiprocessing.get_context(method)
    answers = context.Queue()
    child = context.Process(target=_in_another_process, args=(pickle.dumps(worker), has_system, answers))
    child.start()
    try:
        texts, is_alive, watched, log = answers.get(timeout=30)
    finally:
        child.join(10)
        child.kill()
        child.join()
    (text,) = texts
    assert text.startswith(f"{worker} is of the actor system of another process")
    assert (is_alive, watched, log) == (False, "noproc", [])
    assert worker.ask(("log",)) == []


def test_a_tell_while_the_system_ends_is_a_dead_letter() -> None:
    """Of an actor of its own: the sender could not know."""
    System.current().shutdown()
    heard: list[tuple[str, int]] = []
    system = System()
    system.on_dead_letter(lambda key, messages: heard.append((key, messages)))
    worker = Worker.start()
    worker.ask(("log",))
    shut = system.process.shut

    def tell_then_shut() -> Any:
        ports = shut()
        for port in ports:
            port.close()
        worker.tell(1)
        worker.tell_many([2, 3])
        thread = threading.Thread(target=functools.partial(worker.tell, 4))  # which has no port yet
        thread.start()
        thread.join()
        return ports

    system.process.shut = tell_then_shut  # type: ignore[method-assign]  # the moment in between
    system.shutdown()
    assert heard == [(worker.key, 1), (worker.key, 2), (worker.key, 1)]


def test_a_signals_exception_while_ports_are_closed_leaves_no_end_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pool terminates its workers while they leave by themselves: ZeroMQ waited for ever for what was left open."""
    system = System.current()
    Worker.start()
    outbox = current_port().outbox

    def exit_now() -> None:
        raise SystemExit(143)

    monkeypatch.setattr(outbox, "close", exit_now)
    with pytest.raises(SystemExit):
        system.shutdown()
    assert not System.is_running()
    with System():
        assert Worker.start().ask(("log",)) == []
