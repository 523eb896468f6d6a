"""Forked children of the processes of a system (os.fork, multiprocessing, a preloading server): refs of the parent's system
fail there at once, the child may have a system of its own, and the parent's notices nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pykka import ActorRegistry

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorDeadError,
    ActorRef,
    ForeignRefError,
    Future,
    Place,
    ProcessActor,
    System,
    watch,
)
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.waiters import CLAIMING
from peerage.actors.runtime.processes.orphan import STRAY_CHILD
from tests.actors.runtime.cast import Worker
from tests.actors.runtime.mail.test_foreign_refs import refusals
from tests.forked import in_a_fork

pytestmark = pytest.mark.timeout(60)


class Forks(ProcessActor):
    """Forks in the middle of a handler."""

    def __init__(self, journal: str = os.devnull) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.journal = journal

    def on_receive(self, message: Any) -> Any:
        match message:
            case "heard":
                return self.heard
            case "use", ref:
                return in_a_fork(lambda: (refusals(ref), refusals(self.actor_ref), self._start_own()))
            case "end", how:
                pid = os.fork()
                if pid == 0:
                    return how()  # and on, into the loop of the parent's host
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.heard.append(message)
        with open(self.journal, "a") as journal:  # noqa: PTH123 - as a child would, too
            journal.write(f"{os.getpid()}\n")
        if message == "fork":
            pid = os.fork()
            if pid != 0:
                self.heard.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        return None

    def _start_own(self) -> bool:
        own = Worker.start()
        return bool(own.ask(("pid",)) != os.getpid())


def come_back() -> str:
    return "an answer that nobody asked the child for"


def exit_with_3() -> None:
    sys.exit(3)


def raise_an_error() -> None:
    raise ValueError("in a forked child")


@pytest.fixture(params=[PROCESS, THREAD, HERE], ids=lambda place: place.value)
def parents(system: System, request: pytest.FixtureRequest) -> ActorRef[Worker]:
    place: Place = request.param
    host = Worker.options(place=PROCESS if place is HERE else place).start()
    return host.ask(("start", HERE)) if place is HERE else host


def test_a_ref_of_the_parents_system_fails_at_once(system: System, parents: ActorRef[Worker]) -> None:
    """Whatever is done with it, before the child has a system and while it has one; the sentence says what to do."""
    name, parent = parents.name, os.getpid()

    def use() -> Any:
        before = refusals(parents), parents.is_alive(), watch(parents).wait(1.0).kind
        own = Worker.options(name=name).start()
        after = refusals(parents), parents.is_alive(), watch(parents).wait(1.0).kind
        with pytest.raises(ForeignRefError):
            parents.stop()
        return before, after, own.ask(("log",)), System.current().dead_letters

    before, after, log, dead_letters = in_a_fork(use)
    assert before == after
    (text,) = before[0]
    assert text.startswith(
        f"{parents} is of the actor system of process {parent}, of which this process is a fork"
    )
    assert before[1:] == (False, "noproc")
    assert (log, dead_letters) == ([], 0)
    assert parents.ask(("log",)) == []
    assert system.dead_letters == 0


def test_what_the_parent_waits_for_fails_at_once_in_the_child(parents: ActorRef[Worker]) -> None:
    """The answer comes to the parent, and to it alone."""
    held, seen, stopping = parents.ask(("hold",), block=False), watch(parents), Future[Any]()
    stopping.follow(held, lambda: None)
    for pending in (held.get, lambda: asyncio.run(_wait(held)), seen.wait, stopping.get):

        def use(pending: Callable[[], object] = pending) -> str:
            with pytest.raises(ActorDeadError) as caught:
                pending()
            return str(caught.value)

        assert "forked child" in in_a_fork(use)
    parents.ask(("release", "answer"))
    assert held.get(timeout=10) == "answer"
    parents.stop()
    assert seen.wait(10.0).kind == "normal"


async def _wait(future: Future[Any]) -> Any:
    return await future


def test_the_parents_other_threads_keep_their_mailboxes(system: System) -> None:
    """A forked child ends them on its side, and must not say goodbye for them."""
    worker, answers = Worker.start(), []
    asked = threading.Event()

    def ask() -> None:
        held = worker.ask(("hold",), block=False)
        asked.set()
        answers.append(held.get(timeout=20))

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(10.0)
    before = system.directory, sorted(os.listdir(system.directory))  # noqa: PTH208 - names
    in_a_fork(lambda: None)
    assert before == (system.directory, sorted(os.listdir(system.directory)))  # noqa: PTH208 - as above
    worker.ask(("release", "answer"))
    thread.join(20.0)
    assert answers == ["answer"]


@contextlib.contextmanager
def held_by_another_thread(*locks: Any) -> Iterator[None]:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_no_lock_that_another_thread_held_stops_the_child(system: System) -> None:
    """Not even that of the system's start, of the registry, or of the forking thread's own mailbox."""
    worker = Worker.start()
    held = worker.ask(("hold",), block=False)
    process = system.process
    locks = (
        System._lock,
        process.network._mend_lock,
        CLAIMING,
        ActorRegistry._actor_refs_lock,
        current_port().lock,
    )

    def use() -> Any:
        texts = refusals(worker)
        with pytest.raises(ActorDeadError, match="forked child"):
            held.get()
        with pytest.raises(ActorDeadError):
            _ = system.dead_letters
        registered = ActorRegistry.get_all()
        made = Future[str]()
        made.set("set")
        own = Worker.start()
        return len(texts), registered, made.get(), own.ask(("log", 1)), len(ActorRegistry.get_all())

    with held_by_another_thread(*locks):
        answer = in_a_fork(use)
    assert answer == (1, [], "set", [1], 1)
    worker.ask(("release", "answer"))
    assert held.get(timeout=10) == "answer"


def test_a_grandchild_has_no_system_either(system: System) -> None:
    """Neither its parent's nor its grandparent's."""
    worker = Worker.start()

    def use() -> Any:
        own = Worker.start()
        return os.getpid(), in_a_fork(lambda: [refusals(worker), refusals(own)]), own.ask(("log",))

    child, (of_the_first, of_the_second), log = in_a_fork(use)
    assert [f"process {os.getpid()}, of which" in text for text in of_the_first] == [True]
    assert [f"process {child}, of which" in text for text in of_the_second] == [True]
    assert log == []


def test_an_actor_that_forks_has_a_child_without_its_system(system: System, place: Place) -> None:
    """Not the asked one's, not its own; the child may start actors, and the host goes on."""
    forks, other = Forks.options(place=place).start(), Worker.start()
    of_other, of_itself, started = forks.ask(("use", other))
    for texts in (of_other, of_itself):
        (text,) = texts
        assert f"process {forks.pid()}, of which this process is a forked child" in text
    assert started
    assert forks.ask("heard") == []
    assert other.ask(("log",)) == []


