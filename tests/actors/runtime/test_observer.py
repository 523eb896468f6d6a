"""Looking at a whole system from anywhere in it."""

from __future__ import annotations

import asyncio
import os

import pytest

from peerage.actors.runtime import THREAD, ActorDeadError, Observation, Observer, System
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.process import Process
from tests.actors.runtime.cast import Worker

SOON_S, LATE_S = 0.1, 10.0


def test_every_host_is_seen(system: System) -> None:
    """With its process, its actors, and what they stand below."""
    ref = Worker.options(name="seen").start()
    Worker.options(name="linked", linked_to=ref).start()
    Worker.options(name="thread", place=THREAD).start()
    found = system.observe(LATE_S)
    hosts = {host.name: host for host in found.hosts}
    assert {name: (host.answered, host.pid) for name, host in hosts.items()} == {
        "seen": (True, ref.pid()),
        "linked": (True, hosts["linked"].pid),
        "thread": (True, os.getpid()),
    }
    seen = hosts["seen"]
    assert (seen.processor_time or 0) >= (seen.loop_time or 0) > 0.0
    assert (seen.memory or 0) > 1_000_000
    assert seen.actors[0].class_path == "tests.actors.runtime.cast:Worker"
    drawn = [[(depth, node.name) for depth, node in root.walk()] for root in found.tree()]
    assert sorted(drawn) == [[(0, "seen"), (1, "linked")], [(0, "thread")]]


def test_a_host_that_does_not_answer_is_told_as_such_and_not_asked_again(system: System) -> None:
    """What it said last is shown, and what the kernel knows of its process."""
    ref = Worker.options(name="busy").start()
    observer = Observer()
    assert observer.observe(LATE_S).hosts[0].answered
    ref.tell(("spin",))
    silent = observer.observe(SOON_S)
    while silent.hosts[0].answered:  # the message was on its way
        silent = observer.observe(SOON_S)
    [host] = silent.hosts
    assert (host.loop_time, [row.name for row in host.actors]) == (None, ["busy"])
    assert host.processor_time is not None
    [question] = observer._questions.values()
    observer.observe(SOON_S)
    assert list(observer._questions.values()) == [question]
    ref.kill()


def test_it_does_not_block_a_loop_of_asyncio(system: System) -> None:
    """As the RPC of a node looks."""
    Worker.options(name="seen").start()

    async def look() -> Observation:
        return await Observer().observe_async(LATE_S)

    assert [host.name for host in asyncio.run(look()).hosts if host.answered] == ["seen"]


def test_other_processes_do_something_quick_for_it(system: System) -> None:
    """One of each process answers; hosts in threads of this one do not count."""
    ref = Worker.options(name="other").start()
    Worker.options(name="thread", place=THREAD).start()
    answers = Observer().send_errands(_pid_of)
    assert {host: answer.get(timeout=LATE_S) for host, answer in answers.items()} == {
        "other": ("other", ref.pid())
    }


def _pid_of(host: str) -> tuple[str, int]:
    return host, os.getpid()


def test_without_a_system_there_is_nothing_to_see(lonely: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor after its end, whatever runs here by then."""
    with pytest.raises(ActorDeadError):
        Observer(lonely).observe()
    monkeypatch.setattr(here, "process", None)
    with pytest.raises(ActorDeadError):
        Observer()
