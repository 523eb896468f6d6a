"""The lives of a node, without a node."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError, ActorRef, Future, LimitReachedError, Timeout
from peerage.config import Config
from peerage.config.home_lock import HomeLock
from peerage.supervisors.node import life as life_module
from peerage.supervisors.node.errors import ListenError, NodeNotRunningError
from peerage.supervisors.node.life import Lives, NodeLife
from tests.forked import in_a_fork
from tests.nodes import node_config

ID = "ab" * 20
SUPERVISOR: ActorRef[Any] = ActorRef("supervisor")


class Part(ActorRef[Any]):
    """Of a node: its answer is the test's."""

    def __init__(self) -> None:
        super().__init__("part")
        self.answer: Future[Any] = Future()
        self.asked: list[tuple[Any, Any]] = []

    def ask(self, message: Any, *, patience: Any = None, **_: Any) -> Any:
        self.asked.append((message, patience))
        return self.answer


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return node_config(tmp_path, rpc={"laddr": "tcp://127.0.0.1:0"})


@pytest.fixture
def life(config: Config) -> NodeLife:
    return NodeLife(ID, HomeLock(config.home, "a node"))


@pytest.fixture
def lives() -> Lives:
    return Lives(ID)


def run(life: NodeLife) -> NodeLife:
    life.supervisor = SUPERVISOR
    return life


# One life


def test_a_life_runs_from_the_start_of_its_parts_to_its_end(life: NodeLife) -> None:
    """While it is being stopped it runs no more."""
    assert not life.is_running
    assert run(life).is_running
    life.stopping = True
    assert (life.is_running, life.why_not()) == (False, "it is being stopped")
    life.over(None)
    assert life.why_not() == "it has been stopped"


def test_a_life_that_ended_by_itself_says_why(life: NodeLife) -> None:
    """It has failed."""
    run(life).over("the supervisor gave up")
    assert not life.is_running
    assert life.why_not() == "it has failed: the supervisor gave up"


def test_its_end_gives_back_what_it_holds(life: NodeLife, config: Config) -> None:
    """Ports, descriptors, the home; what was to be called at the program's end is called off."""
    called_off = []
    life.call_off = lambda: called_off.append(True)
    life.listen(config)
    life.fds.append(os.memfd_create("held"))
    held, listener = life.fds[0], life.listeners[0]
    assert (list(life.http_fds("rpc")), list(life.http_fds("control"))) == (["rpc-0"], ["control-0"])
    assert config.home.node_socket.is_socket()
    life.over(None)
    assert not config.home.node_socket.exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)
    assert (listener.fileno(), life.listeners, life.http_listeners, called_off) == (-1, [], {}, [True])
    HomeLock(config.home, "a node").release()


