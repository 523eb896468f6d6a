"""The end of a system, without supervisors: who stops before whom, who is waited for, and what makes it quick."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorRef,
    ActorStartError,
    ProcessActor,
    System,
    thread_start,
    watch,
)
from peerage.actors.runtime import starter as starter_module
from peerage.actors.runtime.host.stopping import Leave, Standing
from peerage.actors.runtime.processes import thread_host
from peerage.actors.runtime.processes.ending import Ending
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from tests.actors.runtime.host.fakes import Clock
from tests.actors.runtime.processes.fakes import add_process, add_thread
from tests.actors.runtime.stoppers import Outlet, Patient, PatientOutlet, Stopper
from tests.processes import is_alive
from tests.waiting import wait_until

SHORT_S = 0.1  # a grace
LONGER_S = 4 * SHORT_S
LIMIT_S = 20.0


class Pipe:
    """What the actors have written."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()

    def start(self, name: str, place: Any, *, patient: bool = False, **options: Any) -> ActorRef[Any]:
        """Start an actor that writes here."""
        if place is PROCESS:
            cls: type[Stopper] = PatientOutlet if patient else Outlet
            options["fds"] = {"out": self.write}
        else:
            cls = Patient if patient else Stopper
        return cls.options(name=name, place=place, **options).start(self.write)

    def lines(self) -> list[str]:
        """All so far."""
        text = b""
        while select.select([self.read], [], [], 0)[0]:
            text += os.read(self.read, 65536)
        return text.decode().split()


def _end() -> None:
    if System.is_running():
        System.current().shutdown()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    _end()
    System(preload=(Stopper.__module__,))
    made = Pipe()
    yield made
    _end()
    os.close(made.read)
    os.close(made.write)


def test_an_actor_that_stops_others_is_waited_for_whatever_the_grace(pipe: Pipe) -> None:
    """It has its reasons: in a process, on a thread, in the host of another one. A plain one has the grace alone."""
    pipe.start("plain", PROCESS).ask(("sleep", 600.0))
    landlord = pipe.start("landlord", THREAD)
    landlord.ask(("start", Patient, {"name": "here", "place": HERE}, (LONGER_S,)))
    for name, place in (("process", PROCESS), ("thread", THREAD)):
        pipe.start(name, place, patient=True).ask(("sleep", LONGER_S))
    System.current().shutdown(grace=SHORT_S)
    assert pipe.lines() == ["thread", "process", "here", "landlord"]


def test_an_actor_that_stops_others_is_waited_for_on_a_thread_of_a_process(pipe: Pipe) -> None:
    """The process ends with it, however long it takes; also when its own actor is stopped alone."""
    for alone in (False, True):
        landlord = pipe.start("landlord", PROCESS)
        landlord.ask(("start", Patient, {"name": "thread", "place": THREAD}, (LONGER_S,)))
        if alone:
            ref: ActorRef[Patient] = ActorRef.to("thread")
            thread = watch(ref)
            ref.ask("seen")  # the watch came before: the landlord's stop goes another way, and could be first
            landlord.stop()
            assert thread.wait(LIMIT_S).kind == "shutdown"
        System.current().shutdown(grace=SHORT_S)
        assert pipe.lines() == ["landlord", "thread"]


def test_those_that_stop_others_end_one_after_the_other_the_last_started_first(pipe: Pipe) -> None:
    """The one started first may rely on nobody, the others on it; plain actors between them keep their place."""
    for name, is_patient in (("a", False), ("b", True), ("c", False), ("d", True), ("e", False)):
        pipe.start(name, THREAD, patient=is_patient)
    System.current().shutdown()
    assert pipe.lines() == ["e", "d", "c", "b", "a"]


def test_plain_actors_between_them_stop_side_by_side(pipe: Pipe) -> None:
    """All at once, as many as there may be: the second begins before the first has ended."""
    gates = [threading.Event(), threading.Event()]
    for name in "ab":
        Meeting.options(name=name, place=THREAD).start()
    _MEETING.extend(gates)
    try:
        System.current().shutdown()
        assert all(gate.is_set() for gate in gates)
    finally:
        _MEETING.clear()


_MEETING: list[threading.Event] = []


class Meeting(ProcessActor):
    """Its end waits until the other one ends, too."""

    def on_stop(self) -> None:
        own, other = _MEETING if self.actor_urn == "a" else reversed(_MEETING)
        own.set()
        assert other.wait(LIMIT_S)


