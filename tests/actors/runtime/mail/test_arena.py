"""What a process sends in shared memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime.mail import arena as arena_module
from peerage.actors.runtime.mail.arena import COUNT, FEW, IDLE_S, LEASE, RETRY_S, Arena, Lease
from peerage.actors.runtime.mail.memory import LARGE, Borrowed, Raw
from peerage.actors.runtime.mail.shared_file import (
    LEASES,
    SENT,
    TABLE,
    TAKEN,
    WHO_SHIFT,
    WORDS,
    Region,
    create,
)
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, Clock, Table

ME = 3
FRAME = os.urandom(LARGE)
LIMIT = 8 * LARGE


class Bench:
    """An arena, and what others see of it."""

    def __init__(self, fd: int) -> None:
        self.fd, self.table, self.clock = fd, Table(), Clock()
        self.arena = Arena(fd, ME, LIMIT, self.table.is_dead, self.clock)
        self.region = Region(fd, ME)

    def send(self, frame: Raw = FRAME, address: int = ADDRESS) -> Lease | None:
        placed = self.arena.place(address, b"body", [frame])
        return None if placed is None else leases_of(placed[0])[0]

    def state(self, lease: Lease) -> int:
        return self.region.words[lease.slot * WORDS]

    def set_state(self, lease: Lease, state: int) -> None:
        self.region.words[lease.slot * WORDS] = state

    def memory(self) -> int:
        """Bytes of the data that take memory."""
        return os.fstat(self.fd).st_blocks * 512 - TABLE


@pytest.fixture
def bench() -> Iterator[Bench]:
    fd = create()
    yield Bench(fd)
    os.close(fd)


def leases_of(body: bytes) -> list[Lease]:
    count = COUNT.unpack_from(body)[0]
    packed = body[COUNT.size : COUNT.size + count * LEASE.size]
    return [Lease(*fields) for fields in LEASE.iter_unpack(packed)]


def test_large_frames_lie_there_and_others_go_along(bench: Bench) -> None:
    """The leases stand before the body, and each says which frame it is."""
    other = bytes(reversed(FRAME))
    placed = bench.arena.place(ADDRESS, b"body", [b"small", FRAME, bytearray(b"also"), memoryview(other)])
    assert placed is not None
    body, rest, slots = placed
    one, two = leases_of(body)
    assert body.endswith(b"body")
    assert rest == [b"small", b"also"]
    assert [one.slot, two.slot] == slots
    assert (one.place, two.place, one.owner) == (1, 3, ME)
    assert bench.region.view(one.start, one.size) == FRAME
    assert bench.region.view(two.start, two.size) == other
    assert bench.state(one) == ADDRESS << WHO_SHIFT | SENT


def test_a_message_without_a_large_frame_is_none_of_it(bench: Bench) -> None:
    """It goes as it always did."""
    assert bench.arena.place(ADDRESS, b"body", [FRAME[1:]]) is None


def test_what_was_given_back_is_used_again_while_it_is_warm(bench: Bench) -> None:
    """The same memory, as the same block, with another number; what is still lent is left alone."""
    first, second = bench.send(), bench.send()
    assert first is not None
    assert second is not None
    bench.set_state(first, 0)
    third = bench.send(bytes(LARGE))
    assert third is not None
    assert (third.start, third.slot) == (first.start, first.slot)
    assert third.number != first.number
    assert bench.region.view(second.start, LARGE) == FRAME
    assert bench.memory() == 2 * LARGE
    assert bench.arena.bytes_lent() == 2 * LARGE


def test_however_many_are_lent_what_was_given_back_is_found_soon(bench: Bench) -> None:
    """The memory in use follows what is lent, not how much is sent between two looks."""
    bench.arena = Arena(bench.fd, ME, 100 * LARGE, bench.table.is_dead, bench.clock)
    held = [bench.send() for _ in range(2 * FEW)]
    assert None not in held
    for _ in range(200):
        lease = bench.send()
        assert lease is not None
        bench.set_state(lease, 0)
    assert bench.memory() <= (len(held) + FEW) * LARGE


@pytest.mark.parametrize("kind", [SENT, TAKEN])
def test_it_is_free_when_its_receiver_has_died(bench: Bench, kind: int) -> None:
    """Whether that had taken it or not."""
    lease = bench.send()
    assert lease is not None
    if kind == TAKEN:
        bench.set_state(lease, HOST << WHO_SHIFT | TAKEN)
    assert bench.arena.bytes_lent() == LARGE
    bench.table.die(HOST)
    assert bench.arena.bytes_lent() == 0
    assert bench.state(lease) == 0


def test_it_is_free_when_its_mailbox_has_closed_before_it_was_taken(bench: Bench) -> None:
    """And when the message was not sent; what was taken stays its taker's."""
    sent, taken, elsewhere = bench.send(), bench.send(), bench.send(address=ADDRESS + 1)
    assert sent is not None
    assert taken is not None
    assert elsewhere is not None
    bench.set_state(taken, HOST << WHO_SHIFT | TAKEN)
    bench.arena.forget(ADDRESS)
    assert bench.arena.bytes_lent() == 2 * LARGE
    bench.arena.cancel([elsewhere.slot])
    assert bench.arena.bytes_lent() == LARGE


