"""Work that an actor has done by other processes: so many of them, so much that waits, and what a death costs."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from peerage.actors.runtime import (
    FAIL,
    ActorRef,
    Future,
    Place,
    ProcessActor,
    System,
    Wait,
    WorkerDiedError,
    WorkQueueFullError,
)
from peerage.testing import Probe, wait_until

LIMIT_S = 20.0


def square(number: int) -> int:
    return number * number


def process(_number: int = 0) -> int:
    return os.getpid()


def fail(text: str) -> None:
    raise KeyError(text)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_file(path: str) -> int:
    """Until somebody has made it. Returns: the process that waited."""
    wait_until(lambda: Path(path).exists(), timeout=LIMIT_S)
    return os.getpid()


class Boss(ProcessActor):
    """Has others work, and answers with what they say."""

    work_processes: ClassVar = 2
    work_waiting: ClassVar = 3

    def __init__(self, probe: ActorRef[Any] | None = None) -> None:
        super().__init__()
        self.probe = probe
        self.results: list[Future[Any]] = []

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("results", function, arguments):
                return [self.runtime.work(function, each).get(timeout=LIMIT_S) for each in arguments]
            case ("answer later", function, *arguments):
                return self.runtime.work(function, *arguments)
            case ("begin", function, *arguments):
                self.results.append(self.runtime.work(function, *arguments, when_full=FAIL))
            case ("begin patiently", seconds, function, *arguments):
                self.results.append(self.runtime.work(function, *arguments, when_full=Wait(seconds)))
            case ("tell the probe", function, *arguments):
                self.runtime.work(function, *arguments).then(self.tell)
            case "all":
                return [each.get(timeout=LIMIT_S) for each in self.results]
        return None

    def tell(self, result: Future[Any]) -> None:
        assert self.probe is not None
        self.probe.tell((result.get(timeout=0), os.getpid()))


class AsyncBoss(Boss):
    async def on_receive(self, message: Any) -> Any:
        return [await self.runtime.work(square, number) for number in message]


@pytest.fixture
def boss(system: System, place: Place) -> ActorRef[Boss]:
    return Boss.options(place=place).start()


def test_functions_are_called_in_so_many_other_processes(boss: ActorRef[Boss]) -> None:
    """Not in the actor's own; what one raises is its result."""
    assert boss.ask(("results", square, range(5)), timeout=LIMIT_S) == [0, 1, 4, 9, 16]
    (own,) = boss.ask(("results", process, [0]), timeout=LIMIT_S)
    assert own != os.getpid()
    with pytest.raises(KeyError, match="as told"):
        boss.ask(("results", fail, ["as told"]), timeout=LIMIT_S)
    assert boss.ask(("answer later", square, 3), timeout=LIMIT_S) == 9
    assert boss.ask(("answer later", lambda number: number + 1, 3), timeout=LIMIT_S) == 4


def test_results_come_in_the_actors_turn(system: System, place: Place) -> None:
    """As any callback."""
    with Probe() as probe:
        ref: ActorRef[Any] = Boss.options(place=place).start(probe.ref)
        ref.tell(("tell the probe", square, 4))
        value, _pid = probe.expect(tuple, timeout=LIMIT_S)
        assert value == 16


def test_coroutines_await_them(system: System, place: Place) -> None:
    """And go on with the next."""
    ref: ActorRef[Any] = AsyncBoss.options(place=place).start()
    assert ref.ask([1, 2, 3], timeout=LIMIT_S) == [1, 4, 9]


def test_no_more_work_than_may_waits_and_no_more_processes_than_may_do_it(
    boss: ActorRef[Boss], tmp_path: Path
) -> None:
    """Whoever has more is told at once, or waits for room."""
    gate = tmp_path / "open"
    for _ in range(Boss.work_processes + Boss.work_waiting):
        boss.ask(("begin", wait_for_file, str(gate)), timeout=LIMIT_S)
    with pytest.raises(WorkQueueFullError, match="all 2 workers have work, and 3 more calls wait"):
        boss.ask(("begin", wait_for_file, str(gate)), timeout=LIMIT_S)
    with pytest.raises(WorkQueueFullError):
        boss.ask(("begin patiently", 0.01, wait_for_file, str(gate)), timeout=LIMIT_S)
    patient = boss.ask(("begin patiently", LIMIT_S, wait_for_file, str(gate)), block=False)
    gate.touch()
    patient.get(timeout=LIMIT_S)
    workers = boss.ask("all", timeout=LIMIT_S)
    assert len(workers) == Boss.work_processes + Boss.work_waiting + 1
    assert len({*workers}) <= Boss.work_processes


def test_a_worker_that_is_killed_fails_its_work_and_is_replaced(boss: ActorRef[Boss]) -> None:
    """What waits behind it is done."""
    with pytest.raises(WorkerDiedError, match=r"the worker that called die has died: .*SIGKILL"):
        boss.ask(("answer later", die), timeout=LIMIT_S)
    assert boss.ask(("results", square, [7]), timeout=LIMIT_S) == [49]


def test_if_all_workers_die_what_waits_is_done_by_others(boss: ActorRef[Boss]) -> None:
    """Also while the actor waits for room."""
    dying = [boss.ask(("answer later", die), block=False) for _ in range(4)]
    alive = boss.ask(("answer later", square, 5), block=False)
    for each in dying:
        with pytest.raises(WorkerDiedError):
            each.get(timeout=LIMIT_S)
    assert alive.get(timeout=LIMIT_S) == 25


def test_workers_end_with_their_actor(system: System, place: Place, tmp_path: Path) -> None:
    """In whatever way that ends."""
    ref: ActorRef[Any] = Boss.options(place=place).start()
    (worker,) = ref.ask(("results", process, [0]), timeout=LIMIT_S)
    waiting = ref.ask(("answer later", wait_for_file, str(tmp_path / "never")), block=False)
    ref.stop(block=False)
    with pytest.raises(Exception, match="before it answered"):
        waiting.get(timeout=LIMIT_S)
    wait_until(lambda: not psutil.pid_exists(worker), timeout=LIMIT_S)
