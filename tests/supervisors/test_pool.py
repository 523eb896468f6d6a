"""Pools: a message goes to one that lives and has room, from any process; what dies comes back by itself."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import (
    FAIL,
    PROCESS,
    THREAD,
    ActorDeadError,
    ActorRef,
    MailboxFullError,
    Place,
    ProcessActor,
    Registry,
    System,
    Timeout,
)
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from peerage.supervisors import (
    BROADCAST,
    CONSISTENT_HASH,
    SCATTER_FIRST,
    SMALLEST_MAILBOX,
    ChildSpecError,
    ChildStartError,
    Flags,
    Pool,
    PoolResizeError,
    PoolSizeError,
    Start,
    Strategy,
)

PATIENCE_S = 30.0


class Hand(ProcessActor):
    """Says who it is, and does what it is told."""

    def __init__(self, gates: dict[str, int] | None = None, refuse: str = "") -> None:
        super().__init__()
        if self.actor_urn == refuse:
            raise ValueError("not me")
        self.gates = gates or {}
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        match message:
            case "heard":
                return self.heard
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case ("die", file):
                with Path(file).open("a") as note:
                    note.write("x")
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                raise SystemExit(1)
            case ("fail", name) if name == self.actor_urn:
                raise ValueError("boom")
            case ("block", name) if name == self.actor_urn:
                os.eventfd_read(self.gates[name])
        self.heard.append(message)
        return self.actor_urn


class Client(ProcessActor):
    """Uses a pool from its own process."""

    def on_receive(self, message: tuple[Pool, int]) -> Any:
        pool, count = message
        return [pool.ask("hello", timeout=PATIENCE_S) for _ in range(count)]


@pytest.fixture
def pool_of() -> Iterator[Callable[..., Pool]]:
    """pool_of(place=…, size=…, …) starts a pool, which is stopped after the test."""
    started: list[Pool] = []

    def make(*args: Any, place: Place = THREAD, **options: Any) -> Pool:
        pool = Pool.start(Start.of(Hand, *args).using(place=place), **options)
        started.append(pool)
        return pool

    yield make
    for pool in started:
        pool.stop(timeout=PATIENCE_S)


def eventually(fact: Callable[[], object]) -> None:
    """Wait for what the supervisor does in its own time."""
    assert here.port().wait(lambda: bool(fact()), PATIENCE_S)  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", [PROCESS, THREAD])
def test_workers_take_turns(pool_of: Callable[..., Pool], place: Place) -> None:
    """From the program and from another process, which knows nothing of the pool but what it was sent."""
    pool = pool_of(place=place, size=2, name="hands")
    names = Counter(pool.ask("hello", timeout=PATIENCE_S) for _ in range(4))
    assert names == {"hands-0": 2, "hands-1": 2}
    client = Client.options(place=place).start()
    assert Counter(client.ask((pool, 4))) == {"hands-0": 2, "hands-1": 2}
    client.stop()
    assert Pool.wait_for("hands", PATIENCE_S) == pool == pickle.loads(pickle.dumps(pool))


def test_a_pool_can_be_waited_for(pool_of: Callable[..., Pool]) -> None:
    """Whoever finds it can use it: all its workers are there."""
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(lambda: Pool.wait_for("hands", PATIENCE_S).ask("hello", timeout=PATIENCE_S))
        pool_of(size=2, name="hands")
        assert answer.result(PATIENCE_S) in {"hands-0", "hands-1"}
    with pytest.raises(Timeout, match="no actor has the name 'nobody'"):
        Pool.wait_for("nobody", 0.01)


def test_a_pool_without_a_name_is_called_after_its_workers(pool_of: Callable[..., Pool]) -> None:
    """Each one differently."""
    names = [pool_of(size=1).name for _ in range(2)]
    assert all(name.startswith("Hand-pool-") for name in names)
    assert len(set(names)) == 2


def test_a_killed_worker_is_passed_over_and_comes_back(pool_of: Callable[..., Pool]) -> None:
    """The ask that it was handling fails at once; nobody else notices."""
    pool = pool_of(place=PROCESS, size=2)
    with pytest.raises(ActorDeadError, match="ended before it answered"):
        pool.ask("die", timeout=PATIENCE_S)
    assert pool.ask("hello", timeout=PATIENCE_S)
    eventually(
        lambda: [worker.restarts for worker in pool.statistics().workers if worker.is_up] in ([0, 1], [1, 0])
    )
    assert len({pool.ask("hello", timeout=PATIENCE_S) for _ in range(2)}) == 2


def test_work_that_may_be_repeated_is_done_by_another_one(pool_of: Callable[..., Pool]) -> None:
    """When its worker dies; the first one has handled the message, and the second one handles it again."""
    gates = {f"hands-{number}": os.eventfd(0) for number in range(2)}
    try:
        pool = pool_of(gates, size=2, name="hands")
        blocked = pool.workers[0]
        blocked.tell(("block", "hands-0"))
        answers = [pool.ask("hello", block=False, retry=True) for _ in range(2)]
        blocked.tell("exit")
        os.eventfd_write(gates["hands-0"], 1)
        assert all(future.get(timeout=PATIENCE_S) for future in answers)
    finally:
        for gate in gates.values():
            os.close(gate)


def test_work_that_kills_whoever_does_it_is_not_given_to_each_successor(
    pool_of: Callable[..., Pool], tmp_path: Path
) -> None:
    """When the only worker has died of it, the next one tries, and no more: the pool would give up."""
    pool, note = pool_of(place=PROCESS, size=1), tmp_path / "note"
    with pytest.raises(ActorDeadError):
        pool.ask(("die", str(note)), retry=True, timeout=PATIENCE_S)
    assert pool.ask("hello", retry=True, timeout=PATIENCE_S)
    assert note.read_text() == "xx"


def test_a_key_keeps_its_worker(pool_of: Callable[..., Pool]) -> None:
    """Whoever sends."""
    pool = pool_of(size=4, router=CONSISTENT_HASH(lambda message: message["account"]))
    first = {key: pool.ask({"account": key}) for key in range(8)}
    again = Pool(pool.name)
    assert {key: again.ask({"account": key}) for key in range(8)} == first
    assert len(set(first.values())) > 1


def test_whoever_has_least_to_do_is_chosen(pool_of: Callable[..., Pool]) -> None:
    """As far as the sender's own messages tell."""
    gates = {"hands-0": os.eventfd(0)}
    try:
        pool = pool_of(gates, size=2, name="hands", router=SMALLEST_MAILBOX)
        pool.workers[0].tell(("block", "hands-0"))
        assert {pool.ask("hello", timeout=PATIENCE_S) for _ in range(5)} == {"hands-1"}
        os.eventfd_write(gates["hands-0"], 1)
        assert pool.workers[0].ask("heard", timeout=PATIENCE_S) == [("block", "hands-0")]
    finally:
        os.close(gates["hands-0"])