def test_what_is_linked_stops_after_its_owner(pipe: Pipe) -> None:
    """The owner may stop it first, in its own order: in a process, on a thread, and as a guest of another one."""
    landlord = pipe.start("landlord", THREAD)
    owner = pipe.start("owner", PROCESS)
    for name, place in (("process", PROCESS), ("thread", THREAD), ("guest", landlord)):
        pipe.start(name, place, linked_to=owner)
    System.current().shutdown()
    lines = pipe.lines()
    assert sorted(lines) == ["guest", "landlord", "owner", "process", "thread"]
    assert all(lines.index("owner") < lines.index(name) for name in ("guest", "process", "thread"))


def test_actors_linked_to_one_that_was_killed_for_being_late_stop_in_order(pipe: Pipe) -> None:
    """It has a grace of its own."""
    owner = pipe.start("owner", PROCESS)
    owner.ask(("sleep", 600.0))
    pipe.start("linked", PROCESS, linked_to=owner)
    System.current().shutdown(grace=1.0)
    assert pipe.lines() == ["linked"]


_gate = threading.Event()


class Gated(Patient):
    """A patient one on a thread of the test, which stops when the test opens the gate."""

    def on_stop(self) -> None:
        _gate.wait(LIMIT_S)


def test_nothing_is_started_while_the_system_ends(pipe: Pipe) -> None:
    """Whoever asks for one is told."""
    _gate.clear()
    Gated.options(name="patient", place=THREAD).start(pipe.write)
    system = System.current()
    ending = threading.Thread(target=system.shutdown)
    seen = watch(pipe.start("plain", THREAD))
    ending.start()
    seen.wait(LIMIT_S)
    for place in (PROCESS, THREAD):
        with pytest.raises(ActorStartError, match="the system is shutting down"):
            pipe.start("late", place)
    _gate.set()
    ending.join(LIMIT_S)


