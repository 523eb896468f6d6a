"""Keeping chains: what ends is started again, what ends too often rests, and the others do not notice."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peerage.supervisors.chains import keeper as keeper_module
from peerage.supervisors.chains.keeper import ChainKeeper, ChainState, ChainStatus, KeptChain
from peerage.supervisors.chains.restarts import Restarts
from peerage.supervisors.intensity import Backoff, Intensity
from tests.supervisors.chains.programs import FAILS, HEARS_NOTHING, LISTENS, RELOADS, SLOW_TO_HEED
from tests.waiting import wait_until

Keep = Callable[..., ChainKeeper]
WAIT_S = 20.0


class Heard:
    """What a keeper has said, in order."""

    def __init__(self) -> None:
        self.up: queue.Queue[str] = queue.Queue()
        self.ended = threading.Event()

    def next(self, count: int = 1) -> set[str]:
        return {self.up.get(timeout=WAIT_S) for _ in range(count)}


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def keep(tmp_path: Path, heard: Heard) -> Iterator[Keep]:
    """Starts a keeper of commands by chain; it has ended when the test ends."""
    kept = []

    def start(rest: float = 300.0, restarts: int = 2, **commands: tuple[str, ...]) -> ChainKeeper:
        chains = [
            KeptChain(chain, command, tmp_path, Restarts(Intensity(restarts, 60.0), Backoff(base=0.0), rest))
            for chain, command in commands.items()
        ]
        keeper = ChainKeeper(chains, lambda chain, _address: heard.up.put(chain), heard.ended.set)
        kept.append(keeper)
        keeper.start()
        return keeper

    yield start
    for keeper in kept:
        keeper.stop()
        keeper.wait()


def status(keeper: ChainKeeper, chain: str) -> ChainStatus:
    return next(each for each in keeper.statuses() if each.chain == chain)


def test_all_chains_come_up_and_a_stop_ends_all(keep: Keep, heard: Heard) -> None:
    """The keeper ends with the last of them, and says so."""
    keeper = keep(a=LISTENS, b=LISTENS)
    assert heard.next(2) == {"a", "b"}
    pids = [each.pid for each in keeper.statuses()]
    assert {each.state for each in keeper.statuses()} == {ChainState.RUNNING}
    assert keeper.responds(WAIT_S)
    keeper.stop()
    keeper.wait()
    assert heard.ended.is_set()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)  # noqa: PTH110
    assert (keeper.gave_up, keeper.has_failed) == ((), False)
    keeper.reload()  # too late, and no error


def test_a_killed_chain_is_started_again_and_the_others_do_not_notice(keep: Keep, heard: Heard) -> None:
    """It has another process, they have the same."""
    keeper = keep(a=LISTENS, b=LISTENS)
    heard.next(2)
    killed, other = status(keeper, "a").pid, status(keeper, "b").pid
    os.kill(killed, signal.SIGKILL)
    assert heard.next() == {"a"}
    assert status(keeper, "a").pid != killed
    assert (status(keeper, "a").restarts, status(keeper, "b").restarts) == (1, 0)
    assert status(keeper, "b").pid == other


def test_a_chain_that_ends_too_often_rests_until_it_is_told_to_try_again(keep: Keep, heard: Heard) -> None:
    """The others go on."""
    keeper = keep(a=FAILS, b=RELOADS)
    assert heard.next() == {"b"}
    wait_until(lambda: status(keeper, "a").state is ChainState.RESTING)
    assert status(keeper, "a").restarts == 3
    keeper.reload()
    wait_until(lambda: status(keeper, "a").restarts > 3)
    assert (status(keeper, "b").state, status(keeper, "b").restarts) == (ChainState.RUNNING, 0)


def test_a_chain_that_starts_is_reloaded_once_it_listens(keep: Keep, heard: Heard) -> None:
    """Before it heeds SIGHUP, that would kill it."""
    keeper = keep(a=SLOW_TO_HEED)
    keeper.reload()
    assert heard.next() == {"a"}
    assert keeper.responds(WAIT_S)
    assert status(keeper, "a").restarts == 0


def test_one_that_rests_is_tried_again_by_itself(keep: Keep, heard: Heard) -> None:
    """What kept it down may have gone."""
    keeper = keep(a=FAILS, b=LISTENS, rest=0.01)
    wait_until(lambda: status(keeper, "a").restarts > 4)


def test_when_all_rest_it_ends(keep: Keep, heard: Heard) -> None:
    """Whoever watches the seed has to know. A program that cannot be started at all is an end like another."""
    keeper = keep(a=FAILS, b=("/nowhere/at/all",), restarts=1)
    assert heard.ended.wait(WAIT_S)
    keeper.wait()
    assert keeper.gave_up == ("a", "b")


def test_who_does_not_stop_in_time_is_killed(
    keep: Keep, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop of all is not held up by one."""
    monkeypatch.setattr(keeper_module, "STOP_TIMEOUT_S", 0.2)
    keeper = keep(a=HEARS_NOTHING)
    heard.next()
    keeper.stop()
    keeper.wait()
    assert status(keeper, "a").state is ChainState.STOPPED


def test_a_fault_of_the_keeper_leaves_no_chain_behind(
    keep: Keep, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would start them again. It ends, and that is known."""
    keeper = keep(a=LISTENS)
    heard.next()
    pid = status(keeper, "a").pid

    def fail(_self: ChainKeeper) -> None:
        raise RuntimeError("a fault of the keeper")

    monkeypatch.setattr(ChainKeeper, "_heed", fail)
    keeper.reload()
    assert heard.ended.wait(WAIT_S)
    keeper.wait()
    assert keeper.has_failed
    assert not os.path.exists(f"/proc/{pid}")  # noqa: PTH110
