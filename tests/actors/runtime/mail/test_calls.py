"""What a task awaits: a call that is settled once, from any thread, or cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError
from peerage.actors.runtime.mail.calls import Call, nothing, outcome, settle_in_their_loops


class Port:
    """Keeps which calls were abandoned, and whose deadlines were forgotten."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.forgotten: list[Call] = []
        self.abandoned: list[Call] = []

    @property
    def face(self) -> Port:
        return self

    def is_mine(self) -> bool:
        return threading.get_ident() == self.thread

    def forget_deadline(self, call: Call) -> None:
        self.forgotten.append(call)

    def cancel(self, call: Call) -> None:
        self.abandoned.append(call)


def in_loop(test: Callable[[Port], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await test(Port())

    asyncio.run(main())


def call_of(port: Port, timeout: float | None = None) -> Call:
    return Call(port, asyncio.get_running_loop(), timeout)


def test_the_first_outcome_counts() -> None:
    """What comes later is dropped."""

    async def test(port: Port) -> None:
        call = call_of(port)
        assert call.resolve("first")
        assert not call.resolve("second")
        assert await outcome(call) == "first"

    in_loop(test)


def test_an_outcome_may_come_from_another_thread() -> None:
    """The loop is told, and settles it."""

    async def test(port: Port) -> None:
        call = call_of(port)
        threading.Thread(target=call.resolve, args=(None, KeyError("there"))).start()
        with pytest.raises(KeyError, match="there"):
            await outcome(call)

    in_loop(test)


def test_a_stop_iteration_is_raised_as_another_error() -> None:
    """asyncio lets nobody raise one from a coroutine."""

    async def test(port: Port) -> None:
        call = call_of(port)
        call.settle(None, StopIteration(1))
        with pytest.raises(RuntimeError, match="StopIteration"):
            await outcome(call)

    in_loop(test)


def test_a_call_that_is_over_has_no_deadline() -> None:
    """One that never had any does not ask for it."""

    async def test(port: Port) -> None:
        timed, untimed = call_of(port, 5.0), call_of(port)
        timed.tick = 3
        for call in (timed, untimed):
            call.settle("done", None)
        assert port.forgotten == [timed]

    in_loop(test)


def test_a_cancelled_call_is_abandoned() -> None:
    """Once; one that is done is not."""

    async def test(port: Port) -> None:
        call, done = call_of(port), call_of(port)
        done.settle("done", None)
        assert call.cancel()
        assert not call.cancel()
        assert not done.cancel()
        assert port.abandoned == [call]

    in_loop(test)


def test_what_a_closed_port_had_fails_in_its_loop() -> None:
    """And a tell that has gone gives nothing."""

    async def test(port: Port) -> None:
        calls = [call_of(port) for _ in range(3)]
        settle_in_their_loops(calls)
        assert not calls[0].done()
        for call in calls:
            with pytest.raises(ActorDeadError):
                await outcome(call)
        await nothing()

    in_loop(test)
