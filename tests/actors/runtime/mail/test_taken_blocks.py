"""What a process has received in shared memory."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import numpy as np
import pytest

from peerage.actors.runtime.mail import taken_blocks
from peerage.actors.runtime.mail.arena import Arena, Lease
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.shared_file import (
    LARGEST_DATA,
    LEASES,
    SPACE,
    TAKEN,
    WHO_SHIFT,
    WORDS,
    Region,
    create,
    punch,
)
from peerage.actors.runtime.mail.taken_blocks import LeaseError, TakenBlocks
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, Clock, Table
from tests.actors.runtime.mail.test_arena import leases_of

SENDER = 3
FRAME = os.urandom(LARGE + 5)


class Bench:
    """A sender, and the host that receives."""

    def __init__(self, fd: int) -> None:
        self.fd, self.table = fd, Table()
        self.arena = Arena(fd, SENDER, 16 * LARGE, self.table.is_dead, Clock())
        self.taken = TakenBlocks(fd, HOST)
        self.region = Region(fd, SENDER)

    def send(self, frame: bytes = FRAME) -> Lease:
        placed = self.arena.place(ADDRESS, b"", [frame])
        assert placed is not None
        return leases_of(placed[0])[0]

    def state(self, lease: Lease) -> int:
        return self.region.words[lease.slot * WORDS]


@pytest.fixture
def bench() -> Iterator[Bench]:
    fd = create()
    yield Bench(fd)
    os.close(fd)


def test_it_is_read_where_it_lies_and_given_back_with_the_last_view(bench: Bench) -> None:
    """Nothing is copied: what the receiver writes stands in the block, which is its own until then."""
    lease = bench.send()
    view = bench.taken.take(ADDRESS, lease)
    assert view == FRAME
    assert (view.format, view.ndim, view.readonly) == ("B", 1, False)
    assert bench.state(lease) == HOST << WHO_SHIFT | TAKEN
    view[0] ^= 255
    assert bench.region.view(lease.start, 1)[0] == FRAME[0] ^ 255
    numbers = np.frombuffer(view, np.uint8)[10:]
    del view
    gc.collect()
    assert bench.state(lease) == HOST << WHO_SHIFT | TAKEN
    assert numbers.tobytes() == FRAME[10:]
    del numbers
    assert bench.state(lease) == 0


def test_a_view_outlives_later_messages(bench: Bench) -> None:
    """However many there are, and wherever they lie."""
    view = bench.taken.take(ADDRESS, bench.send())
    for number in range(40):
        other = bytes([number]) * LARGE
        assert bench.taken.take(ADDRESS, bench.send(other)) == other
    assert view == FRAME
    assert bench.arena.bytes_lent() > 0
    del view
    assert bench.arena.bytes_lent() == 0


def test_what_a_dead_sender_has_sent_is_still_there(bench: Bench) -> None:
    """To be taken, and when it has been."""
    taken, later = bench.taken.take(ADDRESS, bench.send()), bench.send(FRAME[::-1])
    del bench.arena
    bench.taken.forget(lambda serial: serial == SENDER)
    assert taken == FRAME
    assert bench.taken.take(ADDRESS, later) == FRAME[::-1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"slot": 0},
        {"slot": LEASES},
        {"owner": 0},
        {"owner": SPACE},
        {"size": 0},
        {"start": LARGEST_DATA},
        {"number": 77},
        {"size": LARGE},
        {"start": 4096},
        {"slot": 2},
        {"owner": SENDER + 1},
    ],
    ids=str,
)
def test_what_is_no_lease_is_refused(bench: Bench, wrong: dict[str, int]) -> None:
    """One outside the file, and one that was never given."""
    lease = bench.send()
    with pytest.raises(LeaseError):
        bench.taken.take(ADDRESS, lease._replace(**wrong))
    assert bench.taken.take(ADDRESS, lease) == FRAME


def test_a_lease_is_taken_once_and_by_whom_it_was_given_to(bench: Bench) -> None:
    """A block that is free, or another's, is nobody's to read."""
    lease = bench.send()
    with pytest.raises(LeaseError):
        bench.taken.take(ADDRESS + 1, lease)
    view = bench.taken.take(ADDRESS, lease)
    with pytest.raises(LeaseError):
        bench.taken.take(ADDRESS, lease)
    del view
    with pytest.raises(LeaseError):
        bench.taken.take(ADDRESS, lease)


@pytest.mark.parametrize("may_map", [False, True], ids=["addresses are limited", "mapping fails"])
def test_where_it_cannot_be_mapped_it_is_copied(
    bench: Bench, may_map: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is free at once."""

    def fail(*_: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(taken_blocks, "may_map", lambda: may_map)
    monkeypatch.setattr(taken_blocks, "Region", fail)
    lease = bench.send()
    with pytest.raises(LeaseError):
        bench.taken.take(ADDRESS + 1, lease)
    view = bench.taken.take(ADDRESS, lease)
    assert bench.state(lease) == 0
    bench.send(bytes(len(FRAME)))
    view[0] = view[0]
    assert view == FRAME


def test_a_forked_child_keeps_what_it_had(bench: Bench) -> None:
    """Whatever its parent does with it, and whatever comes into that block later; and the other way round."""
    lease = bench.send()
    view = bench.taken.take(ADDRESS, lease)
    go, went = os.pipe()
    done, told = os.pipe()
    bench.taken.hold_still()
    pid = os.fork()
    if pid == 0:
        bench.taken.disown()
        view[1] = 1
        os.write(told, b"x")
        os.read(go, 1)
        os._exit(0 if bytes(view) == FRAME[:1] + b"\1" + FRAME[2:] else 1)
    bench.taken.go_on()
    os.read(done, 1)
    assert view == FRAME
    view[0] ^= 255
    del view
    assert bench.state(lease) == 0
    again = bench.send(bytes(len(FRAME)))
    assert again.start == lease.start
    assert bench.taken.take(ADDRESS, again) == bytes(len(FRAME))
    os.write(went, b"x")
    assert os.waitpid(pid, 0)[1] == 0
    for fd in (go, went, done, told):
        os.close(fd)


def test_a_forked_child_gives_nothing_back(bench: Bench) -> None:
    """The block is its parent's."""
    lease = bench.send()
    views = [bench.taken.take(ADDRESS, lease)]
    bench.taken.hold_still()
    pid = os.fork()
    if pid == 0:
        bench.taken.disown()
        views.clear()
        gc.collect()
        os._exit(0 if bench.state(lease) == HOST << WHO_SHIFT | TAKEN else 1)
    bench.taken.go_on()
    assert os.waitpid(pid, 0)[1] == 0
    assert views[0] == FRAME
    views.clear()
    assert bench.state(lease) == 0


def test_at_the_end_what_is_in_use_is_kept_without_the_file(bench: Bench) -> None:
    """An answer may be used longer than the system that it came from lives."""
    view = bench.taken.take(ADDRESS, bench.send())
    bench.taken.close()
    punch(bench.fd, 0, 10 * SPACE)
    assert view == FRAME
    view[0] ^= 255
    del view