def test_a_broadcast_is_for_all(pool_of: Callable[..., Pool]) -> None:
    """An ask is answered with all answers; one that fails is told."""
    pool = pool_of(size=3, name="hands", router=BROADCAST)
    assert sorted(pool.ask("hello")) == ["hands-0", "hands-1", "hands-2"]
    pool.tell("to all")
    assert [ref.ask("heard") for ref in pool.workers] == [["hello", "to all"]] * 3
    with pytest.raises(ValueError, match="boom"):
        pool.ask(("fail", "hands-1"))


def test_of_scattered_asks_the_first_answer_counts(pool_of: Callable[..., Pool]) -> None:
    """One that fails and one that hangs do not matter."""
    gates = {"hands-1": os.eventfd(0)}
    try:
        pool = pool_of(gates, size=3, name="hands", router=SCATTER_FIRST)
        pool.workers[1].tell(("block", "hands-1"))
        assert pool.ask(("fail", "hands-0"), timeout=PATIENCE_S) == "hands-2"
        os.eventfd_write(gates["hands-1"], 1)
    finally:
        os.close(gates["hands-1"])


def test_a_full_worker_is_passed_over(pool_of: Callable[..., Pool]) -> None:
    """Only when all are full the sender has to choose, as for any mailbox."""
    gates = {f"hands-{number}": os.eventfd(0) for number in range(2)}
    try:
        pool = pool_of(gates, size=2, name="hands")
        for ref in pool.workers:
            ref.tell(("block", ref.name))
        for _ in range(2 * (WINDOW_MESSAGES - 1)):
            pool.tell(0)
        with pytest.raises(MailboxFullError):
            pool.tell(0, when_full=FAIL)
        with pytest.raises(MailboxFullError):
            pool.ask(0, when_full=FAIL)
        os.eventfd_write(gates["hands-1"], 1)
        assert pool.ask("hello", timeout=PATIENCE_S) == "hands-1"
        os.eventfd_write(gates["hands-0"], 1)
        heard = [len(ref.ask("heard", timeout=PATIENCE_S)) for ref in pool.workers]
        assert heard == [WINDOW_MESSAGES, WINDOW_MESSAGES + 1]
    finally:
        for gate in gates.values():
            os.close(gate)


def test_from_asyncio_only_the_task_waits_for_room(pool_of: Callable[..., Pool]) -> None:
    """When all workers are full; the message is on its way as soon as there is room."""
    gates = {"hands-0": os.eventfd(0)}
    try:
        pool = pool_of(gates, size=1, name="hands")
        pool.tell(("block", "hands-0"))
        for _ in range(WINDOW_MESSAGES - 1):
            pool.tell(0)

        async def main() -> None:
            telling = asyncio.create_task(pool.tell_async("last"))
            await asyncio.sleep(0)
            assert not telling.done()
            os.eventfd_write(gates["hands-0"], 1)
            await telling

        asyncio.run(main())
        assert pool.ask("heard", timeout=PATIENCE_S)[-1] == "last"
    finally:
        os.close(gates["hands-0"])


