"""Starts in two steps."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorDeadError, ActorRef, ActorStartError, System
from peerage.actors.runtime.held_start import HeldStart
from peerage.actors.runtime.processes.root import Root
from tests.actors.runtime.cast import Echo
from tests.waiting import wait_until


def test_it_is_started_or_given_up_and_that_once() -> None:
    told: list[object] = []
    held = HeldStart(lambda *args, **kwargs: told.append((args, kwargs)), lambda: told.append("killed"))
    held.start(1, two=2)
    held.give_up()
    with pytest.raises(RuntimeError, match="over"):
        held.start()
    other = HeldStart(lambda: told.append("started"), lambda: told.append("killed"))
    other.give_up()
    other.give_up()
    assert told == [((1,), {"two": 2}), "killed"]


def process_of(system: System, host: str) -> int:
    """The process of a held host, once it is up. Only the root knows of it."""
    root = system.process.main
    assert isinstance(root, Root)
    wait_until(lambda: (record := root.records.of_name(host)) is not None and record.is_up)
    record = root.records.of_name(host)
    assert record is not None
    return record.pid


def test_nobody_hears_of_a_process_that_is_held(system: System) -> None:
    """Whoever knew of it would send to an actor that is not there."""
    held = Echo.options(name="held").hold()
    assert process_of(system, "held") > 0
    assert "held" not in {facts.name for facts in system.hosts()}
    with pytest.raises(ActorDeadError, match="not found"):
        ActorRef.to("held").ask("x")
    held.start()
    assert ActorRef.to("held").ask("x") == "x"


def test_the_actor_starts_in_the_process_that_was_made_for_it(system: System) -> None:
    """Not before it is told, whether its process is up by then or not."""
    first, second = Echo.options(name="first").hold(), Echo.options(name="second").hold()
    ref = second.start("hello")
    assert ref.ask("heard") == []
    pid = ref.pid()
    assert pid != os.getpid()
    assert {facts.name for facts in system.hosts()} >= {"second"}
    assert first.start().pid() not in {pid, os.getpid()}


def test_a_start_that_is_given_up_leaves_its_name_free(system: System) -> None:
    """Its process is killed, which ends at once whoever waits for the name."""
    Echo.options(name="taken").hold().give_up()
    assert Echo.options(name="taken").start().ask("x") == "x"


def test_what_the_constructor_raises_is_raised() -> None:
    with pytest.raises(TypeError):
        Echo.options(name="wrong").hold().start(1, 2, 3)


def test_arguments_that_cannot_be_sent_leave_no_process(system: System) -> None:
    """Nor its name."""
    held = Echo.options(name="unsent").hold()
    with pytest.raises(TypeError):
        held.start(threading.Lock())
    assert Echo.options(name="unsent").start().ask("x") == "x"


def test_a_process_that_dies_while_it_is_held_fails_the_start(system: System) -> None:
    """Killed by the operating system, say."""
    held = Echo.options(name="doomed").hold()
    os.kill(process_of(system, "doomed"), signal.SIGKILL)
    with pytest.raises(ActorStartError, match="doomed"):
        held.start()


def test_only_a_process_can_be_held() -> None:
    with pytest.raises(ValueError, match="process of its own"):
        Echo.options(place=THREAD).hold()


def test_another_thread_may_start_it_or_give_it_up(system: System) -> None:
    """The root knows it by the mailbox that has asked for the process."""
    held: list[HeldStart[Any]] = []
    is_over, are_held = threading.Event(), threading.Event()

    def hold() -> None:
        held.extend(Echo.options(name=name).hold() for name in ("started", "given up"))
        are_held.set()
        is_over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    are_held.wait()
    try:
        assert held[0].start().ask("x") == "x"
        held[1].give_up()
        assert Echo.options(name="given up").start().ask("x") == "x"
    finally:
        is_over.set()
        thread.join()


def test_nothing_of_it_reaches_a_later_system() -> None:
    """Where the same number may be that of another start."""
    System.current().shutdown()
    with System():
        early, late = Echo.options(name="one").hold(), Echo.options(name="two").hold()
    with System():
        others = Echo.options(name="three").hold(), Echo.options(name="four").hold()
        early.give_up()
        with pytest.raises(ActorStartError, match="shut"):
            late.start()
        assert [each.start().ask("x") for each in others] == ["x", "x"]