@pytest.mark.parametrize(
    ("how", "code"), [(come_back, STRAY_CHILD), (exit_with_3, 3), (raise_an_error, STRAY_CHILD)]
)
def test_a_child_that_comes_back_from_its_handler_ends(
    system: System, place: Place, how: Callable[[], object], code: int
) -> None:
    """It would be a second loop of the same host, with the same messages in its mailboxes."""
    forks = Forks.options(place=place).start()
    assert forks.ask(("end", how)) == code
    assert forks.is_alive()
    assert system.dead_letters == 0


def test_a_child_that_comes_back_handles_nothing_of_what_its_parent_has(
    system: System, place: Place, tmp_path: Path
) -> None:
    """Neither the rest of a batch nor other messages; the parent counts on as if nothing had been."""
    journal = tmp_path / "journal"
    forks = Forks.options(place=place).start(str(journal))
    forks.tell_many(["before", "fork", "after"])
    forks.tell("fork")
    forks.tell("last")
    assert forks.ask("heard") == ["before", "fork", STRAY_CHILD, "after", "fork", STRAY_CHILD, "last"]
    assert journal.read_text().split() == [str(forks.pid())] * 5
    forks.stop()
    assert system.dead_letters == 0


PROGRAM = """
import os, sys
from peerage.actors.runtime import ProcessActor, ActorDeadError, System

class Counts(ProcessActor):
    def on_receive(self, message):
        return message

if __name__ == "__main__":
    ref = Counts.start()
    pid = os.fork()
    if pid == 0:
        try:
            ref.tell(1)
        except ActorDeadError:
            print("refused", flush=True)
        if sys.argv[1] == "with a system":
            print("own", Counts.start().ask(2), flush=True)
    else:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print("child", code, "parent", ref.ask(3), System.current().dead_letters, flush=True)
"""


@pytest.mark.parametrize("child", ["with a system", "without"])
def test_a_child_that_runs_to_the_end_of_the_program_leaves_its_parent_alone(
    child: str, tmp_path: Path
) -> None:
    """Its end of the interpreter ends its own system only."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    run = subprocess.run(
        # Python 3.12 and later warn of every fork of a process with threads.
        [sys.executable, "-W", "ignore::DeprecationWarning", str(program), child],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    own = ["own 2"] if child == "with a system" else []
    assert run.stdout.splitlines() == ["refused", *own, "child 0 parent 3 0"]
    assert (run.returncode, run.stderr) == (0, "")
