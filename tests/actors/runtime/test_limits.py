"""At the limit on file descriptors nothing ends that lives, and what is refused says which limit it was."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import (
    PROCESS,
    THREAD,
    ActorRef,
    LimitReachedError,
    Place,
    StartLimitError,
    System,
    limits,
)
from peerage.actors.runtime.control_groups import Use
from peerage.actors.runtime.limits import (
    LARGEST_RESERVE,
    Purpose,
    Reserve,
    lack_behind,
    lack_of_descriptors,
    lack_of_processes,
    open_descriptors,
    reserve,
)
from peerage.actors.runtime.mail.process import current_port
from tests.actors.runtime.cast import Worker

ROOMS = Path(__file__).parents[3]


@contextmanager
def limited(pid: int, *, spare: int) -> Iterator[int]:
    """Lower the limit of a process to so many more descriptors than it has open."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    limit = open_descriptors(pid) + spare
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield limit
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def kept(pid: int) -> int:
    """The largest number of spare descriptors that is all kept in reserve."""
    used = open_descriptors(pid)
    return max(spare for spare in range(LARGEST_RESERVE + 1) if spare <= reserve(used + spare))


# --- starts ------------------------------------------------------------------------------------------------------------


def test_a_start_beyond_the_limit_names_the_limit_and_the_rest_lives(system: System, place: Place) -> None:
    """Those that were started go on; once the limit is lifted, starting does, too."""
    refs = [Worker.options(place=place).start()]
    with limited(os.getpid(), spare=kept(os.getpid()) + 40) as limit:
        refusal = ""
        while len(refs) < 100 and not refusal:
            try:
                refs.append(Worker.options(place=place).start())
            except StartLimitError as error:
                refusal = str(error)
        for word in ("RLIMIT_NOFILE", f"at most {limit}", "ulimit -n", "LimitNOFILE="):
            assert word in refusal
        assert len(refs) > 2
        assert all(ref.ask(("log", "x"), timeout=5.0) == ["x"] for ref in refs)
        assert len(system.hosts()) == len(refs)
    assert Worker.options(place=place).start().ask(("log", 1)) == [1]