def test_a_home_in_which_no_socket_can_be_made_is_no_reason_not_to_run(
    life: NodeLife, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node can do without, and says so."""

    def refuse(_path: Path) -> None:
        raise PermissionError("not here")

    monkeypatch.setattr(life_module, "listen_for_commands", refuse)
    life.listen(config)
    assert (life.http_fds("control"), life.unsteerable) == ({}, "not here")
    life.release()


def test_a_port_that_is_taken_is_an_error(life: NodeLife, config: Config, tmp_path: Path) -> None:
    """What had been taken before is given back with the rest."""
    life.listen(config)
    port = life.listeners[0].getsockname()[1]
    taken = node_config(tmp_path / "other", p2p={"laddr": f"tcp://127.0.0.1:{port}"})
    with pytest.raises(ListenError):
        NodeLife(ID, HomeLock(taken.home, "a node")).listen(taken)
    life.release()


def test_awaited_a_part_is_asked_as_if_it_were_waited_for(life: NodeLife) -> None:
    """With the same patience, and nothing is left of the question."""
    part = Part()
    part.answer.set("here")
    assert asyncio.run(run(life).ask_async(part, "there?", 3.0)) == "here"
    assert part.asked == [("there?", 3.0)]
    assert life.asked == set()


def test_awaited_too_an_answer_that_does_not_come_is_a_timeout(life: NodeLife) -> None:
    """The same error as where it is waited for, not asyncio's."""
    with pytest.raises(Timeout):
        asyncio.run(run(life).ask_async(Part(), "there?", 0.0))


def test_whoever_awaits_an_answer_or_the_end_hears_of_the_end(life: NodeLife) -> None:
    """At once, from whatever thread it comes."""
    run(life)

    async def main() -> None:
        answer = asyncio.ensure_future(life.ask_async(Part(), "there?", 30.0))
        end = asyncio.ensure_future(life.has_ended(30.0))
        await asyncio.sleep(0)
        threading.Thread(target=life.over, args=(None,)).start()
        with pytest.raises(NodeNotRunningError, match="has been stopped"):
            await answer
        assert await end
        assert await life.has_ended(None)
        part = Part()
        part.answer.set_exception(ActorDeadError("gone"))
        with pytest.raises(NodeNotRunningError, match="has been stopped"):
            await life.ask_async(part, "there?", 30.0)

    asyncio.run(main())
    assert life.watchers == set()


def test_a_part_is_asked_with_as_much_patience_as_there_is_time(life: NodeLife) -> None:
    """Its successor may answer."""
    part = Part()
    part.answer.set("here")
    assert run(life).ask(part, "there?", 3.0) == "here"
    assert part.asked == [("there?", 3.0)]
    assert life.asked == set()


def test_whoever_waits_for_an_answer_hears_of_the_end(life: NodeLife) -> None:
    """At once: nobody waits for a part that does not come back."""
    part = Part()

    def end() -> None:
        until(lambda: bool(life.asked))
        life.over(None)

    waits = threading.Thread(target=end)
    waits.start()
    with pytest.raises(NodeNotRunningError, match="has been stopped"):
        run(life).ask(part, "there?", 60.0)
    waits.join()


def test_whoever_asks_in_the_moment_of_the_end_hears_of_it(life: NodeLife) -> None:
    """Its answer has come too late to be cancelled."""
    run(life).over("it gave up")
    with pytest.raises(NodeNotRunningError, match="has failed: it gave up"):
        life.ask(Part(), "there?", 60.0)


@pytest.mark.parametrize(
    "error", [Timeout("late"), LimitReachedError("a way", "no descriptor"), ValueError("no")]
)
def test_other_errors_are_the_askers(life: NodeLife, error: Exception) -> None:
    """The node runs on."""
    part = Part()
    part.answer.set_exception(error)
    with pytest.raises(type(error)):
        run(life).ask(part, "there?", 60.0)


def test_a_part_that_does_not_come_back_in_time_is_dead(life: NodeLife) -> None:
    """As for whoever asks without patience."""
    part = Part()
    part.answer.set_exception(ActorDeadError("gone"))
    with pytest.raises(ActorDeadError, match="gone"):
        run(life).ask(part, "there?", 0.0)


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        pass


# One after the other


def test_before_the_first_start_there_is_none(lives: Lives) -> None:
    """Whatever is asked."""
    assert not lives.is_running
    for ask in (lives.last, lives.running):
        with pytest.raises(NodeNotRunningError, match="has not been started"):
            ask()
    with lives.stop() as life:
        assert life is None


def test_a_node_lives_once_at_a_time(lives: Lives, life: NodeLife) -> None:
    """A second start changes nothing; after the end there may be another life."""
    starts = []

    def live() -> None:
        starts.append(True)
        lives.enter(run(life))

    for _ in range(2):
        lives.start(live, pytest.fail)
    assert (len(starts), lives.running(), lives.is_running) == (1, life, True)
    with lives.stop() as stopped:
        assert stopped is life
        life.over(None)
    with pytest.raises(NodeNotRunningError, match="has been stopped"):
        lives.running()
    lives.start(live, pytest.fail)
    assert len(starts) == 2


def test_a_start_that_fails_leaves_the_life_before(lives: Lives) -> None:
    """And may be tried again."""

    def fail() -> None:
        raise ListenError("p2p.laddr", "tcp://:1", "taken")

    for _ in range(2):
        with pytest.raises(ListenError):
            lives.start(fail, pytest.fail)
    with pytest.raises(NodeNotRunningError, match="has not been started"):
        lives.last()


def test_a_stop_that_comes_during_the_start_is_done_after_it(lives: Lives, life: NodeLife) -> None:
    """From a signal's handler, say, which cannot wait for the start that it interrupts."""
    events: list[str] = []

    def live() -> None:
        with lives.stop() as stopped:
            events.append(f"stop: {stopped}")
        lives.enter(run(life))
        events.append("started")

    def stop() -> None:
        with lives.stop() as stopped:
            events.append("stopped" if stopped is life else "?")

    lives.start(live, stop)
    assert events == ["stop: None", "started", "stopped"]


def test_a_start_that_is_called_off_while_names_are_looked_up_ends_without_an_error(
    lives: Lives, config: Config
) -> None:
    """Nothing runs, nothing is held, and it may be started again."""
    stopped: list[str] = []

    def live() -> None:
        life = NodeLife(ID, HomeLock(config.home, "a node"))
        try:
            with lives.stop() as none:
                assert none is None
            life.listen(config, lambda: lives.stop_is_due)
        finally:
            life.release()

    lives.start(live, lambda: stopped.append("stopped"))
    assert not lives.is_running
    assert stopped == []
    assert lives.last().ended.is_set()
    assert lives.last().why_not() == "it has been stopped"
    HomeLock(config.home, "a node").release()
    lives.start(lambda: stopped.append("started"), lambda: None)
    assert stopped == ["started"]


def test_a_forked_child_has_nothing_of_it(lives: Lives, life: NodeLife, config: Config) -> None:
    """It cannot ask, start or stop, and holds no port."""
    lives.start(lambda: lives.enter(run(life)), pytest.fail)
    life.listen(config)
    listener = life.listeners[0]

    def child() -> str:
        assert (listener.fileno(), lives.is_running, lives.is_elsewhere) == (-1, False, True)
        with pytest.raises(NodeNotRunningError) as caught:
            lives.check_process()
        return caught.value.why

    assert f"it runs in process {os.getpid()}" in in_a_fork(child)
    assert config.home.node_socket.is_socket()  # the node's
    life.over(None)