def test_when_it_is_full_frames_go_by_the_socket(bench: Bench) -> None:
    """What does not fit, alone; those that were only borrowed are copied then."""
    big = bytearray(LIMIT - LARGE)
    assert bench.send(big) is not None
    frame = bytearray(FRAME)
    placed = bench.arena.place(ADDRESS, b"", Borrowed([memoryview(frame), memoryview(bytearray(FRAME))]))
    assert placed is not None
    body, rest, _slots = placed
    frame[:] = bytes(LARGE)
    assert [lease.place for lease in leases_of(body)] == [0]
    assert rest == [FRAME]
    assert bench.send() is None
    assert bench.arena.bytes_lent() == LIMIT


def test_the_table_may_be_full_too(bench: Bench) -> None:
    """Then there is memory, but no lease."""
    arena: Any = bench.arena
    arena._slots = arena._slots[-2:]
    assert max(arena._slots) < LEASES
    assert bench.send() is not None
    assert bench.send() is not None
    assert bench.send() is None


def test_where_the_machine_has_no_memory_nothing_is_lent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written to by a system call, which fails; what is there already is used, and after a while it is tried again."""
    first = bench.send()
    assert first is not None
    pwrite = os.pwrite

    def write_half(fd: int, data: memoryview, at: int) -> int:
        if len(data) < LARGE:
            raise OSError(28, "No space left on device")
        return pwrite(fd, data[: LARGE // 2], at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", write_half)
        assert bench.send() is None
    assert bench.memory() == LARGE
    assert bench.send() is None
    bench.set_state(first, 0)
    assert bench.send() is not None
    bench.clock.now += RETRY_S
    assert bench.send() is not None


def test_memory_that_is_not_needed_is_given_back(bench: Bench) -> None:
    """After a while, and never that of a block which is in use."""
    leases = [bench.send() for _ in range(4)]
    assert all(leases)
    kept = leases[2]
    for lease in leases:
        if lease is not None and lease is not kept:
            bench.set_state(lease, 0)
    for _ in range(2):
        bench.clock.now += IDLE_S / 2
        bench.arena.look()
        assert bench.memory() == 4 * LARGE
        bench.clock.now += IDLE_S / 2
        bench.arena.look()
    assert bench.memory() == LARGE
    assert kept is not None
    assert bench.region.view(kept.start, LARGE) == FRAME
    again = bench.send()
    assert again is not None
    assert bench.region.view(again.start, LARGE) == FRAME


def test_a_signals_handler_that_comes_in_the_middle_sends_by_the_socket(bench: Bench) -> None:
    """It would wait for itself otherwise."""
    handled: list[Lease | None] = []

    class Interrupted(Clock):
        def __call__(self) -> float:
            bench.arena._clock = bench.clock
            handled.append(bench.send())
            bench.arena.look()
            bench.arena.forget(ADDRESS + 1)
            return super().__call__()

    other = bench.send(address=ADDRESS + 1)
    assert other is not None
    bench.arena._clock = Interrupted()
    assert bench.send() is not None
    assert handled == [None]
    assert bench.arena.bytes_lent() == LARGE  # what nobody will take is given back, a moment later
    assert bench.state(other) == 0
    assert bench.send() is not None


def test_a_thread_does_not_wait_for_one_that_may_be_waiting_for_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because a signal's handler runs there."""
    monkeypatch.setattr(arena_module, "PATIENCE_S", 0.0)
    sent: list[Lease | None] = []
    with bench.arena._lock:
        thread = threading.Thread(target=lambda: sent.append(bench.send()))
        thread.start()
        thread.join()
    assert sent == [None]
