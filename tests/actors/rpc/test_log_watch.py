"""actors/rpc/log_watch.py: the lines of several processes as one log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from peerage.actors.rpc import log_watch
from peerage.actors.rpc.log_watch import MOST_KEPT, LogWatch, NewLines
from peerage.actors.runtime import ActorDeadError, Future
from peerage.config.log_tail import LogLine


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has logged nothing."""
    monkeypatch.setattr(log_watch, "lines_after", lambda _number, _node: [])


def line(number: int, time: float) -> LogLine:
    return LogLine(number, time, "info", "peerage.x", f"line {number}", "")


class Processes:
    """Other processes, by ID: what each has logged; one that has None does not answer, one with an error has ended."""

    def __init__(self, **logged: list[LogLine] | Exception | None) -> None:
        self.logged = {int(name.removeprefix("p")): lines for name, lines in logged.items()}
        self.asked: list[NewLines] = []

    def ask(self, errand: NewLines) -> Mapping[str, Future[Any]]:
        self.asked.append(errand)
        futures = {}
        for pid, lines in self.logged.items():
            futures[f"host-{pid}"] = future = Future[Any]()
            if isinstance(lines, Exception):
                future.resolve(None, lines)
            elif lines is not None:
                known = errand.known.get(pid, 0)
                future.resolve((pid, [each for each in lines if each.number > known]))
        return futures


def look(watch: LogWatch, times: int = 1) -> list[tuple[int, int, str]]:
    async def main() -> None:
        for _ in range(times):
            await watch._look()

    asyncio.run(main())
    return [(each.id, each.pid, each.line.text) for each in watch._lines]


def test_lines_stand_in_the_order_of_their_times() -> None:
    """Each process is asked for what is new."""
    processes = Processes(p7=[line(1, 10.0), line(2, 30.0)], p8=[line(1, 20.0)])
    watch = LogWatch(processes.ask)
    expected = [(1, 7, "line 1"), (2, 8, "line 1"), (3, 7, "line 2")]
    assert look(watch) == expected
    assert look(watch) == expected
    assert processes.asked[1].known == {7: 2, 8: 1}


def test_who_does_not_answer_is_not_waited_for_and_tells_it_the_next_time() -> None:
    """Nor one that has ended."""
    processes = Processes(p7=[line(1, 10.0)], p8=None, p9=ActorDeadError("gone"))
    watch = LogWatch(processes.ask, patience=0.01)
    assert look(watch) == [(1, 7, "line 1")]
    processes.logged[8] = [line(1, 5.0)]
    assert look(watch)[-1] == (2, 8, "line 1")


def test_what_is_kept_is_bounded() -> None:
    """The oldest make room."""
    processes = Processes(p7=[line(number, number) for number in range(1, MOST_KEPT + 6)])
    found = look(LogWatch(processes.ask))
    assert len(found) == MOST_KEPT
    assert found[0] == (6, 7, "line 6")


def test_without_a_system_there_are_the_lines_of_this_process() -> None:
    """As in tests of the server alone."""
    assert look(LogWatch()) == []
