"""actors/runtime/mail/process.py: what the threads of one process share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from peerage.actors.runtime import ActorDeadError
from peerage.actors.runtime.mail.host_table import THREAD_BITS, THREAD_MASK
from peerage.actors.runtime.mail.process import Process


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """A process whose threads send nothing to others."""
    made = Process(str(tmp_path), 2, b"key", "system")
    yield made
    for port in made.close():
        port.close()
    made.network.close()
    made.network.foothold.close()


class MainLoop:
    """Keeps what it is to call, and whom it wakes."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.woken: list[int] = []
        self.serial, self.finished = 2, False
        outbox = SimpleNamespace(forget="forget")
        self.port = SimpleNamespace(wake=self.woken.append, outbox=outbox, dead_letters=0, bind_again=int)

    def call_threadsafe(self, _cell: None, fn: Any, *args: Any) -> None:
        self.calls.append((fn, *args))

    def on_mended(self) -> None:
        """Called in its thread."""


def in_a_thread(fn: Callable[[], object]) -> None:
    thread = threading.Thread(target=fn)
    thread.start()
    thread.join()


def test_each_thread_has_an_address_of_its_own(process: Process) -> None:
    """None is the host's; they are used again only when all have been used."""
    assert process.next_address() == 2 << THREAD_BITS | 1
    assert process.next_address() == 2 << THREAD_BITS | 2
    process._threads = THREAD_MASK
    assert process.next_address() == 2 << THREAD_BITS | 1


def test_a_thread_that_ends_leaves_its_losses(process: Process) -> None:
    """Its mailbox goes with it."""

    def lose() -> None:
        process.make_port().count_dead_letters("host/actor", 3)
        assert process.dead_letters == 3
        assert len(process.ports()) == 1

    in_a_thread(lose)
    assert process.dead_letters == 3
    assert process.ports() == []


def test_the_main_loop_forgets_the_way_to_a_thread_that_has_ended(process: Process) -> None:
    """It may have woken that thread, which never sent there, and so said no goodbye."""
    main = MainLoop()
    process.main = cast("Any", main)
    addresses: list[int] = []
    in_a_thread(lambda: addresses.append(process.make_port().address))
    assert main.calls == [("forget", addresses[0])]


def test_a_death_wakes_the_threads_that_wait_for_somebody(process: Process) -> None:
    """Others look when they next send."""
    main = MainLoop()
    process.main = cast("Any", main)
    port = process.make_port()
    process.wake_clients()
    assert not main.woken
    port.waiting = True
    process.wake_clients()
    assert main.woken == [port.address]
    port.waiting = False


def test_no_thread_gets_a_mailbox_after_the_end(process: Process) -> None:
    """Those that have one are told to close it."""
    port = process.make_port()
    assert process.close() == [port]
    with pytest.raises(ActorDeadError, match="has shut down"):
        process.make_port()


def test_a_directory_that_was_removed_is_made_again(process: Process, tmp_path: Path) -> None:
    """All mailboxes are bound in it again, and the loops put back what else they had there."""
    main = MainLoop()
    process.hosts[2] = cast("Any", main)
    port = process.make_port()
    socket = tmp_path / f"2.{port.address & THREAD_MASK}"
    socket.unlink()
    tmp_path.rmdir()
    process.network.mend()
    assert socket.exists()
    assert main.calls == [(main.on_mended,)]
    del process.hosts[2]


def test_nothing_is_made_again_at_the_end(process: Process, tmp_path: Path) -> None:
    """The directory is removed then, by whoever ends the system."""
    main = MainLoop()
    process.main, main.finished = cast("Any", main), True
    tmp_path.rmdir()
    process.network.mend()
    assert not tmp_path.exists()
    process.main = None


def test_the_context_is_closed_by_the_last_host(process: Process) -> None:
    """One whose thread is stuck in an actor at the system's end keeps its sockets until it ends."""
    process.hosts[2] = process.hosts[3] = cast("Any", MainLoop())
    process.close_context()
    assert not process.network.context.closed
    assert not process.dismiss(2)
    assert process.dismiss(3)
