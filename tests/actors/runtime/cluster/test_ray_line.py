"""The calls of Ray that notes travel by, with a Ray that the test plays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from peerage.actors.runtime.cluster import ray_line
from peerage.actors.runtime.cluster.notes import SETTLED, Note, pack, unpack
from peerage.actors.runtime.cluster.ray_line import OPEN_DELIVERIES, RayLine, Started
from peerage.actors.runtime.mail.exit_reason import DownReason


class Call:
    """A method of the outpost: what was called, and the futures that the test resolves."""

    def __init__(self) -> None:
        self.args: list[tuple[Any, ...]] = []
        self.answers: list[Future[Any]] = []

    def options(self, **_: Any) -> Call:
        return self

    def remote(self, *args: Any) -> Call:
        self.args.append(args)
        self.answers.append(Future())
        return self

    def future(self) -> Future[Any]:
        return self.answers[-1]


class Ray:
    """What of Ray is used."""

    class exceptions:  # noqa: N801 - a module
        RayError = RuntimeError

    def __init__(self) -> None:
        self.start, self.deliver, self.collect = Call(), Call(), Call()
        self.killed: list[Any] = []

    def remote(self, *_args: Any, **_options: Any) -> Any:
        ray = self

        class Handle:
            start, deliver, collect = ray.start, ray.deliver, ray.collect

        class Remote:
            remote = Handle

        return lambda _cls: Remote

    def kill(self, outpost: Any, *, no_restart: bool) -> None:
        assert no_restart
        self.killed.append(outpost)

    def get(self, refs: list[Any]) -> list[Any]:
        return refs


class Line:
    """An open line, and what it has said."""

    def __init__(self, ray: Ray) -> None:
        self.received: list[Note] = []
        self.lost: list[DownReason] = []
        call: Callable[..., object] = lambda _cell, fn, *args: fn(*args)  # noqa: E731
        self.line = RayLine(call, self.received.extend, self.lost.append)
        self.started: Started = self.line.open("auto", {}, {})


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    ray = Ray()
    monkeypatch.setattr(ray_line, "connect", lambda _address: ray)
    return ray


def settled(number: int) -> Note:
    return SETTLED, b"key", number


def test_what_comes_while_deliveries_are_open_travels_together(ray: Ray) -> None:
    """And goes as soon as one of them has arrived, under the next number."""
    line, outbox = Line(ray), deque[Note]()
    for number in range(OPEN_DELIVERIES + 3):
        outbox.append(settled(number))
        line.line.send(outbox)
    assert [args[0] for args in ray.deliver.args] == list(range(OPEN_DELIVERIES))
    ray.deliver.answers[0].set_result(None)
    number, batch, large = ray.deliver.args[-1]
    assert number == OPEN_DELIVERIES
    assert unpack(batch, large) == [settled(OPEN_DELIVERIES + each) for each in range(3)]


def test_one_call_waits_for_the_outpost_all_the_time(ray: Ray) -> None:
    """The next one is made before what has come is handled."""
    line = Line(ray)
    for number in range(3):
        ray.collect.answers[-1].set_result(pack([settled(number)], lambda raw: raw))
    assert line.received == [settled(0), settled(1), settled(2)]
    assert len(ray.collect.args) == 4


def test_a_failed_call_is_the_end_and_is_told_once(ray: Ray) -> None:
    """Whatever call finds it out; what is left of the outpost is killed, and a start that waits hears of it."""
    line = Line(ray)
    line.line.send(deque([settled(1)]))
    ray.collect.answers[-1].set_exception(RuntimeError("the node died\nand many lines more"))
    ray.deliver.answers[-1].set_exception(RuntimeError("as well"))
    assert [reason.text for reason in line.lost] == ["RuntimeError: the node died"]
    assert line.lost[0].kind == "killed"
    assert len(ray.killed) == 1
    assert line.started.error == "RuntimeError: the node died"


def test_a_closed_line_says_nothing_more(ray: Ray) -> None:
    """Its actor has ended, and knows why."""
    line = Line(ray)
    line.line.close()
    ray.collect.answers[-1].set_exception(RuntimeError("killed"))
    assert line.lost == []
