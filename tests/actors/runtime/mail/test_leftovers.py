"""What dead processes have left in shared memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from peerage.actors.runtime import DownReason
from peerage.actors.runtime.mail.arena import Arena, Lease
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, HostFacts, HostTable
from peerage.actors.runtime.mail.leftovers import SETTLED_S, Leftovers
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.shared_file import TABLE, create
from peerage.actors.runtime.mail.taken_blocks import LeaseError, TakenBlocks
from tests.actors.runtime.mail.fakes import Clock
from tests.actors.runtime.mail.test_arena import leases_of

SENDER, RECEIVER = 2, 3
FRAME = os.urandom(LARGE)


class Mailbox:
    """Of the receiver's loop, or of a thread of the embedder's."""

    def __init__(self, address: int, *, is_read_by_loop: bool = True) -> None:
        self.address, self.is_read_by_loop, self.closed = address, is_read_by_loop, False
        self.lock = threading.RLock()
        self.arrivals = 0
        self.inbox = SimpleNamespace(has_arrivals=lambda: self.arrivals > 0)
        self.reader = SimpleNamespace(has_skipped=False)
        self.looks = 0
        self.face = SimpleNamespace(loops=["loop"], look_again=self._look_again)
        self.later: list[Callable[[], object]] = []

    def _look_again(self) -> None:
        self.looks += 1

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        self.later.append(fn)

    def turn(self) -> None:
        while self.later:
            self.later.pop()()


class Bench:
    """Root, sender and receiver, whose table all share."""

    def __init__(self, fd: int) -> None:
        self.fd, self.table, self.clock = fd, HostTable(), Clock()
        for serial in (ROOT_SERIAL, SENDER, RECEIVER):
            self.table.up(HostFacts(f"host {serial}", serial, 100 + serial), frozenset())
        self.arena = Arena(fd, SENDER, 16 * LARGE, self.table.is_dead, self.clock)
        self.root = Leftovers(fd, ROOT_SERIAL, self.table, self.clock)
        self.receiver = Leftovers(fd, RECEIVER, self.table, self.clock)
        self.taken = TakenBlocks(fd, RECEIVER)
        self.mailbox = Mailbox(RECEIVER << THREAD_BITS)
        self.thread = Mailbox(ROOT_SERIAL << THREAD_BITS | 1, is_read_by_loop=False)
        self.look()

    def look(self) -> None:
        """A second passes."""
        self.root.look(lambda: [self.thread])
        self.receiver.look(lambda: [self.mailbox])
        self.mailbox.turn()

    def look_until_settled(self) -> None:
        """Long enough for whatever was under way, and for the root to hear of it."""
        self.look()
        self.clock.now += SETTLED_S
        for _ in range(3):
            self.look()

    def send(self, address: int) -> Lease:
        placed = self.arena.place(address, b"", [FRAME])
        assert placed is not None
        return leases_of(placed[0])[0]

    def die(self, serial: int) -> None:
        self.table.down(serial, DownReason("killed"), frozenset(), gracefully=False)

    def memory(self) -> int:
        return os.fstat(self.fd).st_blocks * 512


@pytest.fixture
def bench() -> Iterator[Bench]:
    fd = create()
    yield Bench(fd)
    os.close(fd)


def test_all_of_a_dead_process_is_given_back(bench: Bench) -> None:
    """What nobody has any more, at once."""
    view = bench.taken.take(bench.mailbox.address, bench.send(bench.mailbox.address))
    assert view == FRAME
    del view
    bench.die(SENDER)
    bench.look()
    assert bench.memory() == 0


def test_a_process_that_came_and_went_between_two_looks_leaves_nothing(bench: Bench) -> None:
    """Nobody has seen it alive."""
    before, brief = bench.memory(), RECEIVER + 1
    bench.table.up(HostFacts("brief", brief, 100 + brief), frozenset())
    arena = Arena(bench.fd, brief, 16 * LARGE, bench.table.is_dead, bench.clock)
    placed = arena.place(bench.mailbox.address, b"", [FRAME])
    assert placed is not None
    view = bench.taken.take(bench.mailbox.address, leases_of(placed[0])[0])
    bench.die(brief)
    bench.look()
    assert view == FRAME
    del view
    assert bench.memory() > before
    bench.look()
    assert bench.memory() == before


def test_what_is_in_use_stays_until_it_is_not(bench: Bench) -> None:
    """The rest does not wait for it."""
    first, used = bench.send(bench.mailbox.address), bench.send(bench.mailbox.address)
    views = [bench.taken.take(bench.mailbox.address, lease) for lease in (first, used)]
    del views[0]
    bench.die(SENDER)
    bench.look_until_settled()
    assert bench.memory() == TABLE + LARGE
    assert views == [FRAME]
    views.clear()
    bench.look()
    assert bench.memory() == 0


def test_what_had_arrived_is_still_delivered(bench: Bench) -> None:
    """However long its receiver is busy: the mailbox is not empty, or somebody holds it."""
    lease = bench.send(bench.mailbox.address)
    bench.mailbox.arrivals = 1
    bench.die(SENDER)
    bench.look_until_settled()
    assert bench.mailbox.reader.has_skipped
    assert bench.mailbox.looks > 0
    assert bench.taken.take(bench.mailbox.address, lease) == FRAME


def test_what_did_not_arrive_is_given_up_once_the_mailbox_is_empty(bench: Bench) -> None:
    """Not before the last words have had their time."""
    lease = bench.send(bench.mailbox.address)
    bench.die(SENDER)
    bench.look()
    bench.look()
    assert bench.memory() == TABLE + LARGE
    bench.look_until_settled()
    assert bench.memory() == 0
    with pytest.raises(LeaseError):
        bench.taken.take(bench.mailbox.address, lease)


def test_a_mailbox_without_a_loop_is_looked_into_when_its_thread_is_not_at_it(bench: Bench) -> None:
    """One that waits holds the lock."""
    bench.send(bench.thread.address)
    bench.die(SENDER)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with bench.thread.lock:
            held.set()
            release.wait()

    waiting = threading.Thread(target=hold)
    waiting.start()
    held.wait()
    bench.look_until_settled()
    assert bench.memory() == TABLE + LARGE
    release.set()
    waiting.join()
    bench.look_until_settled()
    assert bench.memory() == 0


def test_what_was_for_a_closed_mailbox_or_a_dead_process_is_given_up(bench: Bench) -> None:
    """Whether that had taken it or not."""
    view = bench.taken.take(bench.mailbox.address, bench.send(bench.mailbox.address))
    bench.send(bench.mailbox.address)
    bench.send(RECEIVER << THREAD_BITS | 5)
    bench.die(SENDER)
    bench.look()
    bench.die(RECEIVER)
    bench.root.look(lambda: [bench.thread])
    assert bench.memory() == 0
    del view


def test_who_has_shared_nothing_leaves_nothing(bench: Bench) -> None:
    """Its death is news all the same."""
    bench.die(RECEIVER)
    assert bench.root.look(list)
    assert not bench.root.look(list)