def test_a_pool_grows_and_shrinks(pool_of: Callable[..., Pool]) -> None:
    """Everybody sends to those that are there; what the others had been sent is handled."""
    pool = pool_of(size=1, name="hands")
    other = Pool("hands")
    pool.resize(3)
    assert {other.ask("hello") for _ in range(3)} == {"hands-0", "hands-1", "hands-2"}
    pool.resize(2)
    assert {other.ask("hello") for _ in range(3)} == {"hands-0", "hands-1"}
    assert (pool.size, len(other.statistics().workers)) == (2, 2)
    pool.resize(3)
    assert len({other.ask("hello") for _ in range(3)}) == 3


def test_resizing_says_which_worker_does_not_start(pool_of: Callable[..., Pool]) -> None:
    """Those before it stay."""
    pool = pool_of(None, "hands-2", size=1, name="hands")
    with pytest.raises(PoolResizeError, match=r"pool 'hands' has 2 workers: .*not me"):
        pool.resize(4)
    assert pool.size == 2
    pool.resize(1)
    assert pool.ask("hello") == "hands-0"


def test_statistics_tell_of_each_worker(pool_of: Callable[..., Pool]) -> None:
    """What has been handled, and what waits."""
    pool = pool_of(size=2, name="hands")
    for _ in range(4):
        pool.ask("hello")
    statistics = pool.statistics()
    assert (statistics.name, statistics.size) == ("hands", 2)
    assert [
        (worker.name, worker.is_up, worker.restarts, worker.handled) for worker in statistics.workers
    ] == [
        ("hands-0", True, 0, 2),
        ("hands-1", True, 0, 2),
    ]


def test_from_asyncio_the_loop_goes_on(pool_of: Callable[..., Pool]) -> None:
    """A timeout is Pykka's."""
    gates = {"hands-0": os.eventfd(0)}
    try:
        pool = pool_of(gates, size=1, name="hands")

        async def main() -> list[str]:
            answers = await asyncio.gather(*(pool.ask_async("hello", PATIENCE_S) for _ in range(5)))
            await pool.tell_async("told")
            pool.tell(("block", "hands-0"))
            with pytest.raises(Timeout):
                await pool.ask_async("hello", 0.01)
            os.eventfd_write(gates["hands-0"], 1)
            return answers

        assert asyncio.run(main()) == ["hands-0"] * 5
    finally:
        os.close(gates["hands-0"])


def test_a_pool_that_has_ended_is_dead(pool_of: Callable[..., Pool]) -> None:
    """As an actor is: asks fail, tells are counted."""
    pool = pool_of(size=1)
    assert pool.is_alive()
    assert pool.stop(timeout=PATIENCE_S)
    assert not pool.is_alive()
    eventually(lambda: not pool.stop(timeout=PATIENCE_S))
    with pytest.raises(ActorDeadError, match="not found"):
        pool.ask("hello")
    before = System.current().dead_letters
    pool.tell("hello")
    assert System.current().dead_letters == before + 1


def test_an_actor_that_is_no_pool_is_refused() -> None:
    """Its name may be registered all the same."""
    ref: ActorRef[Any] = Hand.options(place=THREAD).start()
    Registry.register("hand", ref)
    with pytest.raises(ActorDeadError, match=r"Pool\('hand'\) not found: .* is no pool"):
        Pool("hand").ask("hello")
    ref.stop()


def test_mistakes_are_told_before_anything_starts() -> None:
    """With what is allowed."""
    with pytest.raises(PoolSizeError, match="a pool has 1 to 10000 workers, not 0"):
        Pool.start(Hand, size=0)
    with pytest.raises(TypeError, match="size is '2': a number of workers was expected"):
        Pool.start(Hand, size="2")  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(ValueError, match="one for one, not by one_for_all"):
        Pool.start(Hand, flags=Flags(strategy=Strategy.ONE_FOR_ALL))
    with pytest.raises(ChildSpecError, match="flags is 3, allowed is a Flags"):
        Pool.start(Hand, flags=3)  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(ChildSpecError):
        Pool.start(int)  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(ValueError, match="timeout is nan: a number of seconds was expected"):
        Pool("hands").ask("hello", timeout=float("nan"))
    with pytest.raises(ChildStartError, match="not me"):
        Pool.start(Start.of(Hand, None, "hands-1").using(place=THREAD), size=2, name="hands")
    assert not Pool("hands").is_alive()