@pytest.mark.parametrize(
    ("limit", "least", "how"),
    [(64, 3, ""), (96, 8, ""), (96, 5, "in-host"), (256, 30, "in-host"), (256, 30, "lowered")],
)
def test_a_program_lives_at_its_limit(limit: int, least: int, how: str) -> None:
    """All that were started answer; when two have been stopped, another starts. ZeroMQ aborts at none."""
    argv = [sys.executable, "-m", "tests.actors.runtime.at_the_limit", str(limit), how]
    ended = subprocess.run(argv, cwd=ROOMS, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    facts = json.loads(ended.stdout.splitlines()[-1])
    assert facts["started"] == facts["answers"] >= least
    assert f"of at most {limit} file descriptors open (RLIMIT_NOFILE)" in facts["refusal"]
    assert facts["again"]
    assert facts["lifted"] is not False


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    """In the embedder, its fork server and its hosts."""
    program = (
        "import os, resource\n"
        "from peerage.actors.runtime import System\n"
        "from tests.actors.runtime.cast import Worker\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, 512))\n"
        "pids = [os.getpid(), Worker.start().pid(), System.current().fork_server_pid]\n"
        "print({resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids})\n"
    )
    argv = [sys.executable, "-c", program]
    assert subprocess.check_output(argv, cwd=ROOMS, text=True, timeout=30) == "{(512, 512)}\n"


@pytest.mark.parametrize(("where", "budget"), [(PROCESS, 5), (THREAD, 8)])
def test_an_actor_keeps_to_its_budget_of_descriptors(system: System, where: Place, budget: int) -> None:
    """Five for a process, eight for a thread, asked and told; all are given back at its end."""
    Worker.options(place=where).start().ask(("log",))  # what is made once is made
    before = open_descriptors()
    refs = [Worker.options(place=where).start() for _ in range(4)]
    for ref in refs:
        ref.tell(("log", 1))
        ref.ask(("log",))
    assert open_descriptors() - before <= 4 * budget
    for ref in refs:
        ref.stop()
    assert current_port().wait(lambda: open_descriptors() <= before, 20.0), open_descriptors() - before


# --- ways --------------------------------------------------------------------------------------------------------------


def in_the_sender(sender: ActorRef[Worker], _receiver: ActorRef[Worker]) -> int:
    return sender.pid()


def in_the_receiver(_sender: ActorRef[Worker], receiver: ActorRef[Worker]) -> int:
    return receiver.pid()


Where = Callable[[ActorRef[Worker], ActorRef[Worker]], int]


@pytest.mark.parametrize("where", [in_the_sender, in_the_receiver])
@pytest.mark.parametrize("message", [("ask",), ("tell",), ("tell_many",)])
def test_what_finds_no_way_is_refused_and_goes_when_the_limit_is_lifted(
    system: System, where: Where, message: tuple[str]
) -> None:
    """The error names whose limit it is; neither process ends; what came before is not lost."""
    sender, receiver = Worker.start(), Worker.start()
    content = [("log", 1)] if message == ("tell_many",) else ("log", 1)
    pid = where(sender, receiver)
    with limited(pid, spare=kept(pid)), pytest.raises(LimitReachedError, match="RLIMIT_NOFILE") as caught:
        sender.ask((*message, receiver, content), timeout=5.0)
    whose = "this process" if where is in_the_sender else receiver.host
    assert whose in caught.value.limit
    sender = Worker.start() if message != ("ask",) else sender  # a failed tell has ended it
    sender.ask((*message, receiver, content), timeout=5.0)
    assert sender.ask(("ask", receiver, ("log",)), timeout=5.0) == [1]


def test_answers_are_held_until_there_is_a_descriptor_for_them(system: System) -> None:
    """An actor whose process has no room for the way back by now answers once it has."""
    worker = Worker.start()
    answers: list[Any] = []
    asked = threading.Event()

    def ask() -> None:
        question = worker.ask(("later", 0.3, "late"), block=False)
        asked.set()
        answers.append(question.get(timeout=20.0))

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(20.0)
    with limited(worker.pid(), spare=3):
        assert worker.ask(("log", 1), timeout=5.0) == [1]  # our way back is there
        thread.join(0.6)
        assert answers == []
    thread.join()
    assert answers == ["late"]


def test_an_actor_can_be_stopped_where_none_can_be_started(system: System) -> None:
    """Whoever stops makes room: that may use more of the reserve."""
    first, second = Worker.start(), Worker.start()
    with limited(first.pid(), spare=kept(first.pid())):
        assert first.ask(("stop_other", second), timeout=5.0)
    assert not second.is_alive()


def test_a_thread_without_room_for_a_mailbox_gets_an_error(system: System) -> None:
    """Neither its ask nor its tell vanishes."""
    worker = Worker.start()
    failures: list[LimitReachedError] = []

    def try_both() -> None:
        for call in (worker.tell, worker.ask):
            try:
                call(("log", 1))
            except LimitReachedError as error:
                failures.append(error)

    with limited(os.getpid(), spare=kept(os.getpid())):
        thread = threading.Thread(target=try_both)
        thread.start()
        thread.join()
    assert len(failures) == 2
    assert worker.ask(("log",)) == []


# --- reckoning ---------------------------------------------------------------------------------------------------------


def test_what_can_wait_is_refused_first() -> None:
    """Strangers, then work, then what is owed."""
    with limited(os.getpid(), spare=0):
        assert all(lack_of_descriptors(1, purpose) for purpose in Purpose)
    allowed = set()
    for spare in range(2 * kept(os.getpid()) + 20):
        with limited(os.getpid(), spare=spare):
            may = frozenset(purpose for purpose in Purpose if not lack_of_descriptors(1, purpose))
        allowed.add(may)
    duty, work, strangers = Purpose.DUTY, Purpose.WORK, Purpose.STRANGERS
    assert allowed == {frozenset(each) for each in ((), (duty,), (duty, work), (duty, work, strangers))}


def test_what_was_granted_counts_before_it_is_open() -> None:
    """Many who ask on each other's heels do not pass the reserve together."""
    ours = Reserve()
    with limited(os.getpid(), spare=kept(os.getpid()) + 20):
        granted = sum(not ours.take(5, Purpose.WORK) for _ in range(20))
    assert 3 <= granted <= 5


def test_a_limit_that_made_a_call_fail_is_named() -> None:
    """Each with its value; a failure of another kind is none of a limit."""
    assert "RLIMIT_NPROC" in lack_behind(BlockingIOError(11, "Resource temporarily unavailable"))
    assert "RLIMIT_NPROC" in lack_behind(RuntimeError("can't start new thread"))
    assert "RLIMIT_AS" in lack_behind(OSError(12, "Cannot allocate memory"))
    assert "RLIMIT_AS" in lack_behind(MemoryError())
    assert "RLIMIT_NOFILE" in lack_behind(OSError(24, "Too many open files"))
    assert "fs.file-max" in lack_behind(OSError(23, "Too many open files in system"))
    for error in (OSError(2, "No such file or directory"), RuntimeError("else"), ValueError("x")):
        assert lack_behind(error) == ""
    assert str(resource.getrlimit(resource.RLIMIT_NPROC)[0]) in lack_of_processes()


def test_the_memory_there_is_is_the_machine_s_or_the_group_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is less."""
    monkeypatch.setattr(limits, "memory_use", lambda: None)
    machine = limits.memory_limit()
    assert machine == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    monkeypatch.setattr(limits, "memory_use", lambda: Use(1 << 20, 7))
    assert limits.memory_limit() == 1 << 20