def test_nothing_is_started_while_the_system_leaves(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no part any more, and has not left yet: a new one that was made now would be undone with it."""
    pipe.start("plain", THREAD)
    system, errors = System.current(), list[BaseException]()
    close = system._fork_server.close

    def start() -> None:
        try:
            pipe.start("late", THREAD)
        except BaseException as error:
            errors.append(error)

    def close_late() -> None:
        starter = threading.Thread(target=start)
        starter.start()
        starter.join(LIMIT_S)
        close()

    monkeypatch.setattr(system._fork_server, "close", close_late)
    system.shutdown()
    [error] = errors
    assert isinstance(error, ActorStartError)
    assert error.reason == "the system is shutting down"
    assert pipe.start("next", THREAD).is_alive()


def test_a_start_that_meets_the_end_at_any_point_says_so(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the system has ended between the first step of the start and the second."""
    pipe.start("plain", THREAD)
    spawn = starter_module.Starter._spawn

    def spawn_late(*args: Any) -> Any:
        System.current().shutdown()
        return spawn(*args)

    monkeypatch.setattr(starter_module.Starter, "_spawn", spawn_late)
    with pytest.raises(ActorStartError, match="the system is shutting down"):
        Stopper.options(name="late", place=PROCESS).start(pipe.write)


def test_a_child_forked_while_the_system_is_shut_down_may_have_one_of_its_own(pipe: Pipe) -> None:
    """The parent's end is not the child's."""
    pids: list[int] = []

    def fork() -> None:
        pids.append(pid := os.fork())
        if pid == 0:
            code = 1
            try:
                with System():
                    code = 0
            finally:
                os._exit(code)

    pipe.start("plain", THREAD)
    System.current().before_end(fork)
    System.current().shutdown()
    assert os.waitpid(pids[0], 0)[1] == 0


def test_a_process_that_is_being_made_when_the_system_ends_starts_nothing_and_is_not_waited_for(
    pipe: Pipe, tmp_path: Path
) -> None:
    """It is told to stop when it can be told, and whoever asked for it hears why it was not started."""
    _end()
    (made, go), starting = (tmp_path / "made", tmp_path / "go"), Future[Exception | None]()
    for fifo in (made, go):
        os.mkfifo(fifo)
    plain = watch(Stopper.options(name="plain", place=THREAD).start(pipe.write))
    system = System.current()

    def start() -> None:
        try:
            pipe.start("late", PROCESS, log_setup=partial(_at_the_gate, made, go))
        except Exception as error:
            starting.set_result(error)
        else:
            starting.set_result(None)

    starter, ending = threading.Thread(target=start), threading.Thread(target=system.shutdown, args=(600.0,))
    starter.start()
    made.read_bytes()
    ending.start()
    plain.wait(LIMIT_S)
    go.write_bytes(b"")
    ending.join(LIMIT_S)
    assert not ending.is_alive()
    assert "the system is shutting down" in str(starting.result(LIMIT_S))
    assert pipe.lines() == ["plain"]


def _at_the_gate(made: Path, go: Path) -> None:
    """Says that its process is there, and waits."""
    made.write_bytes(b"")
    go.read_bytes()


def test_a_thread_that_is_being_made_when_the_system_ends_is_not_waited_for(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to stop when it can be told."""
    plain = watch(pipe.start("plain", THREAD))
    made, go, make = threading.Event(), threading.Event(), thread_host.start_host_thread

    def later(*args: Any, **kwargs: Any) -> Any:
        made.set()
        go.wait(LIMIT_S)
        return make(*args, **kwargs)

    def start() -> None:
        with contextlib.suppress(ActorStartError):  # it may just be let in
            pipe.start("late", THREAD)

    monkeypatch.setattr(thread_start, "start_host_thread", later)
    starter = threading.Thread(target=start)
    ending = threading.Thread(target=System.current().shutdown, args=(600.0,))
    starter.start()
    made.wait(LIMIT_S)
    ending.start()
    plain.wait(LIMIT_S)
    go.set()
    for thread in (ending, starter):
        thread.join(LIMIT_S)
        assert not thread.is_alive()


def test_a_second_shutdown_waits_for_the_first(pipe: Pipe) -> None:
    """Nobody may go on as if all had ended."""
    pipe.start("patient", THREAD, patient=True).ask(("sleep", LONGER_S))
    system, seen = System.current(), watch(pipe.start("plain", THREAD))
    first = threading.Thread(target=system.shutdown)
    first.start()
    seen.wait(LIMIT_S)
    system.shutdown()
    assert pipe.lines() == ["plain", "patient"]
    assert not Path(system.directory).exists()
    first.join(LIMIT_S)


def test_an_actor_in_the_embedder_may_shut_the_system_down(pipe: Pipe) -> None:
    """It cannot be stopped itself, and is not waited for."""
    pipe.start("other", PROCESS)
    system = System.current()
    pipe.start("caller", THREAD, patient=True).tell("shutdown")
    wait_until(lambda: not System.is_running(), LIMIT_S)
    assert pipe.lines()[0] == "other"
    assert not Path(system.directory).exists()


def test_what_a_handler_raises_while_the_system_ends_has_everything_killed(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Ctrl-C: nothing is waited for, nothing is left."""
    patient = pipe.start("patient", PROCESS, patient=True)
    patient.ask(("sleep", 600.0))
    pid, system = patient.pid(), System.current()
    monkeypatch.setattr(system, "_ran", Interrupted(system._ran))
    with pytest.raises(KeyboardInterrupt):
        system.shutdown()
    assert not is_alive(pid)
    assert not Path(system.directory).exists()
    assert not System.is_running()


class Interrupted:
    """An end that is waited for; a second Ctrl-C comes in the middle of that."""

    def __init__(self, end: threading.Event) -> None:
        self._end, self._has_come = end, False
        self.set, self.is_set = end.set, end.is_set

    def wait(self, timeout: float) -> bool:
        if not self._has_come:
            self._has_come = True
            signal.raise_signal(signal.SIGINT)
        return self._end.wait(timeout)


def test_a_callback_is_called_before_anything_ends(pipe: Pipe) -> None:
    """The last one given first; one that is called off is not; one that fails is only logged."""
    ref, called = pipe.start("actor", THREAD), []
    system = System.current()

    def fail() -> None:
        raise ValueError("on purpose")

    system.before_end(lambda: called.append(("first", ref.is_alive())))
    system.before_end(fail)
    system.before_end(lambda: called.append(("second", ref.is_alive())))
    system.before_end(lambda: called.append(("never", True)))()
    system.shutdown()
    assert called == [("second", True), ("first", True)]


# The order, on a fake clock and without a process


class Hosts:
    """Hosts as the end of a system sees them: each ends when the test says so, a turn after it was told."""

    def __init__(self) -> None:
        self.records, self.clock = HostRecords(), Clock()
        self.log: list[str] = []
        self.owned: set[int] = set()
        self.obedient: set[str] = set()  # end when they are told to
        self.told: list[tuple[int, Leave]] = []
        self.ending = Ending(
            self.records,
            is_free=lambda record: record.serial not in self.owned,
            stop=self.stop,
            kill=self.kill,
            turn=self.turn,
            pid=1,
            grace=5.0,
            caller=None,
            clock=self.clock,
        )

    def add(self, name: str, pid: int, *, patient: bool = False, obeys: bool = True) -> HostRecord:
        record = add_process(self.records, name, pid)
        record.standing = Standing(is_patient=patient)
        if obeys:
            self.obedient.add(name)
        return record

    def stop(self, serial: int, leave: Leave) -> None:
        self.told.append((serial, leave))
        record = self.records.of_serial(serial)
        assert record is not None
        self.log.append(f"stop {record.name}" + (" leaving owned" if leave is Leave.OWNED else ""))

    def kill(self, record: HostRecord) -> None:
        self.log.append(f"kill {record.name} at {self.clock.now:g}")
        record.must_die = True

    def end(self, record: HostRecord) -> None:
        self.records.remove(record)
        self.log.append(f"end {record.name}")
        self.ending.over(record)

    def turn(self, longest: float, done: Callable[[], bool]) -> None:
        told = {serial for serial, _leave in self.told}
        for record in self.records.all():
            if record.serial in told and (record.name in self.obedient or record.must_die):
                self.end(record)
                return
        assert longest < 3600.0, f"waits for ever: {self.log}"
        self.clock.now += longest
        done()


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


def test_hosts_that_stop_nobody_are_told_together_the_last_started_first(hosts: Hosts) -> None:
    """They do not wait for each other."""
    for pid, name in enumerate("abc", 70):
        hosts.add(name, pid)
    hosts.ending.run()
    assert hosts.log[:3] == [f"stop {name} leaving owned" for name in "cba"]
    assert sorted(hosts.log[3:]) == ["end a", "end b", "end c"]


def test_a_patient_host_is_stopped_alone_and_waited_for(hosts: Hosts) -> None:
    """Those started before it are told when it has ended."""
    hosts.add("before", 70)
    hosts.add("supervisor", 71, patient=True)
    hosts.add("behind", 72)
    hosts.ending.run()
    assert hosts.log == [
        "stop behind leaving owned",
        "end behind",
        "stop supervisor leaving owned",
        "end supervisor",
        "stop before leaving owned",
        "end before",
    ]


def test_one_that_is_late_is_killed_when_its_grace_is_over(hosts: Hosts) -> None:
    """And its reason says so."""
    late = hosts.add("late", 70, obeys=False)
    hosts.ending.run()
    assert hosts.log == ["stop late leaving owned", "kill late at 5", "end late"]
    assert str(late.verdict) == "killed: not stopped within 5 s"
    assert hosts.ending.has_killed(late)


def test_a_thread_that_does_not_end_is_given_up(hosts: Hosts, caplog: pytest.LogCaptureFixture) -> None:
    """It cannot be killed."""
    add_thread(hosts.records, "thread", 1)
    hosts.ending.run()
    assert hosts.log == ["stop thread leaving owned"]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["host cannot be ended"]


def test_hosts_that_no_owner_has_stopped_are_stopped_last(hosts: Hosts) -> None:
    """Its owner was to do that, and has ended without."""
    owned = hosts.add("owned", 70)
    hosts.owned.add(owned.serial)
    hosts.ending.run()
    assert hosts.log == ["stop owned", "end owned"]


def test_a_process_with_a_patient_host_in_a_thread_of_it_is_waited_for(hosts: Hosts) -> None:
    """Killing it would hurry that one."""
    hosts.add("process", 70, obeys=False)
    thread = add_thread(hosts.records, "thread", 70)
    thread.standing = Standing(is_patient=True)
    hosts.owned.add(thread.serial)
    turns: list[float] = []

    def turn(longest: float, _done: Callable[[], bool]) -> None:
        turns.append(longest)
        hosts.clock.now += 100.0
        hosts.obedient.add("process")
        for record in hosts.records.all():
            hosts.end(record)

    hosts.ending._turn = turn
    hosts.ending.run()
    assert not any(line.startswith("kill") for line in hosts.log)


def test_hurried_it_waits_for_nobody(hosts: Hosts) -> None:
    """The root kills what is left."""
    hosts.add("patient", 70, patient=True, obeys=False)
    hosts.ending.hurry()
    hosts.ending.run()
    assert hosts.log == []


def test_a_host_that_comes_up_during_the_end_is_stopped_at_once(hosts: Hosts) -> None:
    """Its actor is not started any more."""
    hosts.ending.is_up(hosts.add("late", 70))
    assert hosts.log == ["stop late"]


def test_one_that_waits_for_its_owners_is_not_waited_for(hosts: Hosts) -> None:
    """They have their turn first, and then it is told to stop whoever is left in it."""
    record = hosts.add("landlord", 70, obeys=False)
    hosts.ending._tell(record, Leave.OWNED)
    record.standing = Standing(waits_for_owners=True)
    hosts.ending.stands(record)
    hosts.ending._wait()
    assert hosts.log == ["stop landlord leaving owned"]
