"""Asyncio loops read a port, in turns, whoever else does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime.mail.loop_reader import LoopReader


class Port:
    """Has a descriptor that signals, and counts how often it is read."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.thread = threading.get_ident()
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.inbox: Any = self
        self.reader: Any = self  # what reads the mailbox, and what settles losses
        self.losses: Any = self
        self.closed = self.has_skipped = self.unsettled = False
        self.more = 0  # reads after which there is more
        self.reads = 0
        self.others = 0
        self.moved: list[asyncio.AbstractEventLoop] = []
        self.read = asyncio.Event()
        self.loops = LoopReader(self, self.moved.append)
        self.loops.others = self

    def fileno(self) -> int:
        return self.fd

    def is_mine(self) -> bool:
        return threading.get_ident() == self.thread

    def check_open(self) -> None:
        if self.closed:
            raise RuntimeError

    def look_again_in(self) -> float | None:
        return None

    def never_answered(self, _call: Any) -> Exception | None:
        return None

    def pump_within(self, _seconds: float) -> bool:
        self.reads += 1
        self.more -= 1
        self.read.set()
        if self.reads > 100:
            raise RuntimeError("read without end")
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)
        return self.more > 0

    def run_others(self, _seconds: float) -> None:
        self.others += 1
        self.loops.asked_here.clear()

    async def wait_for_read(self) -> None:
        self.read.clear()
        await asyncio.wait_for(self.read.wait(), 20.0)


@pytest.fixture
def port() -> Iterator[Port]:
    made = Port()
    yield made
    os.close(made.fd)


async def settle() -> None:
    """Let the loop do what is due."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_loop_looks_at_once_and_then_when_the_port_signals(port: Port) -> None:
    """ZeroMQ's descriptor signals edges: what was there before must be looked for."""

    async def main() -> None:
        port.loops.attach(asyncio.get_running_loop())
        await settle()
        assert port.reads == 1
        os.eventfd_write(port.fd, 1)
        await port.wait_for_read()
        assert port.reads == 2
        assert port.moved == [asyncio.get_running_loop()]
        assert list(port.loops.loops) == [asyncio.get_running_loop()]
        port.loops.close()

    asyncio.run(main())


def test_a_loop_that_reads_already_is_not_attached_again(port: Port) -> None:
    """But it looks again when a call that blocked has left something."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        port.loops.attach(loop)
        await settle()
        port.loops.attach(loop)
        await settle()
        assert port.reads == 1
        port.has_skipped = True
        port.loops.attach(loop)
        await settle()
        assert port.reads == 2
        port.loops.close()

    asyncio.run(main())


def test_what_is_over_its_share_is_read_in_the_next_turns(port: Port) -> None:
    """Other tasks go on in between."""
    port.more = 3

    async def main() -> None:
        port.loops.attach(asyncio.get_running_loop())
        await settle()
        assert port.reads == 3
        port.loops.close()

    asyncio.run(main())


def test_several_reasons_to_look_make_one_turn(port: Port) -> None:
    """And it begins a new share of sending."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        port.loops.attach(loop)
        port.loops.schedule(loop)
        port.loops.schedule_own()
        port.loops.turn_began = 1.0
        await settle()
        assert [port.reads, port.loops.turn_began] == [1, None]
        port.loops.close()

    asyncio.run(main())


def test_a_port_of_another_thread_is_read_for_it(port: Port) -> None:
    """Its own loop, if it has one, stays as it is."""
    port.thread = -1

    async def main() -> None:
        port.loops.attach(asyncio.get_running_loop())
        await settle()
        reads = [port.reads]
        assert port.loops.own_loop() is None
        port.loops.look_again()
        await settle()
        assert [*reads, port.reads] == [1, 2]
        port.loops.close()
        await settle()

    asyncio.run(main())


def test_others_of_the_host_are_let_run_while_they_owe_an_answer(port: Port) -> None:
    """A handler runs the loop: they would have no turn otherwise."""

    class Window:
        asks = 1

    class Route:
        window = Window()

    async def main() -> None:
        port.loops.asked_here.add(Route())  # type: ignore[arg-type]  # all that it looks at
        port.loops.attach(asyncio.get_running_loop())
        await settle()
        assert port.others == 1
        assert asyncio.get_running_loop() is port.loops.own_loop()
        port.loops.close()

    asyncio.run(main())


def test_a_closed_port_is_not_read(port: Port) -> None:
    """Nor attached to."""

    async def main() -> None:
        port.loops.attach(asyncio.get_running_loop())
        port.closed = True
        await settle()
        assert port.reads == 0
        port.loops.close()

    asyncio.run(main())
